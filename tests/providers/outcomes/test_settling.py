"""A person's two answers to an unknown outcome."""

from decimal import Decimal

import pytest

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.testing import make_service
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import Dispatch, Order, Status
from purveyor.orders.testing import place_one
from purveyor.providers.models import Attempt, Fulfilment, Handover, Outcome
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.outcomes.settling import CannotSettle, settle_as_not_placed, settle_as_placed
from purveyor.providers.outcomes.under_way import HandOver
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Accepted, Refused, Unclear
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.standing.holds import Hold
from purveyor.providers.standing.standing import standings
from purveyor.providers.testing import make_provider, make_route
from tests.audited import violations
from tests.outbox.told import told

pytestmark = pytest.mark.django_db

ACTOR = "staff@example.com"


@pytest.fixture
def unknown() -> Fulfilment:
    """One of two hand-overs, the other of which the provider took as its order 1."""
    service = make_service(rate="10.00", cancel=True)
    make_route(service, make_provider(), rate="4.00")
    customer = make_customer("100")
    for _ in range(2):
        place_one(customer, service, quantity=1000)
    first, second = hand_over(busy={}).hand_overs
    record(
        [
            Answered(hand_over=first, reply=Accepted("1")),
            Answered(hand_over=second, reply=Unclear("time-out")),
        ]
    )
    return Fulfilment.objects.get(pk=second.fulfilment_id)


def test_it_was_placed(unknown: Fulfilment) -> None:
    settle_as_placed(fulfilment=unknown, external_id=" 77 ", actor=ACTOR)
    unknown.refresh_from_db()
    assert (unknown.handover, unknown.external_id) == (Handover.ACCEPTED, "77")
    assert (unknown.cost, unknown.settled_by) == (Decimal(4), ACTOR)
    assert unknown.next_poll_at is not None
    assert violations() == {}


def test_it_was_not_placed(unknown: Fulfilment) -> None:
    settle_as_not_placed(fulfilment=unknown, actor=ACTOR)
    unknown.refresh_from_db()
    assert (unknown.handover, unknown.refusal, unknown.settled_by) == (Handover.REFUSED, "not_placed", ACTOR)
    order = Order.objects.get(pk=unknown.order_id)
    assert (order.status, order.dispatch, order.refunded) == (Status.PENDING, Dispatch.QUEUED, 0)
    (again,) = hand_over(busy={}).hand_overs
    assert again.order_id == order.pk
    assert violations() == {}


def test_it_was_not_placed_and_its_customer_wished_to_cancel(unknown: Fulfilment) -> None:
    customer = unknown.order.customer
    request_cancels([(customer.pk, unknown.order_id)])
    settle_as_not_placed(fulfilment=unknown, actor=ACTOR)
    assert Order.objects.get(pk=unknown.order_id).status == Status.CANCELED
    assert balance_of(customer) == 90
    assert violations() == {}


@pytest.mark.parametrize("external_id", ["1", "", "   ", "0", "not an id"])
def test_an_id_that_cannot_be_is_refused(unknown: Fulfilment, external_id: str) -> None:
    with pytest.raises(CannotSettle):
        settle_as_placed(fulfilment=unknown, external_id=external_id, actor=ACTOR)
    unknown.refresh_from_db()
    assert unknown.handover == Handover.UNKNOWN


def test_what_is_settled_is_settled(unknown: Fulfilment) -> None:
    settle_as_placed(fulfilment=unknown, external_id="77", actor=ACTOR)
    with pytest.raises(CannotSettle, match="accepted, not unknown"):
        settle_as_not_placed(fulfilment=unknown, actor=ACTOR)
    with pytest.raises(CannotSettle):
        settle_as_placed(fulfilment=unknown, external_id="78", actor=ACTOR)
    assert violations() == {}


DUPLICATE = Refused(RefusalClass.DUPLICATE, "You have active order with this link")


def alone(*, others_link: str) -> tuple[Order, HandOver]:
    """An order said not to have been placed that is on its way again, beside one that is at work there."""
    service = make_service(rate="10.00", cancel=True)
    make_route(service, make_provider(), rate="4.00")
    customer = make_customer("100")
    order = place_one(customer, service, quantity=1000, link="https://example.com/1")
    place_one(make_customer("100"), service, quantity=1000, link=others_link)
    first, second = hand_over(busy={}).hand_overs
    record(
        [
            Answered(hand_over=first, reply=Unclear("time-out")),
            Answered(hand_over=second, reply=Accepted("1")),
        ]
    )
    settle_as_not_placed(fulfilment=Fulfilment.objects.get(pk=first.fulfilment_id), actor=ACTOR)
    (again,) = hand_over(busy={}).hand_overs
    assert again.order_id == order.pk
    return order, again


def test_an_order_that_is_its_own_duplicate_is_unknown_again_and_not_sent_a_third_time() -> None:
    order, again = alone(others_link="https://example.com/2")
    request_cancels([(order.customer_id, order.pk)])
    record([Answered(hand_over=again, reply=DUPLICATE)])
    first, second = order.fulfilments.order_by("number")
    assert (first.handover, second.handover) == (Handover.UNKNOWN, Handover.REFUSED)
    assert "refused as a duplicate" in first.evidence.get().text
    order.refresh_from_db()
    assert (order.dispatch, order.refunded) == (Dispatch.HANDED, 0)
    assert hand_over(busy={}).hand_overs == []
    settle_as_placed(fulfilment=first, external_id="77", actor=ACTOR)
    assert violations() == {}


