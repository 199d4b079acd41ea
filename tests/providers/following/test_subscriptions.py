"""Following subscriptions over real HTTP: each post of the provider becomes an order, charged alone."""

from decimal import Decimal
from typing import Any

import pytest

from purveyor.accounts.models import Customer
from purveyor.accounts.people import credit
from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import Service
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import (
    CancelRequest,
    EventKind,
    Order,
    OrderEvent,
    OrderKind,
    Status,
    Subscription,
)
from purveyor.orders.testing import place_one
from purveyor.outbox.models import OutboxEvent
from purveyor.providers.following.asking import NOTHING_TOLD
from purveyor.providers.following.subscriptions import BELOW_FLOOR
from purveyor.providers.models import CancelTask, Fulfilment, Provider
from purveyor.providers.sync.syncing import sync_provider
from purveyor.simulator.behaviours import Behaviour, Fault
from purveyor.simulator.testing import Simulator
from tests.audited import violations
from tests.committed import committed
from tests.providers.rounds import dispatch, forward, poll

pytestmark = committed


def follow_one(customer: Customer, service: Service, **terms: Any) -> Order:
    """A subscription that the provider has accepted."""
    order = place_one(customer, service, **({"username": "ann", "delay": 0} | terms))
    dispatch()
    return order


def children() -> list[Order]:
    return list(Order.objects.filter(parent__isnull=False).order_by("part"))


def test_each_new_post_becomes_an_order_of_its_own(simulator: Simulator, subscribed: Service) -> None:
    customer = make_customer("100")
    order = follow_one(customer, subscribed, min=100, max=100, posts=3)
    poll()
    assert children() == []
    for _ in range(6):
        simulator.advance(20)
        poll()
        poll()
    made = children()
    assert [child.part for child in made] == [1, 2, 3]
    assert {child.quantity for child in made} == {100}
    assert {child.charge for child in made} == {subscribed.rate * 100 / 1000}
    sent = {str(item.id) for item in simulator.children}
    assert {child.fulfilments.get().external_id for child in made} == sent
    simulator.advance(3600)
    poll()
    poll()
    assert {child.status for child in children()} == {Status.COMPLETED}
    order.refresh_from_db()
    assert (order.status, order.charge) == (Status.COMPLETED, 0)
    assert Subscription.objects.get().posts_done == 3
    assert balance_of(customer) == 100 - 3 * subscribed.rate * 100 / 1000
    assert violations() == {}


def test_old_posts_too(simulator: Simulator, subscribed: Service) -> None:
    follow_one(make_customer(), subscribed, min=50, max=50, posts=1, old_posts=2)
    for _ in range(4):
        simulator.advance(15)
        poll()
    assert [bool(child.fields) for child in children()].count(True) == 2
    assert len(children()) == 3
    assert violations() == {}


def test_where_quantities_vary_the_providers_charge_tells_them(
    simulator: Simulator, subscribed: Service
) -> None:
    follow_one(make_customer(), subscribed, min=20, max=200, posts=4)
    for _ in range(6):
        simulator.advance(15)
        poll()
    bought = {str(item.id): item.quantity for item in simulator.children}
    told = {child.fulfilments.get().external_id: child.quantity for child in children()}
    assert told == bought
    assert len(set(told.values())) > 1
    assert violations() == {}


def test_without_its_charge_a_post_waits_and_at_its_end_counts_as_the_smallest(
    simulator: Simulator, subscribed: Service
) -> None:
    follow_one(make_customer(), subscribed, min=20, max=200, posts=1)

    def without_charge(reply: Any) -> Any:
        if "charge" in reply:
            reply["charge"] = None
        return reply

    simulator.script.always("status", Behaviour(change=without_charge))
    simulator.advance(12)
    poll()
    assert len(simulator.children) == 1
    assert children() == []
    simulator.advance(3600)
    poll()
    assert [child.quantity for child in children()] == [20]


def test_polling_again_makes_no_post_twice(simulator: Simulator, subscribed: Service) -> None:
    customer = make_customer("100")
    follow_one(customer, subscribed, min=100, max=100, posts=2)
    simulator.advance(600)
    for _ in range(4):
        poll()
    assert len(children()) == 2
    assert balance_of(customer) == 100 - 2 * subscribed.rate * 100 / 1000


def test_a_post_the_customer_cannot_pay_is_kept_and_the_provider_is_asked_to_stop(
    simulator: Simulator, subscribed: Service
) -> None:
    price = subscribed.rate * 100 / 1000
    customer = make_customer(price)
    order = follow_one(customer, subscribed, min=100, max=100)
    simulator.advance(60)
    poll()
    assert len(simulator.children) > 1
    assert len(children()) == 1
    assert balance_of(customer) == 0
    assert CancelTask.objects.get().cancel_request is None
    assert OrderEvent.objects.filter(order=order, data__reason__icontains="balance does not pay").exists()
    forward()
    simulator.advance(60)
    posts = len(simulator.children)
    simulator.advance(600)
    assert len(simulator.children) == posts
    # Money comes in: what was delivered is paid after all.
    credit(customer=customer, amount=price * posts, reason="top-up", actor="test")
    poll()
    assert len(children()) == posts
    order.refresh_from_db()
    assert order.status == Status.CANCELED
    assert CancelTask.objects.count() == 1
    assert violations() == {}


def test_a_cancel_is_forwarded(simulator: Simulator, subscribed: Service) -> None:
    customer = make_customer()
    order = follow_one(customer, subscribed, min=100, max=100)
    assert request_cancels([(customer.pk, order.pk)]) == [None]
    forward()
    simulator.advance(60)
    poll()
    order.refresh_from_db()
    assert order.status == Status.CANCELED
    assert CancelRequest.objects.get().status == "done"


