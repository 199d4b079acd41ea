"""How long orders take: pure arithmetic on what was measured."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Final

LEAST_MEASURED: Final = 10
"""Orders below which nothing is told: "not enough data"."""
SCALE: Final = 1000
"""Units that an average time is told for, as prices are."""
LONGEST_TIME: Final = timedelta(days=3650)
"""An average beyond it, of single units that took months, is nonsense, and fits no calendar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A completed order, as far as its time goes."""

    took: timedelta
    """From order to completion."""
    quantity: int
    is_package: bool
    """Whether the quantity counts packages, so that the time says nothing about a thousand."""


def average_time(latest_first: Sequence[Delivery]) -> timedelta | None:
    """The average time of the last 10 completed orders, each scaled to 1000; packages are not scaled.

    None is "not enough data": fewer than 10.
    """
    if len(latest_first) < LEAST_MEASURED:
        return None
    scaled = [_scaled(item) for item in latest_first[:LEAST_MEASURED]]
    return sum(scaled, timedelta(0)) / LEAST_MEASURED


def _scaled(item: Delivery) -> timedelta:
    if item.is_package:
        return min(item.took, LONGEST_TIME)
    seconds = item.took.total_seconds() * SCALE / item.quantity
    return timedelta(seconds=min(seconds, LONGEST_TIME.total_seconds()))


def percentile(times: Iterable[timedelta], share: float) -> timedelta | None:
    """The time within which this share (0…1] of the orders was done: one of the times, never one between.

    None is "not enough data", as for the average.
    """
    ordered = sorted(times)
    if len(ordered) < LEAST_MEASURED:
        return None
    return ordered[max(ceil(share * len(ordered)), 1) - 1]
