"""The desk's jobs over HTTP: one function for each thing that people and their tools ask for."""

from typing import Annotated, Any, Final

import msgspec

from purveyor.desk.door import Call, View
from purveyor.desk.errors import InvalidField, JobRefused, NotHere, NotInScope
from purveyor.providers.desks.desks import desk_scope
from purveyor.providers.desks.job_states import JobRefusal, JobReport, OutOfRange, UnknownJob, Verb
from purveyor.providers.desks.queue import (
    LARGEST_ID,
    LONGEST_PAGE,
    Listed,
    Taking,
    find_job,
    list_jobs,
    take_jobs,
)
from purveyor.providers.desks.reports import report_job
from purveyor.providers.models import JobKind

LONGEST_LEASE_SECONDS: Final = 30 * 24 * 3600
LARGEST_COUNT: Final = 10**15
_SCOPE_OF_DESKS: Final = desk_scope(0).removesuffix("0")

Id = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_ID)]
After = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_ID)]
"""The last id of the page before."""
STORABLE: Final = r"\A[^\0]*\Z"
"""A text without the one character that PostgreSQL keeps in none."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=STORABLE)]
Amount = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_COUNT)]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=STORABLE)]


class ListQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a list may be narrowed to."""

    desk: Id | None = None
    state: Listed = Listed.OPEN
    kind: JobKind | None = None
    service: Id | None = None
    after: After = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_PAGE)] = LONGEST_PAGE


class TakeBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A wish to take jobs."""

    count: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_PAGE)]
    desk: Id | None = None
    worker: Name | None = None
    lease_seconds: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_LEASE_SECONDS)] | None = None
    request_id: Name | None = None
    kind: JobKind | None = None
    service: Id | None = None


class ReportBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Who reports, and nothing more to tell."""

    worker: Name | None = None

    def report(self, verb: Verb) -> JobReport:
        """The report for the state machine."""
        told = msgspec.structs.asdict(self)
        del told["worker"]
        return JobReport(verb=verb, **told)


class StartBody(ReportBody, kw_only=True):
    """How many there were before the work began."""

    start_count: Amount


class ProgressBody(ReportBody, kw_only=True):
    """How many are left to deliver."""

    remains: Amount


class CompleteBody(ReportBody, kw_only=True):
    """All is delivered; the start count may be told with it."""

    start_count: Amount | None = None


class PartialBody(ReportBody, kw_only=True):
    """How many are left and will not be delivered."""

    remains: Amount
    start_count: Amount | None = None


class ReasonBody(ReportBody, kw_only=True):
    """Why, in words that the customer reads."""

    reason: Reason


BODIES: Final[dict[Verb, type[ReportBody]]] = {
    Verb.GIVE_BACK: ReportBody,
    Verb.START: StartBody,
    Verb.PROGRESS: ProgressBody,
    Verb.COMPLETE: CompleteBody,
    Verb.PARTIAL: PartialBody,
    Verb.CANCEL: ReasonBody,
    Verb.REFUSE_CANCEL: ReasonBody,
    Verb.REJECT: ReasonBody,
}


def list_page(call: Call) -> Any:
    """A page of the queue, oldest first; `after` is the last id of the page before."""
    query = call.read_query(ListQuery)
    desk_id = _desk(call, query.desk)
    jobs = list_jobs(
        desk_id=desk_id,
        listed=query.state,
        kind=query.kind,
        service_id=query.service,
        after=query.after,
        limit=query.limit,
    )
    return {"jobs": jobs}


def show(call: Call, *, job_id: int) -> Any:
    """One job."""
    try:
        return find_job(job_id, desk_ids=_desks(call))
    except UnknownJob as unknown:
        raise NotHere(str(unknown)) from None


def take(call: Call) -> Any:
    """Take jobs that nobody works on."""
    body = call.read(TakeBody)
    jobs = take_jobs(
        desk_id=_desk(call, body.desk),
        taking=Taking(
            worker=body.worker or _own_name(call),
            count=body.count,
            lease_seconds=body.lease_seconds,
            request_id=body.request_id or "",
            kind=body.kind,
            service_id=body.service,
        ),
    )
    return {"jobs": jobs}


def report(verb: Verb) -> View:
    """The function that takes reports of this kind."""

    def answer(call: Call, *, job_id: int) -> Any:
        desk_ids = _desks(call)
        body = call.read(BODIES[verb])
        worker = body.worker or _own_name(call)
        actor = f"{worker} (key {call.key})"
        try:
            return report_job(job_id, body.report(verb), worker=worker, actor=actor, desk_ids=desk_ids)
        except UnknownJob as unknown:
            raise NotHere(str(unknown)) from None
        except OutOfRange as wrong:
            raise InvalidField(str(wrong)) from None
        except JobRefusal as refusal:
            raise JobRefused(refusal.code, str(refusal)) from None

    return answer


def _own_name(call: Call) -> str:
    """Who works under a key that names nobody."""
    return call.key.name or str(call.key)


def _desks(call: Call) -> set[int]:
    """The desks that the key is for. Raises `NotInScope` when there are none."""
    scopes = [scope for scope in call.key.scopes if scope.startswith(_SCOPE_OF_DESKS)]
    if not scopes:
        raise NotInScope("This key is not good for any desk")
    return {int(scope.removeprefix(_SCOPE_OF_DESKS)) for scope in scopes}


def _desk(call: Call, wanted: int | None) -> int:
    """The desk that is meant. Raises `NotInScope`, or `InvalidField` when the key is for several."""
    desks = _desks(call)
    if wanted is not None:
        call.require(desk_scope(wanted))
        return wanted
    if len(desks) > 1:
        raise InvalidField(f"Tell which desk: {', '.join(map(str, sorted(desks)))}")
    return desks.pop()
