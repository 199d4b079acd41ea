"""Status words of providers, in every spelling seen, as the panel's own (protocol §5)."""

import re
from typing import Final

from purveyor.orders.models import RefillStatus, Status

_NOISE: Final = re.compile(r"[\s_.\-]+")


def _plain(word: str) -> str:
    """A word without case, blanks and underscores, `cancelled` with one l."""
    return _NOISE.sub("", word.lower()).replace("cancelled", "canceled")


_ORDER_WORDS: Final = {
    "pending": Status.PENDING,
    "awaiting": Status.PENDING,
    "queued": Status.PENDING,
    "processing": Status.PROCESSING,
    "inprogress": Status.IN_PROGRESS,
    "inprogres": Status.IN_PROGRESS,
    "inprogess": Status.IN_PROGRESS,
    "active": Status.IN_PROGRESS,
    "completed": Status.COMPLETED,
    "complete": Status.COMPLETED,
    # Only a completed order is refilled, and a refill changes nothing about its money (§7.1).
    "refill": Status.COMPLETED,
    "refilling": Status.COMPLETED,
    "partial": Status.PARTIAL,
    "partiallycompleted": Status.PARTIAL,
    "canceled": Status.CANCELED,
    "refunded": Status.CANCELED,
    "rejected": Status.CANCELED,
    "fail": Status.CANCELED,
    "failed": Status.CANCELED,
    # "Error" is missing on purpose: on many panels staff take such an order up again, so it ends nothing.
}

_OF_CALLS_TOO: Final = frozenset({"fail", "failed", "rejected"})
"""Words that end an order, but also what firewalls and panels in maintenance say to a call."""

_SUBSCRIPTION_WORDS: Final = {
    "active": Status.ACTIVE,
    "pending": Status.ACTIVE,
    "processing": Status.ACTIVE,
    "inprogress": Status.ACTIVE,
    "paused": Status.PAUSED,
    "completed": Status.COMPLETED,
    "complete": Status.COMPLETED,
    "expired": Status.EXPIRED,
    "canceled": Status.CANCELED,
}

_REFILL_WORDS: Final = {
    "pending": RefillStatus.PENDING,
    "awaiting": RefillStatus.PENDING,
    "inprogress": RefillStatus.IN_PROGRESS,
    "inprogess": RefillStatus.IN_PROGRESS,
    "processing": RefillStatus.IN_PROGRESS,
    "completed": RefillStatus.COMPLETED,
    "complete": RefillStatus.COMPLETED,
    "success": RefillStatus.COMPLETED,
    "partial": RefillStatus.COMPLETED,
    "rejected": RefillStatus.REJECTED,
    "canceled": RefillStatus.REJECTED,
    "error": RefillStatus.REJECTED,
    "fail": RefillStatus.REJECTED,
    "failed": RefillStatus.REJECTED,
}


def order_status(word: str) -> Status | None:
    """What a provider's word says about an order; None for a word we do not know, which ends nothing."""
    return _ORDER_WORDS.get(_plain(word))


def may_be_about_the_call(word: str) -> bool:
    """Whether a word that stands alone may be the call's end as well as the order's: then it ends nothing."""
    return _plain(word) in _OF_CALLS_TOO


def subscription_status(word: str) -> Status | None:
    """What a provider's word says about a subscription; None for a word we do not know."""
    return _SUBSCRIPTION_WORDS.get(_plain(word))


def refill_status(word: str) -> RefillStatus | None:
    """What a provider's word says about a refill, also as a key like `tasks.status.completed`."""
    return _REFILL_WORDS.get(_plain(word.lower().removeprefix("tasks.status.")))
