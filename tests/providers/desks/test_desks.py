"""Orders that people deliver: handed over without a call, and with the money of any other."""

from decimal import Decimal

import pytest

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.snapshot import forget
from purveyor.catalog.testing import make_service
from purveyor.money.models import Transfer, TransferKind
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import Dispatch, Order, Status
from purveyor.orders.testing import place_one
from purveyor.providers.desks.desks import DeskTrouble, create_desk, find_desk, offer_by_hand
from purveyor.providers.desks.job_states import (
    AlreadyEnded,
    Verb,
)
from purveyor.providers.models import (
    Attempt,
    CancelTask,
    DeskJob,
    Fulfilment,
    Handover,
    JobKind,
    JobState,
    Provider,
    ProviderKind,
    Route,
)
from purveyor.providers.testing import make_desk, make_route
from purveyor.simulator.testing import Simulator
from tests.audited import violations
from tests.committed import committed
from tests.providers.desks.by_hand import LONG_AGO, cost_of, only_job, ordered, take, tell
from tests.providers.rounds import dispatch, forward, poll, reconcile, work_until


@committed
def test_an_order_is_handed_to_a_desk_without_a_call(handmade: Service, desk: Provider) -> None:
    order = ordered(handmade)
    fulfilment = Fulfilment.objects.get()
    assert (order.dispatch, order.status) == (Dispatch.HANDED, Status.PENDING)
    assert fulfilment.handover == Handover.ACCEPTED
    assert fulfilment.external_id == str(fulfilment.pk)
    assert fulfilment.next_poll_at is None
    assert fulfilment.cost == Decimal("0.50")
    assert Transfer.objects.get(kind=TransferKind.PROVIDER_COST).source_id == desk.wallet_id
    assert Attempt.objects.get().outcome == "accepted"
    job = only_job(order)
    assert (job.kind, job.state, job.order, job.service, job.quantity, job.link) == (
        JobKind.ORDER,
        JobState.NEW,
        order.pk,
        handmade.pk,
        1000,
        order.link,
    )
    assert violations() == {}


@committed
def test_a_desk_that_costs_nothing_moves_no_money(handmade: Service) -> None:
    make_desk(handmade, cost="0")
    ordered(handmade)
    assert not Transfer.objects.filter(kind=TransferKind.PROVIDER_COST).exists()
    assert violations() == {}


@committed
def test_the_margin_guard_holds_what_a_desk_would_lose(handmade: Service) -> None:
    make_desk(handmade, cost="2.01")
    order = ordered(handmade)
    assert (order.dispatch, order.hold_reason) == (
        Dispatch.HELD,
        "What it was sold for leaves too little over at every provider",
    )


@committed
def test_more_orders_than_a_provider_has_places_go_at_once(handmade: Service, desk: Provider) -> None:
    customer = make_customer("1000")
    for _ in range(70):
        place_one(customer, handmade, quantity=10)
    dispatch()
    assert DeskJob.objects.count() == 70


@committed
def test_a_desk_is_one_route_among_others(
    simulator: Simulator, provider: Provider, handmade: Service
) -> None:
    make_route(handmade, provider, external_id="999999", rate="0.10")  # the provider has no such service
    desk = make_desk(handmade)
    order = ordered(handmade)
    assert [item.provider_id for item in Fulfilment.objects.order_by("number")] == [provider.pk, desk.pk]
    assert only_job(order).state == JobState.NEW
    assert violations() == {}


@committed
def test_a_worker_never_calls_a_desk(simulator: Simulator, handmade: Service, desk: Provider) -> None:
    # Even with an address and a key: it is a desk all the same.
    Provider.objects.filter(pk=desk.pk).update(
        url=simulator.url, key=simulator.key, allow_private_address=True, next_sync_at=LONG_AGO
    )
    calls = len(simulator.requests)
    order = ordered(handmade)
    (job,) = take(desk)
    tell(job, Verb.PROGRESS, remains=10)
    request_cancels([(order.customer_id, order.pk)])
    poll()
    forward()
    reconcile()
    work_until(lambda: DeskJob.objects.filter(state=JobState.TAKEN).exists())
    assert len(simulator.requests) == calls
    assert not CancelTask.objects.exists()


