"""Two transactions at the same job: one of them wins, the other one sees it, and no money moves twice."""

import pytest
from django.db import transaction

from purveyor.accounts.testing import balance_of
from purveyor.catalog.models import Service
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import Order, Status
from purveyor.providers.desks import queue as desk_queue
from purveyor.providers.desks import reports as desk_reports
from purveyor.providers.desks.job_states import AlreadyEnded, Verb
from purveyor.providers.desks.queue import Taking, take_jobs
from purveyor.providers.desks.reports import grant_cancels
from purveyor.providers.models import DeskJob, Fulfilment, JobState, Provider
from purveyor.providers.sending.handing_over import hand_over
from tests.audited import violations
from tests.committed import committed
from tests.providers.desks.by_hand import only_job, ordered, take, tell
from tests.racing import Second, until_somebody_waits

pytestmark = committed


def test_two_who_take_at_once_pass_over_what_the_other_takes(handmade: Service, desk: Provider) -> None:
    for _ in range(4):
        ordered(handmade)
    with transaction.atomic():
        first = desk_queue._claim(desk.pk, Taking(worker="tool-1", count=3))  # noqa: SLF001  (before its end)
        taken: list[int] = []
        second = Second(lambda: taken.extend(job.id for job in take(desk, worker="tool-2", count=3)))
        second.finish()
    assert len(first) == 3
    assert len(taken) == 1
    assert not set(first) & set(taken)


def test_a_job_that_is_being_canceled_is_not_taken(handmade: Service, desk: Provider) -> None:
    order = ordered(handmade)
    request_cancels([(order.customer_id, order.pk)])
    with transaction.atomic():
        assert grant_cancels() == 1
        Second(lambda: take(desk)).finish()
    assert DeskJob.objects.get().outcome == "canceled"
    assert violations() == {}


def test_a_job_that_was_just_taken_is_not_canceled_by_itself(handmade: Service, desk: Provider) -> None:
    order = ordered(handmade)
    with transaction.atomic():
        assert desk_queue._claim(desk.pk, Taking(worker="tool-1", count=1))  # noqa: SLF001  (before its end)
        Second(lambda: request_cancels([(order.customer_id, order.pk)])).finish()
        granting = Second(grant_cancels)
        until_somebody_waits()
    granting.finish()
    assert only_job(order).state == JobState.TAKEN
    order.refresh_from_db()
    assert order.refunded == 0


def test_of_two_who_end_a_job_at_once_one_is_told_so(handmade: Service, desk: Provider) -> None:
    order = ordered(handmade)
    (job,) = take(desk)
    with transaction.atomic():
        tell(job, Verb.PARTIAL, remains=500)

        def cancel() -> None:
            with pytest.raises(AlreadyEnded):
                tell(job, Verb.CANCEL, reason="x")

        second = Second(cancel)
        until_somebody_waits()
    second.finish()
    order.refresh_from_db()
    assert order.status == Status.PARTIAL
    assert balance_of(order.customer) == 99
    assert violations() == {}


def test_the_same_report_at_once_counts_once(handmade: Service, desk: Provider) -> None:
    order = ordered(handmade)
    (job,) = take(desk)
    with transaction.atomic():
        tell(job, Verb.CANCEL, reason="x")
        second = Second(lambda: tell(job, Verb.CANCEL, reason="x"))
        until_somebody_waits()
    second.finish()
    assert balance_of(order.customer) == 100
    assert order.events.filter(kind="refund").count() == 1
    assert violations() == {}


def test_two_workers_put_an_order_on_the_desk_once(handmade: Service, desk: Provider) -> None:
    order = ordered(handmade)
    Order.objects.update(dispatch="queued")
    DeskJob.objects.all().delete()
    Fulfilment.objects.update(handover="refused", external_id="")
    with transaction.atomic():
        assert hand_over(busy={}).hand_overs == []
        Second(lambda: hand_over(busy={})).finish()
    assert DeskJob.objects.get().fulfilment.order_id == order.pk


def test_an_end_that_came_before_the_beginning_was_told_stays(
    handmade: Service, desk: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = ordered(handmade)
    tell_begun = desk_queue._tell_begun  # noqa: SLF001  (the moment between two transactions has no other name)

    def end_first(ids: list[int]) -> None:
        tell(ids[0], Verb.COMPLETE, worker=None)
        tell_begun(ids)

    monkeypatch.setattr(desk_queue, "_tell_begun", end_first)
    take_jobs(desk_id=desk.pk, taking=Taking(worker="tool-1", count=1))
    order.refresh_from_db()
    assert order.status == Status.COMPLETED
    assert violations() == {}


def test_a_process_that_dies_after_it_took_a_job_loses_nothing(
    handmade: Service, desk: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = ordered(handmade)
    monkeypatch.setattr(desk_queue, "_tell_begun", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        take(desk, request_id="r1")
    monkeypatch.undo()
    (job,) = take(desk, request_id="r1")
    assert job.state == JobState.TAKEN
    monkeypatch.setattr(desk_reports, "follow", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tell(job, Verb.COMPLETE)
    monkeypatch.undo()
    tell(job, Verb.COMPLETE)
    order.refresh_from_db()
    assert order.status == Status.COMPLETED
    assert violations() == {}
