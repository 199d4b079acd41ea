"""When a balance will be empty, and when that is news."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.providers.standing.forecast import (
    LONGEST_FORECAST,
    Forecast,
    Limits,
    Spending,
    forecast,
    is_low,
)

amounts = st.decimals(-(10**6), 10**9, places=8)
spendings = st.builds(Spending, last_hour=amounts, last_six_hours=amounts, last_day=amounts)
some_limits = st.builds(
    Limits,
    hours=st.none() | st.decimals(0, 1000, places=2),
    amount=st.none() | st.decimals(0, 10**6, places=2),
)


def steady(per_hour: int) -> Spending:
    """As much in every hour of the day."""
    return Spending(
        last_hour=Decimal(per_hour), last_six_hours=Decimal(per_hour * 6), last_day=Decimal(per_hour * 24)
    )


def test_a_steady_spender() -> None:
    made = forecast(told=Decimal(100), spent_since=Decimal(20), spending=steady(15))
    assert made == Forecast(
        balance=Decimal(80), per_hour=Decimal(15), empty_in=timedelta(hours=5, minutes=20)
    )


def test_what_goes_on_now_says_most() -> None:
    waking = Spending(last_hour=Decimal(24), last_six_hours=Decimal(24), last_day=Decimal(24))
    assert waking.per_hour == Decimal(12) + Decimal("1.2") + Decimal("0.2")


def test_who_spends_nothing_never_runs_dry() -> None:
    assert forecast(told=Decimal(1), spent_since=Decimal(0), spending=steady(0)).empty_in is None
    assert forecast(told=Decimal(0), spent_since=Decimal(0), spending=steady(0)).empty_in == timedelta(0)


def test_what_lasts_for_years_is_never() -> None:
    cents = Spending(last_hour=Decimal("0.01"), last_six_hours=Decimal("0.01"), last_day=Decimal("0.01"))
    assert forecast(told=Decimal(10**6), spent_since=Decimal(0), spending=cents).empty_in is None


@given(amounts, amounts, spendings)
def test_a_forecast_is_a_time_to_come_or_none(told: Decimal, spent: Decimal, spending: Spending) -> None:
    made = forecast(told=told, spent_since=spent, spending=spending)
    assert made.per_hour >= 0
    assert made.balance == told - spent
    if made.empty_in is not None:
        assert timedelta(0) <= made.empty_in <= LONGEST_FORECAST
        spent_by_then = made.per_hour * Decimal(made.empty_in / timedelta(hours=1))
        assert made.balance <= 0 or abs(spent_by_then - made.balance) < max(
            made.per_hour / 1000, Decimal("0.000001")
        )


@given(amounts, amounts, spendings)
def test_more_money_never_lasts_shorter(told: Decimal, more: Decimal, spending: Spending) -> None:
    less = forecast(told=told, spent_since=Decimal(0), spending=spending)
    rich = forecast(told=told + abs(more), spent_since=Decimal(0), spending=spending)
    assert rich.empty_in is None or (less.empty_in is not None and less.empty_in <= rich.empty_in)


@given(amounts, spendings, some_limits)
def test_what_is_low_stays_so_until_it_has_recovered(
    told: Decimal, spending: Spending, limits: Limits
) -> None:
    made = forecast(told=told, spent_since=Decimal(0), spending=spending)
    assert is_low(made, limits=limits, was_low=True) >= is_low(made, limits=limits, was_low=False)
    assert not is_low(made, limits=Limits(), was_low=True)


LOW = [
    (Decimal(99), 10, False, True),
    (Decimal(100), 10, False, False),
    (Decimal(119), 10, True, True),
    (Decimal(120), 10, True, False),
    (Decimal(400), 100, False, True),
    (Decimal(500), 100, False, False),
    (Decimal(700), 100, True, True),
    (Decimal(750), 100, True, False),
]


@pytest.mark.parametrize(("balance", "per_hour", "was_low", "low"), LOW)
def test_limits_of_100_and_of_5_hours(balance: Decimal, per_hour: int, *, was_low: bool, low: bool) -> None:
    made = forecast(told=balance, spent_since=Decimal(0), spending=steady(per_hour))
    limits = Limits(hours=Decimal(5), amount=Decimal(100))
    assert is_low(made, limits=limits, was_low=was_low) is low
