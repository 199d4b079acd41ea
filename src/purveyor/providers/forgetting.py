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
    """Clear what was sent and answered, and delete evidence, of the oldest up to `limit`; returns how many.

    That is what is older than `PURVEYOR_EXCHANGE_DAYS`, and belongs to no hand-over of unknown outcome, nor
    to one that was settled less long ago. When, with what outcome and which HTTP status stays.
    """
    parameters = {"days": configuration.current().exchange_days, "limit": limit}
    with hot_cursor() as cursor:
        cleared = cursor.execute(_SQL["clear_attempts"].encode(), parameters).rowcount
        deleted = cursor.execute(_SQL["delete_evidence"].encode(), parameters).rowcount
    return max(cleared, deleted)
