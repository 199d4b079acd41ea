"""One order delivered by several: what each delivered, what remains, who can take it. Pure arithmetic.

Each fulfilment wants a part of the order's quantity: the first all of it, each further one what the others
had left when it was handed over. What is delivered in all and what remains make up the quantity, unless a
provider goes on with a part that was given to somebody else: then nothing remains, and there is a surplus.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from decimal import ROUND_FLOOR
from typing import Final

from purveyor.money.shares import share
from purveyor.orders.models import Status
from purveyor.providers.costs.costing import remains_of_order
from purveyor.providers.costs.margin import Sale
from purveyor.providers.routes.routing import RouteOption, cost_of, fits, leaves_floor

MOST_FULFILMENTS: Final = 5
"""Of one order: as many providers in turn. What the last one leaves is refunded."""


def delivered_of(
    *, status: Status | None, remains: int | None, sent: int, wanted: int, before: int | None
) -> int | None:
    """What of the `wanted` quantity a fulfilment has delivered, by its provider's own status and `remains`.

    `before` is what was known: it stays when nothing is told, and falls only when the fulfilment has ended,
    because what goes on again was delivered once already. None while nothing was ever told.
    """
    if status is Status.COMPLETED:
        return wanted
    if status is Status.CANCELED:
        return 0
    left = remains_of_order(remains=remains, sent=sent, ordered=wanted) if status is not None else None
    if left is None:
        return before
    return wanted - left if status is Status.PARTIAL else max(wanted - left, before or 0)


def remains_of(*, ordered: int, delivered: Iterable[int]) -> int:
    """What nobody has delivered yet of an order; never less than 0."""
    return max(ordered - sum(delivered), 0)


def surplus_of(*, ordered: int, delivered: Iterable[int]) -> int:
    """What was delivered beyond the order; never less than 0."""
    return max(sum(delivered) - ordered, 0)


def share_of(sale: Sale, *, quantity: int) -> Sale:
    """The part of a sale that pays for `quantity` of it, rounded down: never too much may be spent."""
    if quantity == sale.quantity:
        return sale
    charge = share(sale.charge, part=quantity, whole=sale.quantity, rounding=ROUND_FLOOR)
    return replace(sale, charge=charge, quantity=quantity)


def routes_for_rest(
    options: Sequence[RouteOption], *, used: Collection[int], sale: Sale
) -> list[RouteOption]:
    """The routes that can take a rest now, in their order of preference.

    A rest never waits: a route is passed over that is closed, that delivered a part of the order before
    (`used`), whose provider takes no orders now, whose limits it does not keep, or that would leave less than
    its floor of the rest's share of the charge, which is `sale`.
    """
    return [
        option
        for option in options
        if sale.quantity > 0
        and option.route_id not in used
        and not option.closed
        and not option.hold_reason
        and fits(option, sale.quantity)
        and _is_affordable(option, sale)
    ]


def _is_affordable(option: RouteOption, sale: Sale) -> bool:
    cost = cost_of(option, sale)
    return cost is not None and leaves_floor(option, sale, cost)
