"""Orders on their way to whoever fulfils them. The order row is the queue entry."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final, Literal

from django.utils import timezone

from purveyor.database import as_json, fetch_all, hot_cursor, id_array, load_sql
from purveyor.orders.announcing import announce_held
from purveyor.orders.models import Dispatch, EventKind, Order, OrderEvent

_SQL: Final = load_sql(__file__, "queue.sql")

MOST_LOOKED_AT: Final = 2_000
"""Orders that wait, each time that it is looked what is due of them."""


@dataclass(slots=True)
class Round:
    """How far a loop has come that looks at a part of the orders that wait each time, and then begins anew.

    So many of them make it slower, not dearer: with few, every one is looked at each time.
    """

    after: int = 0

    def next_part(self, *, of: Literal["held", "in_line", "waiting"]) -> dict[str, int]:
        """The ids after which, and up to which, the next part lies; `waiting` are held or queued."""
        after = self.after
        (part,) = fetch_all(_SQL[f"part_{of}"], {"after": after, "most": MOST_LOOKED_AT})
        self.after = part.last if part.number == MOST_LOOKED_AT else 0
        return {"after": after, "last": part.last or after}


def waiting_services() -> list[int]:
    """Services of which orders are queued, that of the oldest first."""
    return [row.service_id for row in fetch_all(_SQL["waiting_services"])]


def claim_queued(limit: int, *, services: Sequence[int] | None = None, after: int = 0) -> list[Any]:
    """The oldest queued orders that nobody holds, beyond the id `after`, held until the transaction ends.

    Of every service, or of some of them only.
    """
    if services is None:
        return fetch_all(_SQL["claim"], {"limit": limit, "after": after})
    if not services:
        return []
    return fetch_all(
        _SQL["claim_of_services"], {"limit": limit, "services": id_array(services), "after": after}
    )


def mark_handed(order_ids: Iterable[int]) -> None:
    """Take orders out of the queue: a fulfilment was written for each, in the same transaction."""
    with hot_cursor() as cursor:
        cursor.execute(_SQL["hand"].encode(), {"ids": id_array(order_ids)})


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
        cursor.execute(_SQL["hold"].encode(), {"held": as_json(held), "ids": id_array(reasons)})
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
