"""How our balances with providers develop."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from purveyor.money.models import amount_field
from purveyor.providers.models.providers import Provider


class BalanceForecast(models.Model):
    """What is expected of our balance with one provider. Amounts are in the provider's currency."""

    provider = models.OneToOneField(
        Provider, on_delete=models.CASCADE, primary_key=True, related_name="balance_forecast"
    )
    low_hours = models.DecimalField(
        max_digits=7,
        decimal_places=2,
        null=True,
        db_default=6,
        help_text="The balance is low when it lasts less; empty: never for that.",
    )
    low_amount = amount_field(null=True, help_text="The balance is low below it; empty: never for that.")
    balance = amount_field(null=True, help_text="As last told, less what was spent since; empty: never told.")
    per_hour = amount_field(db_default=0, help_text="What is spent in an hour, by the last day.")
    empty_at = models.DateTimeField(null=True, help_text="Empty: not within a year.")
    low_since = models.DateTimeField(null=True, help_text="Empty when the balance is not low.")
    looked_at = models.DateTimeField(null=True)
    next_look_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [models.Index(fields=["next_look_at"], name="balance_forecasts_due")]

    def __str__(self) -> str:
        return f"Balance with provider {self.provider_id}"
