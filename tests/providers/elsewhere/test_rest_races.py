"""Two workers at the same rest: it is handed over once, whatever the other tells or wishes meanwhile."""

from decimal import Decimal

from django.db import transaction

from purveyor.accounts.testing import balance_of
from purveyor.catalog.models import FinishRest
from purveyor.orders.models import Dispatch, Order, Status
from purveyor.orders.refusals import NothingLeft
from purveyor.providers.elsewhere.finishing import finish_elsewhere
from purveyor.providers.elsewhere.refilling import send_elsewhere
from purveyor.providers.following.following import follow
from purveyor.providers.models import Fulfilment
from purveyor.providers.protocol.replies import StatusReply
from purveyor.providers.sending.handing_over import hand_over
from tests.audited import violations
from tests.committed import committed
from tests.providers.elsewhere.test_finishing import accept, ordered, sold, tell
from tests.providers.elsewhere.test_refilling import completed
from tests.racing import Second, until_somebody_waits

pytestmark = committed

PARTIAL = StatusReply(word="Partial", status=Status.PARTIAL, remains=250)


def test_two_workers_that_hear_of_the_same_end_pass_its_rest_on_once() -> None:
    ordered(sold("4.00", "5.00"))
    first = accept("1")
    with transaction.atomic():
        follow({first.pk: PARTIAL})
        second = Second(lambda: follow({first.pk: PARTIAL}))
        until_somebody_waits()
    second.finish()
    order = Order.objects.get()
    assert (order.status, order.remains, order.dispatch) == (Status.IN_PROGRESS, 250, Dispatch.QUEUED)
    assert order.events.filter(kind="elsewhere").count() == 1
    assert violations() == {}


def test_a_rest_that_one_worker_hands_over_is_passed_over_by_the_other() -> None:
    ordered(sold("4.00", "5.00", "6.00"))
    tell(accept("1"), "Partial", 250)
    with transaction.atomic():
        assert len(hand_over(busy={}).hand_overs) == 1
        second = Second(lambda: _hands_over(0))
        second.finish()
    assert Fulfilment.objects.count() == 2
    assert violations() == {}


def test_what_is_told_while_the_rest_is_handed_over_finds_it_gone() -> None:
    ordered(sold("4.00", "5.00"))
    first = accept("1")
    tell(first, "Partial", 250)
    with transaction.atomic():
        assert len(hand_over(busy={}).hand_overs) == 1
        completed_after_all = StatusReply(word="Completed", status=Status.COMPLETED, remains=0)
        second = Second(lambda: follow({first.pk: completed_after_all}))
        until_somebody_waits()
    second.finish()
    order = Order.objects.get()
    # Nobody takes it back from whoever may have it: the other one's part is told of, and paid.
    assert (order.status, order.remains, order.dispatch) == (Status.IN_PROGRESS, 0, Dispatch.HANDED)
    assert order.events.filter(kind="overlap").count() == 1
    assert violations() == {}


def test_a_rest_that_is_chosen_twice_at_once_is_charged_once() -> None:
    ordered(sold("4.00", "5.00", finish_rest=FinishRest.ASK))
    order = tell(accept("1"), "Partial", 250)
    answers: list[object] = []
    with transaction.atomic():
        assert finish_elsewhere(order_id=order.pk) is None
        second = Second(lambda: answers.append(finish_elsewhere(order_id=order.pk)))
        until_somebody_waits()
    second.finish()
    assert answers == [NothingLeft()]
    assert balance_of(order.customer) == Decimal(90)
    assert violations() == {}


def test_a_refill_that_one_worker_hands_over_is_passed_over_by_the_other() -> None:
    refill = completed("4.00", "5.00", refill_by="hand")
    send_elsewhere(refill_id=refill.pk, quantity=300, actor="a test")
    with transaction.atomic():
        assert len(hand_over(busy={}).hand_overs) == 1
        second = Second(lambda: _hands_over(0))
        second.finish()
    assert Fulfilment.objects.filter(refill=refill).count() == 1
    assert violations() == {}


def _hands_over(number: int) -> None:
    assert len(hand_over(busy={}).hand_overs) == number
