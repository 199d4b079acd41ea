"""The queue of a desk: pages, taking, giving back, leases."""

from decimal import Decimal

import pytest

from purveyor.catalog.models import Service
from purveyor.catalog.testing import make_service
from purveyor.orders.models import Status
from purveyor.providers.desks.desks import offer_by_hand
from purveyor.providers.desks.job_states import (
    NoCancelRequested,
    NotTaken,
    TakenByAnother,
    UnknownJob,
    Verb,
)
from purveyor.providers.desks.queue import Listed, list_jobs
from purveyor.providers.models import (
    DeskJob,
    JobKind,
    JobState,
    Provider,
)
from purveyor.providers.testing import make_desk
from tests.audited import violations
from tests.committed import committed
from tests.providers.desks.by_hand import LONG_AGO, only_job, ordered, take, tell


@committed
def test_what_cannot_be_said_changes_nothing(handmade: Service, desk: Provider) -> None:
    order = ordered(handmade)
    job = only_job(order)
    with pytest.raises(NotTaken):
        tell(job, Verb.COMPLETE)
    take(desk, worker="tool-2")
    with pytest.raises(TakenByAnother, match="tool-2"):
        tell(job, Verb.CANCEL, reason="x")
    with pytest.raises(NoCancelRequested):
        tell(job, Verb.REFUSE_CANCEL, worker="tool-2", reason="x")
    for wrong in (0, -1, 10**6, 2**80):
        with pytest.raises(UnknownJob):
            tell(wrong, Verb.COMPLETE)
    order.refresh_from_db()
    assert (order.status, order.refunded) == (Status.PROCESSING, 0)
    assert violations() == {}


@committed
def test_what_is_given_back_is_new_again(handmade: Service, desk: Provider) -> None:
    order = ordered(handmade)
    (job,) = take(desk)
    for _ in range(2):
        assert tell(job, Verb.GIVE_BACK).state == JobState.NEW
    order.refresh_from_db()
    assert order.status == Status.PENDING
    (again,) = take(desk, worker="tool-2")
    assert (again.id, again.worker) == (job.id, "tool-2")
    tell(job, Verb.PROGRESS, worker="tool-2", remains=900)
    tell(job, Verb.GIVE_BACK, worker="tool-2")
    order.refresh_from_db()
    assert (order.status, order.remains) == (Status.IN_PROGRESS, 900)  # what was delivered stays delivered


@committed
def test_a_lease_that_is_over_frees_the_job_for_others(handmade: Service, desk: Provider) -> None:
    ordered(handmade)
    (job,) = take(desk, lease_seconds=600)
    assert job.leased_until is not None
    assert take(desk, worker="tool-2") == []
    DeskJob.objects.update(leased_until=LONG_AGO)
    assert [item.state for item in list_jobs(desk_id=desk.pk, listed=Listed.NEW)] == [JobState.NEW]
    assert list_jobs(desk_id=desk.pk, listed=Listed.TAKEN) == []
    # As long as nobody else has it, a late report counts, and is a sign of life.
    renewed = tell(job, Verb.PROGRESS, remains=700)
    assert (renewed.state, renewed.worker) == (JobState.TAKEN, "tool-1")
    DeskJob.objects.update(leased_until=LONG_AGO)
    (other,) = take(desk, worker="tool-2")
    assert (other.id, other.worker, other.leased_until) == (job.id, "tool-2", None)
    with pytest.raises(TakenByAnother):
        tell(job, Verb.COMPLETE)


@committed
def test_the_same_request_takes_the_same_jobs(handmade: Service, desk: Provider) -> None:
    for _ in range(3):
        ordered(handmade)
    first = take(desk, count=2, request_id="r1")
    assert [job.id for job in take(desk, count=2, request_id="r1")] == [job.id for job in first]
    assert len(take(desk, count=2, request_id="r2")) == 1
    tell(first[0], Verb.COMPLETE)
    assert [job.state for job in take(desk, count=2, request_id="r1")] == [JobState.ENDED, JobState.TAKEN]


@committed
def test_the_queue_is_read_in_pages_and_by_state_service_and_kind(handmade: Service, desk: Provider) -> None:
    other = make_service(rate="3.00")
    offer_by_hand(desk=desk, service_id=other.pk, cost=Decimal(1))
    mine = [only_job(ordered(handmade)), only_job(ordered(handmade))]
    others = only_job(ordered(other))
    ids = [job.id for job in (*mine, others)]
    tell(mine[0], Verb.CANCEL, reason="x")

    def listed(**narrowed: object) -> list[int]:
        return [job.id for job in list_jobs(desk_id=desk.pk, **narrowed)]  # type: ignore[arg-type]

    assert listed() == ids[1:]
    assert listed(listed=Listed.ALL) == ids
    assert listed(listed=Listed.ALL, limit=2) == ids[:2]
    assert listed(listed=Listed.ALL, after=ids[1]) == ids[2:]
    assert listed(service_id=other.pk) == [others.id]
    assert listed(kind=JobKind.REFILL) == []
    assert [job.id for job in take(desk, service_id=other.pk)] == [others.id]
    assert listed(listed=Listed.NEW) == [mine[1].id]
    assert listed(listed=Listed.TAKEN) == [others.id]
    assert list_jobs(desk_id=make_desk().pk, listed=Listed.ALL) == []
