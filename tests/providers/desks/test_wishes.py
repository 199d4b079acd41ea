"""Customers' cancels and refills of what people deliver."""

from decimal import Decimal

import pytest

from purveyor.catalog.models import Service
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import CancelRequest, CancelStatus, Order, Refill, Status
from purveyor.orders.refilling import request_refills
from purveyor.providers.desks.desks import adopt_refills
from purveyor.providers.desks.job_states import (
    AlreadyEnded,
    NotTaken,
    Verb,
)
from purveyor.providers.desks.queue import Job, find_job, list_jobs
from purveyor.providers.desks.reports import grant_cancels
from purveyor.providers.models import (
    JobKind,
    Provider,
    RefillTask,
)
from tests.audited import violations
from tests.committed import committed
from tests.providers.desks.by_hand import LONG_AGO, cost_of, only_job, ordered, take, tell
from tests.providers.rounds import forward, work_until


@committed
def test_a_wish_to_cancel_comes_true_at_once_where_nobody_has_begun(
    handmade: Service, desk: Provider
) -> None:
    order = ordered(handmade)
    request_cancels([(order.customer_id, order.pk)])
    assert only_job(order).cancel_requested
    assert take(desk) == []
    assert grant_cancels() == 1
    order.refresh_from_db()
    assert (order.status, order.refunded, cost_of(order)) == (Status.CANCELED, Decimal(2), Decimal(0))
    assert CancelRequest.objects.get().status == CancelStatus.DONE
    assert only_job(order).outcome == "canceled"
    assert grant_cancels() == 0
    assert violations() == {}


@committed
def test_the_worker_grants_it(handmade: Service, desk: Provider) -> None:
    order = ordered(handmade)
    request_cancels([(order.customer_id, order.pk)])
    work_until(lambda: Order.objects.get().status == Status.CANCELED)
    assert violations() == {}


@committed
@pytest.mark.parametrize("given_back", [False, True])
def test_what_was_begun_is_canceled_by_people_only(
    handmade: Service, desk: Provider, *, given_back: bool
) -> None:
    order = ordered(handmade)
    (job,) = take(desk)
    tell(job, Verb.PROGRESS, remains=600)
    if given_back:
        tell(job, Verb.GIVE_BACK)
    request_cancels([(order.customer_id, order.pk)])
    assert grant_cancels() == 0
    assert list_jobs(desk_id=desk.pk)[0].cancel_requested
    if given_back:
        assert len(take(desk)) == 1
    tell(job, Verb.PARTIAL, remains=600)
    order.refresh_from_db()
    assert (order.status, order.refunded) == (Status.PARTIAL, Decimal("1.2"))
    assert CancelRequest.objects.get().status == CancelStatus.DONE
    assert violations() == {}


@committed
def test_a_wish_to_cancel_is_refused_with_a_reason_and_may_be_repeated(
    handmade: Service, desk: Provider
) -> None:
    order = ordered(handmade)
    (job,) = take(desk)
    request_cancels([(order.customer_id, order.pk)])
    for _ in range(2):
        assert not tell(job, Verb.REFUSE_CANCEL, reason="It is nearly done").cancel_requested
    wish = CancelRequest.objects.get()
    assert (wish.status, wish.reason) == (CancelStatus.REFUSED, "It is nearly done")
    assert order.events.filter(kind="cancel").count() == 2
    request_cancels([(order.customer_id, order.pk)])
    assert find_job(job.id).cancel_requested
    tell(job, Verb.CANCEL, reason="As you wish")
    assert violations() == {}


def refilled(handmade: Service, desk: Provider) -> tuple[Order, Job]:
    """A completed order with a refill that is on the desk."""
    order = ordered(handmade)
    tell(only_job(order), Verb.COMPLETE, worker=None)
    Order.objects.update(status_at=LONG_AGO)
    (refill_id,) = request_refills([(order.customer_id, order.pk)])
    assert isinstance(refill_id, int)
    forward()
    adopt_refills()
    adopt_refills()
    assert not RefillTask.objects.exists()
    (job,) = list_jobs(desk_id=desk.pk)
    assert (job.kind, job.refill, job.order, job.remains) == (JobKind.REFILL, refill_id, order.pk, None)
    return order, job


@committed
def test_a_refill_is_done_by_hand(handmade: Service, desk: Provider) -> None:
    _, job = refilled(handmade, desk)
    with pytest.raises(NotTaken):
        tell(job, Verb.COMPLETE)
    take(desk)
    assert Refill.objects.get().status == "In progress"
    tell(job, Verb.GIVE_BACK)
    assert Refill.objects.get().status == "Pending"
    take(desk)
    for _ in range(2):
        tell(job, Verb.COMPLETE)
    assert Refill.objects.get().status == "Completed"
    with pytest.raises(AlreadyEnded):
        tell(job, Verb.REJECT, worker=None, reason="x")
    assert violations() == {}


@committed
def test_a_refill_is_rejected_with_a_reason(handmade: Service, desk: Provider) -> None:
    order, job = refilled(handmade, desk)
    tell(job, Verb.REJECT, reason="Nothing has dropped")
    refill = Refill.objects.get()
    assert (refill.status, refill.reason) == ("Rejected", "Nothing has dropped")
    assert order.events.filter(kind="refill").count() == 1
    assert violations() == {}


@committed
def test_a_refill_that_staff_keep_is_on_no_desk(handmade: Service, desk: Provider) -> None:
    type(handmade).objects.update(refill_by="hand")
    order = ordered(handmade)
    tell(only_job(order), Verb.COMPLETE, worker=None)
    Order.objects.update(status_at=LONG_AGO)
    assert isinstance(request_refills([(order.customer_id, order.pk)])[0], int)
    adopt_refills()
    assert list_jobs(desk_id=desk.pk) == []
