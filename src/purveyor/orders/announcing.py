"""What happens to orders, told to the outbox: one place for a kind of event, one statement for a batch."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from purveyor.orders.models import Status
from purveyor.outbox.announcing import Event, announce


class StatusChange(msgspec.Struct, frozen=True, kw_only=True):
    """An order's public status, before and now; money and progress as they are now."""

    order_id: int
    customer_id: int
    before: str
    status: Status
    remains: int
    charge: Decimal
    refunded: Decimal
    parent_id: int | None = None
    reason: str = ""
    """In words that a customer can read."""


def announce_statuses(changes: Sequence[StatusChange]) -> None:
    """Tell that orders have another status, in the transaction that gives it to them."""
    announce(
        [
            Event(
                kind="order.status",
                about=f"order:{change.order_id}",
                customer_id=change.customer_id,
                data={
                    "before": change.before,
                    "status": change.status.value,
                    "remains": change.remains,
                    "charge": change.charge,
                    "refunded": change.refunded,
                    "parent": change.parent_id,
                    "reason": change.reason,
                },
            )
            for change in changes
        ]
    )
