from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.providers.standing.polling_budget import (
    AHEAD_AT_MOST,
    FAIRLY_LATE,
    LEAST_STRETCH,
    MOST_STRETCH,
    TIME_TO_ADAPT,
    Budget,
)

SECOND, MINUTE, HOUR = (timedelta(seconds=seconds) for seconds in (1, 60, 3600))
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def budget(calls_per_minute: int = 60, *, spent_until: datetime = NOON, stretch: float = 1.0) -> Budget:
    return Budget(calls_per_minute=calls_per_minute, spent_until=spent_until, stretch=stretch)


def calls_in(*, calls_per_minute: int, time: timedelta) -> int:
    """How many calls go out when as many as allowed go out every second."""
    current, calls = budget(calls_per_minute), 0
    for second in range(int(time / SECOND)):
        now = NOON + second * SECOND
        left = current.calls_left(now=now)
        current = current.after(now=now, calls=left, overdue=MINUTE, more_is_due=True)
        calls += left
    return calls


@pytest.mark.parametrize(
    ("calls_per_minute", "left"),
    [(60, 10), (600, 100), (6, 1), (1, 1)],
)
def test_after_a_rest_some_calls_may_go_out_at_once_and_always_one(calls_per_minute: int, left: int) -> None:
    assert budget(calls_per_minute).calls_left(now=NOON) == left
    assert budget(calls_per_minute).calls_left(now=NOON + 5 * HOUR) == left


@given(calls_per_minute=st.integers(1, 600))
def test_in_an_hour_no_more_calls_go_out_than_the_budget_allows(calls_per_minute: int) -> None:
    ahead = max(AHEAD_AT_MOST * calls_per_minute / MINUTE, 1)
    assert 60 * calls_per_minute - 1 <= calls_in(calls_per_minute=calls_per_minute, time=HOUR)
    assert calls_in(calls_per_minute=calls_per_minute, time=HOUR) <= 60 * calls_per_minute + ahead


def test_a_spent_budget_comes_back_call_by_call() -> None:
    spent = budget().after(now=NOON, calls=10, overdue=SECOND, more_is_due=False)
    assert [spent.calls_left(now=NOON + seconds * SECOND) for seconds in (0, 1, 3, 10, 100)] == [
        0,
        1,
        3,
        10,
        10,
    ]


def run(seconds: int, *, overdue: timedelta, more_is_due: bool, start: float = 1.0) -> float:
    """The stretch after so many claims, one each second."""
    current = budget(stretch=start)
    for second in range(seconds):
        now = NOON + second * SECOND
        current = current.after(now=now, calls=1, overdue=overdue, more_is_due=more_is_due)
    return current.stretch


def test_the_stretch_grows_while_what_is_due_waits_too_long_and_shrinks_when_it_does_not() -> None:
    time = TIME_TO_ADAPT // SECOND
    assert run(time, overdue=2 * FAIRLY_LATE, more_is_due=True) == pytest.approx(2.718, rel=0.01)
    assert run(time, overdue=FAIRLY_LATE, more_is_due=True, start=4) == pytest.approx(4)
    half_as_late = run(time, overdue=FAIRLY_LATE / 2, more_is_due=True, start=4)
    assert half_as_late == pytest.approx(4 / 1.6487, rel=0.01)
    assert run(time, overdue=MINUTE, more_is_due=False, start=4) == pytest.approx(4 / 2.718, rel=0.01)
    assert run(9 * time, overdue=MINUTE, more_is_due=False, start=4) == LEAST_STRETCH


def test_an_outage_that_one_claim_makes_up_for_hardly_moves_the_stretch() -> None:
    late = budget().after(now=NOON + 5 * HOUR, calls=10, overdue=5 * HOUR, more_is_due=True)
    assert late.stretch < 1.1


@given(
    stretch=st.floats(LEAST_STRETCH, MOST_STRETCH),
    overdue=st.timedeltas(timedelta(0), timedelta(days=400)),
    rest=st.timedeltas(timedelta(0), timedelta(days=400)),
    calls=st.integers(0, 400),
    more_is_due=st.booleans(),
)
def test_the_stretch_stays_within_its_limits(
    stretch: float, overdue: timedelta, rest: timedelta, calls: int, *, more_is_due: bool
) -> None:
    after = budget(stretch=stretch).after(
        now=NOON + rest, calls=calls, overdue=overdue, more_is_due=more_is_due
    )
    assert LEAST_STRETCH <= after.stretch <= MOST_STRETCH
    assert after.spent_until >= NOON + rest
