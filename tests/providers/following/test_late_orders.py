"""Orders that are not complete in the promised time: acted upon once, and money returns only when it may."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.testing import make_service
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import (
    CancelRequest,
    CancelStatus,
    Dispatch,
    EventKind,
    Order,
    OrderEvent,
    OrderPromise,
    PastPromise,
    PromiseOutcome,
    Status,
)
from purveyor.orders.promising import QUEUED_LONG_SECONDS, clear_promise, set_promise
from purveyor.orders.queue import hold
from purveyor.orders.testing import place_one
from purveyor.outbox.models import OutboxEvent
from purveyor.providers.desks.desks import create_desk, offer_by_hand
from purveyor.providers.following.following import follow
from purveyor.providers.following.late_orders import NotAsked, act_on_late_orders, answer
from purveyor.providers.models import CancelTask, ForwardState, Fulfilment, Route
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.outcomes.settling import settle_as_not_placed, settle_as_placed
from purveyor.providers.protocol.replies import Accepted, StatusReply, Unclear
from purveyor.providers.protocol.words import order_status
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.testing import make_provider, make_route
from purveyor.providers.timeline.timeline import timeline
from purveyor.simulator.testing import Simulator
from tests.audited import violations
from tests.committed import committed
from tests.providers.rounds import LONG_AGO, work_until
from tests.racing import Second, until_somebody_waits

HOUR = timedelta(hours=1)


@pytest.fixture
def promised(db: None) -> Service:
    """A service that is promised within an hour per 1000, without a cancel of customers'."""
    service = make_service(rate="10.00", cancel=False)
    make_route(service, make_provider(), rate="4.00")
    promise(service, PastPromise.TELL)
    return service


def promise(service: Service, past: PastPromise) -> None:
    set_promise(service=service, minutes=60, per_thousand=True, past=past)


def accepted(service: Service, *, external_id: str = "1") -> Order:
    """An order of 2000 that the provider has taken."""
    order = place_one(make_customer("100"), service, quantity=2000)
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Accepted(external_id))])
    return order


def act(*, after: timedelta = 2 * HOUR) -> None:
    """Act as if so much time had passed since the orders."""
    early = timezone.now() - timedelta(days=1)
    for order_promise in OrderPromise.objects.filter(outcome=""):
        left = order_promise.promised_until - order_promise.order.created_at - after
        until = early if left <= timedelta(0) else timezone.now() + left
        OrderPromise.objects.filter(pk=order_promise.pk).update(promised_until=until)
    act_on_late_orders()
    assert violations() == {}


def tell(order: Order, word: str, **told: Any) -> None:
    fulfilment = Fulfilment.objects.get(order=order)
    follow({fulfilment.pk: StatusReply(word=word, status=order_status(word), **told)})


def outcome(order: Order) -> str:
    return OrderPromise.objects.get(order=order).outcome


def told_late(order: Order) -> tuple[list[Any], list[Any]]:
    """What the timeline and the outbox tell of an order's lateness."""
    events = OrderEvent.objects.filter(order=order, kind=EventKind.PROMISE)
    announced = OutboxEvent.objects.filter(kind="order.late", about=f"order:{order.pk}")
    return (
        [event.data["outcome"] for event in events],
        [(event.data["outcome"], event.customer_id) for event in announced],
    )


def test_an_order_is_promised_from_when_it_was_placed(promised: Service) -> None:
    order = accepted(promised)
    assert OrderPromise.objects.get().promised_until == order.created_at + 2 * HOUR
    promise(promised, PastPromise.ASK)
    assert OrderPromise.objects.get().promised_until == order.created_at + 2 * HOUR


@pytest.mark.django_db
def test_nothing_is_promised_of_other_services() -> None:
    service = make_service(rate="10.00")
    make_route(service, make_provider(), rate="4.00")
    promise(make_service(), PastPromise.TELL)
    accepted(service)
    assert not OrderPromise.objects.exists()


def test_before_the_time_nothing_happens(promised: Service) -> None:
    order = accepted(promised)
    act(after=2 * HOUR - timedelta(minutes=1))
    assert (outcome(order), told_late(order)) == ("", ([], []))


def test_a_late_order_is_told_once(promised: Service) -> None:
    order = accepted(promised)
    for _ in range(3):
        act()
    assert outcome(order) == PromiseOutcome.TOLD
    assert told_late(order) == (["told"], [("told", order.customer_id)])
    order.refresh_from_db()
    assert (order.status, order.refunded) == (Status.PENDING, 0)


@pytest.mark.parametrize("word", ["Completed", "Canceled"])
def test_an_order_that_ended_is_left_alone(promised: Service, word: str) -> None:
    promise(promised, PastPromise.CANCEL)
    order = accepted(promised)
    tell(order, word, remains=0)
    Order.objects.update(status_at=LONG_AGO)
    act()
    assert (outcome(order), told_late(order)) == (PromiseOutcome.KEPT, ([], []))


