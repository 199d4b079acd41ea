"""What a provider's money costs us, and whether an order leaves the margin it must: pure arithmetic.

True cost = the provider's amount × FX ÷ (1 + top-up bonus) × (1 + fee). Every rounding is against the order,
never against the house: costs go up, what may be spent goes down. Nothing here is approximate: products and
quotients are kept to more digits than their factors have.
"""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext
from typing import Final

from purveyor.money.models import LEDGER_UNIT

DRIFT_LIMIT: Final = Decimal("0.01")
"""By which share a provider's charge may differ from what was expected before that is an alarm."""
COARSEST_ROUNDING: Final = Decimal("0.01")
"""In a provider's currency. Panels tell charges to 2 to 7 places (protocol §7.4): never coarser than this."""
_HUNDRED: Final = Decimal(100)
_THOUSAND: Final = Decimal(1000)
_EXACT: Final = Context(prec=150, rounding=ROUND_CEILING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one unit of a provider's currency costs us."""

    fx_rate: Decimal
    """Panel currency per unit of the provider's."""
    top_up_bonus_percent: Decimal = Decimal(0)
    """What the provider adds to each payment of ours."""
    fee_percent: Decimal = Decimal(0)
    """What is paid on top of each payment, to whoever carries it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """What a customer pays, and for how much.

    The run of a drip-feed counts with its own part of the charge. Of a subscription, which is charged post by
    post, a thousand at its frozen price stand for all of them.
    """

    charge: Decimal
    """In panel currency."""
    quantity: int
    is_package: bool


def offered(*, rate: Decimal, quantity: int, is_package: bool) -> Decimal:
    """What a provider charges by its list, in its currency, unrounded: `rate` is per 1000, or per package."""
    with localcontext(_EXACT):
        return rate if is_package else rate * quantity / _THOUSAND


def true_cost(amount: Decimal, *, terms: Terms) -> Decimal:
    """What `amount` of a provider's currency costs us in panel currency, rounded up to the ledger's unit."""
    with localcontext(_EXACT):
        paid = amount * terms.fx_rate * (_HUNDRED + terms.fee_percent)
        return (paid / (_HUNDRED + terms.top_up_bonus_percent)).quantize(LEDGER_UNIT)


def largest_cost(*, charge: Decimal, floor_percent: Decimal) -> Decimal:
    """The most that an order sold for `charge` may cost, so that the floor's share of it is left as margin.

    Of an order sold for nothing it is nothing: a gift is a loss unless its route has no floor.
    """
    with localcontext(_EXACT):
        return (charge * (_HUNDRED - floor_percent) / _HUNDRED).quantize(LEDGER_UNIT, ROUND_FLOOR)


def keeps_margin(*, cost: Decimal, charge: Decimal, floor_percent: Decimal | None) -> bool:
    """Whether an order may be handed over at this true cost. Without a floor it may at any."""
    return floor_percent is None or cost <= largest_cost(charge=charge, floor_percent=floor_percent)


def charge_drift(told: Decimal, *, terms: Terms, expected: Collection[Decimal]) -> Decimal:
    """How much more, or less if negative, a provider charged than it should have; 0 within the limits.

    `told` is in the provider's currency, `expected` holds every true cost that would be right: the nearest
    counts, because some panels reduce the charge of a Partial order and others tell the first one for ever.
    The provider may round to the last place that it tells.
    """
    cost = true_cost(told, terms=terms)
    nearest = min(expected, key=lambda right: abs(cost - right))
    exponent = told.as_tuple().exponent
    last_place = Decimal(1).scaleb(exponent) if isinstance(exponent, int) else LEDGER_UNIT
    rounding = true_cost(min(last_place, COARSEST_ROUNDING), terms=terms)
    drift = cost - nearest
    return drift if abs(drift) > max(nearest * DRIFT_LIMIT, rounding, LEDGER_UNIT) else Decimal(0)
