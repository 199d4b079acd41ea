"""Taking orders out of the queue for a provider: all is written and committed before a request leaves."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import structlog
from django.db import DataError, IntegrityError, transaction

from purveyor.catalog.order_types import FORMS, OrderForm, OrderType, QuantityFrom
from purveyor.catalog.prices import PER_THOUSAND
from purveyor.database import as_json, fetch_all, id_array, load_sql
from purveyor.orders.cancelling import cancel_undelivered
from purveyor.orders.models import Dispatch, OrderKind
from purveyor.orders.queue import claim_queued, hold, mark_handed
from purveyor.providers.add_fields import add_fields, subscription_fields
from purveyor.providers.costing import AbsurdCost, expected_cost
from purveyor.providers.holds import ABSURD_COST, LONGEST_REASON_CHARACTERS, NOT_ACCEPTED, NOT_WRITABLE, Hold
from purveyor.providers.idempotency import with_key
from purveyor.providers.locking import lock_order
from purveyor.providers.margin import Sale
from purveyor.providers.routing import NobodyTakesIt, RouteOption, Wait, choose_route
from purveyor.providers.standing import Standing, standings

_SQL: Final = load_sql(__file__, "handing_over.sql")
_log = structlog.get_logger(__name__)

LEASE_MARGIN_SECONDS: Final = 30.0
"""Beyond the provider's time-out: for waiting to be sent, and for writing the outcome down."""
SEND_WITHIN_SECONDS: Final = 15.0
"""A hand-over that could not be sent within this time of being written is given back."""
MOST_AT_ONCE: Final = 128
"""Orders taken out of the queue in one transaction."""
MOST_HELD_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """An order on its way: its fulfilment and attempt are committed, the request may leave."""

    order_id: int
    fulfilment_id: int
    attempt_id: int
    provider: Standing
    fields: dict[str, str]
    """What is sent, without the key."""
    cost: Decimal
    """Expected, in panel currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one look into the queue brought."""

    hand_overs: list[HandOver] = field(default_factory=list)
    capacity: dict[int, int] = field(default_factory=dict)
    """Of each provider that takes orders: how many hand-overs may be written and unanswered."""
    drained: bool = True
    """Whether the queue held fewer orders than there was room for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    order: Any
    number: int
    option: RouteOption
    provider: Standing
    fields: dict[str, str]
    cost: Decimal


@dataclass(slots=True, kw_only=True)
class _Plan:
    """What becomes of a batch of orders."""

    send: list[_Planned] = field(default_factory=list)
    hold: dict[str, list[int]] = field(default_factory=dict)
    """By reason."""
    end: dict[int, str] = field(default_factory=dict)
    """Orders that end Canceled, with why, in words that a customer can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Surroundings:
    """What is known about a batch of orders beside their rows; routes and forms by service."""

    routes: dict[int, list[RouteOption]]
    forms: dict[int, OrderForm]
    earlier: dict[int, Any]
    subscriptions: dict[int, Any]
    unwanted: set[int]
    """Orders that their customers have asked to cancel."""


def capacity(provider: Standing) -> int:
    """How many hand-overs to a provider may be written and unanswered.

    Twice as many as may be called at a time, so that no place waits for the next look into the queue. Not
    more: when a worker is killed, each of them is an unknown outcome.
    """
    return 1 if provider.one_by_one else 2 * provider.parallel_calls


def hand_over(*, busy: Mapping[int, int]) -> Claim:
    """Take orders out of the queue as far as providers have room, and write down that they are being sent.

    `busy` tells for each provider how many hand-overs of this worker are unanswered. An order that no
    provider can take now is held with the reason; one that every route refused for what it is, or whose
    customer has asked to cancel it, ends Canceled.
    """
    claim, end = _claim(busy)
    for order_id, reason in end.items():
        try:
            _end(order_id, reason)
        except Exception:  # noqa: BLE001  (what was claimed must be sent now; the next look ends this one)
            _log.exception("order_not_ended", order_id=order_id)
    return claim


@transaction.atomic
def _claim(busy: Mapping[int, int]) -> tuple[Claim, dict[int, str]]:
    providers = standings()
    limits = {item.id: capacity(item) for item in providers.values() if item.sendable}
    room = {provider_id: limit - busy.get(provider_id, 0) for provider_id, limit in limits.items()}
    full = [provider_id for provider_id, left in room.items() if left <= 0]
    if full and len(full) == len(room):
        return Claim(capacity=limits, drained=False), {}
    wanted = min(sum(max(left, 0) for left in room.values()), MOST_AT_ONCE) if room else MOST_HELD_AT_ONCE
    orders = claim_queued(wanted, except_services=_busy_services(full=full, sendable=list(room)))
    if not orders:
        return Claim(capacity=limits), {}
    plan = _plan(orders, providers, room)
    for reason, order_ids in plan.hold.items():
        hold(order_ids, reason=reason)
    return Claim(hand_overs=_write(plan.send), capacity=limits, drained=len(orders) < wanted), plan.end


