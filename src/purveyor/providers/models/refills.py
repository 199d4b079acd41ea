"""Refills that another provider delivers than the one that delivered the order."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from purveyor.orders.models import Refill
from purveyor.providers.models.providers import Route


class RefillElsewhere(models.Model):
    """What staff gave to another provider of a refill. The row is also the queue entry.

    What was handed over of it are the refill's fulfilments.
    """

    refill = models.OneToOneField(
        Refill, on_delete=models.PROTECT, primary_key=True, related_name="elsewhere"
    )
    quantity = models.BigIntegerField()
    route = models.ForeignKey(Route, null=True, on_delete=models.SET_NULL, db_index=False)
    actor = models.CharField(max_length=200, help_text="Who gave it there.")
    next_at = models.DateTimeField(
        null=True, help_text="When it is handed over; empty when it was, or when staff must decide."
    )
    reason = models.CharField(
        max_length=200, blank=True, db_default="", help_text="Why it waits, for the queue or for staff."
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="a_refill_elsewhere_is_of_some", condition=models.Q(quantity__gte=1))
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_at"], name="refills_elsewhere_queued", condition=models.Q(next_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.quantity} for refill {self.refill_id}"
