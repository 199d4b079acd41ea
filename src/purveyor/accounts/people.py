"""Customers and staff: make, suspend, credit."""

from collections.abc import Sequence
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from purveyor.accounts.models import Customer, CustomerStatus, User
from purveyor.database import id_array
from purveyor.exchanges import fetch_hot
from purveyor.money.adjusting import adjust
from purveyor.money.models import Transfer, Wallet, WalletKind


class AccountError(Exception):
    """The account could not be made or changed; the text says why."""


def create_owner(*, email: str, password: str) -> User:
    """Make a person who may do everything in the back office. Raises `AccountError`."""
    return _create_user(email=email, password=password, name="", is_staff=True, is_superuser=True)


@transaction.atomic
def create_customer(*, email: str, password: str | None = None, name: str = "") -> Customer:
    """Make a customer with an empty wallet; without a password nobody can sign in as them.

    Raises `AccountError`.
    """
    user = _create_user(email=email, password=password, name=name, is_staff=False, is_superuser=False)
    wallet = Wallet.objects.create(kind=WalletKind.CUSTOMER, name=user.email, balance=Decimal(0))
    return Customer.objects.create(user=user, wallet=wallet)


def find_customer(email: str) -> Customer:
    """The customer with this e-mail address. Raises `AccountError`."""
    try:
        return Customer.objects.select_related("user").get(user__email=email.strip().lower())
    except Customer.DoesNotExist:
        raise AccountError(f"there is no customer with the e-mail address {email}") from None


def credit(*, customer: Customer, amount: Decimal, reason: str, actor: str) -> Transfer:
    """Put `amount` (panel currency) on a customer's balance, or take it off when negative.

    Raises `purveyor.money.moving.MoneyError`.
    """
    return adjust(wallet_id=customer.wallet_id, amount=amount, reason=reason, actor=actor)


def suspend(*, customer: Customer) -> None:
    """Close the panel to a customer; their keys answer so within a second. Orders under way go on."""
    Customer.objects.filter(pk=customer.pk).update(status=CustomerStatus.SUSPENDED)


def activate(*, customer: Customer) -> None:
    """Open the panel to a suspended customer again; their keys serve again within a second."""
    Customer.objects.filter(pk=customer.pk).update(status=CustomerStatus.ACTIVE)


def balances(customer_ids: Sequence[int]) -> dict[int, Decimal]:
    """The balances (panel currency) of these customers."""
    rows = fetch_hot(
        """
        SELECT customer.id, wallet.balance FROM accounts_customer customer
        JOIN money_wallet wallet ON wallet.id = customer.wallet_id
        WHERE customer.id = ANY(%(ids)s::bigint[])
        """,
        {"ids": id_array(customer_ids)},
    )
    return {row.id: row.balance for row in rows}


def _create_user(*, email: str, password: str | None, name: str, is_staff: bool, is_superuser: bool) -> User:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise AccountError(f"{email!r} is not an e-mail address") from None
    user = User(email=email, name=name, is_staff=is_staff, is_superuser=is_superuser)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise AccountError(f"there is an account with the e-mail address {email} already") from None
    return user
