"""What happens to orders, told to the outbox: one place for a kind of event, one statement for a batch."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from purveyor.money.models import TransferKind
from purveyor.money.moving import Movement
from purveyor.orders.models import CancelStatus, RefillStatus, Status
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


class MoneyBack(msgspec.Struct, frozen=True, kw_only=True):
    """A refund of an order, or its correction."""

    movement: Movement
    customer_id: int
    refunded: Decimal
    """Of the order in all, as it is now."""
    done: bool = True
    """False: a refund is too much, but the customer does not have it any more."""


def announce_money(moved: Sequence[MoneyBack]) -> None:
    """Tell of refunds and of their corrections, in the transaction that moves the money."""
    announce([_money_event(item) for item in moved])


def _money_event(item: MoneyBack) -> Event:
    about = f"order:{item.movement.cause_id}"
    data = {"amount": item.movement.amount, "refunded": item.refunded}
    if not item.done:
        return Event(kind="order.recharge_due", about=about, data=data)
    if item.movement.kind is TransferKind.REFUND:
        return Event(kind="order.refunded", about=about, customer_id=item.customer_id, data=data)
    return Event(kind="order.recharged", about=about, customer_id=item.customer_id, data=data)


def announce_unknown_words(words: Mapping[int, str]) -> None:
    """Tell staff, by order, of a provider's words for a status that have no meaning here."""
    announce(
        [
            Event(kind="order.word_unknown", about=f"order:{number}", data={"word": word})
            for number, word in words.items()
        ]
    )


def announce_held(reasons: Mapping[int, str]) -> None:
    """Tell staff that orders wait, and of each of them why."""
    announce(
        [
            Event(kind="order.held", about=f"order:{number}", data={"reason": reason})
            for number, reason in reasons.items()
        ]
    )


def announce_refills(asked: Iterable[tuple[int, int, int]]) -> None:
    """Tell that customers asked for refills: (refill id, order id, customer id) each."""
    announce(
        [
            Event(
                kind="refill.created",
                about=f"refill:{refill_id}",
                customer_id=customer_id,
                data={"order": order_id},
            )
            for refill_id, order_id, customer_id in asked
        ]
    )


def announce_refill_status(
    *, refill_id: int, order_id: int, customer_id: int, before: str, status: RefillStatus
) -> None:
    """Tell that a refill has another status. Not why: those are a provider's words."""
    announce(
        [
            Event(
                kind="refill.status",
                about=f"refill:{refill_id}",
                customer_id=customer_id,
                data={"order": order_id, "before": before, "status": status.value},
            )
        ]
    )


def announce_cancel_wishes(orders: Iterable[tuple[int, int]], *, by: Literal["customer", "panel"]) -> None:
    """Tell that orders shall be canceled: (order id, customer id) each."""
    announce(
        [
            Event(
                kind="cancel.requested",
                about=f"order:{order_id}",
                customer_id=customer_id,
                data={"by": by},
            )
            for order_id, customer_id in orders
        ]
    )


def announce_cancel_answers(orders: Iterable[tuple[int, int]], *, status: CancelStatus) -> None:
    """Tell what came of wishes to cancel: (order id, customer id) each. Not why, as of refills."""
    announce(
        [
            Event(
                kind="cancel.answered",
                about=f"order:{order_id}",
                customer_id=customer_id,
                data={"status": status.value},
            )
            for order_id, customer_id in orders
        ]
    )
