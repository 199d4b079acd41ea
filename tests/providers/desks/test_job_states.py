"""What may be said of a job: a table of every verb in every state, and what must hold of all of them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.orders.models import Status
from purveyor.providers.desks.job_states import (
    ENDINGS,
    AlreadyEnded,
    JobFacts,
    JobRefusal,
    JobReport,
    NoCancelRequested,
    NotTaken,
    OutOfRange,
    TakenByAnother,
    Verb,
    WrongKind,
    is_news,
)
from purveyor.providers.models import JobKind, JobOutcome, JobState

NEW = JobFacts(
    kind=JobKind.ORDER,
    state=JobState.NEW,
    worker="",
    is_leased=True,
    outcome="",
    quantity=1000,
    start_count=None,
    remains=None,
    status=None,
    cancel_requested=False,
    cancel_refused=False,
)
MINE = replace(NEW, state=JobState.TAKEN, worker="me", status=Status.PROCESSING)
THEIRS = replace(MINE, worker="them")
LAPSED = replace(THEIRS, is_leased=False)
MINE_LAPSED = replace(MINE, is_leased=False)
ENDED = replace(MINE, state=JobState.ENDED, outcome=JobOutcome.COMPLETED, remains=0, status=Status.COMPLETED)
REFILL = replace(MINE, kind=JobKind.REFILL, status=Status.COMPLETED, remains=0)

REPORTS = {
    Verb.GIVE_BACK: JobReport(verb=Verb.GIVE_BACK),
    Verb.START: JobReport(verb=Verb.START, start_count=5),
    Verb.PROGRESS: JobReport(verb=Verb.PROGRESS, remains=400),
    Verb.COMPLETE: JobReport(verb=Verb.COMPLETE),
    Verb.PARTIAL: JobReport(verb=Verb.PARTIAL, remains=400),
    Verb.CANCEL: JobReport(verb=Verb.CANCEL, reason="why"),
    Verb.REFUSE_CANCEL: JobReport(verb=Verb.REFUSE_CANCEL, reason="why"),
    Verb.REJECT: JobReport(verb=Verb.REJECT, reason="why"),
}
WORKED = (Verb.START, Verb.PROGRESS, Verb.COMPLETE, Verb.PARTIAL)


def outcome_of(facts: JobFacts, verb: Verb, worker: str | None = "me") -> bool | type[JobRefusal]:
    try:
        return is_news(facts, REPORTS[verb], worker=worker)
    except JobRefusal as refusal:
        return type(refusal)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (NEW, [False, *[NotTaken] * 4, True, NoCancelRequested, WrongKind]),
        (MINE, [*[True] * 6, NoCancelRequested, WrongKind]),
        (MINE_LAPSED, [*[True] * 6, NoCancelRequested, WrongKind]),
        (THEIRS, [*[TakenByAnother] * 7, WrongKind]),
        (LAPSED, [True, *[NotTaken] * 4, True, NoCancelRequested, WrongKind]),
        (ENDED, [*[AlreadyEnded] * 3, False, *[AlreadyEnded] * 3, WrongKind]),
        (REFILL, [True, WrongKind, WrongKind, True, WrongKind, WrongKind, WrongKind, True]),
    ],
)
def test_every_verb_in_every_state(facts: JobFacts, expected: list[object]) -> None:
    assert [outcome_of(facts, verb) for verb in Verb] == expected


def test_staff_need_take_nothing_and_may_correct_the_end_of_an_order() -> None:
    for facts in (NEW, MINE, THEIRS, LAPSED):
        assert [outcome_of(facts, verb, None) for verb in (*WORKED, Verb.CANCEL)] == [True] * 5
    assert [outcome_of(ENDED, verb, None) for verb in ENDINGS] == [False, True, True, WrongKind]
    assert outcome_of(ENDED, Verb.PROGRESS, None) is AlreadyEnded
    ended = replace(REFILL, state=JobState.ENDED, outcome=JobOutcome.COMPLETED)
    assert outcome_of(ended, Verb.REJECT, None) is AlreadyEnded


def test_a_wish_is_refused_once_and_may_come_again() -> None:
    wished = replace(MINE, cancel_requested=True)
    assert outcome_of(wished, Verb.REFUSE_CANCEL) is True
    assert outcome_of(replace(MINE, cancel_refused=True), Verb.REFUSE_CANCEL) is False


@pytest.mark.parametrize(
    ("verb", "remains", "allowed"),
    [
        (Verb.PROGRESS, None, False),
        (Verb.PROGRESS, -1, False),
        (Verb.PROGRESS, 0, True),
        (Verb.PROGRESS, 1000, True),
        (Verb.PROGRESS, 1001, False),
        (Verb.PARTIAL, None, False),
        (Verb.PARTIAL, 0, False),
        (Verb.PARTIAL, 1, True),
        (Verb.PARTIAL, 999, True),
        (Verb.PARTIAL, 1000, False),
    ],
)
def test_what_may_remain(verb: Verb, remains: int | None, *, allowed: bool) -> None:
    report = JobReport(verb=verb, remains=remains)
    if allowed:
        assert is_news(MINE, report, worker="me")
    else:
        with pytest.raises(OutOfRange, match="remains must be"):
            is_news(MINE, report, worker="me")


@pytest.mark.parametrize("verb", [Verb.CANCEL, Verb.REFUSE_CANCEL])
def test_a_customer_is_told_why(verb: Verb) -> None:
    with pytest.raises(OutOfRange, match="reason"):
        is_news(replace(MINE, cancel_requested=True), JobReport(verb=verb, reason=" "), worker="me")


@given(
    verb=st.sampled_from(Verb),
    remains=st.none() | st.integers(-5, 1005),
    start_count=st.none() | st.integers(0, 10**6),
    facts=st.sampled_from([NEW, MINE, THEIRS, LAPSED, MINE_LAPSED, ENDED, REFILL]),
    worker=st.sampled_from(["me", "them", None]),
)
def test_the_same_report_again_is_no_news(
    verb: Verb, remains: int | None, start_count: int | None, facts: JobFacts, worker: str | None
) -> None:
    report = JobReport(verb=verb, remains=remains, start_count=start_count, reason="why")
    try:
        news = is_news(facts, report, worker=worker)
    except JobRefusal:
        return
    assert not news or not is_news(after(facts, report), report, worker=worker)


def after(facts: JobFacts, report: JobReport) -> JobFacts:
    """The job once the report is applied."""
    if report.verb is Verb.GIVE_BACK:
        return replace(facts, state=JobState.NEW, worker="")
    if report.verb is Verb.REFUSE_CANCEL:
        return replace(facts, cancel_requested=False, cancel_refused=True)
    told = replace(
        facts,
        start_count=facts.start_count if report.start_count is None else report.start_count,
        remains=facts.remains if report.remains is None else report.remains,
        status=Status.IN_PROGRESS,
    )
    if report.verb in ENDINGS:
        return replace(told, state=JobState.ENDED, outcome=ENDINGS[report.verb])
    return told
