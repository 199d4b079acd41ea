"""Going through a table by its ids without missing a row that is committed late. Pure.

Ids are taken one after the other, but rows are committed in any order. Where an id is missing below one that
is there, its transaction may still be under way, or may have rolled back. Such gaps are remembered together
with the horizon: the number that the next transaction to begin would have had. Once every transaction below
it has ended, what the gap lacks will never come.

Whoever inserts into the table must have a transaction number before taking an id, as who has locked a row or
written anything has.
"""

from collections.abc import Sequence
from itertools import pairwise

import msgspec


class Gap(msgspec.Struct, frozen=True, array_like=True):
    """Ids, the first and the last included, that were missing when a higher one was there."""

    first: int
    last: int
    horizon: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Every id up to `upto` is dealt with, except in the gaps."""

    upto: int
    gaps: tuple[Gap, ...] = ()


def after_look(seen: Seen, *, found: Sequence[int], oldest_running: int, next_to_begin: int) -> Seen:
    """What is dealt with after a look that found these ids, in the gaps and beyond them in ascending order.

    `oldest_running` and `next_to_begin` are transaction numbers in the snapshot of that look. A horizon that
    lies beyond them is from another server, from which the database was copied: nothing of then is running.
    """
    gaps: list[Gap] = []
    for gap in seen.gaps:
        if oldest_running < gap.horizon <= next_to_begin:
            gaps += _between(gap.first - 1, found, gap.last + 1, gap.horizon)
    upto = seen.upto
    for number in found:
        if number > upto:
            gaps += _between(upto, (), number, next_to_begin)
            upto = number
    return Seen(upto=upto, gaps=tuple(gaps))


def _between(before: int, found: Sequence[int], after: int, horizon: int) -> list[Gap]:
    """What is missing between two ids, when these were found in between."""
    ends = [before, *(number for number in found if before < number < after), after]
    return [Gap(low + 1, high - 1, horizon) for low, high in pairwise(ends) if high - low > 1]