def test_an_order_that_ended_late_before_anybody_looked_is_late(promised: Service) -> None:
    order = accepted(promised)
    tell(order, "Completed", remains=0)
    act()
    assert (outcome(order), told_late(order)) == (PromiseOutcome.LATE, ([], []))


def test_a_promise_that_was_taken_back_has_no_consequence(promised: Service) -> None:
    order = accepted(promised)
    assert clear_promise(service=promised) is True
    assert clear_promise(service=promised) is False
    act()
    assert (outcome(order), told_late(order)) == (PromiseOutcome.DROPPED, ([], []))


def test_a_cancel_returns_money_only_when_the_provider_confirms(promised: Service) -> None:
    promise(promised, PastPromise.CANCEL)
    order = accepted(promised)
    act()
    order.refresh_from_db()
    assert (order.status, order.refunded, outcome(order)) == (Status.PENDING, 0, PromiseOutcome.CANCELED)
    assert CancelRequest.objects.get(order=order).status == CancelStatus.REQUESTED
    assert balance_of(order.customer) == 80
    tell(order, "Canceled", remains=2000)
    assert balance_of(order.customer) == 100
    assert CancelRequest.objects.get(order=order).status == CancelStatus.DONE
    assert violations() == {}


def test_an_order_that_was_never_sent_is_canceled_at_once(promised: Service) -> None:
    promise(promised, PastPromise.CANCEL)
    order = place_one(make_customer("100"), promised, quantity=1000)
    hold([order.pk], reason="The provider is out of funds")
    act_on_late_orders()
    act()
    order.refresh_from_db()
    assert (order.status, order.dispatch) == (Status.CANCELED, Dispatch.NEVER)
    assert balance_of(order.customer) == 100
    reasons = [event.data.get("reason") for event in OrderEvent.objects.filter(order=order, kind="status")]
    assert reasons == ["It was not complete in the promised time"]


@pytest.mark.parametrize("placed", [True, False])
def test_an_order_of_unknown_outcome_is_late_too_and_refunded_only_if_it_was_not_placed(
    promised: Service, *, placed: bool
) -> None:
    promise(promised, PastPromise.CANCEL)
    order = place_one(make_customer("100"), promised, quantity=2000)
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Unclear("HTTP 502"))])
    act()
    order.refresh_from_db()
    assert (order.status, order.refunded, outcome(order)) == (Status.PENDING, 0, PromiseOutcome.CANCELED)
    if placed:
        settle_as_placed(fulfilment=Fulfilment.objects.get(), external_id="7", actor="a test")
    else:
        settle_as_not_placed(fulfilment=Fulfilment.objects.get(), actor="a test")
    assert balance_of(order.customer) == (80 if placed else 100)
    assert violations() == {}


def test_a_customer_who_has_asked_already_is_not_asked_for(promised: Service) -> None:
    promise(promised, PastPromise.CANCEL)
    Service.objects.update(cancel=True)
    order = accepted(promised)
    assert request_cancels([(order.customer_id, order.pk)]) == [None]
    act()
    assert OrderEvent.objects.filter(order=order, kind=EventKind.CANCEL).count() == 1


@pytest.mark.parametrize(
    ("cancel", "becomes"), [(False, PromiseOutcome.WAITED), (True, PromiseOutcome.CANCELED)]
)
def test_staff_are_asked_and_answer_once(promised: Service, becomes: PromiseOutcome, *, cancel: bool) -> None:
    promise(promised, PastPromise.ASK)
    order = accepted(promised)
    with pytest.raises(NotAsked, match=f"nobody is asked about order {order.pk}"):
        answer(order_id=order.pk, cancel=cancel, actor="ann")
    act()
    assert outcome(order) == PromiseOutcome.ASKED
    assert told_late(order) == (["asked"], [("asked", order.customer_id)])
    answer(order_id=order.pk, cancel=cancel, actor="ann")
    assert outcome(order) == becomes
    assert ("late", "ann") in {(line.kind, line.who) for line in timeline(order.pk) or []}
    assert CancelRequest.objects.filter(order=order).exists() is cancel
    with pytest.raises(NotAsked):
        answer(order_id=order.pk, cancel=cancel, actor="ann")


def test_the_end_of_an_order_answers_for_staff(promised: Service) -> None:
    promise(promised, PastPromise.ASK)
    order = accepted(promised)
    act()
    tell(order, "Completed", remains=0)
    act()
    assert outcome(order) == PromiseOutcome.LATE


def test_a_late_order_goes_elsewhere_once_its_provider_has_stopped(promised: Service) -> None:
    promise(promised, PastPromise.REROUTE)
    make_route(promised, make_provider(), rate="5.00", position=1)
    order = accepted(promised)
    tell(order, "In progress", remains=1500)
    act()
    assert (outcome(order), told_late(order)[0]) == (PromiseOutcome.REROUTED, ["rerouted"])
    assert CancelTask.objects.get().cancel_request is None
    assert not hand_over(busy={}).hand_overs
    tell(order, "Partial", remains=1200)
    order.refresh_from_db()
    assert (order.status, order.dispatch, order.refunded) == (Status.IN_PROGRESS, Dispatch.QUEUED, 0)
    (item,) = hand_over(busy={}).hand_overs
    assert item.fields["quantity"] == "1200"
    record([Answered(hand_over=item, reply=Accepted("2"))])
    done = StatusReply(word="Completed", status=Status.COMPLETED, remains=0)
    follow({item.fulfilment_id: done})
    order.refresh_from_db()
    assert (order.status, order.refunded) == (Status.COMPLETED, 0)
    assert balance_of(order.customer) == 80
    assert violations() == {}


