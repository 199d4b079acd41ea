"""How many calls of every kind a provider gets a minute, where its owner has set a limit.

Paid for in time, as calls of `status` are (polling_budget.py). Orders leave a part of it to everything else,
and questions about orders leave at least half of it to the rest, so that neither starves the other.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from purveyor.providers.standing.polling_budget import AHEAD_AT_MOST, MINUTE

FEWEST_CALLS_PER_MINUTE: Final = 2
"""One for orders and one for questions about them."""
ORDERS_AHEAD_AT_MOST: Final = AHEAD_AT_MOST / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBudget:
    """What a provider may be called."""

    calls_per_minute: int
    spent_until: datetime

    @property
    def between_calls(self) -> timedelta:
        """The time that one call costs."""
        return MINUTE / self.calls_per_minute

    def calls_left(self, *, now: datetime, orders: bool = False, credit: timedelta = timedelta(0)) -> int:
        """How many calls may go out at this moment; fewer where they are `orders`, more with credit."""
        if orders:
            ahead = max(ORDERS_AHEAD_AT_MOST, self.between_calls)
        else:
            ahead = max(AHEAD_AT_MOST, 2 * self.between_calls)
        return max((now + ahead + credit - max(self.spent_until, now)) // self.between_calls, 0)


def status_calls_per_minute(*, status: int | None, every: int | None) -> int | None:
    """The limit of `status` calls: its own, and half of that of every kind of call. None is no limit."""
    half = None if every is None else max(every // 2, 1)
    return min((limit for limit in (status, half) if limit is not None), default=None)
