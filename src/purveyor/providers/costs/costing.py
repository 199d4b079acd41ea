"""What a fulfilment costs us: pure arithmetic, rounded up, because a cost told too low hides a loss."""

from decimal import ROUND_CEILING, Decimal

from purveyor.catalog.prices import PER_THOUSAND
from purveyor.money.models import LARGEST_AMOUNT
from purveyor.money.shares import share
from purveyor.orders.models import Status
from purveyor.providers.costs.margin import Terms, offered, true_cost


class AbsurdCost(ValueError):
    """A price so high that no hand-over can be meant by it."""


def expected_cost(*, rate: Decimal, terms: Terms, quantity: int, is_package: bool) -> Decimal:
    """The true cost in panel currency of handing over `quantity` at a provider's `rate` in its own currency.

    Raises `AbsurdCost` from `LARGEST_AMOUNT` on.
    """
    cost = true_cost(offered(rate=rate, quantity=quantity, is_package=is_package), terms=terms)
    if cost >= LARGEST_AMOUNT:
        raise AbsurdCost
    return cost


def cost_at(*, status: Status, expected: Decimal, quantity: int, remains: int | None) -> Decimal | None:
    """What of the expected cost is due at a status, by the provider's own `remains` (protocol §7.3).

    None when a Partial does not tell what remains: then nothing is booked.
    """
    if status is Status.CANCELED:
        return Decimal(0)
    if status is not Status.PARTIAL:
        return expected
    if remains is None:
        return None
    delivered = quantity - min(remains, quantity)
    return share(expected, part=delivered, whole=quantity, rounding=ROUND_CEILING) if quantity else expected


def remains_of_order(*, remains: int | None, sent: int, ordered: int) -> int | None:
    """A provider's `remains`, which refers to the quantity sent, in units of the order's own quantity.

    What was sent beyond the order (overflow) is delivered last in the customer's eyes: they are owed only
    what is missing of their own quantity. Between 0 and `ordered`; None stays unknown (money rule 3).
    """
    if remains is None:
        return None
    delivered = sent - min(remains, sent)
    return min(max(ordered - delivered, 0), ordered)


def post_quantity(*, told_charge: Decimal | None, rate: Decimal, smallest: int, largest: int) -> int | None:
    """The quantity of a subscription's post, from what the provider charged for it at `rate` per 1000.

    Between the subscription's own limits, whatever the provider says; None when its charge does not tell.
    """
    if smallest == largest:
        return smallest
    if told_charge is None or told_charge <= 0 or rate <= 0:
        return None
    return min(max(round(told_charge * PER_THOUSAND / rate), smallest), largest)
