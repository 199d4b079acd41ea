"""Forgetting what was said to providers and by them, once nobody will ask about it any more."""

from typing import Final

from django.db import transaction

from purveyor import configuration
from purveyor.database import hot_cursor, load_sql

_SQL: Final = load_sql(__file__, "forgetting.sql")

MOST_AT_ONCE: Final = 1_000
IDLE_SECONDS: Final = 60.0


@transaction.atomic
def forget_exchanges(limit: int = MOST_AT_ONCE) -> int:
    """Forget what is older than `PURVEYOR_EXCHANGE_DAYS`, up to `limit` of each kind; returns how many.

    That is the wording of what was sent and answered about orders, and of what was answered to wishes to
    cancel and refill; evidence; and changes of lists that nothing of ours followed. What belongs to a
    hand-over of unknown outcome stays, and to one that was settled less long ago. When something was sent,
    with what outcome and which HTTP status, stays in any case.
    """
    parameters = {"days": configuration.current().exchange_days, "limit": limit}
    with hot_cursor() as cursor:
        return max(cursor.execute(statement.encode(), parameters).rowcount for statement in _SQL.values())
