"""Refund arithmetic: the reference's example, its edges, and what must hold for any order."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.orders.models import Status
from purveyor.orders.refunds import refund_due


@pytest.mark.parametrize(
    ("status", "charge", "quantity", "remains", "due"),
    [
        (Status.PARTIAL, "10", 10_000, 1_000, "1"),  # the example of protocol §7.3
        (Status.PARTIAL, "10", 10_000, 0, "0"),
        (Status.PARTIAL, "10", 10_000, 10_000, "10"),
        (Status.PARTIAL, "10", 10_000, 99_999, "10"),
        (Status.PARTIAL, "10", 10_000, -5, "0"),
        (Status.PARTIAL, "1", 3, 1, "0.33333333"),
        (Status.PARTIAL, "5", 1, 1, "5"),
        (Status.PARTIAL, "100000000707150.00005005", 1_000_000_007, 999_999_999, "99999999907149.99999285"),
        (Status.CANCELED, "10", 10_000, 3, "10"),
        (Status.COMPLETED, "10", 10_000, 3, "0"),
        (Status.IN_PROGRESS, "10", 10_000, 3, "0"),
    ],
)
def test_refunds(status: Status, charge: str, quantity: int, remains: int, due: str) -> None:
    assert refund_due(status=status, charge=Decimal(charge), quantity=quantity, remains=remains) == Decimal(
        due
    )


@given(
    status=st.sampled_from(Status),
    charge=st.decimals(min_value=0, max_value=10**9, places=8),
    quantity=st.integers(min_value=1, max_value=2**31 - 1),
    remains=st.integers(),
)
def test_a_refund_lies_between_nothing_and_the_charge(
    status: Status, charge: Decimal, quantity: int, remains: int
) -> None:
    due = refund_due(status=status, charge=charge, quantity=quantity, remains=remains)
    assert 0 <= due <= charge
    assert due == round(due, 8)
