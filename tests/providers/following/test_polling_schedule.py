from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.providers.following.polling_schedule import (
    EARLY_LATEST,
    LATEST,
    LOOKS_AFTER_END,
    NEARLY_FINISHED_LATEST,
    SOONEST,
    SUBSCRIPTION_LATEST,
    delay_after_end,
    first_delay,
    next_delay,
)
from purveyor.providers.standing.polling_budget import LEAST_STRETCH, MOST_STRETCH

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


@pytest.mark.parametrize(
    ("age", "usual", "delay"),
    [
        # An order that usually takes long is not asked about every few seconds while it is new.
        (0 * SECOND, HOUR, 72 * SECOND),
        (0 * SECOND, 10 * DAY, 5 * MINUTE),
        # About the usual time it is asked about more often than its age asks for, until it is stuck.
        (HOUR, HOUR, 6 * MINUTE),
        (2 * HOUR, HOUR, 6 * MINUTE),
        (2 * HOUR + SECOND, HOUR, (2 * HOUR + SECOND) * 0.2),
        (10 * HOUR, HOUR, LATEST),
        # A service that takes a moment is not asked about without pause.
        (0 * SECOND, SECOND, SOONEST),
        (20 * SECOND, 20 * SECOND, SOONEST),
    ],
)
def test_about_the_usual_time_of_its_service_an_order_is_asked_about_most(
    age: timedelta, usual: timedelta, delay: timedelta
) -> None:
    assert next_delay(age=age, remains=None, quantity=1000, usual=usual) == delay


def test_a_scarce_budget_stretches_every_delay_alike() -> None:
    assert next_delay(age=0 * SECOND, remains=None, quantity=1, stretch=2) == 2 * SOONEST
    assert next_delay(age=9 * DAY, remains=None, quantity=1, stretch=2) == 2 * LATEST
    assert next_delay(age=9 * DAY, remains=0, quantity=1, stretch=2) == 2 * NEARLY_FINISHED_LATEST


def test_an_ample_budget_brings_questions_forward_but_never_below_the_shortest_delay() -> None:
    assert next_delay(age=9 * DAY, remains=None, quantity=1, stretch=0.25) == LATEST / 4
    assert next_delay(age=0 * SECOND, remains=None, quantity=1, stretch=0.25) == SOONEST


def test_a_subscription_never_waits_for_long() -> None:
    assert next_delay(age=100 * DAY, remains=None, quantity=0, subscription=True) == SUBSCRIPTION_LATEST


ages = st.timedeltas(timedelta(0), 1000 * DAY)
usual_times = st.none() | st.timedeltas(timedelta(0), 100 * DAY)
stretches = st.floats(LEAST_STRETCH, MOST_STRETCH)


@given(
    age=ages,
    remains=st.none() | st.integers(0, 1000),
    subscription=st.booleans(),
    usual=usual_times,
    stretch=stretches,
)
def test_delays_stay_within_their_limits(
    age: timedelta, remains: int | None, usual: timedelta | None, stretch: float, *, subscription: bool
) -> None:
    delay = next_delay(
        age=age, remains=remains, quantity=1000, subscription=subscription, usual=usual, stretch=stretch
    )
    assert max(SOONEST * stretch, SOONEST) <= delay <= LATEST * stretch


@given(ages=st.tuples(ages, ages), usual=usual_times, stretch=stretches)
def test_an_older_order_is_never_asked_about_sooner(
    ages: tuple[timedelta, timedelta], usual: timedelta | None, stretch: float
) -> None:
    younger, older = (
        next_delay(age=age, remains=None, quantity=1, usual=usual, stretch=stretch) for age in sorted(ages)
    )
    assert younger <= older


@given(age=ages, usual=usual_times, remains=st.tuples(st.integers(0, 1000), st.integers(0, 1000)))
def test_less_that_remains_never_puts_a_question_off(
    age: timedelta, usual: timedelta | None, remains: tuple[int, int]
) -> None:
    less, more = (next_delay(age=age, remains=left, quantity=1000, usual=usual) for left in sorted(remains))
    assert less <= more


@given(age=ages, usual=usual_times, stretches=st.tuples(stretches, stretches))
def test_less_budget_never_brings_a_question_forward(
    age: timedelta, usual: timedelta | None, stretches: tuple[float, float]
) -> None:
    more, less = (
        next_delay(age=age, remains=None, quantity=1, usual=usual, stretch=stretch)
        for stretch in sorted(stretches)
    )
    assert more <= less


def test_a_finished_order_is_looked_at_a_few_times_and_then_left_alone() -> None:
    since_end, looks = timedelta(0), 0
    while (delay := delay_after_end(since_end=since_end)) is not None:
        assert delay > timedelta(0)
        since_end += delay
        looks += 1
    assert looks == len(LOOKS_AFTER_END)
    assert since_end == LOOKS_AFTER_END[-1]


@given(st.none() | st.timedeltas(timedelta(0), timedelta(days=400)))
def test_the_first_question_waits_for_what_takes_long_but_not_for_ever(usual: timedelta | None) -> None:
    assert SOONEST <= first_delay(usual=usual) <= EARLY_LATEST


def test_what_takes_a_minute_is_asked_about_as_soon_as_what_nobody_knows() -> None:
    assert first_delay(usual=MINUTE) == first_delay(usual=None) == SOONEST
    assert first_delay(usual=HOUR) == 72 * SECOND
