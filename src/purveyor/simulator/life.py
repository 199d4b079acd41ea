"""How an order, a refill and a subscription live: pure functions of what was ordered and of the time.

Nothing here keeps state. What chance decides is drawn from the seed and the id, so the same order lives
the same life after a restart, on another machine, and however often it is asked about.

All times are *life seconds*: seconds at speed 1. The caller multiplies the elapsed time by the speed.
"""

import hashlib
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Final

import msgspec

SHORTEST_LIFE_SECONDS: Final = 15.0
LONGEST_LIFE_SECONDS: Final = 50.0
CANCEL_TAKES_SECONDS: Final = 3.0
"""Between `cancel` being accepted and the order stopping."""

PROCESSING_SHARE: Final = 0.5
"""The share of orders that are seen as Processing between Pending and In progress."""

WIRE_MINUTE_SECONDS: Final = 1.0
"""A minute of `interval` or `delay` passes as one life second: a drip-feed can be watched in a demo."""

REFILL_SHORTEST_SECONDS: Final = 8.0
REFILL_LONGEST_SECONDS: Final = 20.0
REFILL_PENDING_SHARE: Final = 0.3
REFILL_REJECTED_SHARE: Final = 0.15

FIRST_POST_AFTER_SECONDS: Final = 6.0
POST_EVERY_SECONDS: Final = 10.0
"""Between the first two posts."""
POSTS_UNTIL_HALF_AS_OFTEN: Final = 10
"""Posts become ever rarer, so that a subscription without end does not drown a demo left running."""
POST_JITTER_SECONDS: Final = 4.0
OLD_POST_EVERY_SECONDS: Final = 1.0

MONEY_STEP: Final = Decimal("0.00000001")


class Status(StrEnum):
    """A status word, spelled as the protocol does (§5)."""

    PENDING = "Pending"
    PROCESSING = "Processing"
    IN_PROGRESS = "In progress"
    COMPLETED = "Completed"
    PARTIAL = "Partial"
    CANCELED = "Canceled"
    REJECTED = "Rejected"  # refills only
    ACTIVE = "Active"  # subscriptions only, like the next two
    PAUSED = "Paused"
    EXPIRED = "Expired"


ENDED: Final = frozenset({Status.COMPLETED, Status.PARTIAL, Status.CANCELED})


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """How orders end, as shares of all orders; what is left over completes."""

    partial: float = 0.05
    canceled: float = 0.03

    def __post_init__(self) -> None:
        """Refuse shares that are not shares.

        Raises:
            ValueError: a share is negative or together they pass 1.
        """
        if self.partial < 0 or self.canceled < 0 or self.partial + self.canceled > 1:
            raise ValueError("the shares of partial and canceled orders are not between 0 and 1")


class Fate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What will happen to an order if nobody interferes."""

    processing_at: float
    """Life seconds after placing; equal to `starts_at` when the order skips Processing."""
    starts_at: float
    ends_at: float
    outcome: Status
    delivered: int
    """What will have been delivered at the end."""
    start_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an order is at one instant."""

    status: str
    start_count: int | None
    """None until delivery starts."""
    remains: int


def chances(*, seed: int, subject: str) -> tuple[float, float, float, float, float]:
    """Five numbers of [0, 1) that belong to a subject, the same ones every time."""
    digest = hashlib.blake2b(f"{seed}:{subject}".encode(), digest_size=40).digest()
    a, b, c, d, e = (int.from_bytes(digest[at : at + 8]) / 2**64 for at in range(0, 40, 8))
    return a, b, c, d, e


def draw_outcome(*, seed: int, order_id: int, quantity: int, outcomes: Outcomes) -> Status:
    """How the order will end; a quantity of one cannot end Partial."""
    draw = chances(seed=seed, subject=f"outcome {order_id}")[0]
    if draw < outcomes.canceled:
        return Status.CANCELED
    if draw < outcomes.canceled + outcomes.partial and quantity > 1:
        return Status.PARTIAL
    return Status.COMPLETED


def fate(*, seed: int, order_id: int, quantity: int, outcome: Status) -> Fate:
    """The whole life of an order whose end is already drawn."""
    length, start, skip, share, count = chances(seed=seed, subject=f"order {order_id}")
    ends_at = SHORTEST_LIFE_SECONDS + (LONGEST_LIFE_SECONDS - SHORTEST_LIFE_SECONDS) * length
    starts_at = ends_at * (0.1 + 0.15 * start)
    delivered = quantity
    if outcome is Status.PARTIAL:
        delivered = max(1, min(quantity - 1, int(quantity * (0.3 + 0.65 * share))))
    elif outcome is Status.CANCELED:
        starts_at = ends_at
        delivered = 0
    return Fate(
        processing_at=starts_at / 2 if skip < PROCESSING_SHARE else starts_at,
        starts_at=starts_at,
        ends_at=ends_at,
        outcome=outcome,
        delivered=delivered,
        start_count=int(count * 10_000),
    )


