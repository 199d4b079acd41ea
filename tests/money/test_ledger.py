"""The currency of the books is the first one, whatever is set later."""

import importlib

import pytest
from django.db import IntegrityError, connection, transaction

from purveyor.accounts.testing import make_customer
from purveyor.catalog.testing import make_service
from purveyor.money.ledger import AnotherCurrency, hold_to_currency
from purveyor.money.models import Ledger
from purveyor.orders.models import Order
from purveyor.orders.testing import place_one

pytestmark = pytest.mark.django_db


def take_over() -> None:
    """Run the step of the migration that finds the currency of books kept before it."""
    with connection.cursor() as cursor:
        cursor.execute(importlib.import_module("purveyor.money.migrations.0003_ledger").TAKE_OVER)


def test_the_first_currency_stays() -> None:
    Ledger.objects.all().delete()
    hold_to_currency("EUR")
    hold_to_currency("EUR")
    with pytest.raises(AnotherCurrency, match="kept in EUR, but PURVEYOR_CURRENCY is USD"):
        hold_to_currency("USD")
    assert [ledger.currency for ledger in Ledger.objects.all()] == ["EUR"]


def test_there_is_one_ledger() -> None:
    with pytest.raises(IntegrityError, match="there_is_one_ledger"), transaction.atomic():
        Ledger.objects.create(id=2, currency="USD")


def test_books_kept_before_have_the_currency_of_their_newest_order() -> None:
    Ledger.objects.all().delete()
    take_over()
    assert not Ledger.objects.exists()
    customer, service = make_customer("100"), make_service()
    for currency in ("USD", "JPY"):
        order = place_one(customer, service, quantity=10, link=f"https://example.com/{currency}")
        Order.objects.filter(pk=order.pk).update(currency=currency)
    take_over()
    assert Ledger.objects.get().currency == "JPY"
