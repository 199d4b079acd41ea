"""How an order ends on which nobody works any more, and how much of its charge goes back.

Pure arithmetic, by the price frozen on the order (protocol §7.3).
"""

from decimal import ROUND_FLOOR, Decimal

from purveyor.money.shares import share
from purveyor.orders.models import Status


def refund_due(*, status: Status, charge: Decimal, quantity: int, remains: int) -> Decimal:
    """What should have been refunded in all of an order with this status, in panel currency.

    Canceled returns everything, Partial the share of what remains (rounded down at the 8th decimal, not to
    the house's loss), any other status nothing. `remains` is in units of `quantity` and is taken as
    0…quantity.
    """
    if status is Status.CANCELED:
        return charge
    if status is not Status.PARTIAL:
        return Decimal(0)
    left = min(max(remains, 0), quantity)
    return share(charge, part=left, whole=quantity, rounding=ROUND_FLOOR) if left else Decimal(0)


def final_status(*, ordered: int, remains: int) -> Status:
    """How an order ends on which nobody works any more, by what was not delivered of it."""
    if remains >= ordered:
        return Status.CANCELED
    return Status.PARTIAL if remains > 0 else Status.COMPLETED
