"""How many calls of `status` a provider gets a minute, and what follows when more are wanted.

Calls are paid for in time: each moves the moment up to which the budget is spent on by its share of a minute.
That moment and the stretch lie on the provider's row, so that any number of workers share one budget.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

IDS_PER_CALL: Final = 100
"""The most that `status` takes (protocol §2)."""
LISTS_AT_ONCE: Final = 4
"""Full lists of ids in flight per provider, or as many ids in smaller ones; dispatch has its own places."""
AHEAD: Final = timedelta(minutes=1)
"""What is due within this time fills up a list that goes out anyway."""

MINUTE: Final = timedelta(minutes=1)
AHEAD_AT_MOST: Final = timedelta(seconds=10)
"""What falls due together may be asked so far ahead of the budget; one call may in any case."""
CREDIT: Final = timedelta(minutes=1)
"""So much further ahead goes a call that belongs to a question already asked; one such call in any case."""

MOST_STRETCH: Final = 20.0
"""Beyond that a budget is hopelessly small, and what is due simply waits its turn."""
LEAST_STRETCH: Final = 0.25
"""Where the budget allows more than the schedule asks for, changes are seen up to four times sooner."""
TIME_TO_ADAPT: Final = timedelta(hours=1)
"""In which the stretch grows or shrinks e-fold at most. It acts on an order from its next question on,
half an hour later perhaps: one that moved much faster would swing for ever, as `bench/polling.py` showed."""
ADAPTS_AT_MOST_FOR: Final = timedelta(minutes=1)
"""The most time that one claim accounts for, however long ago the last one was."""
FAIRLY_LATE: Final = timedelta(seconds=60)
"""Lateness at which the stretch stays as it is."""
FAIRLY_LATE_CALLS: Final = 2
"""The same in calls, for a budget of a few calls a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a provider may be asked."""

    calls_per_minute: int
    spent_until: datetime
    stretch: float
    """How many times longer than usual its orders wait between two questions; below 1, shorter."""

    @property
    def between_calls(self) -> timedelta:
        """The time that one call costs."""
        return MINUTE / self.calls_per_minute

    def calls_left(self, *, now: datetime, credit: timedelta = timedelta(0)) -> int:
        """How many calls may go out at this moment; with credit, so much further ahead or one more."""
        until = now + max(AHEAD_AT_MOST, self.between_calls)
        if credit:
            until += max(credit, self.between_calls)
        return max((until - max(self.spent_until, now)) // self.between_calls, 0)

    def after(self, *, now: datetime, calls: int, overdue: timedelta, more_is_due: bool) -> "Budget":
        """The budget after a claim of so many calls.

        `overdue` is how long the first of what was claimed had been due; `more_is_due` says that the budget
        did not reach for all of it. The stretch grows while it does not and what is due is late, and shrinks
        while it does: also below 1, so that a budget is used.
        """
        spent_until = max(self.spent_until, now) + calls * self.between_calls
        elapsed = min(spent_until - self.spent_until, ADAPTS_AT_MOST_FOR)
        fair = max(FAIRLY_LATE, FAIRLY_LATE_CALLS * self.between_calls)
        pressure = min(overdue / fair - 1, 1.0) if more_is_due else -1.0
        stretch = self.stretch * math.exp(pressure * (elapsed / TIME_TO_ADAPT))
        return replace(self, spent_until=spent_until, stretch=min(max(stretch, LEAST_STRETCH), MOST_STRETCH))
