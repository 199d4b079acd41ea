"""The line of a link: of a service that says so, a second order for one link waits for the first to end.

Whoever ordered: two deliveries at a time make each other's start counts worthless. In a line are all orders
of one service for one link, runs of drip-feeds and posts of subscriptions among them, oldest first. An order
that is held for a reason of its own keeps its place, and those behind it wait.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import transaction

from purveyor.database import as_json, fetch_all, hot_cursor, id_array, load_sql
from purveyor.orders.queue import Round, hold_each, requeue

_SQL: Final = load_sql(__file__, "same_link.sql")

WAITS: Final = "Waits for order {order} with the same link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """Which of some claimed orders may not go now."""

    behind: Mapping[int, int] = field(default_factory=dict)
    """The order before it, by order."""
    undecided: frozenset[int] = frozenset()
    """Orders whose line another worker decides about at this moment: they stay queued."""


def turns(orders: Sequence[Any]) -> Turns:
    """Which of these orders must wait, to be asked in the transaction that claimed them.

    The lines of those that may go are held until that transaction ends: so of two workers that claim two
    orders for one link at the same moment, one sees what the other did.
    """
    lines = {
        (row.service_id, row.link_key): row.is_ours
        for row in fetch_all(_SQL["hold_lines"], {"orders": _places(orders)})
    }
    behind: dict[int, int] = {}
    undecided: set[int] = set()
    oldest: dict[tuple[int, int], Any] = {}
    last: dict[tuple[int, int], int] = {}
    for order in sorted(orders, key=lambda order: order.id):
        line = (order.service_id, order.link_key)
        if not lines[line]:
            undecided.add(order.id)
        elif line in oldest:
            behind[order.id] = last[line]
        else:
            oldest[line] = order
        last[line] = order.id
    # One look per line, however many of its orders were claimed: the others wait for each other.
    rows = fetch_all(_SQL["before"], {"orders": _places(list(oldest.values()))}) if oldest else []
    return Turns(behind=behind | {row.id: row.before for row in rows}, undecided=frozenset(undecided))


def _places(orders: Sequence[Any]) -> str:
    return as_json(
        [{"id": order.id, "service_id": order.service_id, "link_key": order.link_key} for order in orders]
    )


def wait_in_line(behind: Mapping[int, int]) -> None:
    """Hold orders, which the caller holds, until those before them have ended."""
    if not behind:
        return
    hold_each({order_id: WAITS.format(order=before) for order_id, before in behind.items()})
    waits = [{"id": order_id, "before": before} for order_id, before in behind.items()]
    with hot_cursor() as cursor:
        cursor.execute(_SQL["write_waits"].encode(), {"waits": as_json(waits), "ids": id_array(behind)})


@transaction.atomic
def release_next(limit: int, *, lines: Round | None = None) -> int:
    """Queue up to `limit` orders again, oldest first, whose turn it may be; returns how many.

    Those are looked for in the next part of the `lines`.
    """
    part = (lines or Round()).next_part(of="in_line")
    ids = [row.id for row in fetch_all(_SQL["next_in_line"], part | {"limit": limit})]
    if ids:
        requeue(ids)
    return len(ids)
