"""What may be reported of a job on a desk, and what it means: pure decisions, and refusals in clear words.

An order's job: new → taken → ended as completed, partial or canceled. A refill's: new → taken → ended as
completed or rejected. The same report again is no news and changes nothing.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from purveyor.orders.models import Status
from purveyor.providers.models import JobKind, JobOutcome, JobState


class Verb(StrEnum):
    """What somebody may report of a job."""

    GIVE_BACK = "give-back"
    START = "start"
    PROGRESS = "progress"
    COMPLETE = "complete"
    PARTIAL = "partial"
    CANCEL = "cancel"
    REFUSE_CANCEL = "refuse-cancel"
    REJECT = "reject"


ENDINGS: Final = {
    Verb.COMPLETE: JobOutcome.COMPLETED,
    Verb.PARTIAL: JobOutcome.PARTIAL,
    Verb.CANCEL: JobOutcome.CANCELED,
    Verb.REJECT: JobOutcome.REJECTED,
}
_OF_ORDERS: Final = frozenset(Verb) - {Verb.REJECT}
_OF_REFILLS: Final = frozenset({Verb.GIVE_BACK, Verb.COMPLETE, Verb.REJECT})
_WITHOUT_TAKING: Final = frozenset({Verb.GIVE_BACK, Verb.CANCEL, Verb.REFUSE_CANCEL, Verb.REJECT})
"""Nobody need take a job to say that it is not done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """What somebody tells of a job. None is "not told"."""

    verb: Verb
    start_count: int | None = None
    remains: int | None = None
    """Of the quantity that was handed over."""
    reason: str = ""
    """For the customer to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """A job as it stands."""

    kind: JobKind
    state: JobState
    worker: str
    """Who took it last."""
    is_leased: bool
    """Whether it is still theirs."""
    outcome: str
    quantity: int
    start_count: int | None
    remains: int | None
    status: Status | None
    """The last one that was reported; None where nothing was."""
    cancel_requested: bool
    cancel_refused: bool


class JobRefusal(Exception):
    """A report that is not taken; the text says why."""

    code: ClassVar[str]


class UnknownJob(JobRefusal):
    """There is no such job on the desk."""

    code = "unknown_job"


class AlreadyEnded(JobRefusal):
    """The job ended before, otherwise than is told now."""

    code = "already_ended"


class NotTaken(JobRefusal):
    """Nobody has taken the job."""

    code = "not_taken"


class TakenByAnother(JobRefusal):
    """Somebody else works on the job."""

    code = "taken_by_another"


class WrongKind(JobRefusal):
    """This cannot be said of a job of this kind."""

    code = "wrong_kind"


class NoCancelRequested(JobRefusal):
    """The customer does not wish to cancel."""

    code = "no_cancel_requested"


class OutOfRange(JobRefusal):
    """A number that cannot be meant, or a reason that is missing."""

    code = "out_of_range"


def is_news(facts: JobFacts, report: JobReport, *, worker: str | None) -> bool:
    """Whether a report changes something; False for one that was made before.

    `worker` is who reports, None the panel's staff, who need take nothing and may correct how an order's job
    ended. Raises a `JobRefusal`.
    """
    verb = report.verb
    if verb not in (_OF_ORDERS if facts.kind is JobKind.ORDER else _OF_REFILLS):
        raise WrongKind(f"{verb} cannot be said of a job of kind {facts.kind}")
    _check_numbers(facts, report)
    if facts.state is JobState.ENDED:
        return _corrects(facts, report, is_staff=worker is None)
    _check_holder(facts, verb, worker=worker)
    if verb is Verb.GIVE_BACK:
        return facts.state is not JobState.NEW
    if verb is Verb.REFUSE_CANCEL:
        if not facts.cancel_requested and not facts.cancel_refused:
            raise NoCancelRequested("The customer does not wish to cancel")
        return facts.cancel_requested
    if verb in ENDINGS:
        return True
    before = (facts.status, facts.start_count, facts.remains)
    return before != (
        Status.IN_PROGRESS,
        facts.start_count if report.start_count is None else report.start_count,
        facts.remains if report.remains is None else report.remains,
    )


def _check_numbers(facts: JobFacts, report: JobReport) -> None:
    if report.verb is Verb.START and report.start_count is None:
        raise OutOfRange("Tell the start_count")
    if report.verb is Verb.PROGRESS and (report.remains is None or not 0 <= report.remains <= facts.quantity):
        raise OutOfRange(f"remains must be from 0 to {facts.quantity}")
    if report.verb is Verb.PARTIAL and (report.remains is None or not 0 < report.remains < facts.quantity):
        raise OutOfRange(
            f"remains must be from 1 to {facts.quantity - 1}; nothing left is complete, everything is cancel"
        )
    if report.verb in (Verb.CANCEL, Verb.REFUSE_CANCEL, Verb.REJECT) and not report.reason.strip():
        raise OutOfRange("Tell the reason: the customer reads it")


def _corrects(facts: JobFacts, report: JobReport, *, is_staff: bool) -> bool:
    outcome = ENDINGS.get(report.verb)
    same_rest = outcome is not JobOutcome.PARTIAL or report.remains == facts.remains
    if outcome == facts.outcome and same_rest:
        return False
    if is_staff and outcome is not None and facts.kind is JobKind.ORDER:
        return True
    rest = f" with {facts.remains} remaining" if facts.outcome == JobOutcome.PARTIAL else ""
    raise AlreadyEnded(f"The job ended as {facts.outcome}{rest}")


def _check_holder(facts: JobFacts, verb: Verb, *, worker: str | None) -> None:
    if worker is None:
        return
    taken = facts.state is JobState.TAKEN
    if taken and facts.worker != worker:
        if facts.is_leased:
            raise TakenByAnother(f"{facts.worker} works on this job")
        taken = False
    if not taken and verb not in _WITHOUT_TAKING:
        raise NotTaken("Take the job first")
