"""What one provider leaves of an order goes to the next: one order, one charge, nothing silently twice."""

from decimal import Decimal
from typing import Any

import pytest

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import FinishRest, Service
from purveyor.catalog.testing import make_service
from purveyor.orders.models import (
    Dispatch,
    EventKind,
    Order,
    OrderEvent,
    Status,
)
from purveyor.orders.testing import place_one
from purveyor.providers.following import follow
from purveyor.providers.handing_over import HandOver, hand_over
from purveyor.providers.models import Fulfilment
from purveyor.providers.outcomes import Answered, record
from purveyor.providers.replies import Accepted, StatusReply
from purveyor.providers.testing import make_provider, make_route
from purveyor.providers.words import order_status
from tests.audited import violations

pytestmark = pytest.mark.django_db


def sold(*rates: str, finish_rest: str = FinishRest.RULE, **others: Any) -> Service:
    """A service at 10 per 1000 with a route at each of these rates, each at a provider of its own."""
    service = make_service(rate="10.00", cancel=True, finish_rest=finish_rest, **others)
    for position, rate in enumerate(rates):
        make_route(service, make_provider(), rate=rate, position=position)
    return service


def ordered(service: Service, quantity: int = 1000) -> Order:
    """An order of a customer who had 100."""
    return place_one(make_customer("100"), service, quantity=quantity)


def hand() -> HandOver:
    (item,) = hand_over(busy={}).hand_overs
    return item


def accept(external_id: str) -> Fulfilment:
    """Hand the one order in the queue over; its provider takes it."""
    item = hand()
    record([Answered(hand_over=item, reply=Accepted(external_id))])
    return Fulfilment.objects.get(pk=item.fulfilment_id)


def tell(fulfilment: Fulfilment, word: str, remains: int | None = None, **told: Any) -> Order:
    reply = StatusReply(word=word, status=order_status(word), remains=remains, **told)
    follow({fulfilment.pk: reply})
    assert violations() == {}
    fulfilment.refresh_from_db()
    return Order.objects.get(pk=fulfilment.order_id)


def money(order: Order) -> tuple[object, list[Decimal]]:
    """What the customer has left, and what each fulfilment costs us."""
    costs = Fulfilment.objects.filter(order=order).order_by("number").values_list("cost", flat=True)
    return balance_of(order.customer), list(costs)


def events(order: Order, kind: EventKind) -> list[dict[str, Any]]:
    return list(
        OrderEvent.objects.filter(order=order, kind=kind).order_by("pk").values_list("data", flat=True)
    )


def test_the_rest_goes_to_another_and_the_order_completes_for_one_charge() -> None:
    order = ordered(sold("4.00", "5.00"))
    first = accept("1")
    tell(first, "In progress", 600, start_count=70)
    order = tell(first, "Partial", 250, start_count=70)
    assert (order.status, order.remains, order.dispatch) == (Status.IN_PROGRESS, 250, Dispatch.QUEUED)
    assert (order.refunded, order.start_count) == (0, 70)
    assert events(order, EventKind.ELSEWHERE) == [{"fulfilment": first.pk, "delivered": 750, "rest": 250}]

    item = hand()
    assert item.fields["quantity"] == "250"
    assert item.cost == Decimal("1.25")
    record([Answered(hand_over=item, reply=Accepted("2"))])
    second = Fulfilment.objects.get(number=2)
    assert (second.quantity, second.wanted, second.superseded) == (250, 250, False)
    order = tell(second, "Pending", 250, start_count=820)
    assert (order.status, order.remains, order.start_count) == (Status.IN_PROGRESS, 250, 70)
    order = tell(second, "In progress", 100)
    assert (order.status, order.remains) == (Status.IN_PROGRESS, 100)
    order = tell(second, "Completed", 0)
    assert (order.status, order.remains, order.refunded) == (Status.COMPLETED, 0, 0)
    assert money(order) == (90, [Decimal(3), Decimal("1.25")])
