"""What a person may put on a wallet, and take off it."""

from decimal import Decimal

import pytest

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.money.adjusting import ADJUSTMENT_LIMIT, adjust
from purveyor.money.moving import MoneyError

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("amount", "why"),
    [
        ("1e30", "below 1,000,000,000,000"),
        ("-1e30", "below 1,000,000,000,000"),
        ("1e12", "below 1,000,000,000,000"),
        ("99999999999999999999", "below 1,000,000,000,000"),
        ("Infinity", "below 1,000,000,000,000"),
        ("sNaN", "below 1,000,000,000,000"),
        ("0", "other than zero"),
        ("1e-9", "at most 8 decimals"),
        ("1e-999999", "at most 8 decimals"),
    ],
)
def test_an_amount_that_cannot_be_meant_is_refused(amount: str, why: str) -> None:
    customer = make_customer("5")
    with pytest.raises(MoneyError, match=why):
        adjust(wallet_id=customer.wallet_id, amount=Decimal(amount), reason="x", actor="a test")
    assert balance_of(customer) == Decimal(5)


def test_the_largest_amount_arrives_exactly() -> None:
    customer = make_customer("5")
    largest = ADJUSTMENT_LIMIT - Decimal("0.00000001")
    adjust(wallet_id=customer.wallet_id, amount=largest, reason="x", actor="a test")
    assert balance_of(customer) == largest + 5
