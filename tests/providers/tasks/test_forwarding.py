"""Cancels and refills told to the provider over real HTTP."""

from datetime import timedelta

import pytest
from django.utils import timezone

from purveyor.accounts.models import Customer
from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import Service
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import CancelRequest, Order, Refill, RefillStatus, Status
from purveyor.orders.placing import place
from purveyor.orders.refilling import request_refills
from purveyor.orders.testing import request
from purveyor.providers.models import CancelTask, ForwardState, Fulfilment, Provider, RefillTask
from purveyor.providers.tasks.cancels import MOST_TRIES_UNREAD
from purveyor.simulator.behaviours import Behaviour, Fault
from purveyor.simulator.testing import Simulator
from tests.audited import violations
from tests.committed import committed
from tests.providers.rounds import dispatch, forward, poll

pytestmark = committed

LONG_AGO = timezone.now() - timedelta(days=2)


def accepted(service: Service, number: int = 1) -> tuple[Customer, list[Order]]:
    customer = make_customer("1000")
    place([request(customer, service, quantity=service.min) for _ in range(number)])
    dispatch()
    return customer, list(Order.objects.order_by("pk"))


def cancel(customer: Customer, orders: list[Order]) -> None:
    assert set(request_cancels([(customer.pk, order.pk) for order in orders])) == {None}


def calls(simulator: Simulator, action: str) -> list[dict[str, str]]:
    return [dict(call.fields) for call in simulator.requests if call.action == action]


def test_cancels_are_told_in_lists_and_confirmed_by_status(simulator: Simulator, service: Service) -> None:
    customer, orders = accepted(service, 3)
    cancel(customer, orders)
    forward()
    (call,) = calls(simulator, "cancel")
    assert len(call["orders"].split(",")) == 3
    assert set(CancelTask.objects.values_list("state", "next_at")) == {(ForwardState.ACCEPTED, None)}
    # Taken is not done: nothing is told or refunded before the provider confirms.
    assert set(Order.objects.values_list("status", "refunded")) == {(Status.PENDING, 0)}
    assert set(CancelRequest.objects.values_list("status", flat=True)) == {"requested"}
    simulator.advance(10)
    poll()
    assert set(Order.objects.values_list("status", flat=True)) == {Status.CANCELED}
    assert balance_of(customer) == 1000
    assert set(CancelRequest.objects.values_list("status", flat=True)) == {"done"}
    assert violations() == {}


def test_a_cancel_is_told_once(simulator: Simulator, service: Service) -> None:
    customer, orders = accepted(service)
    cancel(customer, orders)
    for _ in range(3):
        forward()
    assert len(calls(simulator, "cancel")) == 1


def test_a_cancel_that_is_refused_is_told_and_may_be_wished_again(
    simulator: Simulator, service: Service
) -> None:
    customer, orders = accepted(service)
    refusal = f'[{{"order":{Fulfilment.objects.get().external_id},"cancel":{{"error":"Cannot cancel"}}}}]'
    cancel(customer, orders)
    for _ in range(MOST_TRIES_UNREAD):  # nobody can read whether it may go later
        assert CancelRequest.objects.get().status == "requested"
        simulator.script.next("cancel", Behaviour(fault=Fault.ARBITRARY, body=refusal, accepts=False))
        forward()
    wish = CancelRequest.objects.get()
    assert (wish.status, wish.reason) == ("refused", "Cannot cancel")
    cancel(customer, orders)
    forward()
    assert len(calls(simulator, "cancel")) == MOST_TRIES_UNREAD + 1
    assert CancelTask.objects.get().state == ForwardState.ACCEPTED


def test_a_cancel_that_is_refused_because_of_the_time_was_not_taken(
    simulator: Simulator, service: Service
) -> None:
    customer, orders = accepted(service)
    words = "An order can be canceled only within 24 hours"
    refusal = f'{{"error":"{words}"}}'
    simulator.script.next("cancel", Behaviour(fault=Fault.ARBITRARY, body=refusal, accepts=False))
    cancel(customer, orders)
    forward()
    wish = CancelRequest.objects.get()
    assert (wish.status, wish.reason) == ("refused", words)


def test_a_list_that_is_refused_as_a_whole_is_told_one_by_one(simulator: Simulator, service: Service) -> None:
    customer, orders = accepted(service, 3)
    refusal = '{"error":"Incorrect order ID"}'
    simulator.script.next("cancel", Behaviour(fault=Fault.ARBITRARY, body=refusal, accepts=False))
    cancel(customer, orders)
    forward()
    assert sorted(len(call["orders"].split(",")) for call in calls(simulator, "cancel")) == [1, 1, 1, 3]
    assert set(CancelTask.objects.values_list("state", flat=True)) == {ForwardState.ACCEPTED}
    assert set(CancelRequest.objects.values_list("status", flat=True)) == {"requested"}


