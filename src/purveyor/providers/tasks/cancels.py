"""Forwarding wishes to cancel: told to the provider until it answers; the order's status tells the end."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db import transaction

from purveyor.database import fetch_all, hot_cursor, load_sql
from purveyor.orders.cancelling import settle_cancel
from purveyor.providers.metrics import FORWARDED
from purveyor.providers.models import ForwardState
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Refused

_SQL: Final = load_sql(__file__, "forwarding.sql")

MOST_AT_ONCE: Final = 500
FIRST_RETRY: Final = timedelta(seconds=10)
LONGEST_RETRY: Final = timedelta(minutes=10)
LOOK_AFTER: Final = timedelta(seconds=3)
"""From a cancel that was taken to the question what became of the order."""

AGAIN: Final = frozenset(
    {RefusalClass.RATE, RefusalClass.KEY, RefusalClass.FUNDS, RefusalClass.NOT_SENT, RefusalClass.GIVEN_BACK}
)
"""Refusals that say nothing about the wish: it is told again."""
MOST_TRIES_UNREAD: Final = 6
"""How often a wish is told that is refused in words we cannot read, some five minutes in all: "cannot cancel"
looks like "come back later"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelWish:
    """A wish that is being told to a provider."""

    task_id: int
    cancel_request_id: int | None
    fulfilment_id: int
    provider_id: int
    external_id: str
    tries: int


@transaction.atomic
def claim_cancels(*, provider_ids: Collection[int], lease: timedelta) -> list[CancelWish]:
    """Take the wishes that are due; those whose order has ended meanwhile are dropped."""
    with hot_cursor() as cursor:
        cursor.execute(_SQL["let_go_of_cancels"].encode())
        cursor.execute(_SQL["adopt_cancels"].encode())
    rows = fetch_all(
        _SQL["claim_cancels"],
        {"providers": list(provider_ids), "limit": MOST_AT_ONCE, "lease": lease.total_seconds()},
    )
    for row in rows:
        if row.ended:
            _write(row.id, ForwardState.REFUSED, "The order ended first.", None)
    return [
        CancelWish(
            task_id=row.id,
            cancel_request_id=row.cancel_request_id,
            fulfilment_id=row.fulfilment_id,
            provider_id=row.provider_id,
            external_id=row.external_id,
            tries=row.tries,
        )
        for row in rows
        if not row.ended
    ]


@transaction.atomic
def record_cancel(wish: CancelWish, reply: bool | Refused | None) -> None:  # noqa: FBT001  (the provider's yes)
    """Write down what a provider said to a wish; None is an answer that nobody can read, or none at all.

    The wish may be told any number of times without harm, because canceling twice is canceling: so whatever
    is not clearly a no is told again until the order has ended.
    """
    if isinstance(reply, Refused) and reply.refusal is RefusalClass.REPEATED:
        reply = True
    if reply is True:
        _write(wish.task_id, ForwardState.ACCEPTED, "", None)
        fetch_soon(wish.fulfilment_id)
    elif isinstance(reply, Refused) and not _is_told_again(wish, reply):
        _write(wish.task_id, ForwardState.REFUSED, reply.text, None)
        if wish.cancel_request_id is not None:
            settle_cancel(request_id=wish.cancel_request_id, refused_reason=reply.text)
    else:
        text = reply.text if isinstance(reply, Refused) else ""
        _write(wish.task_id, ForwardState.WAITING, text, retry_delay(tries=wish.tries))
    FORWARDED.labels(kind="cancel", outcome=_outcome(reply)).inc()


def _is_told_again(wish: CancelWish, refused: Refused) -> bool:
    unread = refused.refusal is RefusalClass.OTHER and wish.tries < MOST_TRIES_UNREAD
    return unread or refused.refusal in AGAIN


def retry_delay(*, tries: int) -> timedelta:
    """From one try to the next: twice as long each time, to a limit."""
    doublings: int = min(max(tries - 1, 0), 10)
    return min(FIRST_RETRY * (1 << doublings), LONGEST_RETRY)


def fetch_soon(fulfilment_id: int) -> None:
    """Have an order asked about soon: something that should change it was just asked for."""
    with hot_cursor() as cursor:
        cursor.execute(
            _SQL["look_soon"].encode(), {"id": fulfilment_id, "seconds": LOOK_AFTER.total_seconds()}
        )


def _write(task_id: int, state: ForwardState, response: str, again_after: timedelta | None) -> None:
    parameters: dict[str, Any] = {
        "id": task_id,
        "state": state.value,
        "response": response,
        "again_after": None if again_after is None else again_after.total_seconds(),
    }
    with hot_cursor() as cursor:
        cursor.execute(_SQL["write_cancel"].encode(), parameters)


def _outcome(reply: bool | Refused | None) -> str:  # noqa: FBT001  (as above)
    if isinstance(reply, Refused):
        return reply.refusal.value
    return "accepted" if reply else "unclear"
