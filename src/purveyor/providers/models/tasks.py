"""Requests of customers that are forwarded to providers."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from purveyor.orders.models import CancelRequest, Refill
from purveyor.providers.models.fulfilments import Fulfilment


class ForwardState(models.TextChoices):
    """Where a forwarded request (refill, cancel) stands with the provider."""

    WAITING = "waiting", "To be sent"
    SENDING = "sending", "Being sent"
    ACCEPTED = "accepted", "Taken by the provider"
    REFUSED = "refused", "Refused by the provider"
    UNKNOWN = "unknown", "No one can tell from the answer"


class RefillTask(models.Model):
    """A customer's refill, forwarded to the provider that fulfilled the order."""

    refill = models.OneToOneField(Refill, on_delete=models.PROTECT, primary_key=True, related_name="task")
    fulfilment = models.ForeignKey(Fulfilment, on_delete=models.PROTECT, related_name="refill_tasks")
    state = models.CharField(max_length=10, choices=ForwardState.choices, db_default=ForwardState.WAITING)
    external_id = models.CharField(max_length=64, blank=True, db_default="")
    tries = models.PositiveIntegerField(db_default=0, help_text="How often it was sent, or asked about.")
    response = models.TextField(
        blank=True, db_default="", help_text="The provider's last words, or why there are none."
    )
    told_at = models.DateTimeField(db_default=Now(), help_text="When that was written down.")
    next_at = models.DateTimeField(null=True, db_default=Now(), help_text="When to send or poll next.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["next_at"], name="refill_tasks_due", condition=models.Q(next_at__isnull=False)
            ),
            models.Index(fields=["told_at"], name="refill_tasks_to_forget", condition=~models.Q(response="")),
        ]

    def __str__(self) -> str:
        return f"Task of refill {self.refill_id}"


class CancelTask(models.Model):
    """A wish to cancel, forwarded to the provider. Confirmation comes by the order's status."""

    id = models.BigAutoField(primary_key=True)
    cancel_request = models.OneToOneField(
        CancelRequest,
        null=True,
        on_delete=models.PROTECT,
        related_name="task",
        help_text="The customer's request; empty when the wish is the panel's own.",
    )
    fulfilment = models.OneToOneField(Fulfilment, on_delete=models.PROTECT, related_name="cancel_task")
    state = models.CharField(max_length=10, choices=ForwardState.choices, db_default=ForwardState.WAITING)
    tries = models.PositiveIntegerField(db_default=0)
    response = models.TextField(
        db_default="", help_text="The provider's last words; empty where it said yes, or nothing."
    )
    told_at = models.DateTimeField(db_default=Now(), help_text="When that was written down.")
    next_at = models.DateTimeField(null=True, db_default=Now(), help_text="When to send next.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["next_at"], name="cancel_tasks_due", condition=models.Q(next_at__isnull=False)
            ),
            models.Index(fields=["told_at"], name="cancel_tasks_to_forget", condition=~models.Q(response="")),
        ]

    def __str__(self) -> str:
        return f"Cancel {self.fulfilment_id} at its provider"
