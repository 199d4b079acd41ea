"""Giving committed events their positions, so that readers miss none.

Ids are taken before a transaction commits, and commits come in another order: a reader who asks for what
comes after the highest id it saw would miss what commits later with a lower one. So readers go by positions,
which only events that are committed get, from one transaction at a time. Whatever has a position is in front
of whatever gets one later.

Not the number of the transaction (`pg_current_xact_id`), though readers could be held back to the oldest
transaction under way by it: it does not survive a dump and restore, any long transaction on the server would
hold up all readers, and it puts a transaction that waited for another's lock in front of it. Positions keep
what happens to one order, provider or refill in its order, because whoever changes it holds it locked: the
later event is written, and so has its id, after the earlier one was committed.
"""

from typing import Final

from django.db import transaction

from purveyor.database import fetch_all, load_sql

_SQL: Final = load_sql(__file__, "numbering.sql")

MOST_AT_ONCE: Final = 5_000
IDLE_SECONDS: Final = 0.3


@transaction.atomic
def number_events(limit: int = MOST_AT_ONCE) -> int:
    """Give up to `limit` committed events their positions and return how many.

    0 also while another worker is at it.
    """
    held = fetch_all(_SQL["hold_numbering"])
    if not held:
        return 0
    (row,) = fetch_all(_SQL["number"], {"last": held[0].last, "limit": limit})
    return int(row.numbered)
