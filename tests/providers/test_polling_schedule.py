from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.providers.polling_schedule import (
    LATEST,
    LOOKS_AFTER_END,
    NEARLY_FINISHED_LATEST,
    SOONEST,
    SUBSCRIPTION_LATEST,
    delay_after_end,
    next_delay,
)

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=seconds) for seconds in (1, 60, 3600, 86400))


@pytest.mark.parametrize(
    ("age", "remains", "delay"),
    [
        (0 * SECOND, 1000, SOONEST),
        (10 * SECOND, 1000, SOONEST),
        (2 * MINUTE, 1000, 24 * SECOND),
        (HOUR, 1000, 12 * MINUTE),
        (2 * DAY, 1000, LATEST),
        (2 * DAY, None, LATEST),
        # The last tenth is watched closely, however old the order is.
        (2 * DAY, 100, NEARLY_FINISHED_LATEST),
        (2 * DAY, 0, NEARLY_FINISHED_LATEST),
        (10 * SECOND, 0, SOONEST),
    ],
)
def test_young_and_nearly_finished_orders_are_asked_about_often(
    age: timedelta, remains: int | None, delay: timedelta
) -> None:
    assert next_delay(age=age, remains=remains, quantity=1000) == delay


def test_a_subscription_never_waits_for_long() -> None:
    assert next_delay(age=100 * DAY, remains=None, quantity=0, subscription=True) == SUBSCRIPTION_LATEST


@given(seconds=st.integers(0, 10**9), remains=st.none() | st.integers(0, 1000))
def test_delays_stay_within_their_limits(seconds: int, remains: int | None) -> None:
    assert SOONEST <= next_delay(age=seconds * SECOND, remains=remains, quantity=1000) <= LATEST


@given(older=st.integers(0, 10**8), younger=st.integers(0, 10**8))
def test_an_older_order_is_never_asked_about_sooner(older: int, younger: int) -> None:
    older, younger = max(older, younger), min(older, younger)
    assert next_delay(age=older * SECOND, remains=None, quantity=1) >= next_delay(
        age=younger * SECOND, remains=None, quantity=1
    )


def test_a_finished_order_is_looked_at_a_few_times_and_then_left_alone() -> None:
    since_end, looks = timedelta(0), 0
    while (delay := delay_after_end(since_end=since_end)) is not None:
        assert delay > timedelta(0)
        since_end += delay
        looks += 1
    assert looks == len(LOOKS_AFTER_END)
    assert since_end == LOOKS_AFTER_END[-1]
