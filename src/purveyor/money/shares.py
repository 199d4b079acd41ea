"""Parts of amounts: pure arithmetic, exact but for one rounding."""

from decimal import Context, Decimal, localcontext
from typing import Final

from purveyor.money.models import LEDGER_UNIT

_EXACT: Final = Context(prec=150)
"""More digits than the product of any amount and any quantity has: Python's own 28 are too few for it."""


def share(amount: Decimal, *, part: int, whole: int, rounding: str) -> Decimal:
    """What `part` of `whole` is of an amount, rounded once, to the ledger's unit, as `rounding` says."""
    with localcontext(_EXACT):
        product, units = amount * part, LEDGER_UNIT * whole
        return (product / units).to_integral_value(rounding) * LEDGER_UNIT
