"""Announcing what has happened, in the transaction that made it true: both are committed, or neither."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
from django.db import connection

from purveyor.database import as_json, hot_cursor, load_sql
from purveyor.outbox.kinds import KINDS

_SQL: Final = load_sql(__file__, "announcing.sql")


class CannotAnnounce(Exception):
    """An event is not of a kind that is documented, or no transaction is open: a mistake in the code."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that has happened.

    `kind` and the fields of `data` are those of `kinds.py`. `about` names what it happened to, as in
    `order:12`. `customer_id` says whose it is; None is the panel's own business, which no customer is told.
    """

    kind: str
    about: str
    customer_id: int | None = None
    data: Mapping[str, Any] = {}


def announce(events: Sequence[Event], *, after: int | None = None) -> None:
    """Write events into the outbox, all of them in one statement; an empty list takes none.

    `after` is the last position given away, of whoever numbers events: these get the next ones at once. An
    `order.created` that is there already is left as it is, and the position stays unused. Raises
    `CannotAnnounce`.
    """
    if not events:
        return
    if not connection.in_atomic_block:
        raise CannotAnnounce("events are announced in the transaction that makes them true")
    for event in events:
        _check(event)
    rows = [
        {
            "kind": event.kind,
            "about": event.about,
            "customer_id": event.customer_id,
            "data": _plain(event.data),
        }
        for event in events
    ]
    with hot_cursor() as cursor:
        cursor.execute(_SQL["announce"].encode(), {"events": as_json(rows), "after": after})


def _check(event: Event) -> None:
    kind = KINDS.get(event.kind)
    if kind is None:
        raise CannotAnnounce(f"{event.kind!r} is no kind of event")
    if not event.about.startswith(f"{kind.about}:"):
        raise CannotAnnounce(f"{event.kind} is about {kind.about}:N, not {event.about!r}")
    strange = event.data.keys() - set(kind.fields)
    if strange:
        raise CannotAnnounce(f"{event.kind} has no {', '.join(sorted(strange))} in its data")


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data with decimals as people write them: 0.00000000 and never 0E-8."""
    return {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in data.items()}
