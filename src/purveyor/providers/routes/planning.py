"""What becomes of each order of a batch: a route, a hold, or its end. Nothing is written here."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from purveyor.catalog.order_types import FORMS, OrderForm, OrderType, QuantityFrom
from purveyor.catalog.prices import PER_THOUSAND
from purveyor.database import as_json, fetch_all, id_array, load_sql
from purveyor.orders.models import OrderKind
from purveyor.orders.same_link import Turns, turns
from purveyor.providers.costs.margin import Sale
from purveyor.providers.models import NEUTRAL_SCORE, Policy
from purveyor.providers.protocol.add_fields import add_fields, subscription_fields
from purveyor.providers.protocol.idempotency import with_key
from purveyor.providers.routes.decisions import compact
from purveyor.providers.routes.rest import routes_for_rest, share_of
from purveyor.providers.routes.routing import Candidate, Decision, RouteOption, Wait, choose_route, cost_of
from purveyor.providers.standing.holds import (
    ABSURD_COST,
    LONGEST_REASON_CHARACTERS,
    NOBODY_FINISHES,
    NOT_ACCEPTED,
    Hold,
)
from purveyor.providers.standing.standing import Standing

_SQL: Final = load_sql(__file__, "planning.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """An order that goes to a provider, by which route and as what."""

    order: Any
    number: int
    option: RouteOption
    provider: Standing
    quantity: int
    is_rest: bool
    """Whether others delivered the rest of the order before."""
    refill_id: int | None = None
    """The refill that this delivers; None is the order itself."""
    fields: dict[str, str]
    cost: Decimal
    decision: dict[str, Any] | None
    """As it is kept; None where a person decided."""
    link_key: int | None
    """Where the next order for the link may be sent the same way."""


@dataclass(frozen=True, slots=True)
class Held:
    """An order that waits, with how its routes were looked at."""

    order_id: int
    decision: dict[str, Any] | None
    """None where none was looked at."""


@dataclass(slots=True, kw_only=True)
class Plan:
    """What becomes of a batch of orders."""

    send: list[Planned] = field(default_factory=list)
    hold: dict[str, list[Held]] = field(default_factory=dict)
    """By reason."""
    end: dict[int, str] = field(default_factory=dict)
    """Orders that end, refunded as far as they were not delivered, with why in words a customer can read."""
    behind: dict[int, int] = field(default_factory=dict)
    """Orders that wait for another one with their link: which, by order."""
    crowded: set[int] = field(default_factory=set)
    """Services of which orders stay queued, because their providers have no room now."""

    @property
    def moves_any(self) -> bool:
        """Whether any order leaves the queue."""
        return bool(self.send or self.hold or self.end or self.behind)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Earlier:
    """What earlier hand-overs of an order came to, as the statement `earlier` tells it."""

    last: int = 0
    accepted: int = 0
    refused_by: Collection[int] = ()
    used: Collection[int] = ()
    refusal_text: str = ""
    is_live: bool = False
    """Whether one of them is being sent, or of unknown outcome: of an order that is queued, a refill's."""


_NEVER_TRIED: Final = _Earlier()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Surroundings:
    """What is known about a batch of orders beside their rows; routes and services by service."""

    routes: dict[int, list[RouteOption]]
    services: dict[int, Any]
    earlier: dict[int, Any]
    subscriptions: dict[int, Any]
    unwanted: set[int]
    """Orders that their customers have asked to cancel."""
    turns: Turns
    last_of_link: dict[tuple[int, int], int]
    """Route of the last hand-over for a link, by service and link; of services that want to know."""


