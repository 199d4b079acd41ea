"""Which of a service's routes an order takes: a pure choice, so that its reasons can be tested as tables."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from purveyor.providers.costing import AbsurdCost, expected_cost
from purveyor.providers.holds import Hold
from purveyor.providers.margin import Sale, Terms, keeps_margin


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOption:
    """A route as it stands at the moment of choosing."""

    route_id: int
    provider_id: int
    external_id: str
    rate: Decimal
    """In the provider's currency."""
    terms: Terms
    margin_floor_percent: Decimal | None
    """None where any loss is accepted."""
    min: int | None
    max: int | None
    hold_reason: str
    """Why nothing goes this way now, whatever the order; empty when something does."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The order waits: some route may take it later."""

    reason: str


class NobodyTakesIt:
    """Every open route refused the order for what it is."""


def choose_route(
    options: Sequence[RouteOption], *, refused_by: Collection[int], sale: Sale, counts: bool
) -> RouteOption | Wait | NobodyTakesIt:
    """The first route that works, of the service's open ones in their order of preference.

    `refused_by` holds the routes that refused the order's link or quantity. Where `counts` says that the
    provider checks the quantity, routes whose limits it keeps go first; the others are tried after them: a
    provider's list may be out of date, and only its own refusal is sure. A route that would leave less than
    its floor is passed over; when all are, the order waits for a better price.
    """
    if not options:
        return Wait(Hold.NO_PROVIDER)
    untried = [option for option in options if option.route_id not in refused_by]
    if not untried:
        return NobodyTakesIt()
    paying = [option for option in untried if _keeps_margin(option, sale)]
    if not paying:
        return Wait(Hold.BELOW_MARGIN)
    usable = [option for option in paying if not option.hold_reason]
    if not usable:
        return Wait(paying[0].hold_reason)
    fitting = [option for option in usable if not counts or _fits(option, sale.quantity)]
    return (fitting or usable)[0]


def _fits(option: RouteOption, quantity: int) -> bool:
    return (option.min is None or option.min <= quantity) and (option.max is None or quantity <= option.max)


def _keeps_margin(option: RouteOption, sale: Sale) -> bool:
    if option.margin_floor_percent is None:
        return True
    try:
        cost = expected_cost(
            rate=option.rate, terms=option.terms, quantity=sale.quantity, is_package=sale.is_package
        )
    except AbsurdCost:
        return False
    return keeps_margin(cost=cost, charge=sale.charge, floor_percent=option.margin_floor_percent)
