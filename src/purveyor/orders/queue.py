"""Orders on their way to whoever fulfils them. The order row is the queue entry."""

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any, Final

from django.utils import timezone

from purveyor.database import as_json, fetch_all, hot_cursor, id_array
from purveyor.orders.announcing import announce_held
from purveyor.orders.models import Dispatch, EventKind, Order, OrderEvent

_CLAIM: Final = """
SELECT orders.id, orders.kind, orders.customer_id, orders.service_id, orders.link, orders.link_key,
       orders.quantity, orders.remains, orders.charge, orders.unit_price,
       orders.fields::json AS fields
FROM orders_order orders
WHERE orders.dispatch = 'queued' AND orders.id > %(after)s
  AND NOT orders.service_id = ANY(%(except)s::bigint[])
ORDER BY orders.id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
"""

_HAND: Final = """
UPDATE orders_order SET dispatch = 'handed', hold_reason = '' WHERE id = ANY(%(ids)s::bigint[])
"""

# The ids are given twice because the planner knows the length of an array, but not of JSON rows.
_HOLD: Final = """
UPDATE orders_order SET dispatch = 'held', hold_reason = held.reason
FROM json_to_recordset(%(held)s::json) AS held (id bigint, reason text)
WHERE orders_order.id = held.id AND orders_order.id = ANY(%(ids)s::bigint[])
"""


def claim_queued(limit: int, *, except_services: Iterable[int] = (), after: int = 0) -> list[Any]:
    """The oldest queued orders that nobody holds, beyond the id `after`, held until the transaction ends."""
    return fetch_all(_CLAIM, {"limit": limit, "except": id_array(except_services), "after": after})


def mark_handed(order_ids: Iterable[int]) -> None:
    """Take orders out of the queue: a fulfilment was written for each, in the same transaction."""
    with hot_cursor() as cursor:
        cursor.execute(_HAND.encode(), {"ids": id_array(order_ids)})


def requeue(order_ids: Iterable[int]) -> None:
    """Put orders back into the queue: their hand-over was definitely refused, or what held them is over."""
    Order.objects.filter(pk__in=list(order_ids)).update(
        dispatch=Dispatch.QUEUED, hold_reason="", waits_for=None
    )


def hold(
    order_ids: Iterable[int], *, reason: str, decisions: Iterable[Mapping[str, Any] | None] = ()
) -> None:
    """Keep orders from being handed over, for a reason that a person can read.

    `decisions` tells of each order why no route took it; the timeline keeps it beside the reason.
    """
    hold_each(dict.fromkeys(order_ids, reason), decisions=decisions)


def hold_each(reasons: Mapping[int, str], *, decisions: Iterable[Mapping[str, Any] | None] = ()) -> None:
    """The same of orders with a reason each."""
    held = [{"id": order_id, "reason": reason} for order_id, reason in reasons.items()]
    with hot_cursor() as cursor:
        cursor.execute(_HOLD.encode(), {"held": as_json(held), "ids": id_array(reasons)})
    OrderEvent.objects.bulk_create(
        OrderEvent(
            order_id=order_id,
            kind=EventKind.HELD,
            data={"reason": reason} | ({"decision": decision} if decision is not None else {}),
            created_at=timezone.now(),
        )
        for (order_id, reason), decision in zip_longest(reasons.items(), decisions)
    )
    announce_held(reasons)


def release_held(*, reason: str, limit: int) -> int:
    """Queue up to `limit` orders again, oldest first, that are held for this reason; returns how many."""
    ids = list(
        Order.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(dispatch=Dispatch.HELD, hold_reason=reason)
        .order_by("pk")
        .values_list("pk", flat=True)[:limit]
    )
    requeue(ids)
    return len(ids)
