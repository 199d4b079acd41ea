"""Until when an order is promised."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.catalog.models import LARGEST_QUANTITY
from purveyor.orders.promises import LONGEST_PROMISE_MINUTES, promised_until

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
quantities = st.integers(1, LARGEST_QUANTITY)
minutes = st.integers(1, LONGEST_PROMISE_MINUTES)


def length(quantity: int, minutes: int, *, per_thousand: bool = True, is_package: bool = False) -> timedelta:
    until = promised_until(
        ordered_at=NOON,
        quantity=quantity,
        minutes=minutes,
        per_thousand=per_thousand,
        is_package=is_package,
    )
    return until - NOON


@pytest.mark.parametrize(
    ("quantity", "per_thousand", "hours"),
    [(10, True, 1), (1000, True, 1), (1001, True, 2), (5000, True, 5), (5000, False, 1)],
)
def test_an_hour(quantity: int, *, per_thousand: bool, hours: int) -> None:
    assert length(quantity, 60, per_thousand=per_thousand) == timedelta(hours=hours)


def test_a_package_is_one_whatever_it_holds() -> None:
    assert length(5000, 60, is_package=True) == timedelta(hours=1)


@given(one=quantities, other=quantities, minutes=minutes, per_thousand=st.booleans())
def test_more_is_never_promised_sooner(one: int, other: int, minutes: int, *, per_thousand: bool) -> None:
    few, many = sorted((one, other))
    sooner = length(few, minutes, per_thousand=per_thousand)
    assert timedelta(minutes=minutes) <= sooner <= length(many, minutes, per_thousand=per_thousand)


@given(quantities, minutes)
def test_a_fixed_time_is_the_same_for_every_quantity(quantity: int, minutes: int) -> None:
    assert length(quantity, minutes, per_thousand=False) == timedelta(minutes=minutes)