CANCEL_TROUBLE = [
    Behaviour(fault=Fault.ACCEPT_THEN_DROP),
    Behaviour(fault=Fault.ERROR_500_BEFORE_ACCEPTING),
    Behaviour(fault=Fault.HTML_PAGE),
    Behaviour(fault=Fault.EMPTY_BODY),
    Behaviour(fault=Fault.TRUNCATED_JSON),
    Behaviour(fault=Fault.ARBITRARY, body="[]", accepts=False),
    Behaviour(fault=Fault.TOO_MANY_REQUESTS),
]


@pytest.mark.parametrize("trouble", CANCEL_TROUBLE, ids=lambda item: item.fault)
def test_a_cancel_nobody_can_tell_of_is_told_again(
    simulator: Simulator, service: Service, trouble: Behaviour
) -> None:
    customer, orders = accepted(service)
    simulator.script.next("cancel", trouble)
    cancel(customer, orders)
    forward()
    task = CancelTask.objects.get()
    assert task.state == ForwardState.WAITING
    assert task.next_at is not None
    Provider.objects.update(silent_until=None)
    forward()
    # The second time it is done, or "already requested": either way the provider has it.
    assert CancelTask.objects.get().state == ForwardState.ACCEPTED
    assert CancelRequest.objects.get().status == "requested"
    simulator.advance(10)
    poll()
    assert Order.objects.get().status == Status.CANCELED


def test_a_wish_whose_order_ended_first_is_dropped(simulator: Simulator, service: Service) -> None:
    customer, orders = accepted(service)
    cancel(customer, orders)
    Order.objects.update(status=Status.COMPLETED)
    forward()
    assert calls(simulator, "cancel") == []
    assert CancelTask.objects.get().next_at is None


def test_a_wish_that_came_too_late_is_told_as_refused(simulator: Simulator, service: Service) -> None:
    customer, orders = accepted(service)
    simulator.advance(3600)
    cancel(customer, orders)
    poll()
    assert Order.objects.get().status == Status.COMPLETED
    wish = CancelRequest.objects.get()
    assert (wish.status, wish.reason) == ("refused", "The order was completed first")


def completed(simulator: Simulator, service: Service, number: int = 1) -> tuple[Customer, list[int]]:
    """Orders that completed two days ago and whose refills are asked for now."""
    simulator.set_refill_wait(seconds=0)
    customer, orders = accepted(service, number)
    simulator.advance(3600)
    poll()
    Order.objects.update(status_at=LONG_AGO)
    answers = request_refills([(customer.pk, order.pk) for order in orders])
    refills = [answer for answer in answers if isinstance(answer, int)]
    assert len(refills) == number
    return customer, refills


def refill_states() -> set[tuple[str, str]]:
    return set(Refill.objects.values_list("task__state", "status"))


def test_refills_are_asked_for_and_followed_to_their_end(simulator: Simulator, service: Service) -> None:
    completed(simulator, service, 2)
    forward()
    assert refill_states() == {(ForwardState.ACCEPTED, RefillStatus.PENDING)}
    ids = list(RefillTask.objects.order_by("pk").values_list("external_id", flat=True))
    simulator.decide_refill(ids[0], rejected=False)
    simulator.decide_refill(ids[1], rejected=True)
    simulator.advance(5)
    forward()
    assert {status for _, status in refill_states()} <= {RefillStatus.PENDING, RefillStatus.IN_PROGRESS}
    simulator.advance(3600)
    forward()
    assert list(Refill.objects.order_by("pk").values_list("status", flat=True)) == [
        RefillStatus.COMPLETED,
        RefillStatus.REJECTED,
    ]
    assert set(RefillTask.objects.values_list("next_at", flat=True)) == {None}
    assert len(calls(simulator, "refill")) == 2
    asked = {frozenset(call["refills"].split(",")) for call in calls(simulator, "refill_status")}
    assert asked == {frozenset(ids)}


def test_a_refused_refill_is_rejected_with_the_providers_words(
    simulator: Simulator, service: Service
) -> None:
    completed(simulator, service)
    simulator.script.next("refill", Behaviour(fault=Fault.REFILL_REFUSED, text="Refill days are over"))
    forward()
    refill = Refill.objects.get()
    assert (refill.status, refill.reason) == (RefillStatus.REJECTED, "Refill days are over")


def test_a_refill_that_is_too_early_by_the_providers_clock_waits(
    simulator: Simulator, service: Service
) -> None:
    completed(simulator, service)
    simulator.set_refill_wait(seconds=10 * 86400)
    forward()
    assert refill_states() == {(ForwardState.WAITING, RefillStatus.PENDING)}
    simulator.set_refill_wait(seconds=0)
    forward()
    assert refill_states() == {(ForwardState.ACCEPTED, RefillStatus.PENDING)}


REFILL_TROUBLE = [
    Fault.ACCEPT_THEN_DROP,
    Fault.DROP_WITHOUT_ACCEPTING,
    Fault.ERROR_500_AFTER_ACCEPTING,
    Fault.HTML_PAGE,
    Fault.EMPTY_BODY,
    Fault.WRONG_TYPES,
]


