"""What parents of several orders follow: drip-feeds and subscriptions."""

from typing import ClassVar

from django.db import models

from purveyor.orders.models.orders import Order


class DripFeed(models.Model):
    """The schedule of a drip-feed parent. The parent's `quantity` and `charge` cover all its runs."""

    order = models.OneToOneField(Order, on_delete=models.PROTECT, primary_key=True, related_name="drip_feed")
    runs = models.PositiveIntegerField()
    interval_minutes = models.PositiveIntegerField()
    quantity_per_run = models.BigIntegerField()
    runs_released = models.PositiveIntegerField(default=0)
    next_run_at = models.DateTimeField(null=True, help_text="Empty when no run is to be released any more.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="no_more_runs_than_ordered", condition=models.Q(runs_released__lte=models.F("runs"))
            )
        ]
        indexes = [
            models.Index(
                fields=["next_run_at"],
                name="drip_feed_runs_due",
                condition=models.Q(next_run_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.runs} runs every {self.interval_minutes} minutes"


class Subscription(models.Model):
    """What a subscription parent follows. Each post becomes a child order, charged alone."""

    order = models.OneToOneField(
        Order, on_delete=models.PROTECT, primary_key=True, related_name="subscription"
    )
    username = models.TextField()
    min = models.BigIntegerField(help_text="Smallest quantity per post.")
    max = models.BigIntegerField(help_text="Largest quantity per post.")
    posts = models.PositiveIntegerField(
        null=True, help_text="New posts to serve; empty: until expiry or cancel."
    )
    old_posts = models.PositiveIntegerField(default=0)
    delay_minutes = models.PositiveIntegerField()
    expiry = models.DateField(null=True)
    posts_done = models.PositiveIntegerField(default=0)
    # Of those that post events feed.
    old_posts_done = models.PositiveIntegerField(default=0, db_default=0)
    live = models.BooleanField(
        default=False, db_default=False, help_text="Whether it is fed by post events, and has not ended."
    )
    username_key = models.BigIntegerField(null=True, help_text="Hash of the name, to find it by.")
    paused_reason = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["order"], name="fed_subscriptions", condition=models.Q(live=True)),
            models.Index(
                fields=["username_key"], name="fed_subscriptions_by_name", condition=models.Q(live=True)
            ),
            models.Index(
                fields=["expiry"],
                name="fed_subscriptions_to_expire",
                condition=models.Q(live=True, expiry__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.username}: {self.min} to {self.max}"
