"""How long services and routes take, measured from our own orders."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from purveyor.catalog.models import Service
from purveyor.providers.models.providers import Route


class MeasuredTimes(models.Model):
    """Percentiles of the latest completed orders; empty means "not enough data"."""

    start_p50 = models.DurationField(null=True, help_text="Within it, work began on half of the orders.")
    start_p90 = models.DurationField(null=True, help_text="The same of nine in ten.")
    finish_p50 = models.DurationField(null=True, help_text="Within it, half of the orders were complete.")
    finish_p90 = models.DurationField(null=True, help_text="The same of nine in ten.")
    measured = models.PositiveIntegerField(db_default=0, help_text="How many orders these are from.")
    looked_at = models.DateTimeField(null=True, help_text="What ended before is in, if it is late enough.")
    next_look_at = models.DateTimeField(db_default=Now(), help_text="When to look for news.")

    class Meta:
        abstract = True


class ServiceTimes(MeasuredTimes):
    """What customers wait for: times count from the order, whichever routes it took."""

    service = models.OneToOneField(
        Service, on_delete=models.CASCADE, primary_key=True, related_name="measured_times"
    )
    average = models.DurationField(
        null=True, help_text="Of the last 10 completed orders, scaled to 1000; of packages as it is."
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["next_look_at"], name="service_times_due")]

    def __str__(self) -> str:
        return f"Times of service {self.service_id}"


class RouteTimes(MeasuredTimes):
    """What a provider takes: times count from its acceptance, of orders that it delivered whole.

    Unlike `RouteQuality`, by which routes are chosen: that one compares routes, so it holds medians of the
    last days only, with the time to finish scaled to 1000. These times are of orders as they come, unscaled,
    and tell of the slow ones too: when to ask about one again, and what can be promised.
    """

    route = models.OneToOneField(Route, on_delete=models.CASCADE, primary_key=True, related_name="times")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["next_look_at"], name="route_times_due")]

    def __str__(self) -> str:
        return f"Times of route {self.route_id}"
