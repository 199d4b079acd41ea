"""Announcing that orders were placed, without a single statement in the way of placing them.

The orders themselves tell: those that no event tells of yet are found by their ids, including those that are
committed later than others with higher ids (see `purveyor.outbox.gaps`). `place` holds the customer before it
takes ids, so it has a transaction number by then.
"""

from typing import Any, Final

import msgspec
import structlog

from purveyor.database import fetch_all, hot_cursor, load_sql
from purveyor.outbox.announcing import Event, announce
from purveyor.outbox.gaps import Gap, Seen, after_look
from purveyor.outbox.numbering import Derivation, Derived

_SQL: Final = load_sql(__file__, "created.sql")
_log = structlog.get_logger(__name__)

MOST_GAPS: Final = 2_000
"""While so many are open, which takes a long transaction and many refused orders, no new orders are looked
for: what is remembered stays small."""


def announce_new_orders(limit: int, last: int) -> Derived:
    """Announce up to `limit` orders that were not announced before, at the positions after `last`.

    Runs inside the transaction of whoever numbers events. An outbox that is younger than the panel begins
    with the orders that were placed after it was made.
    """
    with hot_cursor() as cursor:
        cursor.execute(_SQL["begin"].encode())
    (held,) = fetch_all(_SQL["hold"])
    before = Seen(upto=held.seen, gaps=msgspec.convert(held.gaps, tuple[Gap, ...]))
    waits = len(before.gaps) >= MOST_GAPS
    rows = fetch_all(
        _SQL["look"], {"seen": before.upto, "gaps": _as_text(before), "limit": 0 if waits else limit}
    )
    orders = [row for row in rows if row.id is not None]
    after = after_look(
        before,
        found=[row.id for row in orders],
        oldest_running=rows[0].oldest_running,
        own=rows[0].own,
    )
    if after != before:
        with hot_cursor() as cursor:
            cursor.execute(_SQL["keep"].encode(), {"seen": after.upto, "gaps": _as_text(after)})
    if len(before.gaps) < MOST_GAPS <= len(after.gaps):
        _log.warning("new_orders_wait_for_a_transaction", gaps=len(after.gaps))
    announce([_created(order) for order in orders], after=last)
    return Derived(last + len(orders), is_all=not waits and len(orders) < limit)


def are_new_orders() -> bool:
    """Whether there may be orders to announce."""
    (row,) = fetch_all(_SQL["are_new"])
    return bool(row.found)


NEW_ORDERS: Final = Derivation(is_due=are_new_orders, announce=announce_new_orders)


def _created(order: Any) -> Event:
    return Event(
        kind="order.created",
        about=f"order:{order.id}",
        customer_id=order.customer_id,
        data={
            "kind": order.kind,
            "service": order.service_id,
            "link": order.link,
            "quantity": order.quantity,
            "charge": order.charge,
            "currency": order.currency,
            "source": order.source,
            "parent": order.parent_id,
            "placed_at": order.created_at,
        },
    )


def _as_text(seen: Seen) -> str:
    return msgspec.json.encode(seen.gaps).decode()
