"""A provider that left a rest goes on with it after all: then nobody else is asked to deliver it."""

from decimal import Decimal

import pytest

from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import CancelRequest, CancelStatus, Dispatch, EventKind, Order, Status
from purveyor.providers.elsewhere.finishing import finish_elsewhere
from purveyor.providers.models import Fulfilment, Provider
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.outcomes.settling import settle_as_not_placed
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Accepted, Refused, Unclear
from purveyor.providers.sending.handing_over import hand_over
from tests.audited import violations
from tests.outbox.told import told as announced
from tests.providers.elsewhere.test_finishing import accept, events, hand, money, ordered, sold, tell

pytestmark = pytest.mark.django_db

NO = Refused(RefusalClass.LINK, "Bad link")


def nobody_is_asked(order: Order) -> None:
    order.refresh_from_db()
    assert (order.status, order.dispatch, order.refunded) == (Status.IN_PROGRESS, Dispatch.HANDED, 0)
    assert hand_over(busy={}).hand_overs == []
    assert violations() == {}


def test_a_rest_that_the_second_refuses_is_left_to_the_first_who_goes_on() -> None:
    order = ordered(sold("4.00", "5.00", "6.00"))
    first = accept("1")
    tell(first, "Partial", 250)
    item = hand()
    tell(first, "In progress", 250)
    record([Answered(hand_over=item, reply=NO)])
    nobody_is_asked(order)
    # It is as if the second had never been asked: what the first leaves then goes to the third.
    order = tell(first, "Partial", 100)
    assert (order.status, order.remains, order.dispatch) == (Status.IN_PROGRESS, 100, Dispatch.QUEUED)
    order = tell(accept("3"), "Completed", 0)
    assert (order.status, money(order)) == (
        Status.COMPLETED,
        (90, [Decimal("3.6"), Decimal(0), Decimal("0.6")]),
    )


def test_a_rest_that_was_not_placed_is_left_to_the_first_who_goes_on() -> None:
    order = ordered(sold("4.00", "5.00", "6.00"))
    first = accept("1")
    tell(first, "Partial", 250)
    record([Answered(hand_over=hand(), reply=Unclear("no answer"))])
    tell(first, "In progress", 250)
    settle_as_not_placed(fulfilment=Fulfilment.objects.get(number=2), actor="a test")
    nobody_is_asked(order)
    order = tell(first, "Completed", 0)
    assert (order.status, money(order)) == (Status.COMPLETED, (90, [Decimal(4), Decimal(0)]))


def test_a_wish_to_cancel_waits_for_the_first_who_goes_on() -> None:
    order = ordered(sold("4.00", "5.00"))
    first = accept("1")
    tell(first, "Partial", 250)
    item = hand()
    tell(first, "In progress", 250)
    assert request_cancels([(order.customer_id, order.pk)]) == [None]
    record([Answered(hand_over=item, reply=NO)])
    nobody_is_asked(order)
    assert CancelRequest.objects.get().status == CancelStatus.REQUESTED
    order = tell(first, "Partial", 50)
    assert (order.status, order.refunded) == (Status.PARTIAL, Decimal("0.5"))
    assert CancelRequest.objects.get().status == CancelStatus.DONE


@pytest.mark.parametrize("third", [True, False])
def test_what_the_second_leaves_waits_for_the_first_who_goes_on(third: bool) -> None:  # noqa: FBT001
    order = ordered(sold(*["4.00"] * (3 if third else 2)))
    first = accept("1")
    tell(first, "Partial", 250)
    second = accept("2")
    tell(first, "In progress", 200)
    tell(second, "Canceled", 250)
    nobody_is_asked(order)
    order = tell(first, "Partial", 100)
    assert order.remains == 100
    assert order.status == (Status.IN_PROGRESS if third else Status.PARTIAL)
    assert order.refunded == (0 if third else 1)
    if third:
        assert hand().fields["quantity"] == "100"
        assert violations() == {}


def test_a_rest_that_waits_for_the_third_is_left_to_the_first_who_goes_on() -> None:
    order = ordered(sold("4.00", "5.00", "6.00"))
    first = accept("1")
    tell(first, "Partial", 250)
    second = accept("2")
    tell(second, "Partial", 100)
    tell(first, "In progress", 200)
    nobody_is_asked(order)
    assert len(events(order, EventKind.OVERLAP)) == 1
    # What the second delivered still counts.
    order = tell(first, "Partial", 180)
    assert (order.status, order.remains, order.dispatch) == (Status.IN_PROGRESS, 30, Dispatch.QUEUED)
    assert hand().fields["quantity"] == "30"
    assert violations() == {}


def test_a_rest_that_is_chosen_to_be_finished_is_left_to_the_first_who_goes_on() -> None:
    order = ordered(sold("4.00", "5.00", "6.00"))
    first = accept("1")
    tell(first, "Partial", 250)
    second = accept("2")
    Provider.objects.filter(pk__gt=second.provider_id).update(enabled=False)
    assert tell(second, "Partial", 100).status == Status.PARTIAL
    assert tell(first, "In progress", 200).refunded == Decimal("0.5")
    Provider.objects.update(enabled=True)
    assert finish_elsewhere(order_id=order.pk) is None
    nobody_is_asked(order)
    order = tell(first, "Completed", 0)
    assert (order.status, order.refunded) == (Status.COMPLETED, 0)


def test_a_rest_that_was_taken_after_all_is_followed_and_goes_to_nobody_else() -> None:
    order = ordered(sold("4.00", "5.00", "6.00"))
    tell(accept("1"), "Partial", 250)
    item = hand()
    record([Answered(hand_over=item, reply=Unclear("time-out"))])
    settle_as_not_placed(fulfilment=Fulfilment.objects.get(pk=item.fulfilment_id), actor="staff")
    record([Answered(hand_over=item, reply=Accepted("2"))])
    assert hand_over(busy={}).hand_overs == []
    order = tell(Fulfilment.objects.get(external_id="2"), "Completed", 0)
    assert (order.status, order.remains, order.refunded) == (Status.COMPLETED, 0, 0)
    assert money(order) == (Decimal(90), [Decimal(4) * 750 / 1000, Decimal("1.25")])


def test_what_was_taken_after_all_and_delivered_by_another_in_part_is_told_and_its_rest_goes_on() -> None:
    order = ordered(sold("4.00", "5.00"))
    item = hand()
    record([Answered(hand_over=item, reply=Unclear("time-out"))])
    settle_as_not_placed(fulfilment=Fulfilment.objects.get(pk=item.fulfilment_id), actor="staff")
    tell(accept("1"), "Partial", 250)
    record([Answered(hand_over=item, reply=Accepted("7"))])
    assert [data["placed_as"] for *_, data in announced("handover.doubled")] == ["7"]
    order.refresh_from_db()
    assert (order.dispatch, order.remains) == (Dispatch.QUEUED, 250)
    assert violations() == {}