def progress(*, fate: Fate, quantity: int, age: float, cancel_requested_at: float | None = None) -> Progress:
    """How far the order is at an age, both it and the time of the request for cancelling in life seconds.

    A cancel stops the order `CANCEL_TAKES_SECONDS` after the request: Canceled when nothing was delivered
    by then, Partial when something was, and no effect when the order ended before.
    """
    stops_at = None if cancel_requested_at is None else cancel_requested_at + CANCEL_TAKES_SECONDS
    if stops_at is not None and age >= stops_at and stops_at < fate.ends_at:
        delivered = _delivered(fate=fate, age=stops_at)
        if delivered == 0:
            return Progress(status=Status.CANCELED, start_count=None, remains=quantity)
        return Progress(status=Status.PARTIAL, start_count=fate.start_count, remains=quantity - delivered)
    if age >= fate.ends_at:
        start_count = None if fate.outcome is Status.CANCELED else fate.start_count
        return Progress(status=fate.outcome, start_count=start_count, remains=quantity - fate.delivered)
    if age >= fate.starts_at:
        return Progress(
            status=Status.IN_PROGRESS,
            start_count=fate.start_count,
            remains=quantity - _delivered(fate=fate, age=age),
        )
    status = Status.PROCESSING if age >= fate.processing_at else Status.PENDING
    return Progress(status=status, start_count=None, remains=quantity)


def _delivered(*, fate: Fate, age: float) -> int:
    """What is delivered at an age before the end: evenly from start to end, the last one at the end."""
    if age <= fate.starts_at or fate.delivered == 0:
        return 0
    share = (age - fate.starts_at) / (fate.ends_at - fate.starts_at)
    return min(int(fate.delivered * share), fate.delivered - 1)


def net_charge(*, charge: Decimal, quantity: int, status: str, remains: int) -> Decimal:
    """What the buyer has paid after refunds (protocol §7.3), between 0 and the charge.

    A Partial costs its delivered part, a Canceled or Refunded nothing, everything else the whole charge.
    """
    if status in (Status.CANCELED, "Refunded"):
        return Decimal(0)
    if status == Status.PARTIAL and quantity > 0:
        delivered = quantity - max(0, min(remains, quantity))
        return (charge * delivered / quantity).quantize(MONEY_STEP, ROUND_HALF_EVEN)
    return charge


def refill_status(*, seed: int, refill_id: int, age: float, rejected: bool | None = None) -> Status:
    """Where a refill is at an age in life seconds; `rejected` settles its end, otherwise chance does."""
    length, end, *_ = chances(seed=seed, subject=f"refill {refill_id}")
    takes = REFILL_SHORTEST_SECONDS + (REFILL_LONGEST_SECONDS - REFILL_SHORTEST_SECONDS) * length
    if age < takes * REFILL_PENDING_SHARE:
        return Status.PENDING
    if age < takes:
        return Status.IN_PROGRESS
    if rejected is None:
        rejected = end < REFILL_REJECTED_SHARE
    return Status.REJECTED if rejected else Status.COMPLETED


def new_post_at(*, seed: int, order_id: int, index: int, delay_minutes: int) -> float:
    """When the order of a subscription's new post number `index` (from 0) is placed, in life seconds."""
    jitter = chances(seed=seed, subject=f"post {order_id} {index}")[0] * POST_JITTER_SECONDS
    appears = FIRST_POST_AFTER_SECONDS + jitter
    appears += index * POST_EVERY_SECONDS * (1 + index / POSTS_UNTIL_HALF_AS_OFTEN)
    return appears + delay_minutes * WIRE_MINUTE_SECONDS


def old_post_at(*, index: int) -> float:
    """When the order of a subscription's existing post number `index` (from 0) is placed."""
    return index * OLD_POST_EVERY_SECONDS


def post_quantity(*, seed: int, order_id: int, number: int, minimum: int, maximum: int) -> int:
    """The quantity of the order for a subscription's post number `number`: any of minimum to maximum."""
    draw = chances(seed=seed, subject=f"quantity {order_id} {number}")[0]
    return minimum + int(draw * (maximum - minimum + 1))
