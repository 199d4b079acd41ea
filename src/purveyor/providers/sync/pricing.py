"""What a service of ours costs by the provider's price: pure arithmetic in Decimal.

A rate is panel currency per 1000; of a package type, per order. So are a cost and the fixed part.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Final

from purveyor.catalog.models import RATE_DIGITS, RATE_PLACES
from purveyor.providers.models.changes import Rounding

RATE_STEP: Final = Decimal(1).scaleb(-RATE_PLACES)
LARGEST_RATE: Final = Decimal(10) ** (RATE_DIGITS - RATE_PLACES) - 1
"""Of a service of ours: what its column holds."""
LARGEST_MARKUP_PERCENT: Final = Decimal(10_000)
_HUNDRED: Final = Decimal(100)
_EXACT: Final = Context(prec=100)
_MODES: Final = {
    Rounding.UP: ROUND_CEILING,
    Rounding.NEAREST: ROUND_HALF_UP,
    Rounding.DOWN: ROUND_FLOOR,
}


class WrongPricing(ValueError):
    """Not a rule that prices can be made by; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricingRule:
    """How a price is made of a cost. Raises `WrongPricing` where it could make none."""

    markup_percent: Decimal
    fixed: Decimal = Decimal(0)
    step: Decimal = RATE_STEP
    """The price is a multiple of it."""
    rounding: Rounding = Rounding.UP
    below_cost: bool = False
    """Whether the price may be less than the cost, by a negative part or by rounding."""

    def __post_init__(self) -> None:
        if not -_HUNDRED <= self.markup_percent <= LARGEST_MARKUP_PERCENT:
            raise WrongPricing(f"a markup lies between -100 % and {LARGEST_MARKUP_PERCENT} %")
        if abs(self.fixed) > LARGEST_RATE or self.fixed % RATE_STEP:
            raise WrongPricing(f"a fixed part has at most {RATE_PLACES} decimals")
        if not 0 < self.step <= LARGEST_RATE or self.step % RATE_STEP:
            raise WrongPricing(f"a step is positive and has at most {RATE_PLACES} decimals")


def rate_for(cost: Decimal, *, rule: PricingRule) -> Decimal:
    """The rate of a service that costs us `cost`, both in panel currency.

    cost × (1 + markup) + fixed part, brought to a multiple of the step. Rounded up it is never below that
    sum; rounded otherwise never below the cost, unless the rule allows it, and never negative.
    """
    with localcontext(_EXACT):
        wanted = cost * (_HUNDRED + rule.markup_percent) / _HUNDRED + rule.fixed
        rate = _to_step(wanted, rule.step, rule.rounding)
        least = Decimal(0) if rule.below_cost else _to_step(cost, rule.step, Rounding.UP)
        return max(rate, least).quantize(RATE_STEP)


def _to_step(amount: Decimal, step: Decimal, rounding: Rounding) -> Decimal:
    return (amount / step).quantize(Decimal(1), _MODES[rounding]) * step
