"""What people report of the jobs on a desk: the same path as a provider's reply, so one way to refund."""

from collections.abc import Collection
from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models.functions import Now

from purveyor.database import fetch_all, hot_cursor, load_sql
from purveyor.orders.cancelling import settle_cancel
from purveyor.orders.models import CancelStatus, RefillStatus, Status
from purveyor.orders.refilling import settle_refill
from purveyor.providers.desks.job_states import ENDINGS, JobFacts, JobReport, Verb, is_news
from purveyor.providers.desks.queue import Job, find_job, job_row
from purveyor.providers.following.following import follow
from purveyor.providers.locking import lock_orders_of
from purveyor.providers.models import DeskJob, JobKind, JobState
from purveyor.providers.protocol.replies import StatusReply

_SQL: Final = load_sql(__file__, "desks.sql")
_log = structlog.get_logger(__name__)

MOST_GRANTED_AT_ONCE: Final = 100
NEVER_BEGUN: Final = "Canceled before anybody began"

_STATUSES: Final = {
    Verb.GIVE_BACK: Status.PENDING,
    Verb.START: Status.IN_PROGRESS,
    Verb.PROGRESS: Status.IN_PROGRESS,
    Verb.COMPLETE: Status.COMPLETED,
    Verb.PARTIAL: Status.PARTIAL,
    Verb.CANCEL: Status.CANCELED,
}


@transaction.atomic
def report_job(
    job_id: int,
    report: JobReport,
    *,
    worker: str | None,
    actor: str,
    desk_ids: Collection[int] | None = None,
) -> Job:
    """Take in what somebody tells of a job, and return it as it stands then.

    `worker` is who took the job, None the panel's staff, who may also correct how it ended; `actor` is who is
    remembered for its end; `desk_ids` are the desks that they work at, None is all. The same report again
    changes nothing. Raises a `JobRefusal`.
    """
    row = _lock(job_id, desk_ids=desk_ids)
    if is_news(_facts(row), report, worker=worker):
        _apply(row, report, actor=actor)
        _log.info("desk_report", job=job_id, order_id=row.order_id, verb=report.verb.value, actor=actor)
    if worker is not None:
        with hot_cursor() as cursor:
            cursor.execute(_SQL["renew_lease"].encode(), {"id": job_id, "worker": worker})
    return find_job(job_id)


def grant_cancels() -> int:
    """Cancel the orders that nobody on a desk has begun, as their customers wish; returns how many."""
    granted = 0
    for found in fetch_all(_SQL["unwanted"], {"limit": MOST_GRANTED_AT_ONCE}):
        granted += _grant(found.id)
    return granted


@transaction.atomic
def _grant(job_id: int) -> bool:
    """Cancel an order that is on the desk still, as it may have been taken meanwhile."""
    row = _lock(job_id)
    unbegun = row.state == JobState.NEW and row.started_at is None
    if not unbegun or row.cancel != CancelStatus.REQUESTED:
        return False
    _apply(row, JobReport(verb=Verb.CANCEL, reason=NEVER_BEGUN), actor="")
    return True


def _lock(job_id: int, *, desk_ids: Collection[int] | None = None) -> Any:
    """A job, held with its order until the transaction ends. Raises `UnknownJob`."""
    lock_orders_of([job_row(job_id, desk_ids=desk_ids).fulfilment_id])
    fetch_all(_SQL["lock_job"], {"id": job_id})
    return job_row(job_id)


def _facts(row: Any) -> JobFacts:
    return JobFacts(
        kind=JobKind(row.kind),
        state=JobState(row.state),
        worker=row.worker,
        is_leased=row.is_leased,
        outcome=row.outcome,
        quantity=row.quantity,
        start_count=row.start_count,
        remains=row.remains,
        status=Status(row.provider_status) if row.provider_status else None,
        cancel_requested=row.cancel == CancelStatus.REQUESTED,
        cancel_refused=row.cancel == CancelStatus.REFUSED,
    )


def _apply(row: Any, report: JobReport, *, actor: str) -> None:
    if report.verb is Verb.REFUSE_CANCEL:
        settle_cancel(request_id=row.cancel_request_id, refused_reason=report.reason)
        return
    if row.kind == JobKind.ORDER:
        _tell_order(row, report)
    else:
        _tell_refill(row, report)
    if report.verb is Verb.GIVE_BACK:
        DeskJob.objects.filter(pk=row.id).update(
            state=JobState.NEW, worker="", request_id="", lease_seconds=None, leased_until=None
        )
    elif report.verb in ENDINGS:
        DeskJob.objects.filter(pk=row.id).update(
            state=JobState.ENDED,
            outcome=ENDINGS[report.verb],
            reason=report.reason,
            ended_by=actor,
            ended_at=Now(),
            leased_until=None,
        )


def _tell_order(row: Any, report: JobReport) -> None:
    if report.verb is Verb.GIVE_BACK and row.started_at is not None:
        return  # what was delivered stays delivered, and somebody else goes on
    status = _STATUSES[report.verb]
    reply = StatusReply(
        word=status.value,
        status=status,
        start_count=report.start_count,
        remains=0 if report.verb is Verb.COMPLETE else report.remains,
        reason=report.reason,
    )
    follow({row.fulfilment_id: reply})


def _tell_refill(row: Any, report: JobReport) -> None:
    if report.verb is Verb.COMPLETE:
        settle_refill(refill_id=row.refill_id, status=RefillStatus.COMPLETED)
    elif report.verb is Verb.REJECT:
        settle_refill(refill_id=row.refill_id, status=RefillStatus.REJECTED, reason=report.reason)
    else:
        settle_refill(refill_id=row.refill_id, status=RefillStatus.PENDING)
