"""Customers for tests, in one line."""

import itertools
from decimal import Decimal

from purveyor.accounts.models import Customer, CustomerGroup
from purveyor.accounts.people import balances, create_customer, credit

_numbers = itertools.count(1)


def make_customer(
    balance: Decimal | str = "100", *, email: str = "", group: CustomerGroup | None = None
) -> Customer:
    """A customer with a balance (panel currency), credited as an owner would."""
    customer = create_customer(email=email or f"customer{next(_numbers)}@example.com")
    if group is not None:
        customer.group = group
        customer.save(update_fields=["group"])
    if Decimal(balance):
        credit(customer=customer, amount=Decimal(balance), reason="opening balance", actor="test")
    return customer


def balance_of(customer: Customer) -> Decimal:
    """The customer's balance as the database has it now."""
    return balances([customer.pk])[customer.pk]
