"""Paying for calls out of a provider's budgets, which lie on its row and hold for all workers together."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import OperationalError, transaction
from psycopg.errors import LockNotAvailable

from purveyor.database import fetch_all, hot_cursor, id_array, load_sql
from purveyor.providers.standing.call_budget import CallBudget, status_calls_per_minute
from purveyor.providers.standing.polling_budget import CREDIT, Budget

_SQL: Final = load_sql(__file__, "paying.sql")

MOST_WAITING_MILLISECONDS: Final = 2000
"""For a provider's row: who waits keeps a database thread from others."""


def orders_affordable(provider_ids: Collection[int]) -> dict[int, int]:
    """How many orders may go now to each of these providers, which have a limit of calls.

    None of one that another worker is paying for at this moment. To be called in the transaction that pays.
    """
    left = dict.fromkeys(provider_ids, 0)
    for row in fetch_all(_SQL["lock_limited"], {"providers": id_array(provider_ids)}):
        budget = CallBudget(calls_per_minute=row.calls_per_minute, spent_until=row.calls_spent_until)
        left[row.id] = budget.calls_left(now=row.now, orders=True)
    return left


def spend_calls(calls: Mapping[int, int]) -> None:
    """Take so many calls of each provider off its budget of all calls, where it has one."""
    with hot_cursor() as cursor:
        cursor.execute(
            _SQL["spend_calls"].encode(), {"providers": list(calls), "calls": list(calls.values())}
        )


def pay(*, provider_id: int, status: bool, on_credit: bool = False) -> bool:
    """Pay for one call, of `status` or of another kind; False where the budgets do not reach for it now.

    `on_credit` reaches further: for a call without which another is worth little. What is claimed next waits
    for it. Budgets that somebody else holds for longer than a moment do not reach: a sync may take minutes.
    """
    try:
        return _pay(provider_id=provider_id, status=status, on_credit=on_credit)
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        return False


@transaction.atomic
def _pay(*, provider_id: int, status: bool, on_credit: bool) -> bool:
    fetch_all(_SQL["limit_waiting"], {"milliseconds": MOST_WAITING_MILLISECONDS})
    (row,) = fetch_all(_SQL["lock_budgets_of"], {"provider": provider_id})
    credit = CREDIT if on_credit else timedelta(0)
    every = every_budget(row)
    if every is not None and not every.calls_left(now=row.now, credit=credit):
        return False
    if status:
        budget = status_budget(row)
        if budget is not None:
            if not budget.calls_left(now=row.now, credit=credit):
                return False
            spent_until = max(budget.spent_until, row.now) + budget.between_calls
            _spend_status(provider_id, spent_until)
    spend_calls({provider_id: 1})
    return True


def every_budget(row: Any) -> CallBudget | None:
    """The budget of all calls on a provider's row; None where it has none."""
    if row.calls_per_minute is None:
        return None
    return CallBudget(calls_per_minute=row.calls_per_minute, spent_until=row.calls_spent_until)


def status_budget(row: Any) -> Budget | None:
    """The budget of `status` calls on a provider's row; None where it has none."""
    limit = status_calls_per_minute(status=row.status_calls_per_minute, every=row.calls_per_minute)
    if limit is None:
        return None
    return Budget(calls_per_minute=limit, spent_until=row.status_spent_until, stretch=row.status_stretch)


def _spend_status(provider_id: int, spent_until: datetime) -> None:
    with hot_cursor() as cursor:
        cursor.execute(_SQL["spend_status"].encode(), {"provider": provider_id, "spent_until": spent_until})
