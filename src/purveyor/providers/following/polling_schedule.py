"""When an order is asked about next.

A pure function of how old it is, how much of it remains, how long its service usually takes, and how far the
budget of its provider goes.
"""

from datetime import timedelta
from typing import Final

SOONEST: Final = timedelta(seconds=5)
"""Also from acceptance to the first question, unless the usual time puts that off."""
LATEST: Final = timedelta(minutes=30)
SHARE_OF_AGE: Final = 0.2
"""An order is asked about again after a fifth of its age: a change is seen late by at most that share."""

SHARE_OF_USUAL: Final = 0.1
"""Of the usual time: the most between two questions about an order that may end any moment now."""
STILL_USUAL: Final = 2
"""Usual times after which an order counts as stuck; its age alone speaks from then on."""
EARLY_SHARE_OF_USUAL: Final = 0.02
"""Of the usual time: an order that takes days is not asked about every few seconds when it is new."""
EARLY_LATEST: Final = timedelta(minutes=5)
"""The most that the usual time puts a question off: the start of an order is a change too."""

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
    *,
    age: timedelta,
    remains: int | None,
    quantity: int,
    subscription: bool = False,
    usual: timedelta | None = None,
    stretch: float = 1.0,
) -> timedelta:
    """From one question about an open order to the next.

    `age` counts from acceptance, `usual` is the time its service usually takes; None is unknown. `stretch`
    says how many times more is wanted than the budget of its provider allows (`polling_budget`): every delay
    grows or shrinks alike, so that a young order keeps its lead over an old one.
    """
    soonest, latest = (SUBSCRIPTION_SOONEST, SUBSCRIPTION_LATEST) if subscription else (SOONEST, LATEST)
    delay = age * SHARE_OF_AGE
    if usual is not None:
        delay = max(delay, min(usual * EARLY_SHARE_OF_USUAL, EARLY_LATEST))
        if age <= usual * STILL_USUAL:
            delay = min(delay, usual * SHARE_OF_USUAL)
    delay = min(max(delay, soonest), latest)
    if remains is not None and remains <= quantity * NEARLY_FINISHED_SHARE:
        delay = min(delay, NEARLY_FINISHED_LATEST)
    return max(delay * stretch, soonest)


def first_delay(*, usual: timedelta | None) -> timedelta:
    """From the acceptance of an order to the first question about it."""
    return next_delay(age=timedelta(0), remains=None, quantity=0, usual=usual)


def delay_after_end(*, since_end: timedelta) -> timedelta | None:
    """From a question about a finished order to the next; None when it is left alone from now on."""
    return next((look - since_end for look in LOOKS_AFTER_END if look > since_end), None)
