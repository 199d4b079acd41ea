"""Which of a service's routes an order takes: a pure choice, so that its reasons can be tested as tables."""

import hashlib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from purveyor.providers.costs.costing import AbsurdCost, expected_cost
from purveyor.providers.costs.margin import Sale, Terms, keeps_margin
from purveyor.providers.models import NEUTRAL_SCORE, Policy
from purveyor.providers.standing.holds import Hold

_HASH_BYTES: Final = 8
_HASHES: Final = 2.0 ** (8 * _HASH_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOption:
    """A route as it stands at the moment of choosing."""

    route_id: int
    provider_id: int
    provider: str
    """Its name, for people."""
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
    weight: int = 1
    """Its share of the orders, where they are shared out; 0 takes what nobody else can."""
    score: float = NEUTRAL_SCORE
    closed: bool = False
    """Whether it is switched off, or its provider lists the service no more."""
    by_hand: bool = False
    """Whether people deliver."""


class Why(StrEnum):
    """Why a route takes an order, or does not: stable codes, as they are stored."""

    ONLY = "only"
    """Taken: no other can."""
    SAME_LINK = "same_link"
    """Taken: it has the last order for this link."""
    FIRST = Policy.FIRST.value
    CHEAPEST = Policy.CHEAPEST.value
    WEIGHT = Policy.WEIGHT.value
    SCORE = Policy.SCORE.value
    BEHIND = "behind"
    """It could, but the policy prefers another."""
    OUTSIDE_LIMITS = "outside_limits"
    """Its list does not allow this quantity, and another's does."""
    WAITS = "waits"
    """Nothing goes this way now; the hold's own code tells why."""
    BELOW_MARGIN = "below_margin"
    REFUSED = "refused"
    """It refused this order's link or quantity before."""
    CLOSED = "closed"


@dataclass(slots=True, kw_only=True, eq=False)
class Candidate:
    """A route that was looked at for an order."""

    option: RouteOption
    cost: Decimal | None
    """What the sale would cost this way, in panel currency; None of a closed route, or an absurd price."""
    why: Why


@dataclass(frozen=True, slots=True)
class Wait:
    """The order waits: some route may take it later."""

    reason: str


class NobodyTakesIt:
    """Every open route refused the order for what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of an order, and how every route was looked at, in the service's order of them."""

    policy: Policy
    choice: Candidate | Wait | NobodyTakesIt
    candidates: list[Candidate]


def choose_route(
    options: Sequence[RouteOption],
    *,
    policy: Policy = Policy.FIRST,
    order_id: int,
    last_of_link: int | None = None,
    refused_by: Collection[int],
    sale: Sale,
    counts: bool,
) -> Decision:
    """The route that an order takes, of its service's routes in their order of position.

    `refused_by` holds the routes that refused the order's link or quantity. A route that would leave less
    than its floor is passed over; when all are, the order waits for a better price. Where `counts` says that
    the provider checks the quantity, routes whose limits it keeps go before the others: a provider's list
    may be out of date, and only its own refusal is sure.

    Of the routes that remain, the one that took the last order for the same link (`last_of_link`) goes first,
    then the policy decides, and among equals the position. By weight, the choice hangs on the order's id and
    nothing else: repeated it is the same, and a route that fell out changes it for its own orders only.
    """
    candidates = [_assess(option, refused_by=refused_by, sale=sale, counts=counts) for option in options]
    pool = [each for each in candidates if each.why is Why.BEHIND]
    if not pool:
        pool = [each for each in candidates if each.why is Why.OUTSIDE_LIMITS]
    if not pool:
        return Decision(policy=policy, choice=_nobody(candidates), candidates=candidates)
    chosen = next((each for each in pool if each.option.route_id == last_of_link), None)
    if chosen is not None:
        chosen.why = Why.SAME_LINK
    elif len(pool) == 1:
        (chosen,) = pool
        chosen.why = Why.ONLY
    else:
        chosen = _preferred(pool, policy=policy, order_id=order_id)
        chosen.why = Why(policy.value)
    return Decision(policy=policy, choice=chosen, candidates=candidates)


def _assess(option: RouteOption, *, refused_by: Collection[int], sale: Sale, counts: bool) -> Candidate:
    if option.closed:
        return Candidate(option=option, cost=None, why=Why.CLOSED)
    cost = cost_of(option, sale)
    if option.route_id in refused_by:
        why = Why.REFUSED
    elif not leaves_floor(option, sale, cost):
        why = Why.BELOW_MARGIN
    elif option.hold_reason:
        why = Why.WAITS
    elif counts and not fits(option, sale.quantity):
        why = Why.OUTSIDE_LIMITS
    else:
        why = Why.BEHIND
    return Candidate(option=option, cost=cost, why=why)


def _nobody(candidates: Sequence[Candidate]) -> Wait | NobodyTakesIt:
    """What becomes of an order that no route can take now."""
    found = [each.why for each in candidates]
    for each in candidates:
        if each.why is Why.WAITS:
            return Wait(each.option.hold_reason)
    if Why.BELOW_MARGIN in found:
        return Wait(Hold.BELOW_MARGIN)
    return NobodyTakesIt() if Why.REFUSED in found else Wait(Hold.NO_PROVIDER)


def _preferred(pool: Sequence[Candidate], *, policy: Policy, order_id: int) -> Candidate:
    """The first of equals is taken, so the position decides between them."""
    if policy is Policy.CHEAPEST:
        return min(pool, key=lambda each: (each.cost is None, each.cost or Decimal(0)))
    if policy is Policy.WEIGHT:
        return min(pool, key=lambda each: _turn(each.option, order_id=order_id))
    if policy is Policy.SCORE:
        return max(pool, key=lambda each: each.option.score)
    return pool[0]


def _turn(option: RouteOption, *, order_id: int) -> float:
    """When a route's turn for an order comes: a race that it wins as often as its share of the weights.

    Waiting times of exponential distribution, whose rates are the weights, drawn from a hash.
    """
    if not option.weight:
        return math.inf
    digest = hashlib.blake2b(f"{order_id}:{option.route_id}".encode(), digest_size=_HASH_BYTES).digest()
    return -math.log((int.from_bytes(digest, "big") + 0.5) / _HASHES) / option.weight


def fits(option: RouteOption, quantity: int) -> bool:
    """Whether the provider's list allows the quantity."""
    return (option.min is None or option.min <= quantity) and (option.max is None or quantity <= option.max)


def cost_of(option: RouteOption, sale: Sale) -> Decimal | None:
    """What the sale would cost this way, in panel currency; None where the provider's price is absurd."""
    try:
        return expected_cost(
            rate=option.rate, terms=option.terms, quantity=sale.quantity, is_package=sale.is_package
        )
    except AbsurdCost:
        return None


def leaves_floor(option: RouteOption, sale: Sale, cost: Decimal | None) -> bool:
    """Whether a sale leaves the floor of margin; an absurd cost does only where any loss is accepted."""
    if option.margin_floor_percent is None:
        return True
    return cost is not None and keeps_margin(
        cost=cost, charge=sale.charge, floor_percent=option.margin_floor_percent
    )
