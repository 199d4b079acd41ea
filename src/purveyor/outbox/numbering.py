"""Giving committed events their positions, so that readers miss none.

Ids are taken before a transaction commits, and commits come in another order: a reader who asks for what
comes after the highest id it saw would miss what commits later with a lower one. So readers go by positions,
which only events that are committed get, from one transaction at a time; what that one derives itself is
written with its position. Whatever has a position is in front of whatever gets one later.

Not the number of the transaction (`pg_current_xact_id`), though readers could be held back to the oldest
transaction under way by it: it does not survive a dump and restore, any long transaction on the server would
hold up all readers, and it puts a transaction that waited for another's lock in front of it. Positions keep
what happens to one order, provider or refill in its order, because whoever changes it holds it locked: the
later event is written, and so has its id, after the earlier one was committed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.db import transaction

from purveyor.database import fetch_all, hot_cursor, id_array, load_sql

_SQL: Final = load_sql(__file__, "numbering.sql")

MOST_AT_ONCE: Final = 5_000
IDLE_SECONDS: Final = 0.3


@dataclass(frozen=True, slots=True)
class Derived:
    """What was derived now."""

    last: int
    """The last position given away, by then."""
    is_all: bool
    """Whether there was no more to derive. What happened is not numbered before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """Events that nobody announces where they happen, because nothing may slow that down.

    They come from rows that are there before any event about them is announced, and are numbered first.
    """

    is_due: Callable[[], bool]
    """Whether there may be something; takes no lock."""
    announce: Callable[[int, int], Derived]
    """Announces up to so many events, with positions after the last one given away."""


NOTHING_DERIVED: Final = Derivation(is_due=lambda: False, announce=lambda _, last: Derived(last, is_all=True))


def number_events(limit: int = MOST_AT_ONCE, *, derivation: Derivation = NOTHING_DERIVED) -> int:
    """Give up to `limit` committed events their positions, and as many derived ones; returns how many.

    0 also while another worker is at it.
    """
    (fresh,) = fetch_all(_SQL["are_fresh"])
    if not fresh.found and not derivation.is_due():
        return 0
    with transaction.atomic():
        held = fetch_all(_SQL["hold_numbering"])
        if not held:
            return 0
        last: int = held[0].last
        # Read before deriving: whatever these are about is committed, so it is derived now if it is at all.
        ids = [row.id for row in fetch_all(_SQL["fresh"], {"limit": limit})]
        derived = derivation.announce(limit, last)
        if not derived.is_all:
            ids = []
        numbered = derived.last - last + len(ids)
        if numbered:
            with hot_cursor() as cursor:
                cursor.execute(_SQL["number"].encode(), {"last": derived.last, "ids": id_array(ids)})
    return numbered
