"""Who may ask for a refill or a cancel, why not, and from when until when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.orders import refusals
from purveyor.orders.eligibility import (
    Eligibility,
    cancel_eligibility,
    finish_eligibility,
    refill_eligibility,
)
from purveyor.orders.models import OrderKind, Status
from purveyor.orders.refusals import Refusal

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NEVER = (None, None)


USUAL: dict[str, Any] = {
    "offered": True,
    "days": None,
    "kind": OrderKind.ORDER,
    "status": Status.COMPLETED,
    "completed_at": NOW - 10 * DAY,
    "last_asked_at": None,
    "is_running": False,
    "now": NOW,
    "wait": DAY,
}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, None),
        ({"offered": False}, refusals.RefillDisabled()),
        ({"kind": OrderKind.DRIP_FEED}, refusals.RefillDisabled()),
        ({"status": Status.IN_PROGRESS}, refusals.OrderNotCompleted()),
        ({"status": Status.PARTIAL}, refusals.OrderNotCompleted()),
        ({"status": Status.CANCELED}, refusals.OrderNotCompleted()),
        ({"completed_at": NOW - 23 * HOUR}, refusals.RefillTooSoon()),
        ({"completed_at": NOW - 24 * HOUR}, None),
        ({"last_asked_at": NOW - 23 * HOUR}, refusals.RefillTooSoon()),
        ({"last_asked_at": NOW - 25 * HOUR}, None),
        ({"last_asked_at": NOW - 25 * HOUR, "is_running": True}, refusals.RefillTooSoon()),
        ({"days": 30, "completed_at": NOW - 30 * DAY}, None),
        ({"days": 30, "completed_at": NOW - 30 * DAY - HOUR}, refusals.RefillDaysOver()),
        ({"days": 1, "completed_at": NOW - 2 * DAY, "is_running": True}, refusals.RefillDaysOver()),
        ({"completed_at": NOW, "wait": timedelta(0)}, None),
    ],
)
def test_who_may_ask_for_a_refill(facts: dict[str, Any], expected: Refusal | None) -> None:
    assert refill_eligibility(**{**USUAL, **facts}).refusal == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, None),
        ({"status": Status.PENDING}, None),
        ({"offered": False}, refusals.CancelDisabled()),
        ({"already_asked": True}, refusals.CancelAlreadyRequested()),
        ({"status": Status.COMPLETED}, refusals.OrderAlreadyFinished()),
        ({"status": Status.CANCELED, "offered": False}, refusals.OrderAlreadyFinished()),
        ({"status": Status.EXPIRED}, refusals.OrderAlreadyFinished()),
    ],
)
def test_who_may_ask_for_a_cancel(facts: dict[str, Any], expected: Refusal | None) -> None:
    usual: dict[str, Any] = {
        "offered": True,
        "status": Status.IN_PROGRESS,
        "already_asked": False,
        "ordered_at": NOW,
    }
    answer = cancel_eligibility(**{**usual, **facts})
    assert answer.refusal == expected
    assert (answer.from_when, answer.until) == (NEVER if expected else (NOW, None))


@pytest.mark.parametrize(
    ("facts", "from_when", "until"),
    [
        ({}, NOW - 9 * DAY, None),
        ({"completed_at": NOW - HOUR}, NOW + 23 * HOUR, None),
        ({"completed_at": NOW - HOUR, "days": 30}, NOW + 23 * HOUR, NOW + 30 * DAY - HOUR),
        ({"last_asked_at": NOW - HOUR, "days": 11}, NOW + 23 * HOUR, NOW + DAY),
        # It may be asked for again only after its days are over, or nobody knows when.
        ({"last_asked_at": NOW - HOUR, "days": 10}, None, None),
        ({"is_running": True}, None, None),
        ({"status": Status.IN_PROGRESS}, None, None),
        ({"days": 5}, None, None),
    ],
)
def test_from_when_until_when_a_refill_may_be_asked_for(
    facts: dict[str, Any], from_when: datetime | None, until: datetime | None
) -> None:
    answer = refill_eligibility(**{**USUAL, **facts})
    assert (answer.from_when, answer.until) == (from_when, until)


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
facts_of_refills = st.fixed_dictionaries(
    {
        "offered": st.sampled_from([True, True, True, False]),
        "days": st.none() | st.integers(0, 400),
        "kind": st.sampled_from([OrderKind.ORDER, OrderKind.ORDER, OrderKind.DRIP_FEED]),
        "status": st.sampled_from([Status.COMPLETED, Status.COMPLETED, Status.PARTIAL, Status.IN_PROGRESS]),
        "completed_at": moments,
        "last_asked_at": st.none() | moments,
        "is_running": st.booleans(),
        "wait": st.timedeltas(timedelta(0), timedelta(days=40)),
    }
)


def at(facts: dict[str, Any], now: datetime) -> Eligibility:
    return refill_eligibility(**facts, now=now)


@given(facts=facts_of_refills, now=moments)
def test_a_refill_is_allowed_between_its_two_moments_and_never_else(
    facts: dict[str, Any], now: datetime
) -> None:
    answer = at(facts, now)
    within = answer.from_when is not None and (
        answer.from_when <= now and (answer.until is None or now <= answer.until)
    )
    assert answer.allowed is within


@given(facts=facts_of_refills, now=moments)
def test_the_moment_told_is_the_first_at_which_it_is_allowed(facts: dict[str, Any], now: datetime) -> None:
    answer = at(facts, now)
    if answer.from_when is None:
        assert not answer.allowed
        assert answer.until is None
        return
    tick = timedelta(microseconds=1)
    assert at(facts, answer.from_when).allowed
    assert isinstance(at(facts, answer.from_when - tick).refusal, refusals.RefillTooSoon)
    if answer.until is not None:
        assert at(facts, answer.until).allowed
        assert isinstance(at(facts, answer.until + tick).refusal, refusals.RefillDaysOver)


@given(facts=facts_of_refills, now=moments, later=moments)
def test_time_alone_moves_neither_moment_until_the_days_are_over(
    facts: dict[str, Any], now: datetime, later: datetime
) -> None:
    now, later = sorted((now, later))
    before, after = at(facts, now), at(facts, later)
    if isinstance(after.refusal, refusals.RefillDaysOver):
        assert before.until is None or before.until < later
    else:
        assert replace(after, refusal=None) == replace(before, refusal=None)


@given(facts=facts_of_refills, now=moments, more=st.integers(0, 400))
def test_more_days_never_take_a_refill_away(facts: dict[str, Any], now: datetime, more: int) -> None:
    if facts["days"] is None or not at(facts, now).allowed:
        return
    longer = at({**facts, "days": facts["days"] + more}, now)
    assert longer.allowed
    assert longer.until == at(facts, now).until + timedelta(days=more)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("refusal", "code", "text", "reason"),
    [
        (
            refusals.RefillTooSoon(),
            "refill_too_soon",
            "The order was completed or refill was requested less than 24 hours ago",
            "The order was completed or refill was requested less than 24 hours ago",
        ),
        (
            refusals.CancelDisabled(),
            "cancel_disabled",
            "Incorrect order ID",
            "Orders of this service cannot be canceled",
        ),
        (
            refusals.OrderAlreadyFinished(),
            "order_already_finished",
            "Incorrect order ID",
            "The order has ended",
        ),
    ],
)
def test_a_refusal_has_a_code_the_protocols_text_and_a_reason_for_people(
    refusal: Refusal, code: str, text: str, reason: str
) -> None:
    assert (refusal.code, refusal.text, refusal.reason) == (code, text, reason)


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        ({}, None),
        ({"offered": False}, refusals.RestNotOffered()),
        ({"divisible": False}, refusals.RestNotOffered()),
        ({"kind": OrderKind.DRIP_FEED}, refusals.RestNotOffered()),
        ({"is_part": True}, refusals.RestNotOffered()),
        ({"status": Status.IN_PROGRESS}, refusals.NothingLeft()),
        ({"status": Status.CANCELED}, refusals.NothingLeft()),
        ({"remains": 0}, refusals.NothingLeft()),
    ],
)
def test_who_may_have_the_rest_finished_elsewhere(facts: dict[str, Any], refusal: Refusal | None) -> None:
    usual: dict[str, Any] = {
        "offered": True,
        "divisible": True,
        "kind": OrderKind.ORDER,
        "is_part": False,
        "status": Status.PARTIAL,
        "remains": 5,
        "ended_at": NOW,
    }
    answer = finish_eligibility(**{**usual, **facts})
    assert answer.refusal == refusal
    assert (answer.from_when, answer.until) == (NEVER if refusal else (NOW, None))
