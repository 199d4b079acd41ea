"""The shapes of replies as pure functions: the texts of numbers, and the ids of lists."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.api import ids, replies
from purveyor.orders.refusals import NotEnoughFunds, QuantityTooSmall


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.27819000", "0.27819"),
        ("1.44219", "1.44219"),
        ("100.84292", "100.84292"),
        ("100.00000000", "100"),
        ("1E+3", "1000"),
        ("1E-8", "0.00000001"),
        ("0E-8", "0"),
        ("-0.00", "0"),
        ("-5.50", "-5.5"),
        ("10", "10"),
    ],
)
def test_amounts(amount: str, text: str) -> None:
    assert replies.amount_text(Decimal(amount)) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8))
def test_an_amount_is_told_exactly_and_plainly(amount: Decimal) -> None:
    text = replies.amount_text(amount)
    assert Decimal(text) == amount
    assert set(text) <= set("-.0123456789")
    assert not (text.endswith("0") and "." in text)


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        ("0.90000", "0.90"),
        ("8.00000", "8"),
        ("0.73", "0.73"),
        ("0.785", "0.785"),
        ("2.0592", "2.0592"),
        ("0.00010", "0.0001"),
        ("1000000000000", "1000000000000"),
        ("0", "0"),
    ],
)
def test_rates(rate: str, text: str) -> None:
    assert replies.rate_text(Decimal(rate)) == text


def test_errors_as_texts_and_as_keys() -> None:
    refusal = QuantityTooSmall(minimum=50)
    assert replies.error(refusal, as_key=False).error == "Quantity less than minimal 50"
    assert replies.error(refusal, as_key=True).error == "neworder.error.min_quantity"
    assert replies.error(NotEnoughFunds(), as_key=False).error == "Not enough funds on balance"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("007", 7),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("0", None),
        ("", None),
        ("-5", None),
        ("+5", None),
        ("1.0", None),
        ("1e3", None),
        ("1_000", None),
        ("١٢٣", None),
        ("²", None),
        ("0x1", None),
        ("1" * 20, None),
    ],
)
def test_ids(text: str, number: int | None) -> None:
    assert ids.number(text) == number


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("1,10,100", ["1", "10", "100"]),
        (" 1 , 10 ", ["1", "10"]),
        ("1,,2,", ["1", "2"]),
        ("2,1,2", ["2", "1"]),
        ("1,Array", ["1", "Array"]),
        ("", []),
        (" , ", []),
        ("a\udcff", ["a?"]),
    ],
)
def test_lists_of_ids(text: str, asked: list[str]) -> None:
    assert ids.listed(text) == asked
