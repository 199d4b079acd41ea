"""Every status word of protocol §5 in every spelling."""

import pytest

from purveyor.orders.models import RefillStatus, Status
from purveyor.providers.protocol.words import order_status, refill_status, subscription_status

ORDERS = [
    ("Pending", Status.PENDING),
    ("pending", Status.PENDING),
    ("Awaiting", Status.PENDING),
    ("Processing", Status.PROCESSING),
    ("PROCESSING", Status.PROCESSING),
    ("In progress", Status.IN_PROGRESS),
    ("In Progress", Status.IN_PROGRESS),
    ("in_progress", Status.IN_PROGRESS),
    ("Inprogress", Status.IN_PROGRESS),
    ("Active", Status.IN_PROGRESS),
    ("Completed", Status.COMPLETED),
    ("Complete", Status.COMPLETED),
    (" completed ", Status.COMPLETED),
    ("refill", Status.COMPLETED),
    ("Partial", Status.PARTIAL),
    ("Partially Completed", Status.PARTIAL),
    ("Canceled", Status.CANCELED),
    ("Cancelled", Status.CANCELED),
    ("CANCELLED", Status.CANCELED),
    ("Refunded", Status.CANCELED),
    ("Rejected", Status.CANCELED),
    ("Fail", Status.CANCELED),
    ("Failed", Status.CANCELED),
    # Words that end nothing and refund nothing.
    ("Error", None),
    ("On hold", None),
    ("", None),
    ("Завершено", None),
]


@pytest.mark.parametrize(("word", "status"), ORDERS)
def test_order_words(word: str, status: Status | None) -> None:
    assert order_status(word) is status


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Active", Status.ACTIVE),
        ("In progress", Status.ACTIVE),
        ("Paused", Status.PAUSED),
        ("Completed", Status.COMPLETED),
        ("Expired", Status.EXPIRED),
        ("Canceled", Status.CANCELED),
        ("cancelled", Status.CANCELED),
        ("Partial", None),
        ("Error", None),
    ],
)
def test_subscription_words(word: str, status: Status | None) -> None:
    assert subscription_status(word) is status


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Pending", RefillStatus.PENDING),
        ("Awaiting", RefillStatus.PENDING),
        ("In progress", RefillStatus.IN_PROGRESS),
        ("In progess", RefillStatus.IN_PROGRESS),
        ("tasks.status.in_progress", RefillStatus.IN_PROGRESS),
        ("Completed", RefillStatus.COMPLETED),
        ("tasks.status.completed", RefillStatus.COMPLETED),
        ("Partial", RefillStatus.COMPLETED),
        ("Rejected", RefillStatus.REJECTED),
        ("rejected", RefillStatus.REJECTED),
        ("Canceled", RefillStatus.REJECTED),
        ("Cancelled", RefillStatus.REJECTED),
        ("Error", RefillStatus.REJECTED),
        ("Soon", None),
    ],
)
def test_refill_words(word: str, status: RefillStatus | None) -> None:
    assert refill_status(word) is status
