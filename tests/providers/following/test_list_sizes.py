"""How long a list may be, after what became of the one before."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from purveyor.providers.following.list_sizes import (
    ALONE,
    LISTS_AGAIN_EVERY,
    in_rounds,
    limit_after_answer,
    limit_after_failure,
)
from purveyor.providers.standing.polling_budget import IDS_PER_CALL

LENGTHS = st.integers(1, IDS_PER_CALL)
QUESTIONS = st.integers(1, 1000)


@given(LENGTHS)
def test_a_list_that_failed_is_followed_by_at_least_two_smaller_ones(length: int) -> None:
    limit = limit_after_failure(length)
    assert limit >= ALONE
    assert limit == ALONE or 2 * limit <= length < 8 * limit


def test_few_failures_in_a_row_leave_an_order_alone() -> None:
    limit, failures = IDS_PER_CALL, 0
    while limit > ALONE:
        limit, failures = limit_after_failure(limit), failures + 1
    assert failures == 6


@given(limit=LENGTHS, asked=QUESTIONS)
def test_an_answer_in_a_list_doubles_the_limit(limit: int, asked: int) -> None:
    assert limit_after_answer(limit, asked=asked, in_list=True) == min(2 * limit, IDS_PER_CALL)


@given(limit=LENGTHS, asked=QUESTIONS)
def test_what_is_asked_about_alone_is_tried_in_a_list_now_and_then(limit: int, asked: int) -> None:
    limits = [
        limit_after_answer(limit, asked=number, in_list=False)
        for number in range(asked, asked + LISTS_AGAIN_EVERY)
    ]
    assert limits.count(limit) >= LISTS_AGAIN_EVERY - 1
    assert max(limits) == min(2 * limit, IDS_PER_CALL)


@given(st.lists(LENGTHS, max_size=60))
def test_rounds_hold_every_list_once_and_no_more_ids_than_a_full_list(lengths: list[int]) -> None:
    lists = [[number] * length for number, length in enumerate(lengths)]
    rounds = in_rounds(lists)
    assert [item for part in rounds for item in part] == lists
    sizes = [sum(map(len, part)) for part in rounds]
    assert all(0 < size <= IDS_PER_CALL for size in sizes)
    assert all(one + next_one > IDS_PER_CALL for one, next_one in itertools.pairwise(sizes))
