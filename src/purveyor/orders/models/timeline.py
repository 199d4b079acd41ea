"""What happened to an order, line by line."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from purveyor.orders.models.orders import Order


class EventKind(models.TextChoices):
    """What a line of an order's timeline tells."""

    STATUS = "status", "Status changed"
    REFUND = "refund", "Money returned"
    CORRECTION = "correction", "Refund corrected"
    BACKWARD = "backward", "Status went backwards"
    UNKNOWN_STATUS = "unknown_status", "The provider used a word we do not know"
    HELD = "held", "Held"
    REFILL = "refill", "Refill"
    CANCEL = "cancel", "Cancel"
    ELSEWHERE = "elsewhere", "The rest goes to another provider"
    REFILL_ELSEWHERE = "refill_elsewhere", "A refill goes to another provider, at our cost"
    OVERLAP = "overlap", "A provider went on with what another was asked to deliver"
    PROMISE = "promise", "Not complete in the promised time"


class OrderEvent(models.Model):
    """A line of an order's timeline."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="events", db_index=False)
    kind = models.CharField(max_length=20, choices=EventKind.choices)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [models.Index(fields=["order", "id"], name="timeline_of_order")]

    def __str__(self) -> str:
        return f"{self.kind} of order {self.order_id}"
