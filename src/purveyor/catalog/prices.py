"""What a service costs one customer, and what an order costs. Pure arithmetic in Decimal.

A rate is panel currency per 1000; of a package type, per order (protocol §8).
"""

from decimal import ROUND_CEILING, Decimal
from typing import Final

import msgspec

from purveyor.catalog.models import RATE_PLACES
from purveyor.money.models import LEDGER_UNIT

PER_THOUSAND: Final = Decimal(1000)
_RATE_STEP: Final = Decimal(1).scaleb(-RATE_PLACES)
_HUNDRED: Final = Decimal(100)


class UnitPrice(msgspec.Struct, frozen=True):
    """A price together with the rule that gave it, as frozen on the order."""

    rate: Decimal
    rule: str


def unit_price(
    list_rate: Decimal, *, own_rate: Decimal | None = None, discount_percent: Decimal = Decimal(0)
) -> UnitPrice:
    """The price of a service for a customer: their own rate, else the list rate less their group's discount.

    A discounted rate is rounded up to 5 decimals: never against the house, and a positive rate stays positive
    unless the discount is the whole price.
    """
    if own_rate is not None:
        return UnitPrice(own_rate, "own rate")
    if discount_percent:
        rate = list_rate * (_HUNDRED - discount_percent) / _HUNDRED
        return UnitPrice(
            rate.quantize(_RATE_STEP, rounding=ROUND_CEILING),
            f"group discount {discount_percent.normalize():f}%",
        )
    return UnitPrice(list_rate, "list price")


def charge(*, unit_price: Decimal, quantity: int, is_package: bool) -> Decimal:
    """What an order of `quantity` costs, in panel currency, rounded up at the ledger's 8th decimal."""
    exact = unit_price if is_package else unit_price * quantity / PER_THOUSAND
    return exact.quantize(LEDGER_UNIT, rounding=ROUND_CEILING)