def test_a_word_nobody_knows_ends_nothing(simulator: Simulator, subscribed: Service) -> None:
    order = follow_one(make_customer(), subscribed, min=100, max=100, posts=1)
    simulator.script.always("status", Fault.UNKNOWN_STATUS)
    for _ in range(2):
        poll()
    order.refresh_from_db()
    assert order.status == Status.ACTIVE
    assert Fulfilment.objects.get().next_poll_at is not None
    assert OrderEvent.objects.filter(order=order, kind=EventKind.UNKNOWN_STATUS).count() == 1
    assert OutboxEvent.objects.filter(kind="order.word_unknown", about=f"order:{order.pk}").count() == 1


def test_a_post_that_is_another_order_is_charged_to_nobody(
    simulator: Simulator, subscribed: Service, service: Service
) -> None:
    customer = make_customer("100")
    other = place_one(customer, service, quantity=service.min)
    follow_one(customer, subscribed, min=100, max=100, posts=5)
    taken = Fulfilment.objects.get(order=other).external_id

    def with_it(reply: Any) -> Any:
        if "orders" in reply:
            reply["orders"] = [taken]
        elif isinstance(reply, dict):
            for told in reply.values():
                if isinstance(told, dict) and "orders" in told:
                    told["orders"] = [taken]
        return reply

    simulator.script.always("status", Behaviour(change=with_it))
    before = balance_of(customer)
    poll()
    assert children() == []
    assert balance_of(customer) == before
    assert violations() == {}


def test_costs_of_posts_are_what_the_provider_took(simulator: Simulator, subscribed: Service) -> None:
    follow_one(make_customer(), subscribed, min=20, max=200, posts=4)
    before = simulator.balance
    for _ in range(8):
        simulator.advance(15)
        poll()
    simulator.advance(3600)
    poll()
    booked = sum(Fulfilment.objects.values_list("cost", flat=True), Decimal(0))
    assert booked == before - simulator.balance > 0
    assert Order.objects.filter(kind=OrderKind.SUBSCRIPTION).count() == 1


def test_after_a_price_rise_posts_count_for_what_they_get_and_cost_what_they_cost(
    simulator: Simulator, provider: Provider, subscribed: Service
) -> None:
    follow_one(make_customer(), subscribed, min=20, max=200, posts=4)
    simulator.change_prices(Decimal("1.15"))
    sync_provider(provider)
    before = simulator.balance
    for _ in range(6):
        simulator.advance(15)
        poll()
    bought = {str(item.id): item.quantity for item in simulator.children}
    told = {child.fulfilments.get().external_id: child.quantity for child in children()}
    assert told == bought
    assert len(bought) == 4
    booked = sum(Fulfilment.objects.values_list("cost", flat=True), Decimal(0))
    assert booked == before - simulator.balance
    assert CancelTask.objects.count() == 0, "within the markup of 20 % nobody is asked to stop"
    assert violations() == {}


def test_a_provider_that_grows_dearer_than_posts_are_sold_for_is_asked_to_stop(
    simulator: Simulator, provider: Provider, subscribed: Service
) -> None:
    order = follow_one(make_customer(), subscribed, min=20, max=200)
    poll()
    simulator.change_prices(Decimal("1.3"))
    sync_provider(provider)
    for _ in range(2):
        poll()
    assert CancelTask.objects.get().cancel_request is None
    assert OrderEvent.objects.filter(order=order, data__reason=BELOW_FLOOR).count() == 1
    assert OutboxEvent.objects.filter(kind="cancel.requested", about=f"order:{order.pk}").count() == 1
    forward()
    simulator.advance(3600)
    poll()
    order.refresh_from_db()
    assert (order.status, simulator.children) == (Status.CANCELED, [])
    assert violations() == {}


def test_a_subscription_that_may_lose_is_left_alone(
    simulator: Simulator, provider: Provider, subscribed: Service
) -> None:
    follow_one(make_customer(), subscribed, min=20, max=200)
    subscribed.routes.update(margin_floor_percent=None)
    simulator.change_prices(Decimal("1.3"))
    sync_provider(provider)
    poll()
    assert CancelTask.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ('{"error":"Incorrect order ID"}', "Incorrect order ID"),
        ('{"status":"On the moon","posts":"0","orders":[]}', "On the moon"),
        ("[]", NOTHING_TOLD),
    ],
)
def test_staff_are_told_once_of_what_nobody_can_read(
    simulator: Simulator, subscribed: Service, body: str, word: str
) -> None:
    order = follow_one(make_customer("100"), subscribed, min=100, max=100, posts=3)
    simulator.script.always("status", Behaviour(fault=Fault.ARBITRARY, body=body))
    for _ in range(3):
        poll()
    (event,) = OrderEvent.objects.filter(order=order, kind=EventKind.UNKNOWN_STATUS)
    assert event.data == {"word": word}
    assert Fulfilment.objects.get().next_poll_at is not None
    simulator.script.clear()
    simulator.advance(60)
    poll()
    order.refresh_from_db()
    assert (order.status, len(children())) == (Status.COMPLETED, 3)


def test_a_refusal_that_reads_like_an_end_ends_no_subscription(
    simulator: Simulator, subscribed: Service
) -> None:
    order = follow_one(make_customer("100"), subscribed, min=100, max=100, posts=3)
    external_id = Fulfilment.objects.get().external_id
    body = f'{{"{external_id}":"Canceled"}}'
    simulator.script.always("status", Behaviour(fault=Fault.ARBITRARY, body=body))
    poll()
    order.refresh_from_db()
    assert order.status == Status.ACTIVE
