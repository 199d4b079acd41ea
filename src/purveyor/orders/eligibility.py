"""Whether a refill, a cancel or the rest can be asked for, why (not), and from when until when.

Facts in, a value out. The rules are the protocol's (§7). Nothing here looks at a clock or a database: equal
facts always give the same answer, and of an answer that changes with time both moments are told.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from purveyor.orders.models import FINAL_STATUSES, OrderKind, Status
from purveyor.orders.refusals import (
    CancelAlreadyRequested,
    CancelDisabled,
    NothingLeft,
    OrderAlreadyFinished,
    OrderNotCompleted,
    RefillDaysOver,
    RefillDisabled,
    RefillTooSoon,
    Refusal,
    RestNotOffered,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    """Whether something can be asked for at one moment, as the facts stand."""

    refusal: Refusal | None
    """Why it cannot be asked for; its `code` is for programs, its `reason` for people. None when it can."""
    from_when: datetime | None
    """From when on it can be asked for: past when it can be now, None when never as the facts stand."""
    until: datetime | None
    """Up to which moment, itself included; None without end, or when never."""

    @property
    def allowed(self) -> bool:
        """Whether it can be asked for now."""
        return self.refusal is None


def refill_eligibility(
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
) -> Eligibility:
    """Whether a refill can be asked for at `now` (protocol §7.1).

    `days` counts from completion, None is without end; `wait` is the time after completion and between
    requests. While a refill is running nobody knows when it ends, so nobody can tell from when.
    """
    if not offered or kind != OrderKind.ORDER:
        return _never(RefillDisabled())
    if status != Status.COMPLETED:
        return _never(OrderNotCompleted())
    until = None if days is None else completed_at + timedelta(days=days)
    if until is not None and now > until:
        return _never(RefillDaysOver())
    from_when = wait + (completed_at if last_asked_at is None else max(completed_at, last_asked_at))
    if is_running or (until is not None and from_when > until):
        return _never(RefillTooSoon())
    return Eligibility(refusal=RefillTooSoon() if now < from_when else None, from_when=from_when, until=until)


def cancel_eligibility(
    *, offered: bool, status: str, already_asked: bool, ordered_at: datetime
) -> Eligibility:
    """Whether a cancel can be asked for (protocol §7.2): from the order on, until it ends in any way."""
    if status in (*FINAL_STATUSES, Status.EXPIRED):
        return _never(OrderAlreadyFinished())
    if not offered:
        return _never(CancelDisabled())
    if already_asked:
        return _never(CancelAlreadyRequested())
    return Eligibility(refusal=None, from_when=ordered_at, until=None)


def finish_eligibility(
    *, offered: bool, divisible: bool, kind: str, is_part: bool, status: str, remains: int, ended_at: datetime
) -> Eligibility:
    """Whether a customer can have the rest of an order finished by another provider, charged again.

    From its end as Partial on, without end. `is_part` tells that the order is a run of a drip-feed or a post
    of a subscription: its parent may have ended, and nobody reopens that.
    """
    if not offered or not divisible or kind != OrderKind.ORDER or is_part:
        return _never(RestNotOffered())
    if status != Status.PARTIAL or remains <= 0:
        return _never(NothingLeft())
    return Eligibility(refusal=None, from_when=ended_at, until=None)


def _never(refusal: Refusal) -> Eligibility:
    return Eligibility(refusal=refusal, from_when=None, until=None)
