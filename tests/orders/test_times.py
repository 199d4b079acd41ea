"""How long orders take: the average that customers read, and percentiles."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.orders.times import LEAST_MEASURED, LONGEST_TIME, Delivery, average_time, percentile

times = st.timedeltas(timedelta(0), timedelta(days=400))
deliveries = st.builds(Delivery, took=times, quantity=st.integers(1, 10**7), is_package=st.booleans())


def delivery(minutes: float, *, quantity: int = 1000, is_package: bool = False) -> Delivery:
    return Delivery(took=timedelta(minutes=minutes), quantity=quantity, is_package=is_package)


def test_the_last_ten_count_and_no_others() -> None:
    told = [delivery(minutes) for minutes in range(1, 11)] + [delivery(9999)] * 5
    assert average_time(told) == timedelta(minutes=5.5)


def test_below_ten_there_is_not_enough_data() -> None:
    assert average_time([delivery(5)] * 9) is None
    assert percentile([timedelta(minutes=5)] * 9, 0.5) is None


def test_times_are_scaled_to_a_thousand() -> None:
    half = [delivery(10, quantity=500)] * 5
    double = [delivery(10, quantity=2000)] * 5
    assert average_time(half + double) == timedelta(minutes=(20 + 5) / 2)


def test_a_package_is_not_scaled() -> None:
    assert average_time([delivery(30, quantity=1, is_package=True)] * 10) == timedelta(minutes=30)


@given(st.lists(deliveries, min_size=LEAST_MEASURED))
def test_the_average_lies_between_its_times(told: list[Delivery]) -> None:
    average = average_time(told)
    scaled = [
        item.took if item.is_package else min(item.took * 1000 / item.quantity, LONGEST_TIME)
        for item in told[:LEAST_MEASURED]
        if item.is_package or item.took.total_seconds() * 1000 / item.quantity < 10**11
    ]
    assert average is not None
    slack = timedelta(microseconds=10)
    assert timedelta(0) <= average <= LONGEST_TIME
    if len(scaled) == LEAST_MEASURED:
        assert min(scaled) - slack <= average <= max(scaled) + slack


PERCENTILES = [(0.5, 50), (0.9, 90), (0.99, 99), (1.0, 100), (0.001, 1)]


@pytest.mark.parametrize(("share", "minutes"), PERCENTILES)
def test_percentiles(share: float, minutes: int) -> None:
    assert percentile([timedelta(minutes=n) for n in range(100, 0, -1)], share) == timedelta(minutes=minutes)


@given(st.lists(times, min_size=LEAST_MEASURED), st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_percentile_covers_its_share_and_grows_with_it(
    told: list[timedelta], one: float, other: float
) -> None:
    low, high = percentile(told, min(one, other)), percentile(told, max(one, other))
    assert low is not None
    assert high is not None
    assert low in told
    assert low <= high
    assert sum(time <= low for time in told) >= min(one, other) * len(told) - 1e-6
