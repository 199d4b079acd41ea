"""Refills, cancels, drip-feeds and subscriptions, as their owner may ask for them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.orders import refusals
from purveyor.orders.cancelling import request_cancels, settle_cancel
from purveyor.orders.dripfeed import release_due
from purveyor.orders.following import Report, apply_reports
from purveyor.orders.models import (
    CancelRequest,
    CancelStatus,
    Dispatch,
    Order,
    RefillStatus,
    Status,
)
from purveyor.orders.queue import claim_queued, hold, mark_handed, release_held
from purveyor.orders.reading import order_views
from purveyor.orders.refilling import refill_statuses, request_refills, settle_refill
from purveyor.orders.requests import Placed
from purveyor.orders.subscriptions import Post, add_posts, update_subscription
from purveyor.orders.testing import place_one
from tests.audited import FULFILMENT, violations

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.mark.django_db
def test_the_life_of_a_refill() -> None:
    customer, stranger = make_customer(), make_customer()
    order = place_one(customer, make_service(refill=True), quantity=10)
    apply_reports([Report(order_id=order.pk, status=Status.COMPLETED)])
    pair = (customer.pk, order.pk)
    assert request_refills([pair]) == [refusals.RefillTooSoon()]
    with time_machine.travel(datetime.now(UTC) + 25 * HOUR):
        strange, first, again = request_refills([(stranger.pk, order.pk), pair, pair])
    assert (strange, again) == (refusals.IncorrectOrderId(), refusals.RefillTooSoon())
    assert isinstance(first, int)
    assert refill_statuses([(customer.pk, first), (stranger.pk, first)]) == [RefillStatus.PENDING, None]
    assert settle_refill(refill_id=first, status=RefillStatus.IN_PROGRESS)
    assert settle_refill(refill_id=first, status=RefillStatus.REJECTED, reason="not dropped")
    assert not settle_refill(refill_id=first, status=RefillStatus.COMPLETED)
    assert refill_statuses([(customer.pk, first)]) == [RefillStatus.REJECTED]
    order.refresh_from_db()
    assert (order.status, order.refunded) == (Status.COMPLETED, 0)


@pytest.mark.django_db
@pytest.mark.parametrize("held", [True, False])
def test_an_order_that_was_not_handed_over_is_canceled_at_once(held: bool) -> None:  # noqa: FBT001
    customer = make_customer()
    order = place_one(customer, make_service(cancel=True), quantity=1000)
    if held:
        hold([order.pk], reason="no provider")
    assert request_cancels([(customer.pk, order.pk)] * 2) == [None, refusals.CancelAlreadyRequested()]
    order.refresh_from_db()
    assert (order.status, order.dispatch, order.refunded) == (Status.CANCELED, Dispatch.NEVER, 1)
    assert balance_of(customer) == 100
    assert claim_queued(10) == []
    assert violations(but=FULFILMENT) == {}


@pytest.mark.django_db
def test_an_order_that_was_handed_over_waits_for_whoever_fulfils_it() -> None:
    customer = make_customer()
    order = place_one(customer, make_service(cancel=True), quantity=1000)
    mark_handed([order.pk])
    assert request_cancels([(customer.pk, order.pk)]) == [None]
    order.refresh_from_db()
    assert (order.status, order.refunded) == (Status.PENDING, 0)
    wish = CancelRequest.objects.get(order=order)
    settle_cancel(request_id=wish.pk, refused_reason="too late")
    wish.refresh_from_db()
    assert (wish.status, wish.reason) == (CancelStatus.REFUSED, "too late")
    assert request_cancels([(customer.pk, order.pk)]) == [None]


@pytest.mark.django_db
def test_held_orders_return_to_the_queue_by_their_reason() -> None:
    customer, service = make_customer(), make_service()
    orders = [place_one(customer, service, quantity=10) for _ in range(3)]
    hold([orders[0].pk, orders[1].pk], reason="provider out of funds")
    assert [row.id for row in claim_queued(10)] == [orders[2].pk]
    assert release_held(reason="another reason", limit=10) == 0
    assert release_held(reason="provider out of funds", limit=1) == 1
    assert [row.id for row in claim_queued(10)] == [orders[0].pk, orders[2].pk]


@pytest.mark.django_db
def test_the_runs_of_a_drip_feed_are_exact_and_paid_by_the_parent() -> None:
    customer = make_customer("1")
    parent = place_one(
        customer, make_service(rate="0.00333", dripfeed=True), quantity=7, runs=3, interval=30, link="l"
    )
    paid = balance_of(customer)
    start = datetime.now(UTC)
    for run in range(3):
        with time_machine.travel(start + run * 31 * 60 * timedelta(seconds=1)):
            assert release_due() == 1
            assert release_due() == 0
    children = list(parent.children.order_by("part"))
    assert [(child.part, child.quantity, child.link) for child in children] == [
        (1, 7, "l"),
        (2, 7, "l"),
        (3, 7, "l"),
    ]
    assert sum(child.charge for child in children) == parent.charge == Decimal("0.00006993")
    assert balance_of(customer) == paid
    apply_reports([Report(order_id=child.pk, status=Status.COMPLETED) for child in children[:2]])
    (view,) = order_views([(customer.pk, parent.pk)])
    assert view is not None
    assert (view.status, view.runs_done, view.children) == (Status.IN_PROGRESS, 2, [c.pk for c in children])
    apply_reports([Report(order_id=children[2].pk, status=Status.PARTIAL, remains=7)])
    (view,) = order_views([(customer.pk, parent.pk)])
    assert view is not None
    assert (view.status, view.runs_done) == (Status.COMPLETED, 3)
    assert balance_of(customer) == paid + children[2].charge
    assert violations(but=FULFILMENT) == {}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("released", "fate", "status", "refunded"),
    [
        (0, None, Status.CANCELED, "0.5"),
        (1, Status.COMPLETED, Status.COMPLETED, "0.4"),
        (1, Status.CANCELED, Status.CANCELED, "0.4"),
    ],
)
def test_cancelling_a_drip_feed_refunds_the_runs_to_come(
    released: int, fate: Status | None, status: Status, refunded: str
) -> None:
    customer = make_customer()
    parent = place_one(customer, make_service(dripfeed=True, cancel=True), quantity=100, runs=5, interval=30)
    for _ in range(released):
        release_due()
    assert request_cancels([(customer.pk, parent.pk)]) == [None]
    if fate is not None:
        parent.refresh_from_db()
        assert parent.status == Status.IN_PROGRESS
        apply_reports([Report(order_id=parent.children.get().pk, status=fate)])
    parent.refresh_from_db()
    assert (parent.status, parent.refunded) == (status, Decimal(refunded))
    assert release_due() == 0
    assert violations(but=FULFILMENT) == {}


@pytest.mark.django_db
def test_each_post_of_a_subscription_is_charged_alone() -> None:
    customer = make_customer("0.25")
    service = make_service(OrderType.SUBSCRIPTIONS, rate="10", max=100)
    parent = place_one(customer, service, username="someone", min=5, max=20, delay=0)
    posts = [Post(number=number, quantity=10, old=number == 2) for number in (1, 2, 3)]
    answers = add_posts(subscription_id=parent.pk, posts=posts)
    assert answers[2] == refusals.NotEnoughFunds()
    first, second = (answer.order_id for answer in answers if isinstance(answer, Placed))
    assert add_posts(subscription_id=parent.pk, posts=posts[:2]) == [
        Placed(first, is_new=False),
        Placed(second, is_new=False),
    ]
    assert balance_of(customer) == Decimal("0.05")
    update_subscription(order_id=parent.pk, status=Status.COMPLETED, posts_done=2)
    (view,) = order_views([(customer.pk, parent.pk)])
    assert view is not None
    assert (view.status, view.posts_done, view.children, view.old_children) == (
        Status.COMPLETED,
        2,
        [first],
        [second],
    )
    assert Order.objects.get(pk=first).dispatch == Dispatch.HANDED
    assert violations(but=FULFILMENT) == {}


@pytest.mark.django_db
def test_somebody_elses_order_looks_absent() -> None:
    order = place_one(make_customer(), make_service(), quantity=10)
    stranger = make_customer()
    assert order_views([(stranger.pk, order.pk), (order.customer_id, order.pk + 1)]) == [None, None]
    assert request_cancels([(stranger.pk, order.pk)]) == [refusals.IncorrectOrderId()]
