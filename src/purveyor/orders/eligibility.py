"""Whether a refill or a cancel can be asked for. Facts in, a refusal or None out (protocol §7)."""

from datetime import datetime, timedelta

from purveyor.orders.models import FINAL_STATUSES, OrderKind, Status
from purveyor.orders.refusals import (
    CancelAlreadyRequested,
    CancelDisabled,
    OrderAlreadyFinished,
    OrderNotCompleted,
    RefillDaysOver,
    RefillDisabled,
    RefillTooSoon,
    Refusal,
)


def refill_refusal(
    *,
    offered: bool,
    days: int | None,
    kind: str,
    status: str,
    completed_at: datetime,
    last_asked_at: datetime | None,
    is_running: bool,
    now: datetime,
    wait: timedelta,
) -> Refusal | None:
    """Why a refill cannot be asked for now; None when it can.

    `days` counts from completion, None is without end; `wait` is the time after completion and between
    requests.
    """
    if not offered or kind != OrderKind.ORDER:
        return RefillDisabled()
    if status != Status.COMPLETED:
        return OrderNotCompleted()
    if days is not None and now > completed_at + timedelta(days=days):
        return RefillDaysOver()
    last = completed_at if last_asked_at is None else max(completed_at, last_asked_at)
    if is_running or now < last + wait:
        return RefillTooSoon()
    return None


def cancel_refusal(*, offered: bool, status: str, already_asked: bool) -> Refusal | None:
    """Why a cancel cannot be asked for; None when it can."""
    if status in (*FINAL_STATUSES, Status.EXPIRED):
        return OrderAlreadyFinished()
    if not offered:
        return CancelDisabled()
    if already_asked:
        return CancelAlreadyRequested()
    return None