def test_who_says_again_that_it_was_not_placed_is_believed() -> None:
    order, again = alone(others_link="https://example.com/2")
    record([Answered(hand_over=again, reply=DUPLICATE)])
    settle_as_not_placed(fulfilment=order.fulfilments.get(number=1), actor=ACTOR)
    (again,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=again, reply=DUPLICATE)])
    order.refresh_from_db()
    assert (order.dispatch, order.hold_reason) == (Dispatch.HELD, Hold.SAME_LINK)
    assert not order.fulfilments.filter(handover=Handover.UNKNOWN).exists()


def test_an_order_that_is_the_duplicate_of_another_waits_for_it() -> None:
    order, again = alone(others_link="https://example.com/1")
    record([Answered(hand_over=again, reply=DUPLICATE)])
    order.refresh_from_db()
    assert (order.dispatch, order.hold_reason) == (Dispatch.HELD, Hold.SAME_LINK)


def late(reply: Accepted, *, of: Fulfilment) -> None:
    """The provider's answer to a hand-over arrives after everybody had given it up."""
    record([Answered(hand_over=on_its_way(of), reply=reply, response="as received")])
    assert violations() == {}


def on_its_way(fulfilment: Fulfilment) -> HandOver:
    attempt = Attempt.objects.get(fulfilment=fulfilment)
    return HandOver(
        order_id=fulfilment.order_id,
        fulfilment_id=fulfilment.pk,
        attempt_id=attempt.pk,
        provider=standings()[fulfilment.provider_id],
        fields=attempt.request or {},
        cost=fulfilment.expected_cost,
        usual=None,
    )


@pytest.mark.parametrize("dispatch", [Dispatch.QUEUED, Dispatch.HELD])
def test_what_was_taken_after_all_is_followed_there_while_it_waits_to_be_sent_again(
    unknown: Fulfilment, dispatch: Dispatch
) -> None:
    settle_as_not_placed(fulfilment=unknown, actor=ACTOR)
    Order.objects.filter(pk=unknown.order_id).update(dispatch=dispatch)
    for _ in range(2):
        late(Accepted("77"), of=unknown)
        unknown.refresh_from_db()
        assert (unknown.handover, unknown.external_id, unknown.refusal) == (Handover.ACCEPTED, "77", "")
        assert (unknown.cost, unknown.settled_by) == (Decimal(4), "")
    assert unknown.order.dispatch == Dispatch.HANDED
    assert hand_over(busy={}).hand_overs == []
    assert unknown.attempts.get().outcome == Outcome.ACCEPTED
    assert [data["placed_as"] for *_, data in told("handover.settled")] == [None, "77"]
    assert told("handover.doubled") == []


def doubled(fulfilment: Fulfilment, external_id: str) -> list[tuple[str, str, None, dict[str, object]]]:
    data = {
        "fulfilment": fulfilment.pk,
        "provider": fulfilment.provider_id,
        "placed_as": external_id,
        "by": ACTOR,
    }
    return [("handover.doubled", f"order:{fulfilment.order_id}", None, data)]


def test_what_was_taken_after_all_and_sent_again_is_told(unknown: Fulfilment) -> None:
    settle_as_not_placed(fulfilment=unknown, actor=ACTOR)
    (again,) = hand_over(busy={}).hand_overs
    late(Accepted("77"), of=unknown)
    record([Answered(hand_over=again, reply=Accepted("78"))])
    assert told("handover.doubled") == doubled(unknown, "77")
    assert list(unknown.order.fulfilments.order_by("number").values_list("handover", "external_id")) == [
        (Handover.REFUSED, ""),
        (Handover.ACCEPTED, "78"),
    ]


def test_what_was_taken_after_all_and_is_its_own_duplicate_at_that_moment_is_followed() -> None:
    order, again = alone(others_link="https://example.com/2")
    first = order.fulfilments.get(number=1)
    record(
        [
            Answered(hand_over=on_its_way(first), reply=Accepted("77")),
            Answered(hand_over=again, reply=DUPLICATE),
        ]
    )
    first.refresh_from_db()
    assert (first.handover, first.external_id, first.cost) == (Handover.ACCEPTED, "77", Decimal(4))
    assert told("handover.doubled") == []
    assert violations() == {}


def test_what_was_taken_after_all_and_is_canceled_is_told(unknown: Fulfilment) -> None:
    request_cancels([(unknown.order.customer_id, unknown.order_id)])
    settle_as_not_placed(fulfilment=unknown, actor=ACTOR)
    late(Accepted("77"), of=unknown)
    assert told("handover.doubled") == doubled(unknown, "77")


def test_what_was_taken_as_another_than_a_person_said_is_told(unknown: Fulfilment) -> None:
    settle_as_placed(fulfilment=unknown, external_id="77", actor=ACTOR)
    late(Accepted("77"), of=unknown)
    assert told("handover.doubled") == []
    late(Accepted("78"), of=unknown)
    assert told("handover.doubled") == doubled(unknown, "78")
    unknown.refresh_from_db()
    assert unknown.external_id == "77"


def test_what_was_taken_after_all_as_an_order_of_another_stays_in_the_queue(unknown: Fulfilment) -> None:
    settle_as_not_placed(fulfilment=unknown, actor=ACTOR)
    late(Accepted("1"), of=unknown)
    unknown.refresh_from_db()
    assert (unknown.handover, unknown.settled_by) == (Handover.REFUSED, ACTOR)
    assert unknown.order.dispatch == Dispatch.QUEUED
    assert told("handover.doubled") == doubled(unknown, "1")
