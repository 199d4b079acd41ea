"""How good a route is, as one number: pure arithmetic over what was measured of it.

Each measure becomes a mark between 0 and 1; the score is their mean by weight, times 100. What was measured
of few orders counts little: the score starts at `NEUTRAL_SCORE` and moves to the measured one as orders come.
"""

from dataclasses import dataclass
from typing import Final

from purveyor.providers.models import NEUTRAL_SCORE

WEIGHTS: Final = {
    "start": 20,
    "finish": 20,
    "cancel": 20,
    "partial": 15,
    "uptime": 10,
    "refill": 10,
    "drift": 5,
}
"""In percent of the score. Failed orders weigh most, then waiting; money is the margin guard's business."""
ORDINARY_START_SECONDS: Final = 1800.0
"""A route that starts within this time at the median gets half the marks; at once, all of them."""
ORDINARY_FINISH_SECONDS: Final = 6 * 3600.0
"""The same of a thousand."""
ORDINARY_DRIFT_PERCENT: Final = 5.0
"""The same of what is charged beyond the list."""
ORDERS_OF_DOUBT: Final = 10
"""From so many orders, half of the score is measured and half is the neutral one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What was measured of a route. None: there was nothing to measure that by."""

    orders: int
    """From how many ended hand-overs it was measured."""
    start_seconds: float | None = None
    """Median from acceptance to the first progress."""
    finish_seconds_per_1000: float | None = None
    """Median from acceptance to completion, scaled to a quantity of 1000."""
    partial_percent: float | None = None
    cancel_percent: float | None = None
    refill_success_percent: float | None = None
    cost_drift_percent: float | None = None
    """Charged beyond the list; never negative."""
    uptime_percent: float | None = None


def score(quality: Quality) -> float:
    """The score of a route, between 0 and 100.

    Better in any one measure is never a lower score. A measure that is missing gets neutral marks.
    """
    marks = {
        "start": _speed(quality.start_seconds, ordinary=ORDINARY_START_SECONDS),
        "finish": _speed(quality.finish_seconds_per_1000, ordinary=ORDINARY_FINISH_SECONDS),
        "cancel": _absence(quality.cancel_percent),
        "partial": _absence(quality.partial_percent),
        "uptime": _presence(quality.uptime_percent),
        "refill": _presence(quality.refill_success_percent),
        "drift": _speed(quality.cost_drift_percent, ordinary=ORDINARY_DRIFT_PERCENT),
    }
    measured = sum(weight * marks[name] for name, weight in WEIGHTS.items())
    doubt = ORDERS_OF_DOUBT / (ORDERS_OF_DOUBT + quality.orders)
    return min(max(doubt * NEUTRAL_SCORE + (1 - doubt) * measured, 0.0), 100.0)


_NEUTRAL: Final = NEUTRAL_SCORE / 100


def _speed(measured: float | None, *, ordinary: float) -> float:
    """All marks for nothing at all, half for the ordinary, ever less beyond."""
    return _NEUTRAL if measured is None else ordinary / (ordinary + max(measured, 0.0))


def _presence(percent: float | None) -> float:
    return _NEUTRAL if percent is None else min(max(percent, 0.0), 100.0) / 100


def _absence(percent: float | None) -> float:
    return _NEUTRAL if percent is None else 1 - _presence(percent)
