"""How long a service may take, what happens past it, and what became of each order's promise."""

from typing import ClassVar

from django.db import models

from purveyor.catalog.models import Service
from purveyor.orders.models.orders import Order
from purveyor.orders.promises import LONGEST_PROMISE_MINUTES


class PastPromise(models.TextChoices):
    """What happens to an order that is not complete when it was promised to be."""

    ASK = "ask", "Staff are asked whether it goes on or is canceled"
    TELL = "tell", "It is only told"
    CANCEL = "cancel", "It is canceled, if whoever fulfils it agrees"
    REROUTE = "reroute", "It is canceled in the same way, and another provider delivers what remains"


class ServicePromise(models.Model):
    """The time in which orders of a service are promised to be complete."""

    service = models.OneToOneField(
        Service, on_delete=models.CASCADE, primary_key=True, related_name="promise"
    )
    minutes = models.PositiveIntegerField()
    per_thousand = models.BooleanField(
        db_default=False, help_text="Whether the minutes are for each thousand, or for any order."
    )
    past = models.CharField(max_length=10, choices=PastPromise.choices)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="a_promise_is_a_time",
                condition=models.Q(minutes__gte=1, minutes__lte=LONGEST_PROMISE_MINUTES),
            )
        ]

    def __str__(self) -> str:
        return f"Service {self.service_id} within {self.minutes} minutes"


class PromiseOutcome(models.TextChoices):
    """What became of an order's promise."""

    KEPT = "kept", "The order ended in time"
    LATE = "late", "It ended late"
    TOLD = "told", "It is late, and that was told"
    ASKED = "asked", "It is late, and staff are asked what to do"
    WAITED = "waited", "Staff let it go on"
    CANCELED = "canceled", "Its cancel was asked for"
    REROUTED = "rerouted", "Its provider was asked to stop, so that another one delivers what remains"
    DROPPED = "dropped", "Nothing is promised of its service any more"


class OrderPromise(models.Model):
    """When an order is promised to be complete: as its service's promise was when it was accepted."""

    order = models.OneToOneField(Order, on_delete=models.PROTECT, primary_key=True, related_name="promise")
    promised_until = models.DateTimeField()
    outcome = models.CharField(
        max_length=10,
        choices=PromiseOutcome.choices,
        blank=True,
        db_default="",
        help_text="Empty until it is time; then the order was acted upon, once.",
    )
    settled_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["promised_until"], name="promises_due", condition=models.Q(outcome="")),
            models.Index(
                fields=["promised_until"], name="promises_asked", condition=models.Q(outcome="asked")
            ),
        ]

    def __str__(self) -> str:
        return f"Order {self.order_id} by {self.promised_until:%Y-%m-%d %H:%M}"
