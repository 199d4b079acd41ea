"""Unknown outcomes settled by evidence, against the simulated provider over real HTTP."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from purveyor.accounts.models import Customer
from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.orders.models import Dispatch, Order, Status
from purveyor.orders.testing import place_one
from purveyor.providers.models import (
    Attempt,
    EvidenceKind,
    Fulfilment,
    Handover,
    Provider,
)
from purveyor.providers.outcomes import reconciling
from purveyor.providers.outcomes.cases import Case
from purveyor.providers.outcomes.evidence import LATE_BY, NotPlaced, PlacedAs, Undecided
from purveyor.providers.outcomes.reconciling import (
    Question,
    claim,
    conclude,
    look_again_after,
    prepare_probe,
)
from purveyor.providers.outcomes.settling import settle_as_placed
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.simulator.behaviours import Behaviour, Fault
from purveyor.simulator.testing import Simulator
from tests.audited import violations
from tests.committed import committed
from tests.outbox.told import told
from tests.providers.conftest import sold
from tests.providers.outcomes.lost import EXECUTED, NOTHING_EXECUTED, QUANTITY, evidence_of, fulfilment_of
from tests.providers.rounds import dispatch, reconcile, work_until

pytestmark = committed

BEFORE = 5
"""Orders that the provider has taken before something goes wrong."""
A_WHILE = LATE_BY + timedelta(hours=1)


@pytest.fixture
def customer() -> Customer:
    return make_customer("100000")


@pytest.fixture
def buy(customer: Customer, service: Service) -> Callable[..., Order]:
    """Place one order of its own link, and hand it over."""

    def place_and_send(quantity: int = QUANTITY) -> Order:
        order = place_one(
            customer, service, quantity=quantity, link=f"https://example.com/{Order.objects.count()}"
        )
        dispatch()
        return order

    for number in range(BEFORE):
        place_and_send(1000 + number)
    return place_and_send


def let_time_pass() -> None:
    """Make everything that was sent so far a good while older."""
    Attempt.objects.update(
        created_at=F("created_at") - A_WHILE,
        answered_at=F("answered_at") - A_WHILE,
        lease_until=F("lease_until") - A_WHILE,
    )
    Fulfilment.objects.update(created_at=F("created_at") - A_WHILE, accepted_at=F("accepted_at") - A_WHILE)


def status_calls(simulator: Simulator) -> int:
    return sum(call.action == "status" for call in simulator.requests)


@pytest.mark.parametrize("fault", EXECUTED, ids=lambda fault: fault.name)
def test_an_order_that_was_taken_is_found_once_a_later_one_bounds_its_id(
    simulator: Simulator, buy: Callable[..., Order], fault: Fault
) -> None:
    simulator.script.next("add", fault)
    lost = buy()
    reconcile()
    assert fulfilment_of(lost).handover == Handover.UNKNOWN
    assert evidence_of(lost) == "no order was accepted after it yet"
    assert status_calls(simulator) == 0
    buy(1100)
    reconcile()
    settled = fulfilment_of(lost)
    bought = next(item for item in simulator.orders if item.link == lost.link)
    assert (settled.handover, settled.external_id) == (Handover.ACCEPTED, str(bought.id))
    assert (settled.settled_by, settled.cost) == ("reconciler", settled.expected_cost)
    assert status_calls(simulator) == 1
    assert len(simulator.orders) == Order.objects.count()
    assert violations() == {}


@pytest.mark.parametrize("fault", NOTHING_EXECUTED, ids=str)
def test_an_order_that_was_not_taken_is_sent_again_once_when_nothing_can_come_late(
    simulator: Simulator, buy: Callable[..., Order], fault: Fault | Behaviour
) -> None:
    simulator.script.next("add", fault)
    lost = buy()
    buy(1100)
    reconcile()
    assert fulfilment_of(lost).handover == Handover.UNKNOWN
    assert "so far" in evidence_of(lost)
    let_time_pass()
    reconcile()
    assert fulfilment_of(lost).handover == Handover.UNKNOWN
    buy(1200)
    reconcile()
    settled = fulfilment_of(lost)
    assert (settled.handover, settled.refusal) == (Handover.REFUSED, RefusalClass.NOT_PLACED)
    assert settled.settled_by == "reconciler"
    lost.refresh_from_db()
    assert (lost.dispatch, lost.status, lost.refunded) == (Dispatch.QUEUED, Status.PENDING, 0)
    dispatch()
    reconcile()
    assert [item.link for item in simulator.orders].count(lost.link) == 1
    assert [item.handover for item in lost.fulfilments.order_by("number")] == [
        Handover.REFUSED,
        Handover.ACCEPTED,
    ]
    assert len(simulator.orders) == Order.objects.count()
    assert violations() == {}


def test_an_order_that_the_provider_takes_late_is_found_and_not_sent_again(
    simulator: Simulator, buy: Callable[..., Order], provider: Provider, customer: Customer, service: Service
) -> None:
    patience = provider.timeout_seconds
    Provider.objects.filter(pk=provider.pk).update(timeout_seconds=1)
    simulator.script.next("add", Behaviour(fault=Fault.DELAY_BEFORE_ACCEPTING, seconds=6))
    lost = buy()
    Provider.objects.filter(pk=provider.pk).update(timeout_seconds=patience)
    assert fulfilment_of(lost).handover == Handover.UNKNOWN
    place_one(customer, service, quantity=1100, link="https://example.com/prompt")
    dispatch()
    reconcile()
    assert fulfilment_of(lost).handover == Handover.UNKNOWN
    work_until(lambda: any(item.link == lost.link for item in simulator.orders))
    let_time_pass()
    buy(1200)
    reconcile()
    settled = fulfilment_of(lost)
    bought = next(item for item in simulator.orders if item.link == lost.link)
    assert (settled.handover, settled.external_id) == (Handover.ACCEPTED, str(bought.id))
    assert len(simulator.orders) == Order.objects.count()


def test_two_that_cost_the_same_are_left_to_people(simulator: Simulator, buy: Callable[..., Order]) -> None:
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP, Fault.DROP_WITHOUT_ACCEPTING)
    first, second = buy(), buy()
    buy(1100)
    reconcile()
    for order in (first, second):
        assert fulfilment_of(order).handover == Handover.UNKNOWN
        bought = next(item for item in simulator.orders if item.link == first.link)
        assert evidence_of(order).endswith(f"; {bought.id} fits another hand-over as well")


def test_two_that_cost_differently_are_told_apart(simulator: Simulator, buy: Callable[..., Order]) -> None:
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP, Fault.ACCEPT_THEN_DROP)
    lost = [buy(700), buy(900)]
    buy(1100)
    reconcile()
    by_link = {item.link: str(item.id) for item in simulator.orders}
    for order in lost:
        settled = fulfilment_of(order)
        assert (settled.handover, settled.external_id) == (Handover.ACCEPTED, by_link[order.link])
    assert violations() == {}


def test_somebody_elses_order_in_the_account_leaves_it_to_people(
    simulator: Simulator, buy: Callable[..., Order]
) -> None:
    simulator.script.next("add", Fault.DROP_WITHOUT_ACCEPTING, Fault.ACCEPT_THEN_DROP)
    lost, foreign = buy(), buy(3000)
    # As if staff had ordered on the provider's own site: no hand-over of ours explains it.
    Fulfilment.objects.filter(order=foreign).update(handover=Handover.REFUSED)
    let_time_pass()
    buy(1100)
    reconcile()
    assert fulfilment_of(lost).handover == Handover.UNKNOWN
    assert evidence_of(lost).endswith("so that others may use this account")


def test_a_key_that_does_not_see_our_orders_proves_nothing(
    simulator: Simulator, buy: Callable[..., Order]
) -> None:
    simulator.script.next("add", Fault.DROP_WITHOUT_ACCEPTING)
    lost = buy()
    let_time_pass()
    buy(1100)
    bodies = '{"error": "Incorrect order ID"}'
    simulator.script.next(
        "status", Behaviour(fault=Fault.ARBITRARY, body=bodies), Behaviour(fault=Fault.TRUNCATED_JSON)
    )
    for _ in range(2):
        reconcile()
        assert fulfilment_of(lost).handover == Handover.UNKNOWN
    reconcile()
    assert fulfilment_of(lost).handover == Handover.REFUSED


def test_subscriptions_make_orders_that_we_do_not_know(
    simulator: Simulator, buy: Callable[..., Order], provider: Provider, customer: Customer
) -> None:
    offers = sold(provider, OrderType.SUBSCRIPTIONS)
    place_one(customer, offers, username="someone", min=offers.min, max=offers.min, delay=0, posts=5)
    simulator.script.next("add", Fault.NONE, Fault.DROP_WITHOUT_ACCEPTING)
    dispatch()
    lost = buy()
    let_time_pass()
    buy(1100)
    reconcile()
    assert fulfilment_of(lost).handover == Handover.UNKNOWN
    assert evidence_of(lost).startswith("a subscription at this provider")


def test_a_claim_is_not_shared_and_comes_back(simulator: Simulator, buy: Callable[..., Order]) -> None:
    simulator.script.next("add", Fault.DROP_WITHOUT_ACCEPTING)
    lost = buy()
    assert claim(busy=[]) == []
    Fulfilment.objects.update(next_look_at=timezone.now())
    assert claim(busy=[fulfilment_of(lost).provider_id]) == []
    (case,) = claim(busy=[])
    assert case.fulfilment_id == fulfilment_of(lost).pk
    assert claim(busy=[]) == []
    Fulfilment.objects.update(next_look_at=timezone.now())
    assert [again.fulfilment_id for again in claim(busy=[])] == [case.fulfilment_id]


def test_a_look_that_comes_too_late_changes_nothing(simulator: Simulator, buy: Callable[..., Order]) -> None:
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP)
    lost = buy()
    Fulfilment.objects.update(next_look_at=timezone.now())
    (case,) = claim(busy=[])
    settle_as_placed(fulfilment=fulfilment_of(lost), external_id="777", actor="staff@example.com")
    for verdict in (NotPlaced("nothing there"), PlacedAs("778", "found")):
        conclude(case, EvidenceKind.PROBE, verdict)
        settled = fulfilment_of(lost)
        assert (settled.external_id, settled.settled_by) == ("777", "staff@example.com")
        assert evidence_of(lost) == f"{verdict.why}; not settled: the hand-over is accepted, not unknown"
    (doubled,) = told("handover.doubled")
    assert (doubled[3]["placed_as"], doubled[3]["by"]) == ("778", "staff@example.com")
    assert violations() == {}


def test_an_id_that_another_order_has_settles_nothing_and_tells_of_nothing_doubled(
    simulator: Simulator, buy: Callable[..., Order]
) -> None:
    taken = fulfilment_of(Order.objects.earliest("pk"))
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP)
    lost = buy()
    Fulfilment.objects.update(next_look_at=timezone.now())
    (case,) = claim(busy=[])
    conclude(case, EvidenceKind.REPEAT, PlacedAs(taken.external_id, "found"))
    assert fulfilment_of(lost).handover == Handover.UNKNOWN
    assert f"belongs to order {taken.order_id}" in evidence_of(lost)
    assert told("handover.doubled") == []


@pytest.mark.parametrize(
    ("age", "after"),
    [
        (timedelta(0), timedelta(seconds=30)),
        (timedelta(minutes=10), timedelta(minutes=2, seconds=30)),
        (timedelta(days=30), timedelta(hours=6)),
    ],
)
def test_old_ones_are_looked_at_rarely(age: timedelta, after: timedelta) -> None:
    assert look_again_after(age) == after


def test_the_worker_settles_by_itself(simulator: Simulator, buy: Callable[..., Order]) -> None:
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP)
    lost = buy()
    buy(1100)
    Fulfilment.objects.exclude(next_look_at=None).update(next_look_at=timezone.now())
    work_until(lambda: fulfilment_of(lost).handover == Handover.ACCEPTED)
    assert fulfilment_of(lost).settled_by == reconciling.ACTOR


def test_a_provider_that_shows_us_nobodys_orders_does_not_refuse_our_key(
    simulator: Simulator, buy: Callable[..., Order]
) -> None:
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP)
    lost = buy()
    buy(1100)
    body = '{"error": "Unauthorized"}'
    simulator.script.next("status", Behaviour(fault=Fault.ARBITRARY, body=body, http_status=401))
    reconcile()
    assert evidence_of(lost) == "the provider refuses to tell: Unauthorized"
    assert Provider.objects.get().refused_key == ""
    reconcile()
    assert fulfilment_of(lost).handover == Handover.ACCEPTED


def test_one_that_cannot_be_looked_into_keeps_no_other_from_it(
    simulator: Simulator, buy: Callable[..., Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP, Fault.ACCEPT_THEN_DROP)
    first, second = buy(700), buy(900)
    buy(1100)

    def broken(case: Case) -> Question | Undecided:
        assert case.fulfilment_id != fulfilment_of(first).pk
        return prepare_probe(case)

    monkeypatch.setattr(reconciling, "prepare_probe", broken)
    reconcile()
    assert fulfilment_of(first).handover == Handover.UNKNOWN
    assert fulfilment_of(second).handover == Handover.ACCEPTED
