"""Deleting events that nobody needs any more."""

from typing import Final

import structlog
from django.db import transaction

from purveyor import configuration
from purveyor.database import fetch_all, load_sql

_SQL: Final = load_sql(__file__, "retention.sql")
_log = structlog.get_logger(__name__)

MOST_AT_ONCE: Final = 2_000
IDLE_SECONDS: Final = 60.0
LAGGARD_FACTOR: Final = 3
"""An event that some consumer has not read is kept so many times as long, and then deleted all the same: a
consumer that was forgotten must not fill the disk."""


@transaction.atomic
def delete_old_events(limit: int = MOST_AT_ONCE) -> int:
    """Delete the oldest events, up to `limit`, that are older than `PURVEYOR_EVENT_DAYS`; returns how many.

    What a consumer has not read yet stays three times as long. Deleting it then is logged as an error.
    """
    days = configuration.current().event_days
    (row,) = fetch_all(
        _SQL["delete_old"], {"limit": limit, "days": days, "laggard_days": days * LAGGARD_FACTOR}
    )
    if row.unread:
        _log.error("unread_events_deleted", events=row.unread, consumers=row.laggards)
    return int(row.deleted)
