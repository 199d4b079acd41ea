"""Every call counts against the provider's budgets, and what they do not reach for waits."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from purveyor.accounts.models import Customer
from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import Dispatch, Order
from purveyor.orders.testing import place_one
from purveyor.providers.following.claiming import claim_due
from purveyor.providers.housekeeping import SYNC_RETRY_SECONDS
from purveyor.providers.models import CancelTask, Fulfilment, Handover, HandoverEvidence, Provider
from purveyor.providers.sending.handing_over import Claim, hand_over
from purveyor.providers.standing import paying
from purveyor.providers.standing.paying import pay
from purveyor.providers.testing import make_provider
from purveyor.simulator.behaviours import Fault
from purveyor.simulator.testing import Simulator
from tests.committed import committed
from tests.providers.conftest import sold
from tests.providers.rounds import dispatch, forward, poll, reconcile, work_until
from tests.racing import Second, until_somebody_waits

LIMIT = 12
"""One call each 5 seconds: after a rest one for an order, or two others, may go at once."""


def limit(**limits: int | None) -> None:
    """Give every provider these budgets, unspent."""
    a_moment_ago = Now() - timedelta(seconds=1)
    Provider.objects.update(calls_spent_until=a_moment_ago, status_spent_until=a_moment_ago, **limits)


def spend_everything() -> None:
    later = Now() + timedelta(hours=1)
    Provider.objects.update(calls_spent_until=later, status_spent_until=later)


def calls(simulator: Simulator) -> Counter[str]:
    return Counter(call.action for call in simulator.requests)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("limits", "status", "others"),
    [
        ({"calls_per_minute": None, "status_calls_per_minute": None}, 50, 50),
        ({"calls_per_minute": LIMIT, "status_calls_per_minute": None}, 1, 2),
        ({"calls_per_minute": None, "status_calls_per_minute": LIMIT}, 2, 50),
        ({"calls_per_minute": 60, "status_calls_per_minute": LIMIT}, 2, 10),
    ],
)
def test_one_call_after_the_other_is_paid_until_the_budget_is_spent(
    limits: dict[str, int | None], status: int, others: int
) -> None:
    provider = make_provider()
    for is_status, number in ((True, status), (False, others)):
        limit(**limits)
        paid = [pay(provider_id=provider.pk, status=is_status) for _ in range(50)]
        assert paid == [True] * number + [False] * (50 - number)


@committed
def test_workers_share_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paying, "MOST_WAITING_MILLISECONDS", 60_000)
    provider = make_provider()
    limit(calls_per_minute=LIMIT)
    answers = []
    with transaction.atomic():
        answers.append(pay(provider_id=provider.pk, status=False))
        second = Second(lambda: answers.extend(pay(provider_id=provider.pk, status=False) for _ in range(3)))
        until_somebody_waits()
    second.finish()
    assert answers == [True, True, False, False]


@committed
def test_a_budget_that_somebody_holds_for_long_does_not_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paying, "MOST_WAITING_MILLISECONDS", 1)
    provider = make_provider()
    limit(calls_per_minute=LIMIT)
    answers = []
    with transaction.atomic():
        Provider.objects.select_for_update(no_key=True).get()
        second = Second(lambda: answers.append(pay(provider_id=provider.pk, status=False)))
        second.finish()
    answers.append(pay(provider_id=provider.pk, status=False))
    assert answers == [False, True]


@pytest.mark.django_db
@pytest.mark.parametrize("calls_per_minute", [1, 2, 6, 10, 60])
def test_a_call_on_credit_follows_a_paid_one_at_any_budget(calls_per_minute: int) -> None:
    provider = make_provider()
    limit(calls_per_minute=2 * calls_per_minute, status_calls_per_minute=calls_per_minute)
    while pay(provider_id=provider.pk, status=True):
        pass
    on_credit = [pay(provider_id=provider.pk, status=True, on_credit=True) for _ in range(100)]
    assert on_credit == sorted(on_credit, reverse=True)
    assert max(calls_per_minute, 1) <= sum(on_credit) <= calls_per_minute + 1
    assert not pay(provider_id=provider.pk, status=True)


@committed
def test_two_workers_never_send_the_same_part_of_a_budget(simulator: Simulator, service: Service) -> None:
    limit(calls_per_minute=60)
    customer = make_customer("1000")
    for _ in range(8):
        place_one(customer, service, quantity=service.min)
    claims: list[Claim] = []
    with transaction.atomic():
        claims.append(hand_over(busy={}))
        second = Second(lambda: claims.append(hand_over(busy={})))
        second.finish()
    assert [len(claim.hand_overs) for claim in claims] == [5, 0]


@pytest.fixture
def customer() -> Customer:
    return make_customer("1000")


@committed
def test_orders_wait_in_the_queue_for_the_budget(
    simulator: Simulator, service: Service, customer: Customer
) -> None:
    limit(calls_per_minute=60)
    for _ in range(8):
        place_one(customer, service, quantity=service.min)
    with transaction.atomic():  # all at one moment
        claim = hand_over(busy={})
        assert len(claim.hand_overs) == 5
        again = hand_over(busy={})
        assert (again.hand_overs, again.drained) == ([], True)
        assert Counter(Order.objects.values_list("dispatch", flat=True)) == {
            Dispatch.HANDED: 5,
            Dispatch.QUEUED: 3,
        }
        Provider.objects.update(calls_spent_until=F("calls_spent_until") - timedelta(seconds=2))
        assert len(hand_over(busy={}).hand_overs) == 2


@committed
def test_a_provider_whose_budget_is_spent_holds_up_no_other(
    simulator: Simulator, provider: Provider, customer: Customer
) -> None:
    ours = sold(provider, OrderType.DEFAULT)
    limit(calls_per_minute=LIMIT)
    spend_everything()
    other = sold(make_provider(simulator.url, key=simulator.key), OrderType.DEFAULT)
    for service in (ours, ours, other):
        place_one(customer, service, quantity=service.min)
    (sent,) = hand_over(busy={}).hand_overs
    assert Fulfilment.objects.get(pk=sent.fulfilment_id).order.service_id == other.pk


@committed
def test_questions_about_orders_are_paid_from_both_budgets(
    simulator: Simulator, service: Service, customer: Customer
) -> None:
    place_one(customer, service, quantity=service.min)
    dispatch()
    Fulfilment.objects.update(next_poll_at=timezone.now() - timedelta(minutes=1))
    limit(calls_per_minute=LIMIT, status_calls_per_minute=60)
    Provider.objects.update(calls_spent_until=Now() + timedelta(hours=1))
    assert claim_due(busy={}) == []
    began = timezone.now()
    Provider.objects.update(calls_spent_until=Now())
    assert len(claim_due(busy={})) == 1
    found = Provider.objects.get()
    assert found.calls_spent_until >= began + timedelta(seconds=60 / LIMIT)
    assert found.status_spent_until >= began + timedelta(seconds=1)


@committed
def test_a_look_for_evidence_counts_as_a_question_about_orders(
    simulator: Simulator, service: Service, customer: Customer
) -> None:
    orders = []
    for number in range(7):
        if number == 5:
            simulator.script.next("add", Fault.ACCEPT_THEN_DROP)
        orders.append(place_one(customer, service, quantity=service.min + number))
        dispatch()
    limit(status_calls_per_minute=60)
    spend_everything()
    reconcile()
    lost = Fulfilment.objects.get(order=orders[5])
    assert lost.handover == Handover.UNKNOWN
    assert calls(simulator)["status"] == 0
    assert not HandoverEvidence.objects.exists()
    assert lost.next_look_at is not None
    assert lost.next_look_at < timezone.now() + timedelta(minutes=1)
    limit(status_calls_per_minute=60)
    began = timezone.now()
    reconcile()
    assert Fulfilment.objects.get(order=orders[5]).handover == Handover.ACCEPTED
    assert calls(simulator)["status"] == 1
    assert Provider.objects.get().status_spent_until >= began + timedelta(seconds=1)


@committed
@pytest.mark.parametrize("calls_per_minute", [2, 10, 60])
def test_a_look_at_posts_counts_as_a_question_about_orders(
    simulator: Simulator, subscribed: Service, customer: Customer, calls_per_minute: int
) -> None:
    most = subscribed.max
    place_one(customer, subscribed, username="someone", min=subscribed.min, max=most, delay=0, posts=2)
    dispatch()
    simulator.advance(100_000)
    limit(status_calls_per_minute=calls_per_minute)
    began = timezone.now()
    poll()
    assert calls(simulator)["status"] == 2
    assert Order.objects.exclude(parent=None).count() == 2
    (spent,) = Provider.objects.values_list("status_spent_until", flat=True)
    assert spent >= began + 2 * timedelta(minutes=1) / calls_per_minute


@committed
def test_wishes_wait_for_the_budget_and_are_told_then(
    simulator: Simulator, service: Service, customer: Customer
) -> None:
    order = place_one(customer, service, quantity=service.min)
    dispatch()
    assert request_cancels([(customer.pk, order.pk)]) == [None]
    limit(calls_per_minute=LIMIT)
    spend_everything()
    forward()
    assert calls(simulator)["cancel"] == 0
    assert CancelTask.objects.get().next_at is not None
    assert Provider.objects.get().paused_reason == ""
    limit(calls_per_minute=LIMIT)
    forward()
    assert calls(simulator)["cancel"] == 1


@committed
def test_catalogues_wait_for_the_budget(simulator: Simulator, provider: Provider) -> None:
    limit(calls_per_minute=LIMIT)
    spend_everything()
    Provider.objects.update(next_sync_at=timezone.now() - timedelta(seconds=1))

    def tried() -> bool:
        due = Provider.objects.get().next_sync_at - timezone.now()
        return timedelta(0) < due <= timedelta(seconds=SYNC_RETRY_SECONDS)

    work_until(tried)
    assert simulator.requests == []


@committed
def test_a_whole_worker_keeps_to_the_budget(
    simulator: Simulator, service: Service, customer: Customer
) -> None:
    began = timezone.now()
    limit(calls_per_minute=120)
    for _ in range(20):
        place_one(customer, service, quantity=service.min)
    work_until(lambda: not Order.objects.filter(dispatch=Dispatch.QUEUED).exists())
    seconds = (timezone.now() - began).total_seconds()
    assert len(simulator.orders) == 20
    assert len(simulator.requests) <= 2 * (seconds + 10) + 1
