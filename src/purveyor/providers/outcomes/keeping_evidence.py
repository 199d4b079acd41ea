"""Keeping what is found out about hand-overs of unknown outcome, for people to judge by."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from purveyor.database import fetch_all, hot_cursor, load_sql
from purveyor.providers.models import EvidenceKind

_SQL: Final = load_sql(__file__, "keeping_evidence.sql")

LONGEST_TEXT_CHARACTERS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceBefore:
    """What a provider told of our balance before it was sent what nobody knows the outcome of."""

    amount: Decimal
    at: datetime
    refunds_possible: bool
    """Whether orders of ours were under way there, which may have been refunded since."""


def keep_evidence(*, fulfilment_id: int, kind: EvidenceKind, text: str) -> None:
    """Keep a piece of evidence in place of an earlier one of its kind."""
    with hot_cursor() as cursor:
        cursor.execute(
            _SQL["keep_evidence"].encode(),
            {"fulfilment": fulfilment_id, "kind": kind.value, "text": _storable(text)},
        )


def note_duplicate(*, order_id: int, provider_id: int, text: str) -> None:
    """Keep, with each unknown hand-over of the same link there, that an order was refused as its duplicate.

    `text` is the provider's. Other open orders of ours with that link there would explain it as well, so the
    evidence says whether there are any.
    """
    with hot_cursor() as cursor:
        cursor.execute(
            _SQL["note_duplicate"].encode(),
            {"order": order_id, "provider": provider_id, "text": _storable(text)[:200]},
        )


def doubt_not_placed(*, order_id: int, provider_id: int, text: str) -> int | None:
    """Make a hand-over unknown again that was said not to have been placed, and return it.

    When its order was sent again and the provider refuses it, in the words `text`, as a duplicate, which no
    other order of ours explains: whoever waited and sent it once more would buy it twice. Staff decide, and
    only once: who says so again knows of this. In a transaction that holds the order.
    """
    rows = fetch_all(_SQL["doubt_not_placed"], {"order": order_id, "provider": provider_id})
    for row in rows:
        words = f"sent again, the order itself was refused as a duplicate: {text}"
        keep_evidence(fulfilment_id=row.id, kind=EvidenceKind.DUPLICATE, text=words)
        return int(row.id)
    return None


def balance_before(*, fulfilment_id: int, provider_id: int) -> BalanceBefore | None:
    """The balance from before a hand-over; None where it is not known, or anything else was sent since."""
    rows = fetch_all(_SQL["balance_before"], {"fulfilment": fulfilment_id, "provider": provider_id})
    if not rows or rows[0].others_sent:
        return None
    (row,) = rows
    return BalanceBefore(
        amount=row.balance_before,
        at=row.balance_before_at,
        refunds_possible=row.refunds_possible,
    )


def _storable(text: str) -> str:
    return text.replace("\0", "")[:LONGEST_TEXT_CHARACTERS]
