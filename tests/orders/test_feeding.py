"""Subscriptions fed by post events: each post one order, charged alone."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from purveyor.accounts.models import Customer
from purveyor.accounts.people import credit
from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.service_settings import feed
from purveyor.catalog.testing import make_service
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.feeding import (
    OUT_OF_FUNDS,
    Told,
    expire_run_out,
    start_due,
    tell_post,
    tell_post_of,
    to_watch,
)
from purveyor.orders.models import (
    CancelRequest,
    CancelStatus,
    Dispatch,
    FedPost,
    Order,
    OrderEvent,
    OrderPromise,
    PastPromise,
    Status,
    Subscription,
)
from purveyor.orders.pausing import BY_CUSTOMER, BY_STAFF, pause, resume, stop
from purveyor.orders.post_fate import ALREADY_SERVED, MADE_WHILE_PAUSED, PAST_EXPIRY
from purveyor.orders.promising import note_promises, set_promise
from purveyor.orders.queue import claim_queued
from purveyor.orders.reading import order_views
from purveyor.orders.refusals import (
    BadLink,
    IncorrectOrderId,
    NotEnoughFunds,
    NotFed,
    NothingDelivers,
    SubscriptionEnded,
)
from purveyor.orders.testing import place_one, try_one
from tests.audited import FULFILMENT, violations

pytestmark = pytest.mark.django_db


@pytest.fixture
def likes() -> Service:
    """What delivers the posts."""
    return make_service(rate="9.00", max=100_000)


@pytest.fixture
def fed(likes: Service) -> Service:
    """A subscription service, at a price of its own."""
    return make_service(OrderType.SUBSCRIPTIONS, rate="2.00", max=100_000, cancel=True, posts_service=likes)


def follow(customer: Customer, service: Service, **terms: Any) -> Order:
    return place_one(customer, service, **({"username": "ann", "delay": 0, "min": 100, "max": 100} | terms))


def url(number: int) -> str:
    return f"https://example.com/p/{number}"


def tell(order: Order, number: int, *, old: bool = False) -> Told:
    return tell_post(subscription_id=order.pk, url=url(number), old=old)


def made_by(told: Told) -> Order:
    assert told.order_id is not None
    return Order.objects.get(pk=told.order_id)


def starts_at() -> datetime:
    at = FedPost.objects.get().starts_at
    assert at is not None
    return at


def status_of(order: Order) -> str:
    order.refresh_from_db()
    return order.status


def last_reason(order: Order) -> str:
    return str(OrderEvent.objects.filter(order=order).latest("pk").data.get("reason", ""))


def test_it_is_not_handed_over_and_a_post_becomes_an_order_at_its_price(fed: Service, likes: Service) -> None:
    customer = make_customer("10")
    order = follow(customer, fed, posts=2)
    assert (order.dispatch, order.status) == (Dispatch.SCHEDULED, Status.ACTIVE)
    assert claim_queued(10) == []
    told = tell(order, 1)
    child = made_by(told)
    assert told.is_new
    assert (child.parent_id, child.part, child.service) == (order.pk, 1, likes)
    assert (child.link, child.quantity, child.charge) == (url(1), 100, Decimal("0.2"))
    assert (child.dispatch, child.service_version) == (Dispatch.QUEUED, likes.version)
    assert balance_of(customer) == Decimal("9.8")
    assert [row.id for row in claim_queued(10)] == [child.pk]
    assert violations(but=FULFILMENT) == {}


def test_the_same_post_again_is_the_same_order(fed: Service) -> None:
    customer = make_customer("10")
    order = follow(customer, fed, min=10, max=1000)
    first = tell(order, 1)
    again = tell_post(subscription_id=order.pk, url="http://www.EXAMPLE.com/p/1/", old=False)
    assert again == Told(subscription_id=order.pk, order_id=first.order_id, reason=ALREADY_SERVED)
    assert Order.objects.filter(parent=order).count() == 1


def test_quantities_vary_within_the_terms(fed: Service) -> None:
    order = follow(make_customer("100"), fed, min=10, max=1000)
    for number in range(10):
        tell(order, number)
    quantities = set(Order.objects.filter(parent=order).values_list("quantity", flat=True))
    assert len(quantities) > 5
    assert all(10 <= quantity <= 1000 for quantity in quantities)


def test_it_is_completed_when_new_and_old_posts_are_served(fed: Service) -> None:
    customer = make_customer("10")
    order = follow(customer, fed, posts=2, old_posts=1)
    children = [tell(order, 1).order_id, tell(order, 2).order_id]
    assert tell(order, 3) == Told(subscription_id=order.pk, reason="All its new posts are served")
    assert status_of(order) == Status.ACTIVE
    old = tell(order, 4, old=True).order_id
    assert status_of(order) == Status.COMPLETED
    assert tell(order, 5).reason == "The subscription is Completed"
    (view,) = order_views([(customer.pk, order.pk)])
    assert view is not None
    assert (view.status, view.posts_done) == (Status.COMPLETED, 2)
    assert (view.children, view.old_children) == (children, [old])
    assert not Subscription.objects.get().live
    assert violations(but=FULFILMENT) == {}


def test_only_old_posts(fed: Service) -> None:
    order = follow(make_customer(), fed, posts=0, old_posts=1)
    assert tell(order, 1).order_id is None
    assert tell(order, 2, old=True).is_new
    assert status_of(order) == Status.COMPLETED


def test_an_order_waits_for_the_delay(fed: Service) -> None:
    order = follow(make_customer(), fed, delay=30)
    child = made_by(tell(order, 1))
    assert child.dispatch == Dispatch.SCHEDULED
    assert timedelta(minutes=29) < starts_at() - timezone.now() <= timedelta(minutes=30)
    assert (start_due(), claim_queued(10)) == (0, [])
    FedPost.objects.update(starts_at=timezone.now() - timedelta(minutes=1))
    assert (start_due(), start_due()) == (1, 0)
    assert [row.id for row in claim_queued(10)] == [child.pk]


def test_what_is_promised_of_an_order_counts_from_the_end_of_its_delay(fed: Service, likes: Service) -> None:
    set_promise(service=likes, minutes=60, per_thousand=False, past=PastPromise.TELL)
    order = follow(make_customer(), fed, delay=30)
    note_promises([made_by(tell(order, 1)).pk])
    assert OrderPromise.objects.get().promised_until == starts_at() + timedelta(hours=1)


def test_an_order_that_waits_for_its_delay_is_canceled_and_refunded_at_once(
    fed: Service, likes: Service
) -> None:
    Service.objects.filter(pk=likes.pk).update(cancel=True)
    customer = make_customer("10")
    order = follow(customer, fed, delay=30)
    child_id = tell(order, 1).order_id
    assert child_id is not None
    assert request_cancels([(customer.pk, child_id)]) == [None]
    assert balance_of(customer) == 10
    FedPost.objects.update(starts_at=timezone.now() - timedelta(minutes=1))
    assert (start_due(), claim_queued(10)) == (1, [])
    assert violations(but=FULFILMENT) == {}


def test_posts_made_during_a_pause_are_skipped_for_good(fed: Service) -> None:
    order = follow(make_customer(), fed, old_posts=1, posts=5)
    pause(order_id=order.pk)
    assert status_of(order) == Status.PAUSED
    assert last_reason(order) == BY_STAFF
    assert tell(order, 1).reason == tell(order, 2, old=True).reason == MADE_WHILE_PAUSED
    resume(order_id=order.pk)
    assert status_of(order) == Status.ACTIVE
    assert tell(order, 1).reason == MADE_WHILE_PAUSED
    assert tell(order, 2, old=True).is_new
    assert tell(order, 3).is_new
    assert violations(but=FULFILMENT) == {}


def test_without_funds_it_is_paused_and_serves_the_post_when_it_is_told_again(fed: Service) -> None:
    customer = make_customer("0.3")
    order = follow(customer, fed)
    assert tell(order, 1).is_new
    assert tell(order, 2) == Told(subscription_id=order.pk, reason=OUT_OF_FUNDS)
    assert status_of(order) == Status.PAUSED
    assert (last_reason(order), Subscription.objects.get().paused_reason) == (OUT_OF_FUNDS, OUT_OF_FUNDS)
    assert balance_of(customer) == Decimal("0.1")
    credit(customer=customer, amount=Decimal(1), reason="top-up", actor="test")
    assert tell(order, 2).order_id is None
    resume(order_id=order.pk, customer_id=customer.pk)
    assert Subscription.objects.get().paused_reason == ""
    assert tell(order, 2).is_new
    assert Order.objects.filter(parent=order).count() == 2
    assert violations(but=FULFILMENT) == {}


def test_customers_pause_and_resume_their_own(fed: Service) -> None:
    customer, other = make_customer(), make_customer()
    order = follow(customer, fed)
    for action in (pause, resume):
        with pytest.raises(IncorrectOrderId):
            action(order_id=order.pk, customer_id=other.pk)
    pause(order_id=order.pk, customer_id=customer.pk)
    pause(order_id=order.pk)
    assert last_reason(order) == BY_CUSTOMER
    resume(order_id=order.pk, customer_id=customer.pk)
    resume(order_id=order.pk, customer_id=customer.pk)
    assert OrderEvent.objects.filter(order=order).count() == 2


def test_a_customer_cancels_it_at_once_and_its_orders_go_on(fed: Service) -> None:
    customer = make_customer()
    order = follow(customer, fed)
    child = tell(order, 1).order_id
    assert request_cancels([(customer.pk, order.pk)]) == [None]
    assert CancelRequest.objects.get().status == CancelStatus.DONE
    assert status_of(order) == Status.CANCELED
    assert tell(order, 2).reason == "The subscription is Canceled"
    assert [row.id for row in claim_queued(10)] == [child]
    for action in (pause, resume, stop):
        with pytest.raises(SubscriptionEnded, match="The subscription is Canceled"):
            action(order_id=order.pk)
    assert violations(but=FULFILMENT) == {}


def test_staff_end_it_whether_the_service_offers_cancels_or_not(fed: Service) -> None:
    Service.objects.update(cancel=False)
    order = follow(make_customer(), fed)
    stop(order_id=order.pk)
    assert status_of(order) == Status.CANCELED
    assert violations(but=FULFILMENT) == {}


def test_it_expires_after_its_last_day(fed: Service) -> None:
    today = timezone.localdate()
    order = follow(make_customer(), fed, expiry=today.strftime("%d/%m/%Y"))
    endless = follow(make_customer(), fed)
    assert expire_run_out() == 0
    assert tell(order, 1).is_new
    Subscription.objects.filter(order=order).update(expiry=today - timedelta(days=1))
    assert tell(order, 2).reason == PAST_EXPIRY
    pause(order_id=order.pk)
    assert (expire_run_out(), expire_run_out()) == (1, 0)
    assert (status_of(order), status_of(endless)) == (Status.EXPIRED, Status.ACTIVE)
    assert violations(but=FULFILMENT) == {}


def test_a_post_of_an_account_is_told_to_all_that_follow_it(fed: Service, likes: Service) -> None:
    other = make_service(OrderType.SUBSCRIPTIONS, max=100_000, posts_service=likes)
    one, two = (follow(make_customer(), fed, username=name) for name in ("ann", "@Ann"))
    elsewhere, else_who = follow(make_customer(), other), follow(make_customer(), fed, username="bob")
    told = tell_post_of(username="@ann", url=url(1), old=False, service_id=fed.pk)
    assert [item.subscription_id for item in told] == [one.pk, two.pk]
    told = tell_post_of(username="ann", url=url(2), old=False)
    assert [item.subscription_id for item in told] == [one.pk, two.pk, elsewhere.pk]
    assert not Order.objects.filter(parent=else_who).exists()
    stop(order_id=one.pk)
    assert [item.subscription_id for item in tell_post_of(username="ann", url=url(3), old=False)] == [
        two.pk,
        elsewhere.pk,
    ]


def test_what_is_to_be_watched_page_by_page(fed: Service) -> None:
    orders = [follow(make_customer(), fed, username=f"a{number}", old_posts=2) for number in range(4)]
    pause(order_id=orders[1].pk)
    tell(orders[2], 1, old=True)
    first, second = to_watch(limit=2)
    assert (first.id, first.service_id, first.username, first.posts, first.old_posts) == (
        orders[0].pk,
        fed.pk,
        "a0",
        None,
        2,
    )
    assert (second.id, second.old_posts) == (orders[2].pk, 1)
    assert [row.id for row in to_watch(after=second.id)] == [orders[3].pk]


def test_what_cannot_be_told(fed: Service) -> None:
    order = follow(make_customer(), fed)
    forwarded = follow(make_customer(), make_service(OrderType.SUBSCRIPTIONS, max=1000))
    ordinary = place_one(make_customer(), make_service(), quantity=1)
    for other in (forwarded.pk, ordinary.pk, 0):
        with pytest.raises(NotFed):
            tell_post(subscription_id=other, url=url(1), old=False)
    for address in ("", " ", "a\nb", "x" * 3000):
        with pytest.raises(BadLink):
            tell_post(subscription_id=order.pk, url=address, old=False)
    feed(service_id=fed.pk, posts_service_id=None)
    with pytest.raises(NothingDelivers):
        tell(order, 1)
    assert FedPost.objects.count() == 0


def test_the_funds_promised_to_its_posts_shrink_as_they_are_served(fed: Service) -> None:
    customer = make_customer("1")
    order = follow(customer, fed, posts=3)
    # Of 1.00, 0.60 is promised: another 0.60 is not there.
    assert try_one(customer, fed, username="bob", delay=0, min=100, max=100, posts=3) == NotEnoughFunds()
    tell(order, 1)
    tell(order, 2)
    # Of the 0.60 left, 0.20 is promised.
    follow(customer, fed, username="bob", posts=2)
    assert try_one(customer, fed, username="eve", delay=0, min=100, max=100, posts=1) == NotEnoughFunds()


def test_days_are_those_of_the_panel(fed: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    order = follow(make_customer(), fed, expiry=timezone.localdate().strftime("%d/%m/%Y"))
    tomorrow: date = timezone.localdate() + timedelta(days=1)
    monkeypatch.setattr(timezone, "localdate", lambda: tomorrow)
    assert tell(order, 1).reason == PAST_EXPIRY
    assert expire_run_out() == 1
