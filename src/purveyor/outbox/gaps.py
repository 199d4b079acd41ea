"""Going through a table by its ids without missing a row that is committed late. Pure.

Ids are taken one after the other, but rows are committed in any order. Where an id is missing below one that
is there, its transaction may still be under way, or may have rolled back. Such gaps are remembered, from the
next look on with a horizon: the number of the transaction of that look, which is higher than that of whoever
took the missing ids. Once every transaction below it has ended, what the gap lacks will never come.

The snapshot in which a gap is found gives no horizon: it ends behind the last transaction that has ended, and
one that still runs may have a higher number.

Whoever inserts into the table must have a transaction number before taking an id, as who has locked a row or
written anything has.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec

NOT_KNOWN: Final = 0


class Gap(msgspec.Struct, frozen=True, array_like=True):
    """Ids, the first and the last included, that were missing when a higher one was there."""

    first: int
    last: int
    horizon: int
    """`NOT_KNOWN` until the look after the one that found it."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Every id up to `upto` is dealt with, except in the gaps."""

    upto: int
    gaps: tuple[Gap, ...] = ()


def after_look(seen: Seen, *, found: Sequence[int], oldest_running: int, own: int) -> Seen:
    """What is dealt with after a look that found these ids, in the gaps and beyond them in ascending order.

    `oldest_running` is the lowest transaction number that may be running, in the snapshot of that look; `own`
    is the number of its transaction, which it got after the look before had been committed. A horizon beyond
    that is from another server, from which the database was copied: nothing of then is running.
    """
    gaps: list[Gap] = []
    for gap in seen.gaps:
        horizon = own if gap.horizon == NOT_KNOWN else gap.horizon
        if gap.horizon == NOT_KNOWN or oldest_running < horizon <= own:
            gaps += _between(gap.first - 1, found, gap.last + 1, horizon)
    upto = seen.upto
    for number in found:
        if number > upto:
            gaps += _between(upto, (), number, NOT_KNOWN)
            upto = number
    return Seen(upto=upto, gaps=tuple(gaps))


def _between(before: int, found: Sequence[int], after: int, horizon: int) -> list[Gap]:
    """What is missing between two ids, when these were found in between."""
    ends = [before, *(number for number in found if before < number < after), after]
    return [Gap(low + 1, high - 1, horizon) for low, high in pairwise(ends) if high - low > 1]
