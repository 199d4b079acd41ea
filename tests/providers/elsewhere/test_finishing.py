"""What one provider leaves of an order goes to the next: one order, one charge, nothing silently twice."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import FinishRest, Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.dripfeed import release_due
from purveyor.orders.models import (
    CancelRequest,
    CancelStatus,
    Dispatch,
    DripFeed,
    EventKind,
    Order,
    OrderEvent,
    Status,
)
from purveyor.orders.subscriptions import Delivery, Post, add_posts
from purveyor.orders.testing import place_one
from purveyor.providers.following.following import follow
from purveyor.providers.following.subscriptions import follow_subscription
from purveyor.providers.models import Fulfilment, Handover, Provider, ProviderService, Route
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.outcomes.settling import settle_as_not_placed, settle_as_placed
from purveyor.providers.outcomes.under_way import HandOver
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Accepted, Refused, StatusReply, Unclear
from purveyor.providers.protocol.words import order_status
from purveyor.providers.routes.rest import MOST_FULFILMENTS
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.standing.holds import NOBODY_FINISHES
from purveyor.providers.testing import make_provider, make_route
from tests.audited import violations

pytestmark = pytest.mark.django_db


def sold(*rates: str, finish_rest: str = FinishRest.RULE, **others: Any) -> Service:
    """A service at 10 per 1000 with a route at each of these rates, each at a provider of its own."""
    service = make_service(rate="10.00", cancel=True, finish_rest=finish_rest, **others)
    for position, rate in enumerate(rates):
        make_route(service, make_provider(), rate=rate, position=position)
    return service


def ordered(service: Service, quantity: int = 1000) -> Order:
    """An order of a customer who had 100."""
    return place_one(make_customer("100"), service, quantity=quantity)


def hand() -> HandOver:
    (item,) = hand_over(busy={}).hand_overs
    return item


def accept(external_id: str) -> Fulfilment:
    """Hand the one order in the queue over; its provider takes it."""
    item = hand()
    record([Answered(hand_over=item, reply=Accepted(external_id))])
    return Fulfilment.objects.get(pk=item.fulfilment_id)


def tell(fulfilment: Fulfilment, word: str, remains: int | None = None, **told: Any) -> Order:
    reply = StatusReply(word=word, status=order_status(word), remains=remains, **told)
    follow({fulfilment.pk: reply})
    assert violations() == {}
    fulfilment.refresh_from_db()
    return Order.objects.get(pk=fulfilment.order_id)


def money(order: Order) -> tuple[object, list[Decimal]]:
    """What the customer has left, and what each fulfilment costs us."""
    costs = Fulfilment.objects.filter(order=order).order_by("number").values_list("cost", flat=True)
    return balance_of(order.customer), list(costs)


def events(order: Order, kind: EventKind) -> list[dict[str, Any]]:
    return list(
        OrderEvent.objects.filter(order=order, kind=kind).order_by("pk").values_list("data", flat=True)
    )


def test_the_rest_goes_to_another_and_the_order_completes_for_one_charge() -> None:
    order = ordered(sold("4.00", "5.00"))
    first = accept("1")
    tell(first, "In progress", 600, start_count=70)
    order = tell(first, "Partial", 250, start_count=70)
    assert (order.status, order.remains, order.dispatch) == (Status.IN_PROGRESS, 250, Dispatch.QUEUED)
    assert (order.refunded, order.start_count) == (0, 70)
    assert events(order, EventKind.ELSEWHERE) == [{"fulfilment": first.pk, "delivered": 750, "rest": 250}]

    item = hand()
    assert item.fields["quantity"] == "250"
    assert item.cost == Decimal("1.25")
    record([Answered(hand_over=item, reply=Accepted("2"))])
    second = Fulfilment.objects.get(number=2)
    assert (second.quantity, second.wanted, second.superseded) == (250, 250, False)
    order = tell(second, "Pending", 250, start_count=820)
    assert (order.status, order.remains, order.start_count) == (Status.IN_PROGRESS, 250, 70)
    order = tell(second, "In progress", 100)
    assert (order.status, order.remains) == (Status.IN_PROGRESS, 100)
    order = tell(second, "Completed", 0)
    assert (order.status, order.remains, order.refunded) == (Status.COMPLETED, 0, 0)
    assert money(order) == (90, [Decimal(3), Decimal("1.25")])


def test_an_order_that_one_provider_canceled_goes_to_another_whole() -> None:
    order = ordered(sold("4.00", "5.00"))
    first = accept("1")
    order = tell(first, "Canceled", 0)
    assert (order.status, order.remains, order.refunded) == (Status.IN_PROGRESS, 1000, 0)
    second = accept("2")
    order = tell(second, "Completed", 0)
    assert order.status == Status.COMPLETED
    assert money(order) == (90, [Decimal(0), Decimal(5)])


def test_one_after_the_other_until_nobody_is_left() -> None:
    order = ordered(sold("4.00", "4.00", "4.00"))
    for number, remains in ((1, 600), (2, 300), (3, 100)):
        assert Fulfilment.objects.filter(order=order).count() == number - 1
        order = tell(accept(str(number)), "Partial", remains)
    assert (order.status, order.remains, order.refunded) == (Status.PARTIAL, 100, 1)
    assert money(order) == (91, [Decimal("1.6"), Decimal("1.2"), Decimal("0.8")])
    assert list(Fulfilment.objects.order_by("number").values_list("wanted", "delivered")) == [
        (None, 400),
        (600, 300),
        (300, 200),
    ]


def test_not_more_than_so_many_providers_in_turn() -> None:
    order = ordered(sold(*["4.00"] * (MOST_FULFILMENTS + 1)))
    for number in range(1, MOST_FULFILMENTS + 1):
        order = tell(accept(str(number)), "Partial", 1000 - number)
    assert (order.status, order.remains) == (Status.PARTIAL, 1000 - MOST_FULFILMENTS)


def switched_off(route: Route) -> None:
    Provider.objects.filter(pk=route.provider_service.provider_id).update(enabled=False)


def in_doubt(route: Route) -> None:
    ProviderService.objects.filter(pk=route.provider_service_id).update(price_in_doubt=True)


def closed(route: Route) -> None:
    Route.objects.filter(pk=route.pk).update(enabled=False)


def asks_for_more(route: Route) -> None:
    ProviderService.objects.filter(pk=route.provider_service_id).update(min=251)


def too_dear(route: Route) -> None:
    ProviderService.objects.filter(pk=route.provider_service_id).update(rate="10.01")


def absurdly_dear(route: Route) -> None:
    ProviderService.objects.filter(pk=route.provider_service_id).update(rate="9" * 15)


NO_WAY_ON = [switched_off, in_doubt, closed, asks_for_more, too_dear, absurdly_dear]


@pytest.mark.parametrize("spoil", NO_WAY_ON)
def test_where_no_other_route_takes_the_rest_it_is_refunded_at_once(spoil: Callable[[Route], None]) -> None:
    order = ordered(sold("4.00", "5.00"))
    first = accept("1")
    spoil(Route.objects.get(position=1))
    order = tell(first, "Partial", 250)
    assert (order.status, order.dispatch, order.remains) == (Status.PARTIAL, Dispatch.HANDED, 250)
    assert money(order) == (Decimal("92.5"), [Decimal(3)])


@pytest.mark.parametrize("spoil", NO_WAY_ON)
def test_where_the_other_route_closes_while_the_rest_waits_it_is_refunded_then(
    spoil: Callable[[Route], None],
) -> None:
    order = ordered(sold("4.00", "5.00"))
    first = accept("1")
    tell(first, "Partial", 250)
    spoil(Route.objects.get(position=1))
    assert hand_over(busy={}).hand_overs == []
    order.refresh_from_db()
    assert (order.status, order.dispatch, order.remains) == (Status.PARTIAL, Dispatch.NEVER, 250)
    assert money(order) == (Decimal("92.5"), [Decimal(3)])
    assert events(order, EventKind.STATUS)[-1]["reason"] == NOBODY_FINISHES
    assert violations() == {}
    # What is told again of what was delivered changes nothing.
    order = tell(first, "Partial", 250, charge=Decimal(3))
    assert (order.status, order.refunded) == (Status.PARTIAL, Decimal("2.5"))


@pytest.mark.parametrize("finish_rest", [FinishRest.NEVER, FinishRest.ASK])
def test_without_the_rule_the_rest_is_refunded(finish_rest: FinishRest) -> None:
    ordered(sold("4.00", "5.00", finish_rest=finish_rest))
    order = tell(accept("1"), "Partial", 250)
    assert (order.status, order.refunded) == (Status.PARTIAL, Decimal("2.5"))
    assert Fulfilment.objects.count() == 1


@pytest.mark.parametrize(
    ("order_type", "fields", "told"),
    [
        (OrderType.PACKAGE, {}, ("Canceled", 1)),
        (OrderType.CUSTOM_COMMENTS, {"comments": "a\nb\nc\nd"}, ("Partial", 2)),
    ],
)
def test_what_is_no_mere_number_is_not_divided(
    order_type: OrderType, fields: dict[str, str], told: tuple[str, int]
) -> None:
    service = make_service(order_type, rate="10.00", finish_rest=FinishRest.RULE)
    for position in (0, 1):
        make_route(service, make_provider(), rate="0.01", position=position)
    place_one(make_customer("100"), service, **fields)
    order = tell(accept("1"), *told)
    assert order.status == told[0]
    assert order.refunded > 0


def test_what_its_customer_wished_to_cancel_goes_nowhere_else() -> None:
    order = ordered(sold("4.00", "5.00"))
    first = accept("1")
    assert request_cancels([(order.customer_id, order.pk)]) == [None]
    order = tell(first, "Canceled", 1000)
    assert (order.status, order.refunded) == (Status.CANCELED, 10)
    assert CancelRequest.objects.get().status == CancelStatus.DONE


def test_a_cancel_while_the_rest_waits_keeps_what_was_delivered() -> None:
    order = ordered(sold("4.00", "5.00"))
    tell(accept("1"), "Partial", 250)
    assert request_cancels([(order.customer_id, order.pk)]) == [None]
    order.refresh_from_db()
    assert (order.status, order.remains, order.refunded) == (Status.PARTIAL, 250, Decimal("2.5"))
    assert CancelRequest.objects.get().status == CancelStatus.DONE
    assert hand_over(busy={}).hand_overs == []
    assert violations() == {}


def test_a_cancel_while_the_rest_is_being_sent_waits_for_what_comes_of_it() -> None:
    order = ordered(sold("4.00", "5.00"))
    tell(accept("1"), "Partial", 250)
    item = hand()
    assert request_cancels([(order.customer_id, order.pk)]) == [None]
    record([Answered(hand_over=item, reply=Refused(RefusalClass.GIVEN_BACK, "Not sent"))])
    order.refresh_from_db()
    assert (order.status, order.remains, order.refunded) == (Status.PARTIAL, 250, Decimal("2.5"))
    assert violations() == {}


def test_a_refused_rest_goes_on_to_the_next_route() -> None:
    ordered(sold("4.00", "5.00", "6.00"))
    tell(accept("1"), "Partial", 250)
    record([Answered(hand_over=hand(), reply=Refused(RefusalClass.LINK, "Bad link"))])
    third = accept("3")
    assert (third.number, third.wanted, third.expected_cost) == (3, 250, Decimal("1.5"))
    order = tell(third, "Completed")
    assert (order.status, money(order)) == (Status.COMPLETED, (90, [Decimal(3), Decimal(0), Decimal("1.5")]))


def test_an_unknown_outcome_of_the_second_hand_over_is_settled_either_way() -> None:
    ordered(sold("4.00", "5.00", "6.00"))
    first = accept("1")
    tell(first, "Partial", 250)
    record([Answered(hand_over=hand(), reply=Unclear("no answer"))])
    order = tell(first, "Partial", 250, charge=Decimal(3))
    assert (order.status, order.dispatch) == (Status.IN_PROGRESS, Dispatch.HANDED)
    assert hand_over(busy={}).hand_overs == []
    second = Fulfilment.objects.get(handover=Handover.UNKNOWN)
    settle_as_not_placed(fulfilment=second, actor="a test")
    assert violations() == {}
    record([Answered(hand_over=hand(), reply=Unclear("no answer"))])
    third = Fulfilment.objects.get(handover=Handover.UNKNOWN)
    settle_as_placed(fulfilment=third, external_id="77", actor="a test")
    order = tell(third, "Completed", 0)
    assert (order.status, order.refunded) == (Status.COMPLETED, 0)


def test_a_rest_delivered_meanwhile_by_the_one_who_left_it_is_not_sent_again() -> None:
    ordered(sold("4.00", "5.00", "6.00"))
    first = accept("1")
    tell(first, "Partial", 250)
    record([Answered(hand_over=hand(), reply=Unclear("no answer"))])
    order = tell(first, "Completed", 0)
    assert (order.status, order.remains) == (Status.IN_PROGRESS, 0)
    settle_as_not_placed(fulfilment=Fulfilment.objects.get(number=2), actor="a test")
    order.refresh_from_db()
    assert (order.status, order.refunded) == (Status.COMPLETED, 0)
    assert hand_over(busy={}).hand_overs == []
    assert violations() == {}


def test_the_run_of_a_drip_feed_is_finished_elsewhere_too() -> None:
    service = sold("4.00", "5.00", dripfeed=True)
    parent = place_one(make_customer("100"), service, quantity=1000, runs=1, interval=5)
    assert release_due() == 1
    run = tell(accept("1"), "Partial", 250)
    assert (run.parent_id, run.status, run.refunded) == (parent.pk, Status.IN_PROGRESS, 0)
    parent.refresh_from_db()
    assert parent.status == Status.IN_PROGRESS
    run = tell(accept("2"), "Completed", 0)
    parent.refresh_from_db()
    assert (run.status, parent.status, parent.refunded) == (Status.COMPLETED, Status.COMPLETED, 0)
    assert DripFeed.objects.get().next_run_at is None


@pytest.mark.parametrize("fed", [True, False])
def test_a_post_is_finished_elsewhere_where_it_is_an_order_of_its_own(fed: bool) -> None:  # noqa: FBT001
    service = sold("4.00", "5.00")
    subscribed = make_service(OrderType.SUBSCRIPTIONS, rate="10.00", finish_rest=FinishRest.RULE)
    for position in (0, 1):
        make_route(subscribed, make_provider(), rate="4.00", position=position)
    customer = make_customer("100")
    parent = place_one(customer, subscribed, username="me", min=1000, max=1000, posts=1, delay=0, link="")
    following = accept("1")
    if fed:
        delivery = Delivery(
            service_id=service.pk,
            service_version=1,
            link="https://example.com/p/1",
            link_key=1,
            dispatch=Dispatch.QUEUED,
        )
        add_posts(subscription_id=parent.pk, posts=[Post(number=1, quantity=1000, delivery=delivery)])
        post = accept("2")
    else:
        reply = StatusReply(word="Active", status=Status.ACTIVE, orders=("2",))
        follow_subscription(fulfilment_id=following.pk, reply=reply, posts={})
        post = Fulfilment.objects.get(external_id="2")
    order = tell(post, "Partial", 250)
    assert (order.parent_id, order.status) == (parent.pk, Status.IN_PROGRESS if fed else Status.PARTIAL)