def plan_orders(orders: Sequence[Any], providers: Mapping[int, Standing], room: Mapping[int, int]) -> Plan:
    """Choose a route for each claimed order; those that must stay queued are in none of its parts.

    `room` tells how many more each provider takes. The caller holds the orders.
    """
    around = _look_around(orders, providers)
    left = Counter(room)
    plan = Plan()
    for order in orders:
        if _needs_no_route(order, around, plan):
            continue
        before = around.earlier.get(order.id, _NEVER_TRIED)
        if before.is_live:
            plan.hold.setdefault(Hold.REFILL_UNDER_WAY, []).append(Held(order.id, None))
            continue
        part = _part(order, before, around)
        if part.is_rest and not part.options:
            plan.end[order.id] = NOBODY_FINISHES
            continue
        decision = _decide(order, before, part, around)
        choice = decision.choice
        if isinstance(choice, Wait):
            plan.hold.setdefault(choice.reason, []).append(Held(order.id, compact(decision)))
        elif not isinstance(choice, Candidate):
            why = NOT_ACCEPTED.format(text=before.refusal_text)
            plan.end[order.id] = why[:LONGEST_REASON_CHARACTERS]
        elif left[choice.option.provider_id] <= 0:
            plan.crowded.add(order.service_id)
        elif (cost := _cost_of_hand_over(choice, part)) is None:
            plan.hold.setdefault(ABSURD_COST, []).append(Held(order.id, compact(decision)))
        else:
            option = choice.option
            provider = providers[option.provider_id]
            left[provider.id] -= 1
            if part.link is not None:
                around.last_of_link[part.link] = option.route_id
            terms = around.subscriptions.get(order.id)
            plan.send.append(
                Planned(
                    order=order,
                    number=before.last + 1,
                    option=option,
                    provider=provider,
                    quantity=part.quantity,
                    is_rest=part.is_rest,
                    fields=_fields(order, part.quantity, option, part.form.type, terms, provider=provider),
                    cost=cost,
                    decision=compact(decision),
                    link_key=order.link_key if part.link is not None else None,
                )
            )
    return plan


def _needs_no_route(order: Any, around: _Surroundings, plan: Plan) -> bool:
    """Whether it is not an order's turn, or nobody wants it any more, which the plan is told then."""
    if order.id in around.unwanted:
        plan.end[order.id] = ""
    elif order.id in around.turns.behind:
        plan.behind[order.id] = around.turns.behind[order.id]
    elif order.id not in around.turns.undecided:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What of an order is handed over, and by which routes it may go."""

    form: OrderForm
    is_rest: bool
    quantity: int
    sale: Sale
    options: Sequence[RouteOption]
    link: tuple[int, int] | None
    """Service and link, where the service sends a link's orders the same way."""


def _part(order: Any, before: Any, around: _Surroundings) -> _Part:
    """All of an order, or what those who accepted it before have left of it."""
    service = around.services[order.service_id]
    form = FORMS[OrderType(service.type)]
    options: Sequence[RouteOption] = around.routes[order.service_id]
    if order.kind == OrderKind.SUBSCRIPTION:
        # A desk tells of no posts: only a panel can follow a subscription.
        options = [option for option in options if not option.by_hand]
    sale = _sale(order, form)
    is_rest = before.accepted > 0
    if is_rest:
        sale = share_of(sale, quantity=order.remains)
        options = routes_for_rest(options, used=before.used, sale=sale)
    return _Part(
        form=form,
        is_rest=is_rest,
        quantity=order.remains if is_rest else order.quantity,
        sale=sale,
        options=options,
        link=(order.service_id, order.link_key) if service.sticky_per_link and order.link else None,
    )


def _decide(order: Any, before: Any, part: _Part, around: _Surroundings) -> Decision:
    return choose_route(
        part.options,
        policy=Policy(around.services[order.service_id].policy),
        order_id=order.id,
        last_of_link=around.last_of_link.get(part.link) if part.link is not None else None,
        refused_by=before.refused_by,
        sale=part.sale,
        counts=part.form.quantity in (QuantityFrom.FIELD, QuantityFrom.LINES),
    )


def _cost_of_hand_over(chosen: Candidate, part: _Part) -> Decimal | None:
    """None where it is absurdly high. A subscription is handed over without a quantity: its posts cost."""
    if chosen.cost is None or part.quantity == part.sale.quantity:
        return chosen.cost
    return cost_of(chosen.option, replace(part.sale, quantity=part.quantity))


