"""The queue of a desk: seen page by page, and taken from."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from django.db import transaction

from purveyor.database import fetch_all, id_array, load_sql
from purveyor.orders.models import CancelStatus, RefillStatus, Status
from purveyor.orders.refilling import settle_refill
from purveyor.providers.desks.job_states import UnknownJob
from purveyor.providers.following.following import follow
from purveyor.providers.locking import lock_orders_of
from purveyor.providers.models import JobKind, JobState
from purveyor.providers.protocol.replies import StatusReply

_SQL: Final = load_sql(__file__, "desks.sql")

LONGEST_PAGE: Final = 100
"""Jobs of one page, and the most that one request takes."""
LARGEST_ID: Final = 2**63 - 1


class Listed(StrEnum):
    """Which jobs are listed."""

    OPEN = "open"
    NEW = "new"
    TAKEN = "taken"
    ALL = "all"


_STATES: Final = {
    Listed.OPEN: "state <> 'ended'",
    Listed.NEW: "state <> 'ended' AND (state = 'new' OR leased_until <= now())",
    Listed.TAKEN: "state <> 'ended' AND state = 'taken' AND coalesce(leased_until > now(), true)",
    Listed.ALL: "true",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as people see it."""

    id: int
    kind: JobKind
    order: int
    refill: int | None
    """The refill that is done: of a kind of its own, or delivered as an order in place of somebody else."""
    service: int
    service_name: str
    service_type: str
    link: str
    quantity: int
    fields: dict[str, Any]
    """What the order's type has beside link and quantity, such as comments."""
    state: JobState
    worker: str
    """Who works on it; empty when nobody does."""
    leased_until: datetime | None
    start_count: int | None
    remains: int | None
    """Of an order: what was last reported; None before."""
    cancel_requested: bool
    """Whether the customer waits for an answer to a wish to cancel."""
    outcome: str
    reason: str
    created_at: datetime
    ended_at: datetime | None


def list_jobs(
    *,
    desk_id: int,
    listed: Listed = Listed.OPEN,
    kind: JobKind | None = None,
    service_id: int | None = None,
    after: int = 0,
    limit: int = LONGEST_PAGE,
) -> list[Job]:
    """Up to `limit` jobs of a desk with ids beyond `after`, oldest first."""
    rows = fetch_all(
        _SQL["list"].format(state=_STATES[listed]),
        {
            "desk": desk_id,
            "after": after,
            "service": service_id,
            "kind": "" if kind is None else kind.value,
            "limit": min(limit, LONGEST_PAGE),
        },
    )
    return jobs(row.id for row in rows)


def find_job(job_id: int, *, desk_ids: Collection[int] | None = None) -> Job:
    """One job, if it is on one of these desks; None is any. Raises `UnknownJob`."""
    return _job(job_row(job_id, desk_ids=desk_ids))


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """A wish to take jobs."""

    worker: str
    count: int
    lease_seconds: int | None = None
    """How long after each sign of life a job stays theirs; None is without end."""
    request_id: str = ""
    """The same one again brings the same jobs again, as long as nobody else has taken them."""
    kind: JobKind | None = None
    service_id: int | None = None


def take_jobs(*, desk_id: int, taking: Taking) -> list[Job]:
    """Take up to `count` jobs that nobody works on: no two people are ever given the same.

    Their orders are Processing and their refills In progress from now on.
    """
    ids = _claim(desk_id, taking)
    if ids:
        _tell_begun(ids)
    return jobs(ids)


@transaction.atomic
def _claim(desk_id: int, taking: Taking) -> list[int]:
    """Claim jobs. Nothing is waited for while they are locked, so orders need not be locked before them."""
    parameters = {
        "desk": desk_id,
        "request_id": taking.request_id,
        "worker": taking.worker,
        "count": min(taking.count, LONGEST_PAGE),
        "lease": taking.lease_seconds,
        "kind": "" if taking.kind is None else taking.kind.value,
        "service": taking.service_id,
    }
    if taking.request_id:
        fetch_all(_SQL["one_request_at_a_time"], {"desk": str(desk_id), "request_id": taking.request_id})
        if before := fetch_all(_SQL["taken_before"], parameters):
            return [row.id for row in before]
    return sorted(row.id for row in fetch_all(_SQL["take"], parameters))


@transaction.atomic
def _tell_begun(ids: Sequence[int]) -> None:
    """Tell orders and refills that somebody has them in hand. If that is lost, the next report tells it."""
    lock_orders_of(row.fulfilment_id for row in _rows(ids))
    processing = StatusReply(word=Status.PROCESSING.value, status=Status.PROCESSING)
    taken = [row for row in _rows(ids) if row.state == JobState.TAKEN]
    untold = [row for row in taken if row.provider_status in ("", Status.PENDING)]
    follow({row.fulfilment_id: processing for row in untold if row.kind == JobKind.ORDER})
    for row in taken:
        if row.kind == JobKind.REFILL:
            settle_refill(refill_id=row.refill_id, status=RefillStatus.IN_PROGRESS)


def jobs(ids: Iterable[int]) -> list[Job]:
    """The jobs with these ids, in order of id."""
    return [_job(row) for row in _rows(ids)]


def _rows(ids: Iterable[int]) -> list[Any]:
    return fetch_all(_SQL["jobs"], {"ids": id_array(ids)})


def job_row(job_id: int, *, desk_ids: Collection[int] | None = None) -> Any:
    """A job with its order, if it is on one of these desks; None is any. Raises `UnknownJob`."""
    rows = _rows([job_id]) if 0 < job_id <= LARGEST_ID else []
    if not rows or (desk_ids is not None and rows[0].desk_id not in desk_ids):
        raise UnknownJob(f"There is no job {job_id} here")
    return rows[0]


def _job(row: Any) -> Job:
    state = JobState(row.state)
    if state is JobState.TAKEN and not row.is_leased:
        state = JobState.NEW
    is_order = row.kind == JobKind.ORDER
    return Job(
        id=row.id,
        kind=JobKind(row.kind),
        order=row.order_id,
        refill=row.refill_id,
        service=row.service_id,
        service_name=row.service_name,
        service_type=row.type,
        link=row.link,
        quantity=row.quantity,
        fields=row.fields or {},
        state=state,
        worker=row.worker if state is not JobState.NEW else "",
        leased_until=row.leased_until if state is JobState.TAKEN else None,
        start_count=row.start_count if is_order else None,
        remains=row.remains if is_order else None,
        cancel_requested=is_order and row.cancel == CancelStatus.REQUESTED,
        outcome=row.outcome,
        reason=row.reason,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
