"""For how long our balance with a provider will last: pure arithmetic, all in the provider's currency."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

HOUR_WEIGHT: Final = Decimal("0.5")
SIX_HOURS_WEIGHT: Final = Decimal("0.3")
DAY_WEIGHT: Final = Decimal("0.2")
"""How much each window says about the hours to come; together they are 1. What goes on now says most."""

AMOUNT_RECOVERED: Final = Decimal("1.2")
HOURS_RECOVERED: Final = Decimal("1.5")
"""How many times its limit a balance must reach before it counts as recovered: a balance that hovers about
its limit is told once, not at every look."""

LONGEST_FORECAST: Final = timedelta(days=365)
"""What lasts longer lasts for ever, as far as anybody needs to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What was spent in windows that end now, refunds taken off."""

    last_hour: Decimal
    last_six_hours: Decimal
    last_day: Decimal

    @property
    def per_hour(self) -> Decimal:
        """What an hour costs by now: never negative."""
        rate = (
            self.last_hour * HOUR_WEIGHT
            + self.last_six_hours / 6 * SIX_HOURS_WEIGHT
            + self.last_day / 24 * DAY_WEIGHT
        )
        return max(rate, Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is left with a provider, and for how long."""

    balance: Decimal
    per_hour: Decimal
    empty_in: timedelta | None
    """None is never, at this rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Below which a balance is low; None never is."""

    hours: Decimal | None = None
    """Until it is empty."""
    amount: Decimal | None = None


def forecast(*, told: Decimal, spent_since: Decimal, spending: Spending) -> Forecast:
    """What is left now of a balance that the provider told some time ago, and when it will be gone."""
    balance = told - spent_since
    return Forecast(
        balance=balance,
        per_hour=spending.per_hour,
        empty_in=_empty_in(balance=balance, per_hour=spending.per_hour),
    )


def _empty_in(*, balance: Decimal, per_hour: Decimal) -> timedelta | None:
    if balance <= 0:
        return timedelta(0)
    if balance >= per_hour * _hours(LONGEST_FORECAST):
        return None
    return timedelta(hours=float(balance / per_hour))


def is_low(expected: Forecast, *, limits: Limits, was_low: bool) -> bool:
    """Whether a balance is low. One that was is so until it has recovered well beyond its limits."""
    amount_factor = AMOUNT_RECOVERED if was_low else Decimal(1)
    hours_factor = HOURS_RECOVERED if was_low else Decimal(1)
    if limits.amount is not None and expected.balance < limits.amount * amount_factor:
        return True
    return (
        limits.hours is not None
        and expected.empty_in is not None
        and _hours(expected.empty_in) < limits.hours * hours_factor
    )


def _hours(length: timedelta) -> Decimal:
    return Decimal(length / timedelta(hours=1))
