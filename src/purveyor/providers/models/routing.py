"""How a service's routes are chosen between, and how well each has worked."""

from typing import ClassVar, Final

from django.db import models
from django.db.models.functions import Now

from purveyor.catalog.models import Service
from purveyor.providers.models.providers import Route

NEUTRAL_SCORE: Final = 70.0
"""Of a route of which nothing is known: that of an ordinary one, so that new routes are tried at all."""


class Policy(models.TextChoices):
    """Which of the routes that can take an order takes it."""

    FIRST = "first", "The first that works, by position"
    CHEAPEST = "cheapest", "The cheapest, by true cost"
    WEIGHT = "weight", "Each its share of the orders, by weight"
    SCORE = "score", "The best, by measured quality"


class RoutePolicy(models.Model):
    """How a service chooses between its routes. Without a row: the first that works, not sticky."""

    service = models.OneToOneField(
        Service, on_delete=models.CASCADE, primary_key=True, related_name="route_policy"
    )
    policy = models.CharField(max_length=10, choices=Policy.choices, default=Policy.FIRST)
    sticky_per_link = models.BooleanField(
        default=False,
        help_text="Whether a link's next order goes where its last one went, if that still works.",
    )

    def __str__(self) -> str:
        return f"{self.pk}: {self.policy}"


class RouteQuality(models.Model):
    """How well a route has worked lately, measured from our own orders. Empty: nothing to measure it by."""

    route = models.OneToOneField(Route, on_delete=models.CASCADE, primary_key=True, related_name="quality")
    orders = models.PositiveIntegerField(db_default=0, help_text="Ended hand-overs it was measured from.")
    start_seconds = models.FloatField(null=True, help_text="Median from acceptance to the first progress.")
    finish_seconds_per_1000 = models.FloatField(
        null=True, help_text="Median from acceptance to completion, scaled to a quantity of 1000."
    )
    partial_percent = models.FloatField(null=True)
    cancel_percent = models.FloatField(null=True, help_text="Without those that were asked for.")
    refill_success_percent = models.FloatField(null=True)
    cost_drift_percent = models.FloatField(null=True, help_text="Charged beyond the list.")
    uptime_percent = models.FloatField(null=True, help_text="Hand-overs that brought a definite answer.")
    score = models.FloatField(db_default=NEUTRAL_SCORE, help_text="0 to 100; see scoring.py.")
    measured_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(db_default=Now(), help_text="When it is measured again.")

    class Meta:
        verbose_name_plural = "route qualities"
        indexes: ClassVar = [models.Index(fields=["next_at"], name="routes_to_measure")]

    def __str__(self) -> str:
        return f"{self.score:.1f} of route {self.pk}"
