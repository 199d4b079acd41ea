"""Prices are pure arithmetic: tables of numbers and properties."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.catalog.prices import charge, unit_price

RATES = st.decimals(min_value=0, max_value=10**9, places=5)
PERCENTS = st.decimals(min_value=0, max_value=100, places=2)
QUANTITIES = st.integers(min_value=1, max_value=2**31 - 1)


@pytest.mark.parametrize(
    ("list_rate", "own_rate", "discount", "rate", "rule"),
    [
        ("0.90", None, "0", "0.90", "list price"),
        ("0.90", "0.5", "0", "0.5", "own rate"),
        ("0.90", "0.5", "10", "0.5", "own rate"),
        ("0.90", "0", "10", "0", "own rate"),
        ("10", None, "5", "9.5", "group discount 5%"),
        ("0.00001", None, "50", "0.00001", "group discount 50%"),
        ("1", None, "100", "0", "group discount 100%"),
        ("0.99999", None, "12.34", "0.87660", "group discount 12.34%"),
    ],
)
def test_a_customers_price(list_rate: str, own_rate: str | None, discount: str, rate: str, rule: str) -> None:
    price = unit_price(
        Decimal(list_rate),
        own_rate=None if own_rate is None else Decimal(own_rate),
        discount_percent=Decimal(discount),
    )
    assert (price.rate, price.rule) == (Decimal(rate), rule)


@pytest.mark.parametrize(
    ("rate", "quantity", "is_package", "cost"),
    [
        ("0.90", 1000, False, "0.9"),
        ("0.27819", 1000, False, "0.27819"),
        ("0.00001", 1, False, "0.00000001"),
        ("8", 1, True, "8"),
        ("8", 1, False, "0.008"),
        ("0", 1000, False, "0"),
    ],
)
def test_a_charge(rate: str, quantity: int, is_package: bool, cost: str) -> None:  # noqa: FBT001
    assert charge(unit_price=Decimal(rate), quantity=quantity, is_package=is_package) == Decimal(cost)


@given(rate=RATES, quantity=QUANTITIES)
def test_a_charge_is_exact(rate: Decimal, quantity: int) -> None:
    assert charge(unit_price=rate, quantity=quantity, is_package=False) == rate * quantity / 1000


@given(rate=RATES.filter(bool), discount=PERCENTS.filter(lambda percent: percent < 100), quantity=QUANTITIES)
def test_no_order_with_a_positive_rate_is_free(rate: Decimal, discount: Decimal, quantity: int) -> None:
    price = unit_price(rate, discount_percent=discount)
    assert charge(unit_price=price.rate, quantity=quantity, is_package=False) > 0


@given(rate=RATES, discount=PERCENTS)
def test_a_discount_is_never_against_the_house(rate: Decimal, discount: Decimal) -> None:
    price = unit_price(rate, discount_percent=discount).rate
    assert rate * (100 - discount) / 100 <= price <= rate
    assert price == round(price, 5)
