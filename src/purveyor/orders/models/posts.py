"""Posts that subscriptions were told of from outside."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from purveyor.orders.models.orders import Order


class PostOutcome(models.TextChoices):
    """What became of a post."""

    SERVED = "served", "An order was made of it"
    SKIPPED = "skipped", "It was made while the subscription was paused"
    UNPAID = "unpaid", "The balance did not pay for it; it is served when it is told again"


class FedPost(models.Model):
    """A post that a subscription was told of: of one post, however often it is told, one order is made."""

    id = models.BigAutoField(primary_key=True)
    subscription = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="fed_posts", db_index=False
    )
    url = models.TextField()
    url_key = models.BigIntegerField(help_text="Hash of the normalised address.")
    old = models.BooleanField(help_text="Whether it was there before the subscription.")
    outcome = models.CharField(max_length=10, choices=PostOutcome.choices)
    order = models.OneToOneField(Order, null=True, on_delete=models.PROTECT, related_name="fed_post")
    starts_at = models.DateTimeField(
        null=True, help_text="The end of its delay, from which on its order's time counts."
    )
    waits = models.BooleanField(
        db_default=False, default=False, help_text="Whether its order waits for that."
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subscription", "url_key"], name="a_post_is_told_once"),
            models.CheckConstraint(
                name="a_served_post_is_an_order",
                condition=models.Q(outcome="served", order__isnull=False)
                | models.Q(~models.Q(outcome="served"), order__isnull=True),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["starts_at"], name="fed_posts_to_start", condition=models.Q(waits=True))
        ]

    def __str__(self) -> str:
        return f"{self.url}: {self.outcome}"
