"""Asking the provider over real HTTP: in lists, singly where lists fail, concluding nothing from silence."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import Service
from purveyor.orders.models import Order, Status
from purveyor.orders.placing import place
from purveyor.orders.testing import place_one, request
from purveyor.providers.following import claiming, polling
from purveyor.providers.following.claiming import claim_due
from purveyor.providers.following.polling_schedule import REMINDER_AFTER_TROUBLE, SOONEST
from purveyor.providers.following.subscriptions import follow_subscription
from purveyor.providers.models import Fulfilment, Provider
from purveyor.simulator.behaviours import Behaviour, Fault
from purveyor.simulator.testing import Simulator
from tests.audited import violations
from tests.committed import committed
from tests.providers.rounds import dispatch, poll, poll_due
from tests.racing import Second

pytestmark = committed


def accepted(service: Service, number: int) -> None:
    customer = make_customer("1000")
    place([request(customer, service, quantity=service.min) for _ in range(number)])
    dispatch()


def status_calls(simulator: Simulator) -> list[dict[str, str]]:
    return [dict(call.fields) for call in simulator.requests if call.action == "status"]


def statuses() -> set[str]:
    return set(Order.objects.values_list("status", flat=True))


def test_orders_are_asked_about_in_lists_of_a_hundred(simulator: Simulator, service: Service) -> None:
    accepted(service, 230)
    simulator.advance(3600)
    poll()
    sizes = sorted(len(call["orders"].split(",")) for call in status_calls(simulator))
    assert sizes == [30, 100, 100]
    assert statuses() == {Status.COMPLETED}
    assert violations() == {}


def test_one_order_is_asked_about_by_itself(simulator: Simulator, service: Service) -> None:
    accepted(service, 1)
    poll()
    (call,) = status_calls(simulator)
    assert call["order"] == Fulfilment.objects.get().external_id


def test_partial_and_canceled_are_refunded(simulator: Simulator, service: Service) -> None:
    simulator.set_outcomes(partial=0.5, canceled=0.5)
    accepted(service, 20)
    simulator.advance(3600)
    for _ in range(3):
        poll()
    assert statuses() == {Status.PARTIAL, Status.CANCELED}
    for order in Order.objects.filter(status=Status.CANCELED):
        assert order.refunded == order.charge
    for order in Order.objects.filter(status=Status.PARTIAL):
        assert 0 < order.refunded < order.charge
    charged = sum(order.charge - order.refunded for order in Order.objects.all())
    assert balance_of(Order.objects.first().customer) == 1000 - charged  # type: ignore[union-attr]
    costs = sum(Fulfilment.objects.values_list("cost", flat=True))
    assert costs == sum(item.paid for item in simulator.orders)
    assert violations() == {}


def test_only_what_is_due_is_asked_about_and_only_once(simulator: Simulator, service: Service) -> None:
    accepted(service, 2)
    poll_due()
    assert status_calls(simulator) == []
    Fulfilment.objects.update(next_poll_at=timezone.now() - timedelta(seconds=1))
    assert [len(part) for item in claim_due(busy={}) for part in item.lists] == [2]
    assert claim_due(busy={}) == []


def test_a_provider_has_only_so_many_lists_in_flight(simulator: Simulator, service: Service) -> None:
    accepted(service, 1)
    Fulfilment.objects.update(next_poll_at=timezone.now() - timedelta(seconds=1))
    assert claim_due(busy={Provider.objects.get().pk: 4}) == []


def due(service: Service, number: int, **changes: Any) -> None:
    accepted(service, number)
    Provider.objects.update(**changes)
    Fulfilment.objects.update(next_poll_at=timezone.now() - timedelta(minutes=1))


def claimed() -> list[int]:
    """The sizes of the lists that one claim takes."""
    return sorted(len(part) for item in claim_due(busy={}) for part in item.lists)


def test_the_budget_of_a_provider_holds_for_all_workers_together(
    simulator: Simulator, service: Service
) -> None:
    due(service, 330, status_calls_per_minute=12)  # two calls may go out at once
    assert claimed() == [100, 100]
    assert claimed() == []
    Provider.objects.update(status_spent_until=F("status_spent_until") - timedelta(seconds=5))
    assert claimed() == [100]
    Provider.objects.update(status_spent_until=timezone.now())
    assert claimed() == [30]


def test_a_list_that_goes_out_anyway_is_filled_with_what_is_due_soon(
    simulator: Simulator, service: Service
) -> None:
    due(service, 140)
    ids = list(Fulfilment.objects.order_by("pk").values_list("pk", flat=True))
    now = timezone.now()
    Fulfilment.objects.filter(pk__in=ids[:110]).update(next_poll_at=now + timedelta(seconds=40))
    Fulfilment.objects.filter(pk__in=ids[110:130]).update(next_poll_at=now + timedelta(seconds=90))
    Fulfilment.objects.filter(pk=ids[0]).update(poll_together=1, next_poll_at=now + timedelta(seconds=30))
    assert claimed() == [99]  # 10 that are due, 89 of those that soon will be
    assert claimed() == []
    assert Fulfilment.objects.get(pk=ids[0]).polls == 0  # by itself it would cost a call
    assert not Fulfilment.objects.filter(pk__in=ids[110:130]).exclude(polls=0).exists()


def test_an_order_asked_about_by_itself_costs_a_whole_call(simulator: Simulator, service: Service) -> None:
    due(service, 5, status_calls_per_minute=18)  # three calls may go out at once
    Fulfilment.objects.filter(pk__in=Fulfilment.objects.order_by("-pk")[:3].values("pk")).update(
        poll_together=1, next_poll_at=timezone.now() - timedelta(seconds=30)
    )
    assert claimed() == [1, 1, 2]
    assert claimed() == []
    Provider.objects.update(status_spent_until=timezone.now())
    assert claimed() == [1]


def test_lists_are_as_long_as_their_orders_may_be_in_and_the_most_overdue_go_first(
    simulator: Simulator, service: Service
) -> None:
    due(service, 10, status_calls_per_minute=12)  # two calls may go out at once
    ids = list(Fulfilment.objects.order_by("pk").values_list("pk", flat=True))
    now = timezone.now()
    for part, limit, minutes in ((ids[:4], 4, 3), (ids[4:7], 2, 2)):
        Fulfilment.objects.filter(pk__in=part).update(
            poll_together=limit, next_poll_at=now - timedelta(minutes=minutes)
        )
    assert claimed() == [2, 4]
    Provider.objects.update(status_spent_until=timezone.now())
    assert claimed() == [1, 3]


def test_a_round_is_given_up_before_it_is_due_again(
    simulator: Simulator, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "CALLS_IN_A_ROW", 0)
    due(service, 3)
    simulator.advance(3600)
    simulator.script.always("status", Behaviour(fault=Fault.DELAY_AFTER_ACCEPTING, seconds=2))
    poll_due()
    assert statuses() == {Status.PENDING}
    assert not Fulfilment.objects.filter(next_poll_at__lte=timezone.now()).exists()


def test_where_the_budget_does_not_reach_every_order_waits_longer(
    simulator: Simulator, service: Service
) -> None:
    due(service, 3, status_calls_per_minute=12, status_stretch=4)
    began = timezone.now()
    poll_due()
    provider = Provider.objects.get()
    assert 3.8 < provider.status_stretch < 4  # it reached, so the stretch shrinks
    for next_poll in Fulfilment.objects.values_list("next_poll_at", flat=True):
        assert next_poll is not None
        assert began + SOONEST * 3.3 < next_poll < timezone.now() + SOONEST * 4.2


def test_what_is_due_beyond_the_budget_stretches_it(simulator: Simulator, service: Service) -> None:
    due(service, 201, status_calls_per_minute=12)
    assert claimed() == [100, 100]
    assert Provider.objects.get().status_stretch > 1


def test_another_worker_at_the_same_budget_is_not_waited_for(simulator: Simulator, service: Service) -> None:
    due(service, 1, status_calls_per_minute=60)
    found: list[int] = [-1]
    with transaction.atomic():
        Provider.objects.select_for_update(no_key=True).get()
        second = Second(lambda: found.__setitem__(slice(None), claimed()))
        second.finish()
    assert found == []
    assert claimed() == [1]


@pytest.mark.parametrize(
    "changes", [{"silent_until": timezone.now() + timedelta(days=1)}, {"refused_key": "the key"}]
)
def test_a_silent_provider_is_not_asked(
    simulator: Simulator, service: Service, changes: dict[str, object]
) -> None:
    accepted(service, 1)
    Fulfilment.objects.update(next_poll_at=timezone.now() - timedelta(seconds=1))
    Provider.objects.update(key="the key", **changes)
    assert claim_due(busy={}) == []


@pytest.mark.parametrize(
    "changes",
    [{"enabled": False}, {"paused_until": timezone.now() + timedelta(days=1)}],
)
def test_open_orders_are_followed_at_a_provider_that_takes_no_new_ones(
    simulator: Simulator, service: Service, changes: dict[str, object]
) -> None:
    accepted(service, 1)
    Provider.objects.update(**changes)
    simulator.advance(3600)
    poll()
    assert statuses() == {Status.COMPLETED}


NOTHING_TO_READ = [
    Behaviour(fault=Fault.HTML_PAGE),
    Behaviour(fault=Fault.EMPTY_BODY),
    Behaviour(fault=Fault.TRUNCATED_JSON),
    Behaviour(fault=Fault.ERROR_500_AFTER_ACCEPTING),
    Behaviour(fault=Fault.ACCEPT_THEN_DROP),
    Behaviour(fault=Fault.TOO_MANY_REQUESTS),
    Behaviour(fault=Fault.ARBITRARY, body="[]"),
    Behaviour(fault=Fault.ARBITRARY, body="{}"),
    Behaviour(fault=Fault.ARBITRARY, body='{"error":"Something went wrong."}'),
    Behaviour(fault=Fault.ARBITRARY, body='{"error":"Incorrect order ID"}'),
    Behaviour(fault=Fault.WRONG_TYPES),
    Behaviour(fault=Fault.DELAY_AFTER_ACCEPTING, seconds=2),
]


@pytest.mark.parametrize("trouble", NOTHING_TO_READ, ids=lambda item: f"{item.fault}{item.body or ''}")
@pytest.mark.parametrize("number", [1, 3])
def test_from_an_answer_without_a_status_nothing_is_concluded(
    simulator: Simulator, service: Service, trouble: Behaviour, number: int
) -> None:
    accepted(service, number)
    patience = Provider.objects.get().timeout_seconds
    if trouble.fault is Fault.DELAY_AFTER_ACCEPTING:
        Provider.objects.update(timeout_seconds=1)
    simulator.advance(3600)
    simulator.script.always("status", trouble)
    poll()
    assert statuses() == {Status.PENDING}
    assert set(Order.objects.values_list("refunded", flat=True)) == {0}
    due = Fulfilment.objects.values_list("next_poll_at", flat=True)
    assert all(moment and moment < timezone.now() + REMINDER_AFTER_TROUBLE * 2 for moment in due)
    simulator.script.clear()
    Provider.objects.update(silent_until=None, timeout_seconds=patience)
    poll()
    assert statuses() == {Status.COMPLETED}
    assert violations() == {}


def test_where_lists_are_refused_orders_are_asked_about_one_by_one(
    simulator: Simulator, service: Service
) -> None:
    accepted(service, 3)
    simulator.advance(3600)
    simulator.script.next("status", Behaviour(fault=Fault.ARBITRARY, body='{"error":"Incorrect request"}'))
    poll()
    poll()
    calls = status_calls(simulator)
    assert ["orders" in call for call in calls] == [True, False, False, False]
    assert statuses() == {Status.COMPLETED}


def test_an_id_that_a_list_lacks_is_asked_about_by_itself(simulator: Simulator, service: Service) -> None:
    accepted(service, 3)
    simulator.advance(3600)
    (first, *_) = Fulfilment.objects.order_by("pk").values_list("external_id", flat=True)

    def without_first(reply: object) -> object:
        assert isinstance(reply, dict)
        return {key: value for key, value in reply.items() if key != first}

    simulator.script.next("status", Behaviour(change=without_first))
    poll()
    assert Order.objects.filter(status=Status.COMPLETED).count() == 2
    poll()
    assert statuses() == {Status.COMPLETED}
    assert first in [call.get("order") for call in status_calls(simulator)]


ODD_BUT_CLEAR = [Fault.NUMBERS_AS_STRINGS, Fault.STRINGS_AS_NUMBERS, Fault.WARNING_BEFORE_JSON]


@pytest.mark.parametrize("oddity", ODD_BUT_CLEAR)
def test_odd_but_clear_answers_are_understood(simulator: Simulator, service: Service, oddity: Fault) -> None:
    accepted(service, 2)
    simulator.advance(3600)
    simulator.script.always("status", oddity)
    poll()
    assert statuses() == {Status.COMPLETED}


def test_an_unknown_word_and_negative_remains_refund_nothing(simulator: Simulator, service: Service) -> None:
    simulator.set_outcomes(partial=1, canceled=0)
    accepted(service, 2)
    simulator.advance(3600)
    simulator.script.always("status", Fault.NEGATIVE_REMAINS)
    poll()
    simulator.script.always("status", Fault.UNKNOWN_STATUS)
    poll()
    assert set(Order.objects.values_list("refunded", flat=True)) == {0}
    assert Fulfilment.objects.filter(next_poll_at=None).count() == 0
    simulator.script.clear()
    poll()
    assert statuses() == {Status.PARTIAL}
    assert 0 not in set(Order.objects.values_list("refunded", flat=True))
    assert violations() == {}


def test_a_refused_key_stops_every_call(simulator: Simulator, service: Service) -> None:
    accepted(service, 2)
    simulator.script.always("status", Fault.BAD_KEY)
    poll()
    calls = len(simulator.requests)
    poll()
    assert len(simulator.requests) == calls
    assert Provider.objects.get().refused_key == simulator.key


def test_an_answer_that_cannot_be_applied_delays_only_its_own_subscription(
    simulator: Simulator, subscribed: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = make_customer("100")
    terms = {"min": 100, "max": 100, "delay": 0, "posts": 1}
    bad, good = (place_one(customer, subscribed, username=name, **terms) for name in ("ann", "bob"))
    dispatch()
    simulator.advance(600)

    def follow_but_one(*, fulfilment_id: int, **others: Any) -> None:
        if Fulfilment.objects.get(pk=fulfilment_id).order_id == bad.pk:
            raise ValueError("garbage")
        follow_subscription(fulfilment_id=fulfilment_id, **others)

    monkeypatch.setattr(polling, "follow_subscription", follow_but_one)
    poll()
    assert good.children.count() == 1
    next_poll = Fulfilment.objects.get(order=bad).next_poll_at
    assert next_poll is not None
    assert next_poll <= timezone.now() + REMINDER_AFTER_TROUBLE
