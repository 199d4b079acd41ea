"""Refills that another provider delivers at our cost, or that staff settle by hand."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models.functions import Now

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import FinishRest, RefillBy, Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.orders.models import (
    Dispatch,
    EventKind,
    Order,
    OrderEvent,
    OrderPromise,
    PastPromise,
    Refill,
    RefillStatus,
    Status,
)
from purveyor.orders.promising import set_promise
from purveyor.orders.testing import place_one
from purveyor.providers.elsewhere import refilling as refills_elsewhere
from purveyor.providers.elsewhere.finishing import finish_elsewhere
from purveyor.providers.elsewhere.refilling import CannotRefill, open_refills, send_elsewhere, settle_by_hand
from purveyor.providers.following.following import follow
from purveyor.providers.housekeeping import release_held
from purveyor.providers.models import (
    ForwardState,
    Fulfilment,
    Handover,
    Provider,
    ProviderService,
    RefillElsewhere,
    RefillTask,
    Route,
)
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.outcomes.settling import settle_as_not_placed, settle_as_placed
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Accepted, RefillReply, Refused, StatusReply, Unclear
from purveyor.providers.protocol.words import order_status
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.standing.holds import Hold
from purveyor.providers.tasks.refills import claim_refills, record_asked, record_told
from purveyor.providers.testing import make_provider, make_route
from purveyor.providers.timeline.timeline import timeline
from tests.audited import violations
from tests.providers.rounds import LONG_AGO

pytestmark = pytest.mark.django_db

ACTOR = "a test"


def completed(*rates: str, refill_by: str = RefillBy.ELSEWHERE) -> Refill:
    """A refill of an order of 1000 for 10, which the first of these routes delivered."""
    service = make_service(rate="10.00", refill=True, refill_by=refill_by)
    for position, rate in enumerate(rates):
        make_route(service, make_provider(name=f"P{position}"), rate=rate, position=position)
    order = place_one(make_customer("100"), service, quantity=1000, link="https://example.com/a")
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Accepted("1"))])
    tell(Fulfilment.objects.get(), "Completed", 0)
    return Refill.objects.create(order=order)


def tell(fulfilment: Fulfilment, word: str, remains: int | None = None, **told: Any) -> None:
    follow({fulfilment.pk: StatusReply(word=word, status=order_status(word), remains=remains, **told)})
    assert violations() == {}


def refused(refill: Refill) -> Refill:
    """The refill, after its provider refused it."""
    (wish,) = claim(refill)
    record_asked(wish, Refused(RefusalClass.OTHER, "Not dropped"))
    refill.refresh_from_db()
    return refill


def claim(refill: Refill) -> Any:
    provider = Fulfilment.objects.get(order_id=refill.order_id, number=1).provider_id
    RefillTask.objects.exclude(next_at=None).update(next_at=LONG_AGO)
    return claim_refills(provider_ids=[provider], lease=timedelta(minutes=1))


def hand() -> Fulfilment:
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Accepted("2"))])
    return Fulfilment.objects.get(pk=item.fulfilment_id)


def waiting() -> list[tuple[str, str]]:
    return [(item.holder, item.reason) for item in open_refills()]


def status_of(refill: Refill) -> str:
    refill.refresh_from_db()
    return refill.status


def test_a_refill_that_its_provider_refuses_is_delivered_by_another_at_our_cost() -> None:
    refill = refused(completed("4.00", "6.00", "5.00"))
    assert refill.status == RefillStatus.PENDING
    assert waiting() == [("", "Not dropped")]
    option = send_elsewhere(refill_id=refill.pk, quantity=300, actor=ACTOR)
    assert option.provider == "P2"
    assert waiting() == [("the queue", "Not dropped")]

    fulfilment = hand()
    assert (fulfilment.number, fulfilment.refill, fulfilment.quantity) == (2, refill, 300)
    assert '"quantity": "300"' in json.dumps(fulfilment.attempts.get().request)
    assert fulfilment.cost == Decimal("1.5")
    assert balance_of(refill.order.customer) == 90
    assert waiting() == [("another provider", "Not dropped")]
    assert hand_over(busy={}).hand_overs == []

    tell(fulfilment, "In progress", 200, start_count=5000)
    assert status_of(refill) == RefillStatus.IN_PROGRESS
    tell(fulfilment, "Completed", 0)
    assert status_of(refill) == RefillStatus.COMPLETED
    order = Order.objects.get()
    assert (order.status, order.remains, order.refunded, order.start_count) == (Status.COMPLETED, 0, 0, None)
    (event,) = OrderEvent.objects.filter(kind=EventKind.REFILL_ELSEWHERE)
    assert (event.data["cost"], event.data["keeps_margin"]) == ("1.50000000", True)


def test_refills_that_wait_for_a_full_provider_hide_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refills_elsewhere, "MOST_AT_ONCE", 1)
    first = completed("4.00", "5.00", "6.00", refill_by=RefillBy.HAND)
    _, full, other = first.order.service.routes.order_by("position")
    order = place_one(first.order.customer, first.order.service, quantity=1000)
    tell(hand(), "Completed", 0)
    second = Refill.objects.create(order=order)
    for refill, route in ((first, full), (second, other)):
        send_elsewhere(refill_id=refill.pk, quantity=300, route_id=route.pk, actor=ACTOR)
    claimed = hand_over(busy={full.provider_service.provider_id: 64})
    assert [item.order_id for item in claimed.hand_overs] == [order.pk]
    assert [item.order_id for item in hand_over(busy={}).hand_overs] == [first.order_id]


def test_a_provider_that_refuses_is_final_where_no_other_may_deliver() -> None:
    refill = refused(completed("4.00", "5.00", refill_by=RefillBy.PROVIDER))
    assert (refill.status, refill.reason) == (RefillStatus.REJECTED, "Not dropped")
    with pytest.raises(CannotRefill, match="has ended"):
        send_elsewhere(refill_id=refill.pk, quantity=300, actor=ACTOR)


def test_a_refill_rejected_after_it_was_taken_is_for_staff_too() -> None:
    refill = completed("4.00", "5.00")
    (wish,) = claim(refill)
    record_asked(wish, Accepted("77"))
    assert waiting() == [("its provider", "")]
    (wish,) = claim(refill)
    record_told(wish, RefillReply(word="In progress", status=RefillStatus.IN_PROGRESS))
    (wish,) = claim(refill)
    record_told(wish, RefillReply(word="Rejected", status=RefillStatus.REJECTED))
    assert status_of(refill) == RefillStatus.PENDING
    assert RefillTask.objects.get().state == ForwardState.REFUSED
    assert waiting() == [("", "Rejected")]
    assert claim(refill) == []


def offers_none(_: Route) -> None:
    ProviderService.objects.update(refill=False)


def gone(_: Route) -> None:
    ProviderService.objects.update(gone_at=Now())


def switched_off(route: Route) -> None:
    Provider.objects.filter(pk=route.provider_service.provider_id).update(enabled=False)


@pytest.mark.parametrize("spoil", [offers_none, gone, switched_off])
def test_a_provider_that_cannot_refill_is_not_asked(spoil: Any) -> None:
    refill = completed("4.00", "5.00")
    spoil(Route.objects.get(position=0))
    assert claim(refill) == []
    assert waiting() == [("", "")]


def test_refills_by_hand_are_told_to_no_provider() -> None:
    refill = completed("4.00", refill_by=RefillBy.HAND)
    assert claim(refill) == []
    settle_by_hand(refill_id=refill.pk, status=RefillStatus.REJECTED, reason="Nothing dropped", actor=ACTOR)
    assert (status_of(refill), refill.reason) == (RefillStatus.REJECTED, "Nothing dropped")
    by_whom = [line.who for line in timeline(refill.order_id) or [] if "Nothing dropped" in line.text]
    assert by_whom == [ACTOR]
    with pytest.raises(CannotRefill, match="has ended"):
        settle_by_hand(refill_id=refill.pk, status=RefillStatus.COMPLETED, actor=ACTOR)


def test_what_somebody_has_is_not_settled_by_hand_nor_given_away() -> None:
    refill = completed("4.00", "5.00")
    claim(refill)
    with pytest.raises(CannotRefill, match="is with its provider"):
        settle_by_hand(refill_id=refill.pk, status=RefillStatus.COMPLETED, actor=ACTOR)
    with pytest.raises(CannotRefill, match="is with its provider"):
        send_elsewhere(refill_id=refill.pk, quantity=1, actor=ACTOR)


def test_a_queued_refill_that_is_settled_by_hand_goes_nowhere() -> None:
    refill = refused(completed("4.00", "5.00"))
    send_elsewhere(refill_id=refill.pk, quantity=300, actor=ACTOR)
    settle_by_hand(refill_id=refill.pk, status=RefillStatus.COMPLETED, actor=ACTOR)
    assert hand_over(busy={}).hand_overs == []
    assert violations() == {}


@pytest.mark.parametrize(("word", "remains", "reason"), [("Partial", 120, "120"), ("Canceled", 0, "all")])
def test_what_the_other_leaves_is_for_staff_again(word: str, remains: int, reason: str) -> None:
    refill = refused(completed("4.00", "5.00"))
    send_elsewhere(refill_id=refill.pk, quantity=300, actor=ACTOR)
    fulfilment = hand()
    tell(fulfilment, word, remains)
    assert status_of(refill) == RefillStatus.PENDING
    assert waiting() == [("", f"Another provider left {reason} of it")]
    assert Order.objects.get().refunded == 0
    send_elsewhere(refill_id=refill.pk, quantity=100, route_id=Route.objects.get(position=1).pk, actor=ACTOR)
    assert hand_over(busy={}).hand_overs[0].fields["quantity"] == "100"


@pytest.mark.parametrize(
    ("refusal", "holder"),
    [(RefusalClass.FUNDS, "the queue"), (RefusalClass.DUPLICATE, "the queue"), (RefusalClass.LINK, "")],
)
def test_a_refused_hand_over_leaves_the_order_alone(refusal: RefusalClass, holder: str) -> None:
    refill = refused(completed("4.00", "5.00"))
    send_elsewhere(refill_id=refill.pk, quantity=300, actor=ACTOR)
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Refused(refusal, "no"))])
    assert [each for each, _ in waiting()] == [holder]
    order = Order.objects.get()
    assert (order.status, order.dispatch, order.refunded) == (Status.COMPLETED, "handed", 0)
    assert hand_over(busy={}).hand_overs == []
    assert violations() == {}
    if holder:
        Provider.objects.update(paused_until=None, paused_reason="", silent_until=None)
        RefillElsewhere.objects.update(next_at=LONG_AGO)
        assert hand().number == 3


def test_an_unknown_outcome_is_settled_either_way_and_never_sent_twice_meanwhile() -> None:
    refill = refused(completed("4.00", "5.00"))
    send_elsewhere(refill_id=refill.pk, quantity=300, actor=ACTOR)
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Unclear("no answer"))])
    assert waiting() == [("another provider", "Not dropped")]
    with pytest.raises(CannotRefill, match="is with another provider"):
        send_elsewhere(refill_id=refill.pk, quantity=300, actor=ACTOR)
    settle_as_not_placed(fulfilment=Fulfilment.objects.get(handover=Handover.UNKNOWN), actor=ACTOR)
    assert [each for each, _ in waiting()] == ["the queue"]
    RefillElsewhere.objects.update(next_at=LONG_AGO)
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Unclear("no answer"))])
    unknown = Fulfilment.objects.get(handover=Handover.UNKNOWN)
    settle_as_placed(fulfilment=unknown, external_id="9", actor=ACTOR)
    tell(unknown, "Completed", 0)
    assert status_of(refill) == RefillStatus.COMPLETED


def test_a_rest_waits_until_it_is_known_whether_a_refill_was_taken() -> None:
    refill = refused(completed("4.00", "5.00", "6.00"))
    Service.objects.update(finish_rest=FinishRest.ASK)
    send_elsewhere(refill_id=refill.pk, quantity=300, actor=ACTOR)
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Unclear("no answer"))])
    tell(Fulfilment.objects.get(number=1), "Partial", 250)
    assert finish_elsewhere(order_id=refill.order_id) is None
    for _ in range(2):
        assert hand_over(busy={}).hand_overs == []
        order = Order.objects.get()
        assert (order.dispatch, order.hold_reason) == (Dispatch.HELD, Hold.REFILL_UNDER_WAY)
        assert release_held() == 0
    settle_as_placed(fulfilment=Fulfilment.objects.get(number=2), external_id="9", actor=ACTOR)
    assert release_held() == 1
    (item,) = hand_over(busy={}).hand_overs
    assert Fulfilment.objects.get(pk=item.fulfilment_id).wanted == 250
    assert violations() == {}


def test_a_refill_waits_for_its_provider_and_a_closed_route_is_for_staff() -> None:
    refill = refused(completed("4.00", "5.00"))
    send_elsewhere(refill_id=refill.pk, quantity=300, actor=ACTOR)
    other = Route.objects.get(position=1)
    switched_off(other)
    assert hand_over(busy={}).hand_overs == []
    assert waiting() == [("the queue", "The provider is switched off")]
    Route.objects.filter(pk=other.pk).update(enabled=False)
    RefillElsewhere.objects.update(next_at=LONG_AGO)
    assert hand_over(busy={}).hand_overs == []
    assert waiting() == [("", "The route is closed")]


def test_what_is_below_the_floor_is_sent_all_the_same_and_told() -> None:
    refill = refused(completed("4.00", "50.00"))
    send_elsewhere(refill_id=refill.pk, quantity=300, actor=ACTOR)
    assert hand().cost == 15
    assert OrderEvent.objects.get(kind=EventKind.REFILL_ELSEWHERE).data["keeps_margin"] is False


def test_what_cannot_be_given_away_is_told() -> None:
    refill = refused(completed("4.00", "5.00"))
    for quantity in (0, 1001):
        with pytest.raises(CannotRefill, match="1 to so many"):
            send_elsewhere(refill_id=refill.pk, quantity=quantity, actor=ACTOR)
    with pytest.raises(CannotRefill, match=f"no open route {2**40}"):
        send_elsewhere(refill_id=refill.pk, quantity=1, route_id=2**40, actor=ACTOR)
    ProviderService.objects.update(min=500)
    with pytest.raises(CannotRefill, match="no other route"):
        send_elsewhere(refill_id=refill.pk, quantity=300, actor=ACTOR)
    with pytest.raises(CannotRefill, match="there is no refill"):
        send_elsewhere(refill_id=refill.pk + 1, quantity=300, actor=ACTOR)
    Service.objects.update(type=OrderType.CUSTOM_COMMENTS)
    with pytest.raises(CannotRefill, match="cannot be ordered again in part"):
        send_elsewhere(refill_id=refill.pk, quantity=300, actor=ACTOR)
    assert RefillElsewhere.objects.count() == 0


def test_an_order_that_was_complete_before_is_promised_nothing_by_its_refill() -> None:
    refill = completed("4.00", "5.00", refill_by=RefillBy.HAND)
    set_promise(service=refill.order.service, minutes=1, per_thousand=False, past=PastPromise.TELL)
    send_elsewhere(refill_id=refill.pk, quantity=300, actor=ACTOR)
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Accepted("2"))])
    assert not OrderPromise.objects.exists()
