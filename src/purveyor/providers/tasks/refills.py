"""Forwarding refills: asked for once, followed by the provider's id of it, and never asked for twice blindly.

A refill whose answer was lost may be running. The protocol has no list of refills and no idempotency, so only
a provider's own answer can show which it is: asked again a day later, when its rule of one refill a day is
over (§7.1), it either takes the refill anew, because none is running, or refuses because one is.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from django.db import transaction

from purveyor.catalog.models import RefillBy
from purveyor.database import fetch_all, hot_cursor, load_sql
from purveyor.orders.models import Refill, RefillStatus
from purveyor.orders.refilling import settle_refill
from purveyor.providers.metrics import FORWARDED
from purveyor.providers.models import ForwardState
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Accepted, RefillReply, Refused, Unclear
from purveyor.providers.tasks.cancels import AGAIN, retry_delay

_SQL: Final = load_sql(__file__, "forwarding.sql")
_log = structlog.get_logger(__name__)

MOST_AT_ONCE: Final = 64
ASK_AGAIN_AFTER: Final = timedelta(hours=24, minutes=1)
"""After an answer that was lost: a panel refuses a second refill for 24 hours (protocol §7.1)."""
TOO_EARLY_RETRY: Final = timedelta(hours=1)
"""The provider counts its 24 hours from its own clock, a little later than we do."""
LONGEST_WAIT: Final = timedelta(days=7)
"""A refill that got nowhere in this time, or of which nothing is told for so long, is rejected, so that its
customer may ask again."""

_AGAIN_IN_A_DAY: Final = frozenset({RefusalClass.REPEATED, RefusalClass.TOO_EARLY})
FIRST_LOOK: Final = timedelta(seconds=3)
LATEST_LOOK: Final = timedelta(minutes=30)
_SHARE_OF_AGE: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class RefillWish:
    """A refill that is being asked for, or asked about."""

    refill_id: int
    state: ForwardState
    """Before it was taken up now."""
    external_id: str
    """The provider's id of the refill, once it has one."""
    order_external_id: str
    provider_id: int
    tries: int
    age: timedelta
    silence: timedelta
    """Since the provider last told anything new of it, or a status."""


@transaction.atomic
def claim_refills(*, provider_ids: Collection[int], lease: timedelta) -> list[RefillWish]:
    """Take the refills that are due: to be asked for, or to be asked about."""
    with hot_cursor() as cursor:
        cursor.execute(_SQL["adopt_refills"].encode())
    rows = fetch_all(
        _SQL["claim_refills"],
        {"providers": list(provider_ids), "limit": MOST_AT_ONCE, "lease": lease.total_seconds()},
    )
    wishes = [
        RefillWish(
            refill_id=row.refill_id,
            state=ForwardState(row.before),
            external_id=row.external_id,
            order_external_id=row.order_external_id,
            provider_id=row.provider_id,
            tries=row.tries,
            age=row.age,
            silence=row.silence,
        )
        for row in rows
    ]
    for wish in wishes:
        if wish.state is ForwardState.SENDING:
            record_asked(wish, Unclear("the worker died while it asked"))
    return [wish for wish in wishes if wish.state is not ForwardState.SENDING]


@transaction.atomic
def record_asked(wish: RefillWish, reply: Accepted | Refused | Unclear) -> None:
    """Write down what a provider said when it was asked for a refill."""
    if isinstance(reply, Accepted):
        _write(wish, ForwardState.ACCEPTED, "", FIRST_LOOK, external_id=reply.external_id)
    elif isinstance(reply, Unclear):
        _log.warning("refill_unknown", refill_id=wish.refill_id, why=reply.why)
        _write(wish, ForwardState.UNKNOWN, reply.why, ASK_AGAIN_AFTER)
    elif reply.refusal in AGAIN:
        state = ForwardState.UNKNOWN if wish.state is ForwardState.UNKNOWN else ForwardState.WAITING
        _write(wish, state, reply.text, retry_delay(tries=wish.tries))
    elif reply.refusal in _AGAIN_IN_A_DAY and wish.age < LONGEST_WAIT:
        running = wish.state is ForwardState.UNKNOWN
        _write(wish, wish.state, reply.text, ASK_AGAIN_AFTER if running else TOO_EARLY_RETRY)
    else:
        _write(wish, ForwardState.REFUSED, reply.text, None)
        if not _another_may(wish):
            settle_refill(refill_id=wish.refill_id, status=RefillStatus.REJECTED, reason=reply.text)
    FORWARDED.labels(kind="refill", outcome=_outcome(reply)).inc()


@transaction.atomic
def record_told(wish: RefillWish, reply: RefillReply | Refused | None) -> None:
    """Write down what a provider told about a refill; None where its answer lacked it."""
    status = reply.status if isinstance(reply, RefillReply) else None
    word = reply.word if isinstance(reply, RefillReply) else reply.text if reply else None
    reason = ""
    if status is None and wish.silence > LONGEST_WAIT:
        status, reason = RefillStatus.REJECTED, "The provider does not tell what became of it"
    if status is RefillStatus.REJECTED and _another_may(wish):
        settle_refill(refill_id=wish.refill_id, status=RefillStatus.PENDING)
        _write(wish, ForwardState.REFUSED, reason or word or "", None)
        return
    if status is not None:
        settle_refill(refill_id=wish.refill_id, status=status, reason=reason)
    ended = status in (RefillStatus.COMPLETED, RefillStatus.REJECTED)
    again = None if ended else min(max(wish.age * _SHARE_OF_AGE, FIRST_LOOK), LATEST_LOOK)
    _write(wish, ForwardState.ACCEPTED, word, again, is_news=status is not None)


def _another_may(wish: RefillWish) -> bool:
    """Whether another may deliver what this provider refused: then it waits for staff, who say how much."""
    refill = Refill.objects.select_related("order__service").get(pk=wish.refill_id)
    return refill.order.service.refill_by == RefillBy.ELSEWHERE


def _write(
    wish: RefillWish,
    state: ForwardState,
    response: str | None,
    again_after: timedelta | None,
    *,
    external_id: str | None = None,
    is_news: bool = True,
) -> None:
    """`response` is None where nothing was told: then the last words stay. `is_news` ends the silence."""
    parameters: dict[str, Any] = {
        "id": wish.refill_id,
        "state": state.value,
        "response": response,
        "is_news": is_news,
        "external_id": wish.external_id if external_id is None else external_id,
        "again_after": None if again_after is None else again_after.total_seconds(),
    }
    with hot_cursor() as cursor:
        cursor.execute(_SQL["write_refill"].encode(), parameters)


def _outcome(reply: Accepted | Refused | Unclear) -> str:
    if isinstance(reply, Refused):
        return reply.refusal.value
    return "accepted" if isinstance(reply, Accepted) else "unclear"
