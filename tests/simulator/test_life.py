import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.simulator import life
from purveyor.simulator.life import Fate, Outcomes, Progress, Status

RANK = {
    Status.PENDING: 0,
    Status.PROCESSING: 1,
    Status.IN_PROGRESS: 2,
    Status.COMPLETED: 3,
    Status.PARTIAL: 3,
    Status.CANCELED: 3,
}

ids = st.integers(1, 2**31)
quantities = st.integers(1, 2**31 - 1)
ages = st.lists(st.floats(0, 120), min_size=2, max_size=30).map(sorted)
cancels = st.none() | st.floats(0, 60)
ends = st.sampled_from([Status.COMPLETED, Status.PARTIAL, Status.CANCELED])


def a_fate(order_id: int, quantity: int, outcome: Status) -> Fate:
    outcome = Status.COMPLETED if quantity == 1 and outcome is Status.PARTIAL else outcome
    return life.fate(seed=3, order_id=order_id, quantity=quantity, outcome=outcome)


def seen(fate: Fate, quantity: int, at: list[float], cancel: float | None) -> list[Progress]:
    """What a buyer sees who looks at these ages; a cancel is known only once it was asked for."""
    return [
        life.progress(
            fate=fate,
            quantity=quantity,
            age=age,
            cancel_requested_at=cancel if cancel is not None and cancel <= age else None,
        )
        for age in at
    ]


@given(order_id=ids, quantity=quantities, outcome=ends, at=ages, cancel=cancels)
def test_an_order_never_goes_back(
    order_id: int, quantity: int, outcome: Status, at: list[float], cancel: float | None
) -> None:
    states = seen(a_fate(order_id, quantity, outcome), quantity, at, cancel)
    for before, after in itertools.pairwise(states):
        assert RANK[Status(before.status)] <= RANK[Status(after.status)]
        assert before.remains >= after.remains
        if RANK[Status(before.status)] == RANK[Status.COMPLETED]:
            assert before == after


@given(order_id=ids, quantity=quantities, outcome=ends, at=ages, cancel=cancels)
def test_remains_fit_the_status(
    order_id: int, quantity: int, outcome: Status, at: list[float], cancel: float | None
) -> None:
    for state in seen(a_fate(order_id, quantity, outcome), quantity, at, cancel):
        match state.status:
            case Status.COMPLETED:
                assert state.remains == 0
            case Status.PARTIAL:
                assert 0 < state.remains < quantity
            case Status.IN_PROGRESS:
                assert 0 < state.remains <= quantity
                assert state.start_count is not None
            case _:
                assert state.remains == quantity
                assert state.start_count is None


@given(
    order_id=ids,
    quantity=st.integers(1, 10_000_000),
    rate=st.decimals("0", "100000", places=5),
    outcome=ends,
    at=ages,
    cancel=cancels,
)
def test_refunds_never_pass_the_charge_and_never_shrink(
    *, order_id: int, quantity: int, rate: Decimal, outcome: Status, at: list[float], cancel: float | None
) -> None:
    charge = rate * quantity / 1000
    nets = [
        life.net_charge(charge=charge, quantity=quantity, status=state.status, remains=state.remains)
        for state in seen(a_fate(order_id, quantity, outcome), quantity, at, cancel)
    ]
    assert all(0 <= net <= charge for net in nets)
    assert nets == sorted(nets, reverse=True)


@given(order_id=ids, quantity=quantities, outcome=ends)
def test_a_life_lasts_15_to_50_seconds(order_id: int, quantity: int, outcome: Status) -> None:
    fate = a_fate(order_id, quantity, outcome)
    early, late = seen(fate, quantity, [14.9, 50.1], None)
    assert early.status not in life.ENDED
    assert late.status == fate.outcome


@pytest.mark.parametrize(
    ("charge", "quantity", "status", "remains", "net"),
    [
        ("10", 10_000, "Partial", 1_000, "9"),
        ("0.33", 300, "Partial", 157, "0.1573"),
        ("10", 10_000, "Partial", 0, "10"),
        ("10", 10_000, "Partial", -25, "10"),  # more delivered than ordered
        ("10", 10_000, "Partial", 12_000, "0"),  # more missing than ordered
        ("10", 10_000, "Canceled", 4_000, "0"),
        ("10", 10_000, "Refunded", 0, "0"),
        ("10", 10_000, "Completed", 0, "10"),
        ("10", 10_000, "In progress", 4_000, "10"),
        ("10", 10_000, "Awaiting moderation", 10_000, "10"),
    ],
)
def test_net_charge(charge: str, quantity: int, status: str, remains: int, net: str) -> None:
    assert life.net_charge(
        charge=Decimal(charge), quantity=quantity, status=status, remains=remains
    ) == Decimal(net)


