"""What comes of wishes to cancel: told once to each customer who has one open."""

from collections.abc import Sequence
from typing import Final

from purveyor.database import fetch_all, id_array, load_sql
from purveyor.orders.announcing import announce_cancel_answers
from purveyor.orders.models import CancelStatus

_SQL: Final = load_sql(__file__, "answering.sql")
LONGEST_REASON_CHARACTERS: Final = 200


def answer_wishes(order_ids: Sequence[int], *, status: CancelStatus, reason: str = "") -> list[int]:
    """Answer the open wishes to cancel these orders, whose rows the caller holds; returns whose were open."""
    if not order_ids:
        return []
    rows = fetch_all(
        _SQL["answer"],
        {
            "orders": id_array(order_ids),
            "status": status.value,
            "reason": reason[:LONGEST_REASON_CHARACTERS],
        },
    )
    announce_cancel_answers([(row.order_id, row.customer_id) for row in rows], status=status)
    return [row.order_id for row in rows]
