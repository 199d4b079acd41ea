"""Lists and orders that a provider does not tell of: none of them hides another, and staff hear of it."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.orders.models import EventKind, Order, OrderEvent, Status
from purveyor.orders.placing import place
from purveyor.orders.testing import request
from purveyor.providers.following import polling
from purveyor.providers.following.asking import NOTHING_TOLD
from purveyor.providers.following.claiming import claim_due, poll_later
from purveyor.providers.following.following import follow
from purveyor.providers.following.list_sizes import LISTS_AGAIN_EVERY
from purveyor.providers.following.polling_schedule import LATEST, REMINDER_AFTER_TROUBLE
from purveyor.providers.models import Fulfilment, Provider
from purveyor.providers.standing.polling_budget import IDS_PER_CALL
from purveyor.providers.workplace import CALLS_AT_ONCE
from purveyor.simulator.behaviours import Behaviour, Fault
from purveyor.simulator.testing import Simulator
from tests.committed import committed
from tests.providers.rounds import dispatch, poll

pytestmark = committed


def accepted(service: Service, number: int) -> None:
    customer = make_customer("1000")
    place([request(customer, service, quantity=service.min) for _ in range(number)])
    dispatch()


def status_calls(simulator: Simulator) -> list[dict[str, str]]:
    return [dict(call.fields) for call in simulator.requests if call.action == "status"]


def asked_together(call: dict[str, str]) -> int:
    return len(call.get("orders", call.get("order", "")).split(","))


def statuses() -> set[str]:
    return set(Order.objects.values_list("status", flat=True))


@pytest.mark.parametrize("trouble", [Fault.ERROR_500_AFTER_ACCEPTING, Fault.TRUNCATED_JSON])
def test_an_order_that_breaks_every_list_it_is_in_hides_no_other(
    simulator: Simulator, service: Service, trouble: Fault
) -> None:
    accepted(service, 3)
    simulator.advance(3600)
    first, *_ = ids = list(Fulfilment.objects.order_by("pk").values_list("external_id", flat=True))
    for list_of_all in itertools.permutations(ids):
        simulator.script.when("status", {"orders": ",".join(list_of_all)}, trouble)
    simulator.script.when("status", {"order": first}, trouble)
    for _ in range(4):  # of another one in each, whether it is told of alone
        poll()
    assert Order.objects.filter(status=Status.COMPLETED).count() == 2
    assert Fulfilment.objects.get(external_id=first).next_poll_at is not None


def test_a_list_that_cannot_be_read_once_becomes_smaller_ones_that_grow_again(
    simulator: Simulator, service: Service
) -> None:
    accepted(service, 20)
    simulator.advance(3600)
    simulator.script.next("status", Fault.ERROR_500_AFTER_ACCEPTING)
    rounds = []
    for _ in range(4):
        before = len(status_calls(simulator))
        poll()
        rounds.append(sorted(map(asked_together, status_calls(simulator)[before:])))
    assert rounds == [[1, 20], [4, 8, 8], [4, 16], [20]]
    assert statuses() == {Status.COMPLETED}


def test_while_nothing_is_told_of_anyone_lists_stay_lists(simulator: Simulator, service: Service) -> None:
    accepted(service, 3)
    simulator.script.always("status", Fault.HTML_PAGE)
    for _ in range(4):
        poll()
    assert len(status_calls(simulator)) == 4 * 2
    assert set(Fulfilment.objects.values_list("poll_together", flat=True)) == {IDS_PER_CALL}


def test_an_order_that_its_provider_does_not_know_shows_that_it_tells_of_orders(
    simulator: Simulator, service: Service
) -> None:
    accepted(service, 3)
    ids = list(Fulfilment.objects.values_list("external_id", flat=True))
    for list_of_all in itertools.permutations(ids):
        simulator.script.when("status", {"orders": ",".join(list_of_all)}, Fault.HTML_PAGE)
    unknown = Behaviour(fault=Fault.ARBITRARY, body='{"error":"Incorrect order ID"}')
    for external_id in ids:
        simulator.script.when("status", {"order": external_id}, unknown)
    poll()
    assert set(Fulfilment.objects.values_list("poll_together", flat=True)) == {1}
    assert Fulfilment.objects.filter(provider_status="Incorrect order ID").count() == 1


def test_a_list_that_failed_once_is_tried_again(simulator: Simulator, service: Service) -> None:
    accepted(service, 3)
    simulator.script.next("status", Behaviour(fault=Fault.ARBITRARY, body='{"error":"Try again later"}'))
    for _ in range(LISTS_AGAIN_EVERY):
        poll()
    before = len(status_calls(simulator))
    poll()
    assert sorted(map(asked_together, status_calls(simulator)[before:])) == [1, 2]


@pytest.mark.parametrize("body", ["{}", "[]", "<html>", '{"error":"Incorrect order ID"}'])
def test_what_is_never_told_of_is_asked_about_as_rarely_as_its_age_says(
    simulator: Simulator, service: Service, body: str
) -> None:
    accepted(service, 1)
    now = timezone.now()
    Fulfilment.objects.update(poll_together=1, accepted_at=now - timedelta(days=1))
    simulator.script.always("status", Behaviour(fault=Fault.ARBITRARY, body=body))
    poll()
    next_poll = Fulfilment.objects.get().next_poll_at
    assert next_poll is not None
    assert LATEST - timedelta(seconds=5) <= next_poll - now <= LATEST + timedelta(minutes=1)


def test_an_answer_that_comes_late_puts_off_no_later_question(simulator: Simulator, service: Service) -> None:
    accepted(service, 1)
    Fulfilment.objects.update(next_poll_at=timezone.now())
    (late,) = claim_due(busy={})
    Fulfilment.objects.update(next_poll_at=timezone.now())
    (later,) = claim_due(busy={})
    lease = Fulfilment.objects.get().next_poll_at
    poll_later(late.lists[0], seconds=1, together=1)
    assert (Fulfilment.objects.get().next_poll_at, Fulfilment.objects.get().poll_together) == (lease, 100)
    poll_later(later.lists[0], seconds=1, together=1)
    assert Fulfilment.objects.get().next_poll_at != lease


@pytest.mark.parametrize("trouble", [Fault.BAD_KEY, Fault.TOO_MANY_REQUESTS])
def test_a_round_ends_where_the_provider_as_a_whole_refuses(
    simulator: Simulator, service: Service, trouble: Fault
) -> None:
    accepted(service, 30)
    Provider.objects.update(status_calls_per_minute=None)
    Fulfilment.objects.update(poll_together=1, accepted_at=timezone.now() - timedelta(days=1))
    simulator.script.always("status", trouble)
    poll()
    assert 1 <= len(status_calls(simulator)) <= CALLS_AT_ONCE
    soon = timezone.now() + REMINDER_AFTER_TROUBLE
    assert Fulfilment.objects.filter(next_poll_at__lte=soon).count() == 30


def test_what_fails_in_the_database_does_not_leave_its_neighbours_running(
    simulator: Simulator, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted(service, 20)
    simulator.advance(3600)
    Provider.objects.update(status_calls_per_minute=None)
    Fulfilment.objects.update(poll_together=1)
    first = Fulfilment.objects.order_by("pk")[0]

    def follow_but_one(replies: dict[int, Any], **others: Any) -> None:
        if first.pk in replies:
            raise OperationalError("the connection is gone")
        follow(replies, **others)

    monkeypatch.setattr(polling, "follow", follow_but_one)
    poll()
    assert Order.objects.filter(status=Status.COMPLETED).count() == 19


def test_staff_are_told_once_of_an_order_that_its_provider_does_not_tell_of(
    simulator: Simulator, service: Service
) -> None:
    accepted(service, 1)
    simulator.script.always("status", Behaviour(fault=Fault.ARBITRARY, body="[]"))
    for _ in range(3):
        poll()
    (event,) = OrderEvent.objects.filter(kind=EventKind.UNKNOWN_STATUS)
    assert event.data == {"word": NOTHING_TOLD}
    assert statuses() == {Status.PENDING}


@pytest.mark.parametrize(
    ("age", "rarely"), [(timedelta(0), REMINDER_AFTER_TROUBLE), (timedelta(days=1), LATEST)]
)
def test_what_cannot_be_applied_of_one_order_delays_only_that_one_by_its_age(
    *,
    simulator: Simulator,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    age: timedelta,
    rarely: timedelta,
) -> None:
    accepted(service, 3)
    Fulfilment.objects.update(accepted_at=timezone.now() - age)
    simulator.advance(3600)
    bad = Fulfilment.objects.order_by("pk")[1]

    def follow_but_one(replies: dict[int, Any], **others: Any) -> None:
        follow(replies, **others)
        if bad.pk in replies:
            raise ValueError("garbage")

    monkeypatch.setattr(polling, "follow", transaction.atomic(follow_but_one))
    poll()
    assert Order.objects.filter(status=Status.COMPLETED).count() == 2
    next_poll = Fulfilment.objects.get(pk=bad.pk).next_poll_at
    assert next_poll is not None
    assert rarely - timedelta(seconds=20) < next_poll - timezone.now() <= rarely