def test_a_cancel_before_the_start_cancels_and_during_delivery_makes_partial() -> None:
    fate = a_fate(8, 1000, Status.COMPLETED)
    assert fate.starts_at > life.CANCEL_TAKES_SECONDS
    [canceled] = seen(fate, 1000, [60.0], 0.0)
    assert canceled == Progress(status="Canceled", start_count=None, remains=1000)
    middle = (fate.starts_at + fate.ends_at) / 2
    before, stopped = seen(fate, 1000, [middle, 60.0], middle)
    assert before.status == "In progress"
    assert stopped.status == "Partial"
    assert 0 < stopped.remains < before.remains


def test_a_cancel_just_before_the_end_changes_nothing() -> None:
    fate = a_fate(8, 1000, Status.COMPLETED)
    [state] = seen(fate, 1000, [60.0], fate.ends_at - 1)
    assert state.status == "Completed"


def test_outcomes_come_in_their_shares() -> None:
    drawn = [
        life.draw_outcome(seed=5, order_id=number, quantity=100, outcomes=Outcomes())
        for number in range(20_000)
    ]
    assert 0.04 < drawn.count(Status.PARTIAL) / len(drawn) < 0.06
    assert 0.02 < drawn.count(Status.CANCELED) / len(drawn) < 0.04


def test_a_single_piece_never_ends_partial() -> None:
    only_partial = Outcomes(partial=1, canceled=0)
    assert {
        life.draw_outcome(seed=5, order_id=number, quantity=1, outcomes=only_partial) for number in range(100)
    } == {Status.COMPLETED}


@pytest.mark.parametrize(("partial", "canceled"), [(-0.1, 0), (0, -0.1), (0.6, 0.6)])
def test_shares_must_be_shares(partial: float, canceled: float) -> None:
    with pytest.raises(ValueError, match="shares"):
        Outcomes(partial=partial, canceled=canceled)


def test_another_seed_is_another_life() -> None:
    fates = {
        life.fate(seed=seed, order_id=1, quantity=100, outcome=Status.COMPLETED).ends_at for seed in range(50)
    }
    assert len(fates) == 50


@given(refill_id=ids, at=st.lists(st.floats(0, 40), min_size=2).map(sorted))
def test_a_refill_never_goes_back(refill_id: int, at: list[float]) -> None:
    order = [Status.PENDING, Status.IN_PROGRESS, Status.COMPLETED, Status.REJECTED]
    states = [life.refill_status(seed=3, refill_id=refill_id, age=age) for age in at]
    assert [order.index(state) for state in states] == sorted(order.index(state) for state in states)
    assert not {Status.COMPLETED, Status.REJECTED} <= set(states)


def test_some_refills_are_rejected_unless_it_was_decided() -> None:
    ends = [life.refill_status(seed=3, refill_id=number, age=60) for number in range(2000)]
    assert 0.1 < ends.count(Status.REJECTED) / len(ends) < 0.2
    assert life.refill_status(seed=3, refill_id=1, age=60, rejected=True) == "Rejected"
    assert life.refill_status(seed=3, refill_id=1, age=60, rejected=False) == "Completed"


@given(order_id=ids, delay=st.sampled_from([0, 5, 600]))
def test_posts_appear_one_after_the_other(order_id: int, delay: int) -> None:
    times = [
        life.new_post_at(seed=3, order_id=order_id, index=index, delay_minutes=delay) for index in range(20)
    ]
    assert times == sorted(set(times))
    assert times[0] >= delay * life.WIRE_MINUTE_SECONDS


@given(order_id=ids, number=st.integers(1, 50), limits=st.tuples(quantities, quantities).map(sorted))
def test_a_post_gets_a_quantity_within_its_limits(order_id: int, number: int, limits: list[int]) -> None:
    minimum, maximum = limits
    quantity = life.post_quantity(seed=3, order_id=order_id, number=number, minimum=minimum, maximum=maximum)
    assert minimum <= quantity <= maximum