@pytest.mark.parametrize("trouble", REFILL_TROUBLE)
def test_a_refill_nobody_can_tell_of_is_not_asked_for_again_for_a_day(
    simulator: Simulator, service: Service, trouble: Fault
) -> None:
    completed(simulator, service)
    simulator.script.next("refill", trouble)
    forward()
    assert refill_states() == {(ForwardState.UNKNOWN, RefillStatus.PENDING)}
    due = RefillTask.objects.get().next_at
    assert due is not None
    assert timedelta(hours=23) < due - timezone.now() < timedelta(hours=25)


def test_a_refill_refused_then_because_it_runs_is_waited_for(simulator: Simulator, service: Service) -> None:
    completed(simulator, service)
    simulator.script.next("refill", Fault.ACCEPT_THEN_DROP)
    forward()
    simulator.script.next("refill", Behaviour(fault=Fault.REFILL_REFUSED, text="Refill already requested"))
    forward()
    assert refill_states() == {(ForwardState.UNKNOWN, RefillStatus.PENDING)}


def test_a_refill_whose_worker_died_while_asking_is_unknown(simulator: Simulator, service: Service) -> None:
    completed(simulator, service)
    simulator.script.next("refill", Fault.TOO_MANY_REQUESTS)
    forward()
    assert refill_states() == {(ForwardState.WAITING, RefillStatus.PENDING)}
    RefillTask.objects.update(state=ForwardState.SENDING)
    Provider.objects.update(silent_until=None)
    forward()
    assert refill_states() == {(ForwardState.UNKNOWN, RefillStatus.PENDING)}
    assert len(calls(simulator, "refill")) == 1


def test_a_refill_nobody_hears_of_for_a_week_is_rejected(simulator: Simulator, service: Service) -> None:
    completed(simulator, service)
    forward()
    simulator.script.always("refill_status", Behaviour(fault=Fault.ARBITRARY, body="{}"))
    forward()
    assert refill_states() == {(ForwardState.ACCEPTED, RefillStatus.PENDING)}
    RefillTask.objects.update(told_at=timezone.now() - timedelta(days=8))
    forward()
    assert Refill.objects.get().status == RefillStatus.REJECTED


def test_a_refill_that_runs_for_long_is_not_rejected_for_one_answer_nobody_can_read(
    simulator: Simulator, service: Service
) -> None:
    completed(simulator, service)
    forward()
    simulator.script.always("refill_status", Behaviour(fault=Fault.ARBITRARY, body='{"status":"Running"}'))
    forward()
    simulator.script.clear()
    long_ago = timezone.now() - timedelta(days=8)
    RefillTask.objects.update(created_at=long_ago, told_at=long_ago)
    simulator.advance(5)
    forward()  # "In progress" after all
    simulator.script.next("refill_status", Fault.HTML_PAGE)
    forward()
    task = RefillTask.objects.get()
    assert (task.refill.status, task.response) == (RefillStatus.IN_PROGRESS, "In progress")
    assert task.next_at is not None


def test_words_without_a_meaning_are_no_news_when_they_are_told_again(
    simulator: Simulator, service: Service
) -> None:
    completed(simulator, service)
    forward()
    simulator.script.always("refill_status", Behaviour(fault=Fault.ARBITRARY, body='{"error":"Oh no"}'))
    forward()
    RefillTask.objects.update(told_at=timezone.now() - timedelta(days=8))
    forward()
    assert Refill.objects.get().status == RefillStatus.REJECTED
    assert RefillTask.objects.get().response == "Oh no"


@pytest.mark.parametrize("body", ['{"error":"Incorrect request"}', "[]", "{}"])
def test_where_lists_of_refills_bring_nothing_they_are_asked_about_one_by_one(
    simulator: Simulator, service: Service, body: str
) -> None:
    completed(simulator, service, 3)
    forward()
    simulator.advance(3600)
    simulator.script.next("refill_status", Behaviour(fault=Fault.ARBITRARY, body=body))
    forward()
    assert ["refill" in call for call in calls(simulator, "refill_status")] == [False, True, True, True]
    assert RefillStatus.PENDING not in {status for _, status in refill_states()}


def test_a_wish_to_cancel_that_a_list_does_not_reach_is_told_by_itself(
    simulator: Simulator, service: Service
) -> None:
    customer, orders = accepted(service, 3)
    first, *_ = Fulfilment.objects.order_by("pk").values_list("external_id", flat=True)
    body = f'[{{"order":{first},"cancel":1}}]'
    simulator.script.next("cancel", Behaviour(fault=Fault.ARBITRARY, body=body, accepts=False))
    cancel(customer, orders)
    forward()
    assert sorted(len(call["orders"].split(",")) for call in calls(simulator, "cancel")) == [1, 1, 3]
    assert set(CancelTask.objects.values_list("state", flat=True)) == {ForwardState.ACCEPTED}
