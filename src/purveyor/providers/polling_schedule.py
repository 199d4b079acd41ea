"""When an order is asked about next: a pure function of how old it is and how much of it remains."""

from datetime import timedelta
from typing import Final

SOONEST: Final = timedelta(seconds=5)
"""Also from acceptance to the first question."""
LATEST: Final = timedelta(minutes=30)
SHARE_OF_AGE: Final = 0.2
"""An order is asked about again after a fifth of its age: a change is seen late by at most that share."""

NEARLY_FINISHED_SHARE: Final = 0.1
NEARLY_FINISHED_LATEST: Final = timedelta(minutes=5)

SUBSCRIPTION_SOONEST: Final = timedelta(seconds=5)
"""Also from acceptance to the first question."""
SUBSCRIPTION_LATEST: Final = timedelta(minutes=5)
"""A subscription sleeps until its account posts, so its age says little; a post must not wait for long."""

LOOKS_AFTER_END: Final = (timedelta(hours=1), timedelta(days=1), timedelta(days=3))
"""Ages since the end. Some panels reopen a finished order (protocol §5), and that must be seen."""

REMINDER_AFTER_TROUBLE: Final = timedelta(seconds=30)
"""Until an order is asked about again whose provider did not give a usable answer about it."""


def next_delay(
    *, age: timedelta, remains: int | None, quantity: int, subscription: bool = False
) -> timedelta:
    """From one question about an open order to the next. `age` counts from acceptance; None is unknown."""
    if subscription:
        return min(max(age * SHARE_OF_AGE, SUBSCRIPTION_SOONEST), SUBSCRIPTION_LATEST)
    delay = min(max(age * SHARE_OF_AGE, SOONEST), LATEST)
    nearly_finished = remains is not None and remains <= quantity * NEARLY_FINISHED_SHARE
    return min(delay, NEARLY_FINISHED_LATEST) if nearly_finished else delay


def delay_after_end(*, since_end: timedelta) -> timedelta | None:
    """From a question about a finished order to the next; None when it is left alone from now on."""
    return next((look - since_end for look in LOOKS_AFTER_END if look > since_end), None)
