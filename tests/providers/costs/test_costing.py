from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.money.models import LARGEST_AMOUNT
from purveyor.orders.models import Status
from purveyor.providers.costs.costing import (
    AbsurdCost,
    cost_at,
    expected_cost,
    post_quantity,
    remains_of_order,
)
from purveyor.providers.costs.margin import Terms

amounts = st.decimals("0", "1000000", places=8)
quantities = st.integers(1, 2**31 - 1)


@pytest.mark.parametrize(
    ("rate", "fx_rate", "quantity", "is_package", "cost"),
    [
        ("0.90", "1", 1000, False, "0.90"),
        ("0.90", "1", 1, False, "0.0009"),
        ("18.50", "1", 1, True, "18.50"),
        ("100", "0.025", 500, False, "1.25"),
        ("0.00001", "0.00000001", 1, False, "0.00000001"),
        ("0", "1", 1000, False, "0"),
    ],
)
def test_expected_cost(rate: str, fx_rate: str, quantity: int, *, is_package: bool, cost: str) -> None:
    assert expected_cost(
        rate=Decimal(rate), terms=Terms(fx_rate=Decimal(fx_rate)), quantity=quantity, is_package=is_package
    ) == Decimal(cost)


@pytest.mark.parametrize(
    ("status", "remains", "cost"),
    [
        (Status.PENDING, 100, "3"),
        (Status.IN_PROGRESS, 50, "3"),
        (Status.COMPLETED, 0, "3"),
        (Status.COMPLETED, 20, "3"),
        (Status.PARTIAL, 25, "2.25"),
        (Status.PARTIAL, 0, "3"),
        (Status.PARTIAL, 100, "0"),
        (Status.PARTIAL, 1000, "0"),
        (Status.PARTIAL, None, None),
        (Status.CANCELED, 40, "0"),
        (Status.CANCELED, None, "0"),
    ],
)
def test_cost_at_a_status(status: Status, remains: int | None, cost: str | None) -> None:
    found = cost_at(status=status, expected=Decimal(3), quantity=100, remains=remains)
    assert found == (None if cost is None else Decimal(cost))


@given(expected=amounts, quantity=quantities, remains=quantities)
def test_a_partial_costs_between_nothing_and_everything(
    expected: Decimal, quantity: int, remains: int
) -> None:
    cost = cost_at(status=Status.PARTIAL, expected=expected, quantity=quantity, remains=remains)
    assert cost is not None
    assert 0 <= cost <= expected
    assert cost == cost.quantize(Decimal("1e-8"))


@pytest.mark.parametrize(
    ("remains", "sent", "ordered", "left"),
    [
        (157, 1000, 1000, 157),
        (0, 1000, 1000, 0),
        (1000, 1000, 1000, 1000),
        (5000, 1000, 1000, 1000),
        (None, 1000, 1000, None),
        # Overflow of 10 %: what is missing of the surplus is not missing to the customer.
        (1100, 1100, 1000, 1000),
        (600, 1100, 1000, 500),
        (100, 1100, 1000, 0),
        (50, 1100, 1000, 0),
    ],
)
def test_remains_in_units_of_the_order(
    remains: int | None, sent: int, ordered: int, left: int | None
) -> None:
    assert remains_of_order(remains=remains, sent=sent, ordered=ordered) == left


@given(remains=st.integers(0, 2**40), sent=quantities, ordered=quantities)
def test_remains_stay_within_the_order(remains: int, sent: int, ordered: int) -> None:
    left = remains_of_order(remains=remains, sent=sent, ordered=ordered)
    assert left is not None
    assert 0 <= left <= ordered


@pytest.mark.parametrize(
    ("charge", "rate", "smallest", "largest", "quantity"),
    [
        (None, "2", 50, 50, 50),
        ("0.15", "2", 50, 100, 75),
        ("0.1501", "2", 50, 100, 75),
        ("9", "2", 50, 100, 100),
        ("0.001", "2", 50, 100, 50),
        (None, "2", 50, 100, None),
        ("0", "2", 50, 100, None),
        ("-1", "2", 50, 100, None),
        ("0.15", "0", 50, 100, None),
    ],
)
def test_quantity_of_a_post(
    charge: str | None, rate: str, smallest: int, largest: int, quantity: int | None
) -> None:
    found = post_quantity(
        told_charge=None if charge is None else Decimal(charge),
        rate=Decimal(rate),
        smallest=smallest,
        largest=largest,
    )
    assert found == quantity


@pytest.mark.parametrize(
    ("rate", "quantity"), [(LARGEST_AMOUNT, 1000), (Decimal("1e15") + 1, 10**9), (Decimal(10) ** 27, 10**9)]
)
def test_a_cost_beyond_all_sense_is_refused(rate: Decimal, quantity: int) -> None:
    with pytest.raises(AbsurdCost):
        expected_cost(rate=rate, terms=Terms(fx_rate=Decimal(1)), quantity=quantity, is_package=False)
