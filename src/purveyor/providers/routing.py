"""Which of a service's routes an order takes: a pure choice, so that its reasons can be tested as tables."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from purveyor.providers.holds import Hold


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOption:
    """A route as it stands at the moment of choosing."""

    route_id: int
    provider_id: int
    external_id: str
    rate: Decimal
    min: int | None
    max: int | None
    hold_reason: str
    """Why its provider takes no orders now; empty when it does."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The order waits: some route may take it later."""

    reason: str


class NobodyTakesIt:
    """Every open route refused the order for what it is."""


def choose_route(
    options: Sequence[RouteOption], *, refused_by: Collection[int], quantity: int, counts: bool
) -> RouteOption | Wait | NobodyTakesIt:
    """The first route that works, of the service's open ones in their order of preference.

    `refused_by` holds the routes that refused the order's link or quantity. Where `counts` says that the
    provider checks the quantity, routes whose limits it keeps go first; the others are tried after them: a
    provider's list may be out of date, and only its own refusal is sure.
    """
    if not options:
        return Wait(Hold.NO_PROVIDER)
    untried = [option for option in options if option.route_id not in refused_by]
    if not untried:
        return NobodyTakesIt()
    usable = [option for option in untried if not option.hold_reason]
    if not usable:
        return Wait(untried[0].hold_reason)
    fitting = [option for option in usable if not counts or _fits(option, quantity)]
    return (fitting or usable)[0]


def _fits(option: RouteOption, quantity: int) -> bool:
    return (option.min is None or option.min <= quantity) and (option.max is None or quantity <= option.max)
