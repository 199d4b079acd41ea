"""What customers ask for after they ordered: refills and cancels."""

from typing import ClassVar, Final

from django.db import models
from django.db.models.functions import Now

from purveyor.orders.models.orders import Order


class RefillStatus(models.TextChoices):
    """Status of a refill in the words of the protocol (§5)."""

    PENDING = "Pending"
    IN_PROGRESS = "In progress"
    COMPLETED = "Completed"
    REJECTED = "Rejected"


OPEN_REFILLS: Final = (RefillStatus.PENDING, RefillStatus.IN_PROGRESS)


class Refill(models.Model):
    """A customer's wish to have a completed order topped up again."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="refills", db_index=False)
    status = models.CharField(max_length=12, choices=RefillStatus.choices, default=RefillStatus.PENDING)
    reason = models.CharField(max_length=200, blank=True, help_text="Why it was rejected.")
    created_at = models.DateTimeField(db_default=Now())
    status_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order"],
                name="one_refill_at_a_time",
                condition=models.Q(status__in=["Pending", "In progress"]),
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["order", "id"], name="refills_of_order"),
            models.Index(fields=["id"], name="refills_pending", condition=models.Q(status="Pending")),
        ]

    def __str__(self) -> str:
        return f"Refill {self.pk} of order {self.order_id}"


class CancelStatus(models.TextChoices):
    """What became of a request to cancel."""

    REQUESTED = "requested", "Requested"
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"


class CancelRequest(models.Model):
    """A customer's wish to cancel. It is told as done only after the provider confirmed, or if never sent."""

    id = models.BigAutoField(primary_key=True)
    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="cancel_request")
    status = models.CharField(max_length=10, choices=CancelStatus.choices, default=CancelStatus.REQUESTED)
    reason = models.CharField(max_length=200, blank=True, help_text="Why it was refused.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["id"], name="cancels_requested", condition=models.Q(status="requested"))
        ]

    def __str__(self) -> str:
        return f"Cancel order {self.order_id}"