@pytest.mark.parametrize("others", [0, 1])
def test_an_order_without_another_route_stays_where_it_is(promised: Service, others: int) -> None:
    promise(promised, PastPromise.REROUTE)
    for _ in range(others):
        make_route(promised, make_provider(enabled=False), rate="5.00", position=1)
    order = accepted(promised)
    act()
    assert (outcome(order), told_late(order)[0]) == (PromiseOutcome.TOLD, ["told"])
    assert not CancelTask.objects.exists()


def test_people_who_deliver_by_hand_are_not_asked_to_stop(promised: Service) -> None:
    promise(promised, PastPromise.REROUTE)
    make_route(promised, make_provider(), rate="5.00", position=1)
    order = place_one(make_customer("100"), promised, quantity=1000)
    Route.objects.update(enabled=False)
    offer_by_hand(desk=create_desk(name="Desk"), service_id=promised.pk, cost=Decimal(3))
    hand_over(busy={})
    Route.objects.update(enabled=True)
    act()
    assert outcome(order) == PromiseOutcome.TOLD
    assert not CancelTask.objects.exists()


def test_a_provider_that_refused_to_stop_is_asked_again(promised: Service) -> None:
    promise(promised, PastPromise.REROUTE)
    make_route(promised, make_provider(), rate="5.00", position=1)
    order = accepted(promised)
    CancelTask.objects.create(
        fulfilment=Fulfilment.objects.get(), state=ForwardState.REFUSED, tries=3, next_at=None
    )
    act()
    task = CancelTask.objects.get()
    assert (task.state, task.tries, outcome(order)) == (ForwardState.WAITING, 0, PromiseOutcome.REROUTED)
    assert task.next_at is not None


def test_an_order_that_waits_needs_no_other_provider_to_stop(promised: Service) -> None:
    promise(promised, PastPromise.REROUTE)
    order = place_one(make_customer("100"), promised, quantity=1000)
    hold([order.pk], reason="The provider is out of funds")
    act_on_late_orders()
    act()
    order.refresh_from_db()
    assert (outcome(order), order.dispatch) == (PromiseOutcome.TOLD, Dispatch.HELD)


def test_an_order_that_a_busy_provider_leaves_in_the_queue_is_promised_too(promised: Service) -> None:
    order = place_one(make_customer("100"), promised, quantity=2000)
    act_on_late_orders()
    assert not OrderPromise.objects.exists(), "most are handed over soon"
    Order.objects.update(created_at=timezone.now() - timedelta(seconds=QUEUED_LONG_SECONDS + 60))
    act_on_late_orders()
    act()
    assert outcome(order) == PromiseOutcome.TOLD


@committed
def test_two_workers_act_upon_an_order_once() -> None:
    service = make_service(rate="10.00")
    make_route(service, make_provider(), rate="4.00")
    promise(service, PastPromise.CANCEL)
    order = accepted(service)
    OrderPromise.objects.update(promised_until=LONG_AGO)
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT FROM orders_order WHERE id = %s FOR NO KEY UPDATE", [order.pk])
        first = Second(act_on_late_orders)
        until_somebody_waits()
        second = Second(act_on_late_orders)
        second.finish()
        assert OrderEvent.objects.filter(kind=EventKind.PROMISE).count() == 0
        cursor.execute("COMMIT")
    first.finish()
    assert told_late(order) == (["canceled"], [("canceled", order.customer_id)])
    assert CancelRequest.objects.count() == 1


@committed
def test_a_late_order_is_canceled_at_the_provider_without_anybodys_help(
    simulator: Simulator, service: Service
) -> None:
    set_promise(service=service, minutes=1, per_thousand=False, past=PastPromise.CANCEL)
    customer = make_customer("100")
    order = place_one(customer, service, quantity=service.min)

    def is_accepted() -> bool:
        return OrderPromise.objects.exists()

    work_until(is_accepted)
    assert balance_of(customer) < 100
    OrderPromise.objects.update(promised_until=LONG_AGO)

    def is_canceled() -> bool:
        CancelTask.objects.exclude(next_at=None).update(next_at=LONG_AGO)
        Fulfilment.objects.exclude(next_poll_at=None).update(next_poll_at=LONG_AGO)
        if any(call.fields["action"] == "cancel" for call in simulator.requests):
            simulator.advance(1)
        order.refresh_from_db()
        return order.status == Status.CANCELED

    work_until(is_canceled)
    assert balance_of(customer) == 100
    assert [item.status for item in simulator.orders] == ["Canceled"]
    assert outcome(order) == PromiseOutcome.CANCELED
    assert violations() == {}
