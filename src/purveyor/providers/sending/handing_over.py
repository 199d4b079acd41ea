"""Taking orders out of the queue for a provider: all is written and committed before a request leaves."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog
from django.db import DataError, IntegrityError, transaction

from purveyor.database import as_json, fetch_all, id_array, load_sql
from purveyor.orders.cancelling import cancel_undelivered
from purveyor.orders.models import Dispatch, OrderKind
from purveyor.orders.queue import claim_queued, hold, mark_handed, waiting_services
from purveyor.orders.same_link import wait_in_line
from purveyor.providers.desks.desks import put_on_desks
from purveyor.providers.elsewhere.finishing import supersede
from purveyor.providers.elsewhere.refilling import claim_refills_elsewhere, leave_refill
from purveyor.providers.locking import lock_order
from purveyor.providers.models import NEUTRAL_SCORE
from purveyor.providers.outcomes.under_way import HandOver
from purveyor.providers.routes.planning import Planned, plan_orders
from purveyor.providers.standing.holds import NOT_WRITABLE
from purveyor.providers.standing.paying import orders_affordable, spend_calls
from purveyor.providers.standing.standing import Standing, standings

_SQL: Final = load_sql(__file__, "handing_over.sql")
_log = structlog.get_logger(__name__)

LEASE_MARGIN_SECONDS: Final = 30.0
"""Beyond the provider's time-out: for waiting to be sent, and for writing the outcome down."""
SEND_WITHIN_SECONDS: Final = 15.0
"""A hand-over that could not be sent within this time of its claim is given back. No call may be under way
when its lease ends, since what is unknown may be settled as not placed."""
MOST_AT_ONCE: Final = 128
"""Orders taken out of the queue in one transaction."""
MOST_HELD_AT_ONCE: Final = 500
MOST_CLAIMS: Final = 8
"""In one look into the queue: each looks past orders that wait for a full provider, as the last one found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one look into the queue brought."""

    hand_overs: list[HandOver] = field(default_factory=list)
    capacity: dict[int, int] = field(default_factory=dict)
    """Of each provider that takes orders: how many hand-overs may be written and unanswered."""
    drained: bool = True
    """Whether the queue held fewer orders than there was room for."""
    began: float = 0.0
    """By the monotonic clock, as its leases do. On a busy machine it is heard of long after."""


def capacity(provider: Standing) -> int:
    """How many hand-overs to a provider may be written and unanswered.

    Twice as many as may be called at a time, so that no place waits for the next look into the queue. Not
    more: when a worker is killed, each of them is an unknown outcome. A desk takes whatever comes.
    """
    if provider.by_hand:
        return MOST_AT_ONCE
    return 1 if provider.one_by_one else 2 * provider.parallel_calls


def hand_over(*, busy: Mapping[int, int]) -> Claim:
    """Take orders out of the queue as far as providers have room, and write down that they are being sent.

    `busy` tells for each provider how many hand-overs of this worker are unanswered. An order that no
    provider can take now is held with the reason; one that every route refused for what it is, or whose
    customer has asked to cancel it, ends Canceled.
    """
    began = time.monotonic()
    try:
        claim, end = _claim(busy)
    except (DataError, IntegrityError):
        # Something of it cannot be written down. That is rare: only now it pays to find out what.
        claim, end = _claim(busy, carefully=True)
    for order_id, reason in end.items():
        try:
            _end(order_id, reason)
        except Exception:  # noqa: BLE001  (what was claimed must be sent now; the next look ends this one)
            _log.exception("order_not_ended", order_id=order_id)
    return replace(claim, began=began)


@transaction.atomic
def _claim(busy: Mapping[int, int], *, carefully: bool = False) -> tuple[Claim, dict[int, str]]:
    providers = standings()
    limits = {item.id: capacity(item) for item in providers.values() if item.sendable}
    room = {provider_id: limit - busy.get(provider_id, 0) for provider_id, limit in limits.items()}
    limited = [item for item in room if room[item] > 0 and providers[item].calls_per_minute is not None]
    if limited:
        affordable = orders_affordable(limited)
        room |= {provider_id: min(room[provider_id], affordable[provider_id]) for provider_id in limited}
    full = [provider_id for provider_id, left in room.items() if left <= 0]
    if full and len(full) == len(room):
        # Answers make room again, and wake the dispatcher; a budget does it by and by.
        return Claim(capacity=limits, drained=set(full) <= set(limited)), {}
    look = _Look(providers=providers, room=room, write=_write if carefully else _write_all)
    look.send(claim_refills_elsewhere(providers, room, full=full))
    services, stuck = (None, []) if look.all_have_room else _sort_out(look)
    drained = _claim_for_room(look, services)
    if stuck:
        # After those that can go: however many wait for a provider that takes none, they delay nobody.
        most = MOST_AT_ONCE if look.hand_overs else MOST_HELD_AT_ONCE
        orders = claim_queued(most, services=stuck)
        look.take(orders)
        drained = drained and len(orders) < most
    if limited:
        spend_calls(Counter(item.provider.id for item in look.hand_overs))
    # Where nothing moved, nothing will before somebody makes room: no reason to look again at once.
    return Claim(hand_overs=look.hand_overs, capacity=limits, drained=drained or not look.moved), look.end


