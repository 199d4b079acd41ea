"""Reading events: each consumer by its own name and position, at least once, in the order of positions."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from django.db import transaction

from purveyor.database import fetch_all, hot_cursor, load_sql

_SQL: Final = load_sql(__file__, "consuming.sql")

MOST_AT_ONCE: Final = 500


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is read."""

    position: int
    kind: str
    about: str
    customer_id: int | None
    data: Mapping[str, Any]
    created_at: datetime


def events_after(position: int, limit: int = MOST_AT_ONCE) -> list[Announced]:
    """The first events after a position, 0 being the beginning of what is kept.

    However transactions overlap, none will ever appear before the last of them.
    """
    rows = fetch_all(_SQL["events_after"], {"position": position, "limit": limit})
    return [Announced(**row._asdict()) for row in rows]


def start_consumer(name: str) -> None:
    """Let a consumer read what is announced from now on. One that has started goes on where it is."""
    with hot_cursor() as cursor:
        cursor.execute(_SQL["start"].encode(), {"name": name})


def stop_consumer(name: str) -> None:
    """Forget a consumer and its position, so that no event is kept for it any more."""
    with hot_cursor() as cursor:
        cursor.execute(_SQL["stop"].encode(), {"name": name})


def consume(name: str, work: Callable[[Sequence[Announced]], None], *, limit: int = MOST_AT_ONCE) -> int:
    """Give a consumer's next events to `work` and move its position, in one transaction; returns how many.

    What `work` writes is committed with the position or not at all, so it calls nobody outside: it writes
    down what is to be delivered. 0 when there is nothing, the consumer was not started, or another worker
    has it in hand.
    """
    with transaction.atomic():
        held = fetch_all(_SQL["hold"], {"name": name})
        events = events_after(held[0].position, limit) if held else []
        if events:
            work(events)
            with hot_cursor() as cursor:
                cursor.execute(_SQL["advance"].encode(), {"name": name, "position": events[-1].position})
    return len(events)