def _sale(order: Any, form: OrderForm) -> Sale:
    if order.kind == OrderKind.SUBSCRIPTION:
        return Sale(charge=order.unit_price, quantity=int(PER_THOUSAND), is_package=False)
    return Sale(charge=order.charge, quantity=order.quantity, is_package=form.is_package)


def _look_around(orders: Sequence[Any], providers: Mapping[int, Standing]) -> _Surroundings:
    wanted = list({order.service_id for order in orders})
    services = {row.id: row for row in fetch_all(_SQL["services"], {"services": id_array(wanted)})}
    routes = route_options(wanted, providers)
    ids = {"orders": id_array(order.id for order in orders)}
    subscriptions = [order.id for order in orders if order.kind == OrderKind.SUBSCRIPTION]
    terms = fetch_all(_SQL["subscriptions"], {"orders": id_array(subscriptions)}) if subscriptions else []
    in_line = [
        order
        for order in orders
        if services[order.service_id].queue_same_link and order.kind == OrderKind.ORDER
    ]
    return _Surroundings(
        routes=routes,
        services=services,
        earlier={row.order_id: row for row in fetch_all(_SQL["earlier"], ids)},
        subscriptions={row.order_id: row for row in terms},
        unwanted={row.order_id for row in fetch_all(_SQL["cancel_wishes"], ids)},
        turns=turns(in_line) if in_line else Turns(),
        last_of_link=_last_of_link(orders, services),
    )


def route_options(
    service_ids: Collection[int], providers: Mapping[int, Standing]
) -> dict[int, list[RouteOption]]:
    """The routes of each of these services, by position, as they stand now."""
    routes: dict[int, list[RouteOption]] = {service_id: [] for service_id in service_ids}
    for row in fetch_all(_SQL["routes"], {"services": id_array(service_ids)}):
        provider = providers[row.provider_id]
        routes[row.service_id].append(
            RouteOption(
                route_id=row.route_id,
                provider_id=row.provider_id,
                provider=provider.name,
                external_id=row.external_id,
                rate=row.rate,
                terms=provider.terms,
                margin_floor_percent=row.margin_floor_percent,
                min=row.min,
                max=row.max,
                hold_reason=provider.hold_reason or (Hold.PRICE_IN_DOUBT if row.price_in_doubt else ""),
                weight=row.weight,
                score=NEUTRAL_SCORE if row.score is None else row.score,
                closed=row.closed,
                by_hand=provider.by_hand,
            )
        )
    return routes


def _last_of_link(orders: Sequence[Any], services: Mapping[int, Any]) -> dict[tuple[int, int], int]:
    links = {
        (order.service_id, order.link_key)
        for order in orders
        if services[order.service_id].sticky_per_link and order.link
    }
    if not links:
        return {}
    asked = [{"service_id": service_id, "link_key": key} for service_id, key in links]
    rows = fetch_all(_SQL["last_of_link"], {"links": as_json(asked)})
    return {(row.service_id, row.link_key): row.route_id for row in rows}


def _fields(
    order: Any,
    quantity: int,
    option: RouteOption,
    order_type: OrderType,
    subscription: Any | None,
    *,
    provider: Standing,
) -> dict[str, str]:
    if subscription is not None:
        fields = subscription_fields(
            external_id=option.external_id,
            username=subscription.username,
            smallest=subscription.min,
            largest=subscription.max,
            posts=subscription.posts,
            old_posts=subscription.old_posts,
            delay_minutes=subscription.delay_minutes,
            expiry=subscription.expiry,
        )
    else:
        fields = add_fields(
            external_id=option.external_id,
            type=order_type,
            link=order.link,
            quantity=quantity,
            fields=order.fields,
        )
    return with_key(fields, access=provider.access) if provider.takes_idempotency_key else fields
