"""An idempotency key gives the first order again, and is refused for another."""

from decimal import Decimal
from typing import Any

import pytest

from purveyor.accounts.people import suspend
from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.snapshot import forget
from purveyor.catalog.testing import make_service
from purveyor.orders import refusals
from purveyor.orders.placing import place
from purveyor.orders.requests import Placed
from purveyor.orders.testing import request

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("together", [True, False])
def test_an_idempotency_key_gives_the_first_order_again(together: bool) -> None:  # noqa: FBT001
    customer, other, service = make_customer(), make_customer(), make_service()
    same: dict[str, Any] = {"quantity": 10, "link": "https://example.com/a", "idempotency_key": "k1"}
    batch = [
        request(customer, service, **same),
        request(customer, service, **same),
        request(customer, service, **{**same, "quantity": 11}),
        request(other, service, **same),
    ]
    answers = place(batch) if together else [place([item])[0] for item in batch]
    assert isinstance(answers[0], Placed)
    assert answers[1] == Placed(answers[0].order_id, is_new=False)
    assert answers[2] == refusals.IdempotencyKeyReused()
    assert isinstance(answers[3], Placed)
    assert balance_of(customer) == 100 - Decimal("0.01")


def test_a_key_whose_order_was_refused_can_be_used_again() -> None:
    customer, service = make_customer("0"), make_service()
    asked = request(customer, service, quantity=10, idempotency_key="k1")
    assert place([asked]) == [refusals.NotEnoughFunds()]
    assert isinstance(place([request(make_customer(), service, quantity=10)])[0], Placed)
    assert place([asked, asked]) == [refusals.NotEnoughFunds()] * 2


def test_a_repetition_is_answered_whatever_has_changed_since() -> None:
    customer, service = make_customer(), make_service()
    asked = request(customer, service, quantity=10, idempotency_key="k1")
    (first,) = place([asked])
    assert isinstance(first, Placed)
    Service.objects.filter(pk=service.pk).update(enabled=False)
    suspend(customer=customer)
    forget()
    assert place([asked]) == [Placed(first.order_id, is_new=False)]


@pytest.mark.parametrize(
    "other",
    [
        {"quantity": 200},
        {"quantity": 20, "runs": 10, "interval": 5},
        {"quantity": 100, "runs": 2, "interval": 6},
    ],
)
def test_the_same_total_in_another_way_is_another_order(other: dict[str, Any]) -> None:
    customer, service = make_customer(), make_service(dripfeed=True)
    same: dict[str, Any] = {"link": "https://example.com/a", "idempotency_key": "k1"}
    drip = request(customer, service, quantity=100, runs=2, interval=5, **same)
    answers = place([drip, request(customer, service, **other, **same)])
    assert answers[1] == refusals.IdempotencyKeyReused()
    assert place([request(customer, service, **other, **same)]) == [refusals.IdempotencyKeyReused()]
    assert place([drip]) == [Placed(answers[0].order_id, is_new=False)]  # type: ignore[union-attr]


@pytest.mark.parametrize("key", ["k" * 101, "a\0b", "\ud800"])
def test_an_idempotency_key_that_cannot_be_kept(key: str) -> None:
    asked = request(make_customer(), make_service(), quantity=10, idempotency_key=key)
    assert place([asked]) == [refusals.IncorrectRequest()]
