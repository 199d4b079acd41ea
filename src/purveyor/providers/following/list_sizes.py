"""How many ids a list with an order in it may hold: fewer after one failed, more again where lists work.

Pure functions. The limit lies on each fulfilment: an order that breaks its lists is alone after a few
questions, each paid for like any other, and what failed in passing grows together again.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

from purveyor.providers.standing.polling_budget import IDS_PER_CALL

ALONE: Final = 1
"""The limit of an order that is asked about by itself."""
LISTS_AGAIN_EVERY: Final = 10
"""So many questions about an order that is asked about by itself, until it is tried in a list again."""

T = TypeVar("T")


def limit_after_failure(length: int) -> int:
    """The limit of the orders of a list of this length that brought nothing: the power of two below its half.

    Powers of two, because only orders of the same limit share a list: few limits make few lists.
    """
    return 1 << max((length // 2).bit_length() - 1, 0)


def limit_after_answer(limit: int, *, asked: int, in_list: bool) -> int:
    """The limit of an order that was told of at question number `asked` about it.

    Twice the limit where a list told of it. An answer to a question about it alone says nothing about lists:
    they are tried now and then.
    """
    return min(2 * limit, IDS_PER_CALL) if in_list or asked % LISTS_AGAIN_EVERY == 0 else limit


def in_rounds(lists: Sequence[list[T]]) -> list[list[list[T]]]:
    """Lists, put together to rounds of at most as many ids as a full list has."""
    rounds: list[list[list[T]]] = []
    left = 0
    for item in lists:
        if len(item) > left:
            rounds.append([])
            left = IDS_PER_CALL
        rounds[-1].append(item)
        left -= len(item)
    return rounds
