"""Shares of amounts are those of exact fractions, however large."""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from purveyor.money.models import AMOUNT_DIGITS, AMOUNT_PLACES
from purveyor.money.shares import share

LARGEST = Decimal(10) ** (AMOUNT_DIGITS - AMOUNT_PLACES) - Decimal(1).scaleb(-AMOUNT_PLACES)
LARGEST_QUANTITY = 2**31 - 1


@pytest.mark.parametrize(
    ("amount", "part", "whole", "down", "up"),
    [
        ("10", 1_000, 10_000, "1", "1"),
        ("1", 1, 3, "0.33333333", "0.33333334"),
        ("0.00000001", 1, 2, "0", "0.00000001"),
        ("5", 3, 3, "5", "5"),
    ],
)
def test_shares(amount: str, part: int, whole: int, down: str, up: str) -> None:
    for rounding, expected in ((ROUND_FLOOR, down), (ROUND_CEILING, up)):
        assert share(Decimal(amount), part=part, whole=whole, rounding=rounding) == Decimal(expected)


@given(
    amount=st.decimals(0, LARGEST, places=AMOUNT_PLACES),
    whole=st.integers(1, LARGEST_QUANTITY),
    part=st.integers(0, LARGEST_QUANTITY),
)
@example(amount=LARGEST, whole=LARGEST_QUANTITY, part=LARGEST_QUANTITY - 1)
def test_a_share_is_the_exact_one_rounded_once(amount: Decimal, whole: int, part: int) -> None:
    part = min(part, whole)
    exact = Fraction(amount) * part / whole * 10**AMOUNT_PLACES
    for rounding, expected in ((ROUND_FLOOR, math.floor(exact)), (ROUND_CEILING, math.ceil(exact))):
        found = share(amount, part=part, whole=whole, rounding=rounding)
        assert Fraction(found) * 10**AMOUNT_PLACES == expected
