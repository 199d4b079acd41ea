from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.providers.standing.call_budget import (
    FEWEST_CALLS_PER_MINUTE,
    CallBudget,
    status_calls_per_minute,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECONDS_PER_HOUR = 3600
SECONDS_PER_MINUTE = 60


def budget(calls_per_minute: int = 60, *, spent_until: datetime = NOON) -> CallBudget:
    return CallBudget(calls_per_minute=calls_per_minute, spent_until=spent_until)


@pytest.mark.parametrize(
    ("calls_per_minute", "orders", "others"), [(60, 5, 10), (600, 50, 100), (6, 1, 2), (2, 1, 2)]
)
def test_after_a_rest_some_calls_may_go_out_at_once(calls_per_minute: int, orders: int, others: int) -> None:
    rested = budget(calls_per_minute)
    assert rested.calls_left(now=NOON, orders=True) == orders
    assert rested.calls_left(now=NOON) == others
    assert rested.calls_left(now=NOON + timedelta(days=3)) == others


@given(calls_per_minute=st.integers(FEWEST_CALLS_PER_MINUTE, 600), first=st.booleans())
def test_neither_orders_nor_the_rest_starve_however_many_are_wanted(
    calls_per_minute: int, *, first: bool
) -> None:
    """An hour in which both want more than there is; questions about orders keep to their half."""
    current, made = budget(calls_per_minute), {True: 0, False: 0}
    asked_until = NOON
    limit = status_calls_per_minute(status=None, every=calls_per_minute)
    assert limit is not None
    for second in range(SECONDS_PER_HOUR):
        now = NOON + timedelta(seconds=second)
        for orders in (first, not first):
            calls = current.calls_left(now=now, orders=orders)
            if not orders:
                calls = min(calls, 1) if asked_until <= now else 0
                asked_until = max(asked_until, now) + calls * timedelta(seconds=SECONDS_PER_MINUTE) / limit
            spent = max(current.spent_until, now) + calls * current.between_calls
            current = budget(calls_per_minute, spent_until=spent)
            made[orders] += calls
    assert sum(made.values()) <= calls_per_minute * 60 + max(calls_per_minute / 6, 2) + 1
    assert made[True] >= calls_per_minute * 60 * 0.4
    wanted = min(limit * 60, SECONDS_PER_HOUR)  # no more than one of them is asked for each second here
    assert made[False] >= wanted * 0.5


@pytest.mark.parametrize(
    ("status", "every", "limit"),
    [(None, None, None), (60, None, 60), (None, 60, 30), (10, 60, 10), (60, 60, 30), (60, 2, 1), (1, 3, 1)],
)
def test_questions_about_orders_leave_half_of_all_calls(
    status: int | None, every: int | None, limit: int | None
) -> None:
    assert status_calls_per_minute(status=status, every=every) == limit