@dataclass(slots=True, kw_only=True)
class _Look:
    """What one look into the queue has done so far, in its transaction."""

    providers: Mapping[int, Standing]
    room: dict[int, int]
    write: Callable[[Sequence[Planned]], list[HandOver]]
    hand_overs: list[HandOver] = field(default_factory=list)
    end: dict[int, str] = field(default_factory=dict)
    moved: bool = False
    """Whether an order left the queue."""

    @property
    def has_room(self) -> bool:
        return any(left > 0 for left in self.room.values())

    @property
    def all_have_room(self) -> bool:
        return len(self.room) == len(self.providers) > 0 and all(left > 0 for left in self.room.values())

    def take(self, orders: Sequence[Any]) -> set[int]:
        """Do with claimed orders what becomes of them; return the services of which some stay."""
        if not orders:
            return set()
        plan = plan_orders(orders, self.providers, self.room)
        for reason, held in plan.hold.items():
            hold([item.order_id for item in held], reason=reason, decisions=[item.decision for item in held])
        wait_in_line(plan.behind)
        self.send(plan.send)
        self.end |= plan.end
        self.moved = self.moved or plan.moves_any
        return plan.crowded

    def send(self, planned: Sequence[Planned]) -> None:
        """Write hand-overs down, in the room that there is for them."""
        self.hand_overs += self.write(planned)
        taken = Counter(item.provider.id for item in planned)
        self.room = {provider_id: left - taken[provider_id] for provider_id, left in self.room.items()}


def _claim_for_room(look: _Look, services: list[int] | None) -> bool:
    """Take the oldest orders of these services, or of all, as there is room; True when none is left."""
    wanted = min(sum(max(left, 0) for left in look.room.values()), MOST_AT_ONCE)
    # With the oldest order of each of so many services, no other service has one of the oldest.
    claimed = claim_queued(wanted, services=services and services[: 2 * wanted])
    passed: set[int] = set()
    for _ in range(MOST_CLAIMS):
        crowded = look.take(claimed)
        if len(claimed) < wanted or not claimed:
            return True
        if not crowded or not look.has_room:
            return False
        # Orders that wait for a full provider hid those of others: look past them, without their services.
        # Far, even where there is little room: so few orders at a time would be of few services.
        wanted = MOST_AT_ONCE
        passed |= crowded
        services = [service for service in _sort_out(look)[0] if service not in passed]
        claimed = claim_queued(wanted, services=services, after=claimed[-1].id)
    return False


def _sort_out(look: _Look) -> tuple[list[int], list[int]]:
    """The services of which orders wait and may go now, and those whose orders nobody can take.

    What waits for a provider without room is in neither, so that it does not hide what can go.
    """
    full = [provider_id for provider_id, left in look.room.items() if left <= 0]
    waiting = waiting_services()
    rows = fetch_all(
        _SQL["usable_services"],
        {
            "services": id_array(waiting),
            "full": id_array(full),
            "sendable": id_array(look.room),
            "neutral_score": NEUTRAL_SCORE,
        },
    )
    is_full = {row.service_id: row.is_full for row in rows}
    open_ = [service for service in waiting if is_full.get(service) is False]
    return open_, [service for service in waiting if service not in is_full]


@transaction.atomic
def _end(order_id: int, reason: str) -> None:
    """Cancel an order that is still queued. Alone: it locks its parent and a wallet, and others theirs."""
    order = lock_order(order_id)
    if order.dispatch == Dispatch.QUEUED:
        cancel_undelivered(order_id=order_id, kind=OrderKind(order.kind), reason=reason)


def _write(planned: Sequence[Planned]) -> list[HandOver]:
    """Write hand-overs down. One that the database rejects is held, and stops no other."""
    try:
        with transaction.atomic():
            return _write_all(planned)
    except (DataError, IntegrityError):
        if len(planned) == 1:
            order_id = planned[0].order.id
            _log.exception("hand_over_cannot_be_written", order_id=order_id)
            if planned[0].refill_id is not None:
                leave_refill(planned[0].refill_id, NOT_WRITABLE, seconds=None)
            else:
                hold([order_id], reason=NOT_WRITABLE)
            return []
    middle = len(planned) // 2
    return _write(planned[:middle]) + _write(planned[middle:])


def _write_all(planned: Sequence[Planned]) -> list[HandOver]:
    if not planned:
        return []
    mark_handed([item.order.id for item in planned if item.refill_id is None])
    if rests := [item.order.id for item in planned if item.is_rest]:
        supersede(rests)
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
                        "quantity": item.quantity,
                        "part": item.quantity if item.is_rest or item.refill_id is not None else None,
                        "refill_id": item.refill_id,
                        "rate": item.option.rate,
                        "fx_rate": item.option.terms.fx_rate,
                        "bonus_percent": item.option.terms.top_up_bonus_percent,
                        "fee_percent": item.option.terms.fee_percent,
                        "cost": item.cost,
                        "decision": item.decision,
                        "link_key": item.link_key,
                        "lease_seconds": item.provider.access.timeout_seconds + LEASE_MARGIN_SECONDS,
                        "request": item.fields,
                    }
                    for place, item in enumerate(planned)
                ]
            )
        },
    )
    hand_overs = [
        HandOver(
            order_id=item.order.id,
            fulfilment_id=row.fulfilment_id,
            attempt_id=row.attempt_id,
            provider=item.provider,
            fields=item.fields,
            cost=item.cost,
            usual=row.usual,
        )
        for item, row in zip(planned, rows, strict=True)
    ]
    put_on_desks([item for item in hand_overs if item.provider.by_hand])
    return [item for item in hand_overs if not item.provider.by_hand]
