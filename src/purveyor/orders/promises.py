"""Until when an order is promised: pure arithmetic."""

from datetime import datetime, timedelta
from typing import Final

THOUSAND: Final = 1000
LONGEST_PROMISE_MINUTES: Final = 365 * 24 * 60
LONGEST_PROMISE: Final = timedelta(days=3650)
"""Of huge quantities promised by the thousand."""


def promised_until(
    *, ordered_at: datetime, quantity: int, minutes: int, per_thousand: bool, is_package: bool
) -> datetime:
    """The moment by which an order is promised to be complete, counted from when it was ordered.

    A promise per 1000 counts every thousand that is begun; a package counts as one, whatever it holds.
    """
    times = -(-quantity // THOUSAND) if per_thousand and not is_package else 1
    return ordered_at + min(timedelta(minutes=minutes) * max(times, 1), LONGEST_PROMISE)