@transaction.atomic
def _end(order_id: int, reason: str) -> None:
    """Cancel an order that is still queued. Alone: it locks its parent and a wallet, and others theirs."""
    order = lock_order(order_id)
    if order.dispatch == Dispatch.QUEUED:
        cancel_undelivered(order_id=order_id, kind=OrderKind(order.kind), reason=reason)


def _busy_services(*, full: list[int], sendable: list[int]) -> list[int]:
    if not full:
        return []
    return [
        row.service_id
        for row in fetch_all(_SQL["busy_services"], {"full": id_array(full), "sendable": id_array(sendable)})
    ]


def _plan(orders: Sequence[Any], providers: Mapping[int, Standing], room: Mapping[int, int]) -> _Plan:
    """Choose a route for each order. Orders beyond the room stay queued."""
    surroundings = _look_around(orders, providers)
    left = Counter(room)
    plan = _Plan()
    for order in orders:
        if order.id in surroundings.unwanted:
            plan.end[order.id] = ""
            continue
        before = surroundings.earlier.get(order.id)
        form = surroundings.forms[order.service_id]
        choice = choose_route(
            surroundings.routes[order.service_id],
            refused_by=before.refused_by if before is not None else (),
            sale=_sale(order, form),
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
                    quantity=order.quantity,
                    is_package=form.is_package,
                )
            except AbsurdCost:
                plan.hold.setdefault(ABSURD_COST, []).append(order.id)
                continue
            left[choice.provider_id] -= 1
            plan.send.append(
                _Planned(
                    order=order,
                    number=before.last + 1 if before is not None else 1,
                    option=choice,
                    provider=providers[choice.provider_id],
                    fields=_fields(
                        order,
                        choice,
                        form.type,
                        surroundings.subscriptions.get(order.id),
                        provider=providers[choice.provider_id],
                    ),
                    cost=cost,
                )
            )
    return plan


def _sale(order: Any, form: OrderForm) -> Sale:
    if order.kind == OrderKind.SUBSCRIPTION:
        return Sale(charge=order.unit_price, quantity=int(PER_THOUSAND), is_package=False)
    return Sale(charge=order.charge, quantity=order.quantity, is_package=form.is_package)


def _look_around(orders: Sequence[Any], providers: Mapping[int, Standing]) -> _Surroundings:
    services = list({order.service_id for order in orders})
    routes: dict[int, list[RouteOption]] = {service_id: [] for service_id in services}
    for row in fetch_all(_SQL["routes"], {"services": id_array(services)}):
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
    types = fetch_all(_SQL["types"], {"services": id_array(services)})
    ids = {"orders": id_array(order.id for order in orders)}
    earlier = fetch_all(_SQL["earlier"], ids)
    subscriptions = [order.id for order in orders if order.kind == OrderKind.SUBSCRIPTION]
    terms = fetch_all(_SQL["subscriptions"], {"orders": id_array(subscriptions)}) if subscriptions else []
    return _Surroundings(
        routes=routes,
        forms={row.id: FORMS[OrderType(row.type)] for row in types},
        earlier={row.order_id: row for row in earlier},
        subscriptions={row.order_id: row for row in terms},
        unwanted={row.order_id for row in fetch_all(_SQL["cancel_wishes"], ids)},
    )


def _fields(
    order: Any, option: RouteOption, order_type: OrderType, subscription: Any | None, *, provider: Standing
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
            quantity=order.quantity,
            fields=order.fields,
        )
    return with_key(fields, access=provider.access) if provider.takes_idempotency_key else fields


def _write(planned: Sequence[_Planned]) -> list[HandOver]:
    """Write hand-overs down. One that the database rejects is held, and stops no other."""
    if not planned:
        return []
    try:
        with transaction.atomic():
            return _write_all(planned)
    except (DataError, IntegrityError):
        if len(planned) == 1:
            order_id = planned[0].order.id
            _log.exception("hand_over_cannot_be_written", order_id=order_id)
            hold([order_id], reason=NOT_WRITABLE)
            return []
    middle = len(planned) // 2
    return _write(planned[:middle]) + _write(planned[middle:])


def _write_all(planned: Sequence[_Planned]) -> list[HandOver]:
    mark_handed([item.order.id for item in planned])
    rows = fetch_all(
        _SQL["write_hand_overs"],
        {
            "hand_overs": as_json(
                [
                    {
                        "place": place,
                        "order_id": item.order.id,
                        "number": item.number,
                        "provider_id": item.provider.id,
                        "route_id": item.option.route_id,
                        "external_id": item.option.external_id,
                        "quantity": item.order.quantity,
                        "rate": item.option.rate,
                        "fx_rate": item.option.terms.fx_rate,
                        "bonus_percent": item.option.terms.top_up_bonus_percent,
                        "fee_percent": item.option.terms.fee_percent,
                        "cost": item.cost,
                        "lease_seconds": item.provider.access.timeout_seconds + LEASE_MARGIN_SECONDS,
                        "request": item.fields,
                    }
                    for place, item in enumerate(planned)
                ]
            )
        },
    )
    return [
        HandOver(
            order_id=item.order.id,
            fulfilment_id=row.fulfilment_id,
            attempt_id=row.attempt_id,
            provider=item.provider,
            fields=item.fields,
            cost=item.cost,
        )
        for item, row in zip(planned, rows, strict=True)
    ]
