"""What becomes of each order of a batch: a route, a hold, or its end. Nothing is written here."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from purveyor.catalog.order_types import FORMS, OrderForm, OrderType, QuantityFrom
from purveyor.catalog.prices import PER_THOUSAND
from purveyor.database import fetch_all, id_array, load_sql
from purveyor.orders.models import OrderKind
from purveyor.orders.same_link import Turns, turns
from purveyor.providers.add_fields import add_fields, subscription_fields
from purveyor.providers.costing import AbsurdCost, expected_cost
from purveyor.providers.holds import (
    ABSURD_COST,
    LONGEST_REASON_CHARACTERS,
    NOBODY_FINISHES,
    NOT_ACCEPTED,
    Hold,
)
from purveyor.providers.idempotency import with_key
from purveyor.providers.margin import Sale
from purveyor.providers.rest import routes_for_rest, share_of
from purveyor.providers.routing import NobodyTakesIt, RouteOption, Wait, choose_route
from purveyor.providers.standing import Standing

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
    fields: dict[str, str]
    cost: Decimal


@dataclass(slots=True, kw_only=True)
class Plan:
    """What becomes of a batch of orders."""

    send: list[Planned] = field(default_factory=list)
    hold: dict[str, list[int]] = field(default_factory=dict)
    """By reason."""
    end: dict[int, str] = field(default_factory=dict)
    """Orders that end, refunded as far as they were not delivered, with why in words a customer can read."""
    behind: dict[int, int] = field(default_factory=dict)
    """Orders that wait for another one with their link: which, by order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Surroundings:
    """What is known about a batch of orders beside their rows; routes and forms by service."""

    routes: dict[int, list[RouteOption]]
    forms: dict[int, OrderForm]
    earlier: dict[int, Any]
    subscriptions: dict[int, Any]
    unwanted: set[int]
    """Orders that their customers have asked to cancel."""
    turns: Turns


def plan_orders(orders: Sequence[Any], providers: Mapping[int, Standing], room: Mapping[int, int]) -> Plan:
    """Choose a route for each claimed order; those that must stay queued are in none of its parts.

    `room` tells how many more each provider takes. The caller holds the orders.
    """
    surroundings = _look_around(orders, providers)
    left = Counter(room)
    plan = Plan()
    for order in orders:
        if order.id in surroundings.unwanted:
            plan.end[order.id] = ""
            continue
        if order.id in surroundings.turns.undecided:
            continue
        if order.id in surroundings.turns.behind:
            plan.behind[order.id] = surroundings.turns.behind[order.id]
            continue
        before = surroundings.earlier.get(order.id)
        form = surroundings.forms[order.service_id]
        part = _part(order, before, form, surroundings.routes[order.service_id])
        if part.is_rest and not part.options:
            plan.end[order.id] = NOBODY_FINISHES
            continue
        choice = choose_route(
            part.options,
            refused_by=before.refused_by if before is not None else (),
            sale=part.sale,
            counts=form.quantity in (QuantityFrom.FIELD, QuantityFrom.LINES),
        )
        if isinstance(choice, Wait):
            plan.hold.setdefault(choice.reason, []).append(order.id)
        elif isinstance(choice, NobodyTakesIt):
            text = before.refusal_text if before is not None else ""
            plan.end[order.id] = NOT_ACCEPTED.format(text=text)[:LONGEST_REASON_CHARACTERS]
        elif left[choice.provider_id] > 0:
            try:
                cost = expected_cost(
                    rate=choice.rate,
                    terms=choice.terms,
                    quantity=part.quantity,
                    is_package=form.is_package,
                )
            except AbsurdCost:
                plan.hold.setdefault(ABSURD_COST, []).append(order.id)
                continue
            left[choice.provider_id] -= 1
            plan.send.append(
                Planned(
                    order=order,
                    number=before.last + 1 if before is not None else 1,
                    option=choice,
                    provider=providers[choice.provider_id],
                    quantity=part.quantity,
                    is_rest=part.is_rest,
                    fields=_fields(
                        order,
                        part.quantity,
                        choice,
                        form.type,
                        surroundings.subscriptions.get(order.id),
                        provider=providers[choice.provider_id],
                    ),
                    cost=cost,
                )
            )
    return plan


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What of an order is handed over, and by which routes it may go."""

    is_rest: bool
    quantity: int
    sale: Sale
    options: Sequence[RouteOption]


def _part(order: Any, before: Any | None, form: OrderForm, options: Sequence[RouteOption]) -> _Part:
    """All of an order, or what those who accepted it before have left of it."""
    whole = _sale(order, form)
    if before is None or not before.accepted:
        return _Part(is_rest=False, quantity=order.quantity, sale=whole, options=options)
    sale = share_of(whole, quantity=order.remains)
    return _Part(
        is_rest=True,
        quantity=order.remains,
        sale=sale,
        options=routes_for_rest(options, used=before.used, sale=sale),
    )


def _sale(order: Any, form: OrderForm) -> Sale:
    if order.kind == OrderKind.SUBSCRIPTION:
        return Sale(charge=order.unit_price, quantity=int(PER_THOUSAND), is_package=False)
    return Sale(charge=order.charge, quantity=order.quantity, is_package=form.is_package)


def _look_around(orders: Sequence[Any], providers: Mapping[int, Standing]) -> _Surroundings:
    services = list({order.service_id for order in orders})
    routes = route_options(services, providers)
    types = fetch_all(_SQL["types"], {"services": id_array(services)})
    ids = {"orders": id_array(order.id for order in orders)}
    earlier = fetch_all(_SQL["earlier"], ids)
    subscriptions = [order.id for order in orders if order.kind == OrderKind.SUBSCRIPTION]
    terms = fetch_all(_SQL["subscriptions"], {"orders": id_array(subscriptions)}) if subscriptions else []
    queuing = {row.id for row in types if row.queue_same_link}
    in_line = [order for order in orders if order.service_id in queuing and order.kind == OrderKind.ORDER]
    return _Surroundings(
        routes=routes,
        forms={row.id: FORMS[OrderType(row.type)] for row in types},
        earlier={row.order_id: row for row in earlier},
        subscriptions={row.order_id: row for row in terms},
        unwanted={row.order_id for row in fetch_all(_SQL["cancel_wishes"], ids)},
        turns=turns(in_line) if in_line else Turns(),
    )


def route_options(
    service_ids: Collection[int], providers: Mapping[int, Standing]
) -> dict[int, list[RouteOption]]:
    """The open routes of each of these services, in their order of preference, as they stand now."""
    routes: dict[int, list[RouteOption]] = {service_id: [] for service_id in service_ids}
    for row in fetch_all(_SQL["routes"], {"services": id_array(service_ids)}):
        provider = providers[row.provider_id]
        routes[row.service_id].append(
            RouteOption(
                route_id=row.route_id,
                provider_id=row.provider_id,
                external_id=row.external_id,
                rate=row.rate,
                terms=provider.terms,
                margin_floor_percent=row.margin_floor_percent,
                min=row.min,
                max=row.max,
                hold_reason=provider.hold_reason or (Hold.PRICE_IN_DOUBT if row.price_in_doubt else ""),
            )
        )
    return routes


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
