"""Orders and what belongs to them."""

from purveyor.orders.models.orders import (
    FINAL_STATUSES,
    LONGEST_IDEMPOTENCY_KEY,
    OPEN_STATUSES,
    Dispatch,
    Order,
    OrderKind,
    Source,
    Status,
)
from purveyor.orders.models.posts import FedPost, PostOutcome
from purveyor.orders.models.promises import OrderPromise, PastPromise, PromiseOutcome, ServicePromise
from purveyor.orders.models.schedules import DripFeed, Subscription
from purveyor.orders.models.timeline import EventKind, OrderEvent
from purveyor.orders.models.wishes import OPEN_REFILLS, CancelRequest, CancelStatus, Refill, RefillStatus

__all__ = [
    "FINAL_STATUSES",
    "LONGEST_IDEMPOTENCY_KEY",
    "OPEN_REFILLS",
    "OPEN_STATUSES",
    "CancelRequest",
    "CancelStatus",
    "Dispatch",
    "DripFeed",
    "EventKind",
    "FedPost",
    "Order",
    "OrderEvent",
    "OrderKind",
    "OrderPromise",
    "PastPromise",
    "PostOutcome",
    "PromiseOutcome",
    "Refill",
    "RefillStatus",
    "ServicePromise",
    "Source",
    "Status",
    "Subscription",
]
