"""Orders that are not complete when they were promised to be: each is acted upon once."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import structlog
from django.db import transaction

from purveyor.database import as_json, fetch_all, hot_cursor, id_array, load_sql
from purveyor.orders.cancelling import cancel_by_panel
from purveyor.orders.models import EventKind, OrderEvent, OrderPromise, PastPromise, PromiseOutcome
from purveyor.orders.promising import note_promises_of_waiting
from purveyor.orders.queue import Round
from purveyor.outbox.announcing import Event, announce
from purveyor.providers.elsewhere.finishing import could_go_elsewhere
from purveyor.providers.locking import lock_orders

_SQL: Final = load_sql(__file__, "late_orders.sql")
_log = structlog.get_logger(__name__)

MOST_AT_ONCE: Final = 100
IDLE_SECONDS: Final = 5.0
TOO_LATE: Final = "It was not complete in the promised time"
"""Of a cancel, in words that a customer can read."""

_OUTCOMES: Final = {
    PastPromise.ASK: PromiseOutcome.ASKED,
    PastPromise.TELL: PromiseOutcome.TOLD,
    PastPromise.CANCEL: PromiseOutcome.CANCELED,
    PastPromise.REROUTE: PromiseOutcome.REROUTED,
}


class NotAsked(Exception):
    """Nobody is asked about the order; the text says so."""


def act_on_late_orders(*, waiting: Round | None = None) -> int:
    """Act upon orders whose promised time is over, as their services say; returns how much was found to do.

    Orders without a promise are looked for in the next part of those that are `waiting`.

    Money returns as after any other cancel: when the provider has confirmed it, or at once where the order
    was never sent (money rule 7).
    """
    return max(note_promises_of_waiting(waiting or Round(), limit=MOST_AT_ONCE), _settle_asked(), _act())


@transaction.atomic
def _act() -> int:
    ids = [row.order_id for row in fetch_all(_SQL["claim"], {"limit": MOST_AT_ONCE})]
    if not ids:
        return 0
    lock_orders(ids)
    rows = fetch_all(_SQL["late"], {"ids": id_array(ids)})
    outcomes = {row.id: _outcome(row) for row in rows}
    late = [row for row in rows if outcomes[row.id] in _OUTCOMES.values()]
    wanted = {order_id for order_id, outcome in outcomes.items() if outcome is PromiseOutcome.REROUTED}
    outcomes |= dict.fromkeys(wanted - _ask_to_stop(wanted), PromiseOutcome.TOLD)
    _settle(outcomes)
    _tell(late, outcomes)
    cancel_by_panel([row.id for row in late if outcomes[row.id] is PromiseOutcome.CANCELED], reason=TOO_LATE)
    return len(ids)


@transaction.atomic
def answer(*, order_id: int, cancel: bool, actor: str) -> None:
    """Answer the question what to do with a late order: cancel it, or let it go on.

    The timeline tells that `actor` did. Raises `NotAsked` when nobody is asked about it.
    """
    lock_orders([order_id])
    asked = OrderPromise.objects.filter(order_id=order_id, outcome=PromiseOutcome.ASKED).first()
    if asked is None:
        raise NotAsked(f"nobody is asked about order {order_id}")
    outcome = PromiseOutcome.CANCELED if cancel else PromiseOutcome.WAITED
    _settle({order_id: outcome})
    OrderEvent.objects.create(
        order_id=order_id,
        kind=EventKind.PROMISE,
        data={
            "promised_until": asked.promised_until.isoformat(),
            "outcome": outcome.value,
            "actor": actor,
        },
    )
    if cancel:
        cancel_by_panel([order_id], reason=TOO_LATE)


def _outcome(row: Any) -> PromiseOutcome:
    if row.ended:
        return PromiseOutcome.KEPT if row.status_at <= row.promised_until else PromiseOutcome.LATE
    return PromiseOutcome.DROPPED if row.past is None else _OUTCOMES[PastPromise(row.past)]


def _ask_to_stop(order_ids: Collection[int]) -> set[int]:
    """Ask the providers of these orders to stop, where another one would go on now; tell of which.

    What they confirm as undelivered goes there then (`elsewhere`). An order that is still on its way, or
    waits, will find another route without that.
    """
    movable = could_go_elsewhere(order_ids) if order_ids else set()
    if not movable:
        return set()
    return {row.order_id for row in fetch_all(_SQL["ask_to_stop"], {"ids": id_array(movable)})}


def _settle(outcomes: dict[int, PromiseOutcome]) -> None:
    told = [{"order_id": order_id, "outcome": outcome.value} for order_id, outcome in outcomes.items()]
    with hot_cursor() as cursor:
        cursor.execute(_SQL["settle"].encode(), {"told": as_json(told), "ids": id_array(outcomes)})


def _settle_asked() -> int:
    with hot_cursor() as cursor:
        return cursor.execute(_SQL["settle_asked"].encode(), {"limit": MOST_AT_ONCE}).rowcount


def _tell(late: Sequence[Any], outcomes: dict[int, PromiseOutcome]) -> None:
    OrderEvent.objects.bulk_create(
        OrderEvent(
            order_id=row.id,
            kind=EventKind.PROMISE,
            data={"promised_until": row.promised_until.isoformat(), "outcome": outcomes[row.id].value},
        )
        for row in late
    )
    announce(
        [
            Event(
                kind="order.late",
                about=f"order:{row.id}",
                customer_id=row.customer_id,
                data={"promised_until": row.promised_until, "outcome": outcomes[row.id].value},
            )
            for row in late
        ]
    )
    if late:
        _log.warning("orders_late", orders=[row.id for row in late])
