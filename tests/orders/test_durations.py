"""Lengths of time in words."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.orders.durations import in_words

WORDS = [
    (timedelta(seconds=-5), "less than a minute"),
    (timedelta(seconds=59), "less than a minute"),
    (timedelta(minutes=1), "1 minute"),
    (timedelta(hours=2, minutes=14), "2 hours 14 minutes"),
    (timedelta(hours=5, minutes=19, seconds=45), "5 hours 20 minutes"),
    (timedelta(hours=1), "1 hour"),
    (timedelta(hours=23, minutes=59, seconds=40), "1 day"),
    (timedelta(days=3, hours=1, minutes=29), "3 days 1 hour"),
    (timedelta(days=40), "40 days"),
]


@pytest.mark.parametrize(("length", "words"), WORDS)
def test_words(length: timedelta, words: str) -> None:
    assert in_words(length) == words


UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}


@given(st.timedeltas(timedelta(minutes=1), timedelta(days=5000)))
def test_the_words_are_off_by_half_of_their_step_at_most(length: timedelta) -> None:
    words = in_words(length).split()
    told = timedelta(0)
    for number, unit in zip(words[::2], words[1::2], strict=True):
        told += int(number) * UNITS[unit.removesuffix("s")]
    step = timedelta(hours=1) if told >= timedelta(days=1) else timedelta(minutes=1)
    assert abs(told - length) <= step / 2
