"""Taking orders out of the queue: what is written before anything is sent, and what waits instead."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import F
from django.utils import timezone

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import CancelRequest, CancelStatus, Dispatch, Order, OrderEvent, Status
from purveyor.orders.testing import place_one
from purveyor.providers.costs import costing
from purveyor.providers.models import Attempt, Fulfilment, Handover, Outcome
from purveyor.providers.sending import handing_over
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.standing.holds import ABSURD_COST, NOT_WRITABLE, Hold
from purveyor.providers.testing import make_provider, make_route
from tests.audited import violations

pytestmark = pytest.mark.django_db

NOBODY_BUSY: dict[int, int] = {}


def test_everything_is_written_before_anything_is_sent() -> None:
    service = make_service(rate="2.00")
    provider = make_provider(currency="EUR", fx_rate=Decimal("1.25"), timeout_seconds=7)
    route = make_route(service, provider, external_id="77", rate="0.80")
    order = place_one(make_customer(), service, quantity=500, link="https://example.com/a")

    (item,) = hand_over(busy=NOBODY_BUSY).hand_overs

    assert item.fields == {
        "action": "add",
        "service": "77",
        "link": "https://example.com/a",
        "quantity": "500",
    }
    fulfilment = Fulfilment.objects.get(pk=item.fulfilment_id)
    assert (fulfilment.order, fulfilment.number, fulfilment.route) == (order, 1, route)
    assert fulfilment.handover == Handover.SENDING
    assert fulfilment.expected_cost == item.cost == Decimal("0.50")
    assert (fulfilment.provider_rate, fulfilment.fx_rate) == (Decimal("0.80"), Decimal("1.25"))
    assert fulfilment.cost == 0
    attempt = Attempt.objects.get(pk=item.attempt_id)
    assert (attempt.outcome, attempt.request) == (Outcome.SENDING, item.fields)
    lease = attempt.lease_until - timezone.now()
    assert timedelta(seconds=7) < lease < timedelta(seconds=7 + handing_over.LEASE_MARGIN_SECONDS + 1)
    order.refresh_from_db()
    assert order.dispatch == Dispatch.HANDED
    assert violations() == {}


def test_the_key_is_nowhere_in_what_is_kept() -> None:
    service = make_service()
    make_route(service, make_provider(key="the-secret-key"))
    place_one(make_customer(), service, quantity=5)
    hand_over(busy=NOBODY_BUSY)
    assert "the-secret-key" not in str(Attempt.objects.values_list("request", "response"))


def test_the_oldest_orders_go_first_and_only_as_many_as_there_is_room_for() -> None:
    service = make_service()
    provider = make_provider(parallel_calls=4)
    make_route(service, provider)
    customer = make_customer()
    orders = [place_one(customer, service, quantity=5).pk for _ in range(10)]

    first = hand_over(busy={provider.pk: 1})
    assert [item.order_id for item in first.hand_overs] == orders[:7]
    assert (first.capacity, first.drained) == ({provider.pk: 8}, False)
    assert hand_over(busy={provider.pk: 8}).hand_overs == []
    rest = hand_over(busy=NOBODY_BUSY)
    assert [item.order_id for item in rest.hand_overs] == orders[7:]
    assert rest.drained


def test_a_provider_that_must_prove_itself_gets_one_order_at_a_time() -> None:
    service = make_service()
    make_route(service, make_provider(troubles=3))
    customer = make_customer()
    for _ in range(3):
        place_one(customer, service, quantity=5)
    assert len(hand_over(busy=NOBODY_BUSY).hand_overs) == 1


def test_a_busy_provider_hides_nobody_elses_orders() -> None:
    busy, free = make_provider(parallel_calls=1), make_provider(parallel_calls=1)
    slow, quick = make_service(), make_service()
    make_route(slow, busy)
    make_route(quick, free)
    customer = make_customer()
    for _ in range(300):  # more than are looked at in one go
        place_one(customer, slow, quantity=5)
    last = place_one(customer, quick, quantity=5)
    (item,) = hand_over(busy={busy.pk: 2}).hand_overs
    assert item.order_id == last.pk


def test_routes_are_taken_by_position() -> None:
    service = make_service()
    second = make_route(service, make_provider(), position=2)
    first = make_route(service, make_provider(), position=1)
    place_one(make_customer(), service, quantity=5)
    hand_over(busy=NOBODY_BUSY)
    assert Fulfilment.objects.get().route == first
    first.enabled = False
    first.save()
    place_one(make_customer(), service, quantity=5)
    hand_over(busy=NOBODY_BUSY)
    assert Fulfilment.objects.order_by("-pk")[0].route == second


def _soon() -> object:
    return timezone.now() + timedelta(days=1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"enabled": False}, Hold.SWITCHED_OFF),
        ({"paused_until": _soon(), "paused_reason": Hold.OUT_OF_FUNDS}, Hold.OUT_OF_FUNDS),
        ({"silent_until": _soon(), "paused_reason": Hold.UNREACHABLE}, Hold.UNREACHABLE),
        ({"refused_key": F("key"), "paused_reason": Hold.KEY_REFUSED}, Hold.KEY_REFUSED),
    ],
)
def test_orders_of_a_provider_that_takes_none_are_held(changes: dict[str, object], reason: Hold) -> None:
    service = make_service()
    provider = make_provider()
    make_route(service, provider)
    type(provider).objects.filter(pk=provider.pk).update(**changes)
    order = place_one(make_customer(), service, quantity=5)
    assert hand_over(busy=NOBODY_BUSY).hand_overs == []
    order.refresh_from_db()
    assert (order.dispatch, order.hold_reason) == (Dispatch.HELD, reason.value)
    assert OrderEvent.objects.filter(order=order, data__reason=reason.value).exists()


@pytest.mark.parametrize("why", ["no route", "route closed", "service gone"])
def test_orders_without_an_open_route_are_held(why: str) -> None:
    service = make_service()
    if why != "no route":
        route = make_route(service, make_provider(), enabled=why != "route closed")
        if why == "service gone":
            route.provider_service.gone_at = timezone.now()
            route.provider_service.save()
    order = place_one(make_customer(), service, quantity=5)
    hand_over(busy=NOBODY_BUSY)
    order.refresh_from_db()
    assert (order.dispatch, order.hold_reason) == (Dispatch.HELD, Hold.NO_PROVIDER.value)


def test_a_key_that_was_changed_is_tried() -> None:
    service = make_service()
    make_route(service, make_provider(key="new", refused_key="old"))
    place_one(make_customer(), service, quantity=5)
    assert len(hand_over(busy=NOBODY_BUSY).hand_overs) == 1


def _refused(order: Order, route_id: int, refusal: str) -> None:
    route = order.service.routes.get(pk=route_id)
    Fulfilment.objects.create(
        order=order,
        number=order.fulfilments.count() + 1,
        provider=route.provider_service.provider,
        route=route,
        service_external_id=route.provider_service.external_id,
        handover=Handover.REFUSED,
        refusal=refusal,
        refusal_text="Bad link",
        quantity=order.quantity,
        provider_rate=1,
        fx_rate=1,
        expected_cost=1,
    )


def test_a_route_that_refused_the_link_is_not_asked_again_and_hand_overs_are_numbered() -> None:
    service = make_service()
    first, second = (make_route(service, make_provider(), position=place) for place in (1, 2))
    order = place_one(make_customer(), service, quantity=5)
    _refused(order, first.pk, "link")
    (item,) = hand_over(busy=NOBODY_BUSY).hand_overs
    fulfilment = Fulfilment.objects.get(pk=item.fulfilment_id)
    assert (fulfilment.route, fulfilment.number) == (second, 2)


@pytest.mark.parametrize("refusal", ["funds", "rate", "not_sent", "duplicate", "other"])
def test_a_route_that_refused_for_now_is_asked_again(refusal: str) -> None:
    service = make_service()
    route = make_route(service, make_provider())
    order = place_one(make_customer(), service, quantity=5)
    _refused(order, route.pk, refusal)
    assert len(hand_over(busy=NOBODY_BUSY).hand_overs) == 1


@pytest.mark.parametrize("refusal", ["link", "quantity"])
def test_an_order_that_every_route_refused_is_canceled_and_refunded_with_the_reason(refusal: str) -> None:
    service = make_service()
    routes = [make_route(service, make_provider(), position=place) for place in (1, 2)]
    customer = make_customer("10")
    order = place_one(customer, service, quantity=1000)
    for route in routes:
        _refused(order, route.pk, refusal)
    assert hand_over(busy=NOBODY_BUSY).hand_overs == []
    order.refresh_from_db()
    assert (order.status, order.dispatch) == (Status.CANCELED, Dispatch.NEVER)
    assert balance_of(customer) == 10
    assert OrderEvent.objects.filter(order=order, data__reason="No provider accepts it: Bad link").exists()
    assert violations() == {}


def test_an_order_canceled_while_it_waits_is_not_sent() -> None:
    service = make_service(cancel=True)
    make_route(service, make_provider())
    customer = make_customer()
    order = place_one(customer, service, quantity=5)
    request_cancels([(customer.pk, order.pk)])
    assert hand_over(busy=NOBODY_BUSY).hand_overs == []


def test_a_subscription_is_sent_with_its_own_fields() -> None:
    service = make_service(OrderType.SUBSCRIPTIONS)
    make_route(service, make_provider(), external_id="9")
    place_one(make_customer(), service, username="ann", min=10, max=20, posts=3, delay=30)
    (item,) = hand_over(busy=NOBODY_BUSY).hand_overs
    assert item.fields == {
        "action": "add",
        "service": "9",
        "username": "ann",
        "min": "10",
        "max": "20",
        "posts": "3",
        "delay": "30",
    }
    assert item.cost == 0


def test_a_package_costs_its_rate() -> None:
    service = make_service(OrderType.PACKAGE, rate="20")
    make_route(service, make_provider(), rate="15.5")
    place_one(make_customer(), service)
    (item,) = hand_over(busy=NOBODY_BUSY).hand_overs
    assert item.cost == Decimal("15.5")
    assert "quantity" not in item.fields


ABSURD = Decimal(9999999999999999)
"""The highest rate that can be stored."""


def _one_absurd_among_others() -> tuple[Order, list[int]]:
    customer = make_customer("100000")
    absurd, service, provider = make_service(max=2_000_000, rate="0.001"), make_service(), make_provider()
    make_route(absurd, provider, rate=ABSURD, margin_floor_percent=None)
    make_route(service, provider)
    good = [place_one(customer, service, quantity=10).pk for _ in range(3)]
    bad = place_one(customer, absurd, quantity=1_000_000)
    good += [place_one(customer, service, quantity=10).pk for _ in range(2)]
    return bad, good


def test_an_order_at_an_absurd_price_waits_for_staff_and_stops_no_other() -> None:
    bad, good = _one_absurd_among_others()
    assert [item.order_id for item in hand_over(busy=NOBODY_BUSY).hand_overs] == good
    bad.refresh_from_db()
    assert (bad.dispatch, bad.hold_reason) == (Dispatch.HELD, ABSURD_COST)
    assert violations() == {}


def test_so_does_a_subscription_whose_posts_would_cost_that() -> None:
    service = make_service(OrderType.SUBSCRIPTIONS, rate="1")
    make_route(service, make_provider(), rate=ABSURD, margin_floor_percent=None)
    order = place_one(make_customer("10"), service, username="ann", min=100, max=100, delay=0)
    assert hand_over(busy=NOBODY_BUSY).hand_overs == []
    order.refresh_from_db()
    assert (order.dispatch, order.hold_reason) == (Dispatch.HELD, ABSURD_COST)


def test_a_hand_over_that_the_database_rejects_is_held_and_stops_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(costing, "LARGEST_AMOUNT", Decimal(10) ** 30)
    bad, good = _one_absurd_among_others()
    assert [item.order_id for item in hand_over(busy=NOBODY_BUSY).hand_overs] == good
    bad.refresh_from_db()
    assert (bad.dispatch, bad.hold_reason) == (Dispatch.HELD, NOT_WRITABLE)
    assert not bad.fulfilments.exists()
    assert violations() == {}


def test_an_order_may_be_handed_over_any_number_of_times() -> None:
    service = make_service()
    route = make_route(service, make_provider())
    order = place_one(make_customer(), service, quantity=5)
    _refused(order, route.pk, "duplicate")
    Fulfilment.objects.update(number=40_000)
    (item,) = hand_over(busy=NOBODY_BUSY).hand_overs
    assert Fulfilment.objects.get(pk=item.fulfilment_id).number == 40_001


def test_a_queued_order_that_its_customer_wants_no_more_is_canceled_not_sent() -> None:
    service = make_service(cancel=True)
    make_route(service, make_provider())
    customer = make_customer("10")
    order = place_one(customer, service, quantity=5)
    CancelRequest.objects.create(order=order)
    assert hand_over(busy=NOBODY_BUSY).hand_overs == []
    order.refresh_from_db()
    assert (order.status, order.dispatch) == (Status.CANCELED, Dispatch.NEVER)
    assert CancelRequest.objects.get().status == CancelStatus.DONE
    assert balance_of(customer) == 10
    assert violations() == {}


def test_an_order_that_cannot_be_ended_now_keeps_no_other_from_being_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = make_service(cancel=True)
    make_route(service, make_provider())
    customer = make_customer("10")
    CancelRequest.objects.create(order=place_one(customer, service, quantity=5))
    good = place_one(customer, service, quantity=5)

    def fail(**_: object) -> None:
        raise RuntimeError("no")

    with monkeypatch.context() as patch:
        patch.setattr(handing_over, "cancel_undelivered", fail)
        assert [item.order_id for item in hand_over(busy=NOBODY_BUSY).hand_overs] == [good.pk]
    hand_over(busy=NOBODY_BUSY)
    assert set(Order.objects.values_list("status", flat=True)) == {Status.CANCELED, Status.PENDING}
