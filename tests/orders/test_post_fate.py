"""What becomes of a post: a table, and what holds for any order of events."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.orders.models import PostOutcome, Status
from purveyor.orders.post_fate import (
    ALREADY_SERVED,
    MADE_WHILE_PAUSED,
    NO_MORE_NEW,
    NO_MORE_OLD,
    PAST_EXPIRY,
    Serve,
    Skip,
    Standing,
    decide_post,
)

TODAY = date(2026, 11, 23)
ENDED = (Status.COMPLETED, Status.EXPIRED, Status.CANCELED)


def standing(**changes: object) -> Standing:
    facts: dict[str, object] = {
        "status": Status.ACTIVE,
        "posts": 3,
        "old_posts": 1,
        "posts_done": 0,
        "old_posts_done": 0,
        "expiry": TODAY,
    }
    return Standing(**(facts | changes))  # type: ignore[arg-type]


def reason(told: Standing, *, old: bool = False, before: str | None = None) -> str:
    fate = decide_post(told, old=old, before=before, today=TODAY)
    return fate.reason if isinstance(fate, Skip) else ""


@pytest.mark.parametrize(
    ("told", "old", "before", "expected"),
    [
        (standing(), False, None, ""),
        (standing(), True, None, ""),
        (standing(posts=None, posts_done=1_000), False, None, ""),
        (standing(expiry=None), False, None, ""),
        (standing(expiry=TODAY - timedelta(days=1)), False, None, PAST_EXPIRY),
        (standing(posts_done=3), False, None, NO_MORE_NEW),
        (standing(posts_done=3), True, None, ""),
        (standing(posts=0), False, None, NO_MORE_NEW),
        (standing(old_posts_done=1), True, None, NO_MORE_OLD),
        (standing(old_posts_done=1), False, None, ""),
        (standing(status=Status.PAUSED), False, None, MADE_WHILE_PAUSED),
        (standing(), False, PostOutcome.SKIPPED, MADE_WHILE_PAUSED),
        (standing(), False, PostOutcome.UNPAID, ""),
        (standing(), False, PostOutcome.SERVED, ALREADY_SERVED),
        (standing(status=Status.CANCELED), False, PostOutcome.SERVED, ALREADY_SERVED),
        (standing(status=Status.EXPIRED), False, None, "The subscription is Expired"),
    ],
)
def test_a_post(*, told: Standing, old: bool, before: str | None, expected: str) -> None:
    assert reason(told, old=old, before=before) == expected


@pytest.mark.parametrize(("old", "for_good"), [(False, True), (True, False)])
def test_only_a_post_made_during_a_pause_is_skipped_for_good(*, old: bool, for_good: bool) -> None:
    fate = decide_post(standing(status=Status.PAUSED), old=old, before=None, today=TODAY)
    assert isinstance(fate, Skip)
    assert fate.for_good is for_good


STANDINGS = st.builds(
    Standing,
    status=st.sampled_from([Status.ACTIVE, Status.PAUSED, *ENDED]),
    posts=st.none() | st.integers(0, 5),
    old_posts=st.integers(0, 5),
    posts_done=st.integers(0, 5),
    old_posts_done=st.integers(0, 5),
    expiry=st.none() | st.dates(TODAY - timedelta(days=2), TODAY + timedelta(days=2)),
)


@given(told=STANDINGS, old=st.booleans(), before=st.none() | st.sampled_from(PostOutcome))
def test_what_is_served_was_ordered_and_is_served_once(
    *, told: Standing, old: bool, before: PostOutcome | None
) -> None:
    if isinstance(decide_post(told, old=old, before=before, today=TODAY), Serve):
        assert told.status == Status.ACTIVE
        assert before in (None, PostOutcome.UNPAID)
        assert told.expiry is None or told.expiry >= TODAY
        done, ordered = (told.old_posts_done, told.old_posts) if old else (told.posts_done, told.posts)
        assert ordered is None or done < ordered
        assert not told.is_complete
    else:
        assert reason(told, old=old, before=before)


@given(st.lists(st.booleans(), max_size=20), st.none() | st.integers(0, 4), st.integers(0, 4))
def test_any_run_of_posts_serves_each_kind_as_often_as_ordered(
    told: list[bool], posts: int | None, old_posts: int
) -> None:
    served = {False: 0, True: 0}
    for old in told:
        now = standing(
            posts=posts, old_posts=old_posts, posts_done=served[False], old_posts_done=served[True]
        )
        if isinstance(decide_post(now, old=old, before=None, today=TODAY), Serve):
            served[old] += 1
    wanted = {False: told.count(False) if posts is None else posts, True: old_posts}
    assert served == {old: min(wanted[old], told.count(old)) for old in served}
    assert standing(
        posts=posts, old_posts=old_posts, posts_done=served[False], old_posts_done=served[True]
    ).is_complete == (posts == served[False] and old_posts == served[True])
