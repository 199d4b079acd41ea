"""What evidence proves, as tables and properties: it settles only when nothing else could be true."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.providers.outcomes.evidence import (
    LATE_BY,
    MOST_SPANNED,
    BalanceChange,
    Gap,
    Neighbour,
    NotPlaced,
    PlacedAs,
    Probe,
    Undecided,
    Unsettled,
    Verdict,
    find_gaps,
    verdict_of_probe,
    verdict_of_repeat,
    words_of_balance,
)
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Accepted, Refused, StatusReply, Unclear

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SENT = Unsettled(
    sent_at=NOON,
    over_at=NOON + timedelta(seconds=30),
    lease_until=NOON + timedelta(seconds=60),
    quantity=1000,
    charge=Decimal("0.50"),
)
ABSENT = Refused(RefusalClass.ORDER, "Incorrect order ID")
OURS = StatusReply(word="Completed", status=None, charge=Decimal(3))
CLOSED = Gap(before=10, after=14, closed=True)
OPEN = Gap(before=10, after=14, closed=False)


def shown(charge: str | None = "0.5", *, remains: int | None = 1000) -> StatusReply:
    return StatusReply(
        word="In progress",
        status=None,
        charge=None if charge is None else Decimal(charge),
        remains=remains,
    )


def judged(
    replies: Mapping[int, StatusReply | Refused],
    *,
    gap: Gap = CLOSED,
    rivals: Sequence[str] = (),
    unsettled: Unsettled = SENT,
) -> Verdict:
    told = {gap.before: OURS, gap.after: OURS} | dict(replies)
    return verdict_of_probe(
        Probe(
            unsettled=unsettled,
            gap=gap,
            asked=list(gap.ids),
            replies={str(number): reply for number, reply in told.items()},
            rivals=[Decimal(charge) for charge in rivals],
        )
    )


def neighbour(external_id: str, *, seconds: float) -> Neighbour:
    """An order that was sent so long after noon, and answered at once."""
    at = NOON + timedelta(seconds=seconds)
    return Neighbour(external_id=external_id, sent_at=at, answered_at=at + timedelta(seconds=0.1))


EARLIER = [neighbour(str(number), seconds=number - 100) for number in range(1, 6)]
LATE = LATE_BY.total_seconds() + 60


@pytest.mark.parametrize("gap", [CLOSED, OPEN])
def test_the_only_order_that_is_ours_and_fits_is_it(gap: Gap) -> None:
    verdict = judged({11: ABSENT, 12: shown(), 13: ABSENT}, gap=gap)
    assert verdict == PlacedAs("12", "unaccounted for between 10 and 14: 12 (In progress, charge 0.5)")


def test_nothing_of_ours_is_proof_only_when_nothing_can_come_late() -> None:
    nothing = {11: ABSENT, 12: ABSENT, 13: ABSENT}
    assert isinstance(judged(nothing, gap=CLOSED), NotPlaced)
    assert isinstance(judged(nothing, gap=OPEN), Undecided)


@pytest.mark.parametrize(
    ("replies", "rivals"),
    [
        pytest.param({11: ABSENT, 12: ABSENT}, (), id="an id without an answer"),
        pytest.param(
            {11: ABSENT, 12: ABSENT, 13: Refused(RefusalClass.RATE, "slow")}, (), id="another error"
        ),
        pytest.param({11: ABSENT, 12: ABSENT, 13: Refused(RefusalClass.OTHER, "?")}, (), id="unknown words"),
        pytest.param({10: ABSENT, 11: ABSENT, 12: shown(), 13: ABSENT}, (), id="the earlier end is hidden"),
        pytest.param({14: ABSENT, 11: ABSENT, 12: ABSENT, 13: ABSENT}, (), id="the later end is hidden"),
        pytest.param({11: shown(), 12: shown(), 13: ABSENT}, (), id="two that fit"),
        pytest.param({11: shown("0.52"), 12: ABSENT, 13: ABSENT}, (), id="another charge"),
        pytest.param({11: shown("0"), 12: ABSENT, 13: ABSENT}, (), id="no charge"),
        pytest.param({11: shown(None), 12: ABSENT, 13: ABSENT}, (), id="no word of a charge"),
        pytest.param({11: shown(remains=1001), 12: ABSENT, 13: ABSENT}, (), id="a larger order"),
        pytest.param({11: shown(), 12: shown("9"), 13: ABSENT}, (), id="somebody else orders here"),
        pytest.param({11: shown(), 12: ABSENT, 13: ABSENT}, ("0.5",), id="another hand-over fits as well"),
        pytest.param({11: shown("9"), 12: ABSENT, 13: ABSENT}, ("9",), id="it is another hand-over's"),
    ],
)
@pytest.mark.parametrize("gap", [CLOSED, OPEN])
def test_what_may_mean_something_else_decides_nothing(
    replies: dict[int, StatusReply | Refused], rivals: tuple[str, ...], gap: Gap
) -> None:
    assert isinstance(judged(replies, gap=gap, rivals=rivals), Undecided)


def test_another_hand_overs_order_beside_it_does_not_hide_it() -> None:
    verdict = judged({11: shown("9"), 12: shown(), 13: ABSENT}, rivals=("9",))
    assert isinstance(verdict, PlacedAs)
    assert verdict.external_id == "12"


_REPLIES = st.one_of(
    st.just(ABSENT),
    st.builds(
        shown, st.sampled_from(["0.5", "0.7", "9", "0"]), remains=st.sampled_from([None, 0, 1000, 5000])
    ),
    st.just(Refused(RefusalClass.OTHER, "?")),
)


@given(
    replies=st.dictionaries(st.integers(10, 14), _REPLIES),
    rivals=st.lists(st.sampled_from(["0.5", "9"]), max_size=2),
    gap=st.sampled_from([OPEN, CLOSED]),
)
def test_no_answer_whatever_settles_what_it_does_not_prove(
    replies: dict[int, StatusReply | Refused], rivals: list[str], gap: Gap
) -> None:
    verdict = judged(replies, gap=gap, rivals=rivals)
    told = [replies.get(number) for number in gap.ids]
    if isinstance(verdict, NotPlaced):
        assert gap.closed
        assert told == [ABSENT] * 3
    if isinstance(verdict, PlacedAs):
        assert "0.5" not in rivals
        assert None not in told
        found = replies[int(verdict.external_id)]
        assert isinstance(found, StatusReply)
        assert found.charge == Decimal("0.5")
        same = [reply for reply in told if isinstance(reply, StatusReply) and reply.charge == found.charge]
        assert same == [found]


def test_a_subscription_is_never_recognised_by_its_charge() -> None:
    free = Unsettled(sent_at=NOON, over_at=NOON, lease_until=NOON, quantity=0, charge=Decimal(0))
    verdict = judged({11: shown("0", remains=0), 12: ABSENT, 13: ABSENT}, unsettled=free)
    assert isinstance(verdict, Undecided)


def test_the_gap_that_nothing_can_reach_any_more_is_looked_into_first() -> None:
    neighbours = [*EARLIER, neighbour("9", seconds=40), neighbour("12", seconds=LATE + 5)]
    assert find_gaps(SENT, neighbours) == [
        Gap(before=5, after=12, closed=True),
        Gap(before=5, after=9, closed=False),
    ]


def test_an_order_sent_while_this_one_was_under_way_bounds_nothing() -> None:
    under_way = neighbour("8", seconds=10)
    assert find_gaps(SENT, [*EARLIER, under_way]) == Undecided("no order was accepted after it yet")
    assert find_gaps(SENT, [*EARLIER, under_way, neighbour("12", seconds=31)]) == [
        Gap(before=5, after=12, closed=False)
    ]


@pytest.mark.parametrize(
    ("neighbours", "why"),
    [
        (EARLIER[:3], "too few other orders to bound its id by"),
        ([*EARLIER, neighbour("ab-12", seconds=40)], "the provider's ids are not numbers"),
        ([*EARLIER, neighbour("007", seconds=40)], "the provider's ids are not numbers"),
        ([*EARLIER, neighbour("4", seconds=40)], "the provider's ids do not ascend"),
        (
            [neighbour(str(number), seconds=number + 40) for number in range(6)][1:],
            "no order was accepted before it",
        ),
        (
            [*EARLIER, neighbour(str(MOST_SPANNED + 7), seconds=40)],
            f"{MOST_SPANNED + 1} ids may be its own, which are too many to ask about",
        ),
    ],
)
def test_where_there_is_no_gap(neighbours: list[Neighbour], why: str) -> None:
    assert find_gaps(SENT, neighbours) == Undecided(why)


@given(
    ids=st.lists(st.integers(1, 60), unique=True, min_size=6, max_size=12),
    lost=st.integers(0, 11),
    spread=st.floats(20, 4000),
)
def test_the_id_is_always_within_the_gap_when_ids_ascend(ids: list[int], lost: int, spread: float) -> None:
    ids.sort()
    place = lost % len(ids)
    neighbours = [
        neighbour(str(number), seconds=(index - place) * spread)
        for index, number in enumerate(ids)
        if index != place
    ]
    gaps = find_gaps(SENT, neighbours)
    for gap in gaps if isinstance(gaps, list) else []:
        assert ids[place] in gap.ids


def test_the_same_request_again() -> None:
    assert verdict_of_repeat(Accepted("77")) == PlacedAs("77", "the same request again is order 77")
    for reply in (Refused(RefusalClass.FUNDS, "Not enough funds on balance"), Unclear("time-out")):
        assert isinstance(verdict_of_repeat(reply), Undecided)


def balance(before: str, after: str, *, charge: str = "0.5", refunds_possible: bool = False) -> str:
    return words_of_balance(
        BalanceChange(
            before=Decimal(before),
            before_at=NOON,
            after=Decimal(after),
            charge=Decimal(charge),
            refunds_possible=refunds_possible,
        )
    )


@pytest.mark.parametrize(
    ("after", "charge", "meaning"),
    [
        ("10", "0.5", "as if it had not been placed"),
        ("9.5", "0.5", "as if it had been placed, at 0.5"),
        ("9.4999", "0.5", "as if it had been placed, at 0.5"),
        ("9", "0.5", "which neither fits its charge of 0.5 nor nothing"),
        ("10.5", "0.5", "which neither fits its charge of 0.5 nor nothing"),
        ("9.5", "0", "what this order costs is not known"),
        ("10", "0", "what this order costs is not known"),
    ],
)
def test_a_balance_suggests(after: str, charge: str, meaning: str) -> None:
    told = f"the balance was 10 at 2026-11-23 12:00:00 UTC and is {after} now, with nothing else sent there"
    assert balance("10.00", after, charge=charge) == f"{told}: {meaning}"


def test_possible_refunds_are_told_beside_a_balance() -> None:
    assert balance("10", "9.5", refunds_possible=True).endswith(
        "; orders of ours under way there may have been refunded"
    )


AMOUNTS = st.decimals(-1000, 1000, places=4)


@given(before=AMOUNTS, after=AMOUNTS, charge=st.decimals(0, 100, places=4))
def test_a_balance_never_says_both_and_never_placed_without_a_charge(
    before: Decimal, after: Decimal, charge: Decimal
) -> None:
    told = balance(str(before), str(after), charge=str(charge))
    says_placed, says_not = "had been placed" in told, "had not been placed" in told
    assert not (says_placed and says_not)
    assert says_not is (before == after and charge > 0)
    if says_placed:
        assert charge > 0
        assert abs((before - after) - charge) <= charge * Decimal("0.01") + Decimal("0.0001")
