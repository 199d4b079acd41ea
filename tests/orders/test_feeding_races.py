"""Two transactions at one fed subscription: the second sees what the first did."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.feeding import Told, expire_run_out, start_due, tell_post
from purveyor.orders.models import Dispatch, FedPost, Order, Status, Subscription
from purveyor.orders.pausing import pause, resume
from purveyor.orders.post_fate import ALREADY_SERVED, MADE_WHILE_PAUSED
from purveyor.orders.testing import place_one
from tests.audited import FULFILMENT, violations
from tests.committed import committed
from tests.racing import Second, until_somebody_waits

pytestmark = committed

URL = "https://example.com/p/1"


def follow(balance: str = "10", **terms: object) -> Order:
    service = make_service(
        OrderType.SUBSCRIPTIONS,
        rate="2.00",
        max=100_000,
        cancel=True,
        posts_service=make_service(max=100_000, cancel=True),
    )
    wanted = {"username": "ann", "delay": 0, "min": 100, "max": 100} | terms
    return place_one(make_customer(balance), service, **wanted)


def tell(order: Order, url: str = URL) -> Told:
    return tell_post(subscription_id=order.pk, url=url, old=False)


def status_of(order: Order) -> str:
    order.refresh_from_db()
    return order.status


def test_the_same_post_told_twice_at_once_makes_one_order() -> None:
    order = follow()
    told: list[Told] = []
    with transaction.atomic():
        first = tell(order)
        second = Second(lambda: told.append(tell(order)))
        until_somebody_waits()
    second.finish()
    assert first.is_new
    assert told == [Told(subscription_id=order.pk, order_id=first.order_id, reason=ALREADY_SERVED)]
    assert Order.objects.filter(parent=order).count() == 1
    assert balance_of(order.customer) == Decimal("9.8")
    assert violations(but=FULFILMENT) == {}


def test_two_posts_at_once_when_one_is_left_serve_one() -> None:
    order = follow(posts=1)
    told: list[Told] = []
    with transaction.atomic():
        tell(order)
        second = Second(lambda: told.append(tell(order, URL + "0")))
        until_somebody_waits()
    second.finish()
    assert told == [Told(subscription_id=order.pk, reason="The subscription is Completed")]
    assert violations(but=FULFILMENT) == {}


def test_a_post_that_waits_for_a_pause_is_skipped() -> None:
    order = follow()
    told: list[Told] = []
    with transaction.atomic():
        pause(order_id=order.pk)
        second = Second(lambda: told.append(tell(order)))
        until_somebody_waits()
    second.finish()
    assert told == [Told(subscription_id=order.pk, reason=MADE_WHILE_PAUSED)]
    resume(order_id=order.pk)
    assert tell(order).reason == MADE_WHILE_PAUSED


def test_a_pause_that_waits_for_the_last_post_finds_it_completed() -> None:
    order = follow(posts=1)
    with transaction.atomic():
        tell(order)
        second = Second(lambda: pause(order_id=order.pk))
        until_somebody_waits()
    with pytest.raises(Exception, match="The subscription is Completed"):
        second.finish()
    assert status_of(order) == Status.COMPLETED
    assert violations(but=FULFILMENT) == {}


def test_the_last_post_and_the_end_of_the_last_day() -> None:
    order = follow(posts=1, expiry=timezone.localdate().strftime("%d/%m/%Y"))
    yesterday = timezone.localdate() - timedelta(days=1)
    with transaction.atomic():
        tell(order)
        Subscription.objects.filter(order=order).update(expiry=yesterday)
        second = Second(expire_run_out)  # passes over what is being decided
        second.finish()
    assert expire_run_out() == 0
    assert status_of(order) == Status.COMPLETED

    other = follow(posts=1)
    Subscription.objects.filter(order=other).update(expiry=yesterday)
    told: list[Told] = []
    with transaction.atomic():
        assert expire_run_out() == 1
        second = Second(lambda: told.append(tell(other)))
        until_somebody_waits()
    second.finish()
    assert told == [Told(subscription_id=other.pk, reason="The subscription is Expired")]
    assert violations(but=FULFILMENT) == {}


def test_an_order_is_canceled_while_its_delay_ends() -> None:
    order = follow(delay=5)
    child_id = tell(order).order_id
    assert child_id is not None
    FedPost.objects.update(starts_at="2020-01-01T00:00:00Z")
    with transaction.atomic():
        assert request_cancels([(order.customer_id, child_id)]) == [None]
        second = Second(start_due)
        second.finish()
    assert start_due() == 1
    child = Order.objects.get(pk=child_id)
    assert (child.status, child.dispatch) == (Status.CANCELED, Dispatch.NEVER)
    assert balance_of(order.customer) == 10
    assert violations(but=FULFILMENT) == {}


def test_two_workers_start_a_post_once() -> None:
    order = follow(delay=5)
    tell(order)
    FedPost.objects.update(starts_at="2020-01-01T00:00:00Z")
    started: list[int] = []
    with transaction.atomic():
        started.append(start_due())
        second = Second(lambda: started.append(start_due()))
        second.finish()
    assert started == [1, 0]


def test_a_post_for_the_last_money_and_an_order_for_it_are_not_both_paid() -> None:
    order = follow("0.2")
    other = make_service(rate="2.00")
    with transaction.atomic():
        place_one(order.customer, other, quantity=100)
        second = Second(lambda: tell(order))
        until_somebody_waits()
    second.finish()
    assert status_of(order) == Status.PAUSED
    assert balance_of(order.customer) == 0
    assert violations(but=FULFILMENT) == {}
