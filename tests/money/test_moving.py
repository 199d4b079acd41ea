"""The one function that moves money."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.money.adjusting import adjust
from purveyor.money.models import Adjustment, House, Transfer, TransferKind, Wallet, WalletKind
from purveyor.money.moving import BelowFloor, MoneyError, Movement, NoSuchWallet, move
from tests.audited import violations

pytestmark = pytest.mark.django_db


def charge(wallet_id: int, amount: str, *, cause: int = 1, part: int = 0) -> Movement:
    return Movement(
        kind=TransferKind.CHARGE,
        cause_id=cause,
        part=part,
        source_id=wallet_id,
        destination_id=House.REVENUE,
        amount=Decimal(amount),
    )


def test_moves_money_and_keeps_the_running_balance() -> None:
    customer = make_customer("10")
    assert move([charge(customer.wallet_id, "2.5"), charge(customer.wallet_id, "0.00000001", cause=2)]) == [
        True,
        True,
    ]
    assert balance_of(customer) == Decimal("7.49999999")
    assert violations().keys() == {"charges have orders"}  # these charges name orders that are not there


def test_the_same_cause_moves_money_once() -> None:
    customer = make_customer("10")
    assert move([charge(customer.wallet_id, "1")]) == [True]
    assert move([charge(customer.wallet_id, "1"), charge(customer.wallet_id, "1", part=1)]) == [False, True]
    assert balance_of(customer) == Decimal(8)


def test_the_same_cause_twice_in_one_call_moves_money_once() -> None:
    customer = make_customer("10")
    move([charge(customer.wallet_id, "1"), charge(customer.wallet_id, "1")])
    assert balance_of(customer) == Decimal(9)
    assert Transfer.objects.filter(kind=TransferKind.CHARGE).count() == 1


def test_a_balance_stays_at_or_above_its_floor() -> None:
    customer = make_customer("1")
    with pytest.raises(BelowFloor), transaction.atomic():
        move([charge(customer.wallet_id, "1.00000001")])
    assert balance_of(customer) == 1
    assert not Transfer.objects.filter(kind=TransferKind.CHARGE).exists()
    Wallet.objects.filter(pk=customer.wallet_id).update(floor=Decimal(-5))
    move([charge(customer.wallet_id, "6")])
    assert balance_of(customer) == -5


def test_money_goes_nowhere_without_a_wallet() -> None:
    customer = make_customer("5")
    with pytest.raises(NoSuchWallet), transaction.atomic():
        move([charge(customer.wallet_id, "1"), charge(999_999_999, "1", cause=2)])
    assert balance_of(customer) == 5


def test_house_wallets_carry_no_balance() -> None:
    customer = make_customer("5")
    move([charge(customer.wallet_id, "1")])
    assert Wallet.objects.get(pk=House.REVENUE).balance is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE money_transfer SET amount = 2",
        "DELETE FROM money_transfer",
        "TRUNCATE money_transfer",
    ],
)
def test_the_database_refuses_to_change_a_transfer(statement: str) -> None:
    make_customer("5")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE money_transfer ENABLE TRIGGER transfers_are_never_emptied")
        with pytest.raises(DatabaseError, match="never changed or deleted"), transaction.atomic():
            cursor.execute(statement)
    assert Transfer.objects.get().amount == 5


@pytest.mark.parametrize("amount", ["0", "-1"])
def test_the_database_refuses_an_amount_that_is_not_positive(amount: str) -> None:
    customer = make_customer("5")
    with pytest.raises(IntegrityError, match="amount_is_positive"), transaction.atomic():
        move([charge(customer.wallet_id, amount)])
    assert balance_of(customer) == 5


def test_only_customers_wallets_carry_a_balance() -> None:
    with pytest.raises(IntegrityError, match="only_customer_wallets"), transaction.atomic():
        Wallet.objects.create(kind=WalletKind.PROVIDER, name="wrong", balance=Decimal(0))


@pytest.mark.parametrize("amount", ["0", "NaN", "Infinity", "0.000000001"])
def test_an_adjustment_needs_an_amount_that_the_ledger_can_hold(amount: str) -> None:
    customer = make_customer("5")
    with pytest.raises(MoneyError):
        adjust(wallet_id=customer.wallet_id, amount=Decimal(amount), reason="x", actor="test")
    assert balance_of(customer) == 5


def test_an_adjustment_needs_a_reason() -> None:
    customer = make_customer("5")
    with pytest.raises(MoneyError, match="reason"):
        adjust(wallet_id=customer.wallet_id, amount=Decimal(1), reason="  ", actor="test")
    assert Adjustment.objects.count() == 1  # the opening balance


def test_a_debit_goes_back_to_adjustments() -> None:
    customer = make_customer("5")
    transfer = adjust(wallet_id=customer.wallet_id, amount=Decimal(-2), reason="a mistake", actor="test")
    assert (transfer.kind, transfer.destination_id) == (TransferKind.DEBIT, House.ADJUSTMENTS)
    assert balance_of(customer) == 3
    assert violations() == {}