@committed
def test_a_delivery_is_told_step_by_step(handmade: Service, desk: Provider) -> None:
    order = ordered(handmade)
    (job,) = take(desk)
    assert (job.state, job.worker) == (JobState.TAKEN, "tool-1")
    order.refresh_from_db()
    assert order.status == Status.PROCESSING

    assert tell(job, Verb.START, start_count=500).start_count == 500
    tell(job, Verb.PROGRESS, remains=400)
    order.refresh_from_db()
    assert (order.status, order.start_count, order.remains) == (Status.IN_PROGRESS, 500, 400)
    assert Fulfilment.objects.get().started_at is not None

    ended = tell(job, Verb.COMPLETE)
    order.refresh_from_db()
    assert (order.status, order.remains, order.refunded) == (Status.COMPLETED, 0, 0)
    assert (ended.state, ended.outcome) == (JobState.ENDED, "completed")
    assert Fulfilment.objects.get().next_poll_at is None
    assert DeskJob.objects.get().ended_by == "tool-1"
    assert violations() == {}


@committed
def test_partial_refunds_and_costs_what_was_delivered(handmade: Service, desk: Provider) -> None:
    order = ordered(handmade)
    (job,) = take(desk)
    for _ in range(2):
        tell(job, Verb.PARTIAL, remains=250)
    order.refresh_from_db()
    assert (order.status, order.remains, order.refunded) == (Status.PARTIAL, 250, Decimal("0.50"))
    assert balance_of(order.customer) == Decimal("98.50")
    assert cost_of(order) == Decimal("0.375")
    assert Transfer.objects.filter(kind=TransferKind.REFUND).count() == 1
    with pytest.raises(AlreadyEnded, match="partial with 250 remaining"):
        tell(job, Verb.PARTIAL, remains=251)
    assert violations() == {}


@committed
def test_cancel_refunds_everything_with_a_reason_to_read(handmade: Service, desk: Provider) -> None:
    order = ordered(handmade)
    job = only_job(order)
    for _ in range(2):
        assert tell(job, Verb.CANCEL, reason="The account is private").reason == "The account is private"
    order.refresh_from_db()
    assert (order.status, order.refunded, cost_of(order)) == (Status.CANCELED, Decimal(2), Decimal(0))
    assert order.events.get(kind="status").data["reason"] == "The account is private"
    assert violations() == {}


@committed
def test_staff_need_take_nothing_and_may_correct_an_end(handmade: Service, desk: Provider) -> None:
    order = ordered(handmade)
    job = only_job(order)
    tell(job, Verb.COMPLETE, worker=None)
    tell(job, Verb.PARTIAL, worker=None, remains=500)
    order.refresh_from_db()
    assert (order.status, order.refunded, cost_of(order)) == (
        Status.PARTIAL,
        Decimal(1),
        Decimal("0.25"),
    )
    tell(job, Verb.COMPLETE, worker=None)
    order.refresh_from_db()
    assert (order.status, order.refunded, cost_of(order)) == (Status.COMPLETED, 0, Decimal("0.50"))
    assert violations() == {}


@committed
def test_a_desk_takes_no_subscription() -> None:
    forget()
    service = make_service(OrderType.SUBSCRIPTIONS, rate="2.00")
    desk = make_desk(make_service())
    with pytest.raises(DeskTrouble, match="takes no subscription"):
        offer_by_hand(desk=desk, service_id=service.pk, cost=Decimal(1))
    make_route(service, desk, external_id="posts")  # as one that came about otherwise
    place_one(
        make_customer(), service, username="someone", min=10, max=20, posts=5, delay=0, expiry="", link=""
    )
    dispatch()
    order = Order.objects.get()
    assert (order.dispatch, order.hold_reason) == (Dispatch.HELD, "No provider for this service")
    from purveyor.providers.housekeeping import release_held

    assert release_held() == 0


@committed
def test_desks_are_made_and_offer_what_they_are_told() -> None:
    desk = create_desk(name="Team A")
    assert (desk.kind, desk.url, desk.key) == (ProviderKind.MANUAL, "", "")
    assert find_desk("Team A") == desk
    with pytest.raises(DeskTrouble, match="already"):
        create_desk(name="Team A")
    with pytest.raises(DeskTrouble, match="no desk"):
        find_desk("Team B")
    service = make_service()
    elsewhere = make_desk(service)
    route = offer_by_hand(desk=desk, service_id=service.pk, cost=Decimal("0.2"))
    assert route.position == 1
    assert offer_by_hand(desk=desk, service_id=service.pk, cost=Decimal("0.3")) == route
    assert Route.objects.get(pk=route.pk).provider_service.rate == Decimal("0.3")
    assert Route.objects.exclude(pk=route.pk).get().provider_service.provider == elsewhere
    with pytest.raises(DeskTrouble, match="no service"):
        offer_by_hand(desk=desk, service_id=10**6, cost=Decimal(0))
    with pytest.raises(DeskTrouble, match="negative"):
        offer_by_hand(desk=desk, service_id=service.pk, cost=Decimal(-1))
