"""Following an order: what a fulfilment reports becomes status, progress and, where due, a refund.

Locks, here and wherever orders change: orders in order of id, parents among them; then drip-feeds'
schedules; then wallets in order of id; then the rest. Two transactions that keep to it never wait for each
other in a ring.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.db import transaction

from purveyor.database import as_json, fetch_all, hot_cursor, id_array, load_sql
from purveyor.money.models import House, TransferKind
from purveyor.money.moving import BelowFloor, Movement, lock_wallets, move
from purveyor.orders.announcing import (
    MoneyBack,
    StatusChange,
    announce_money,
    announce_statuses,
    announce_unknown_words,
)
from purveyor.orders.answering import answer_wishes
from purveyor.orders.models import (
    FINAL_STATUSES,
    CancelStatus,
    EventKind,
    OrderEvent,
    OrderKind,
    Status,
)
from purveyor.orders.refunds import refund_due

_SQL: Final = load_sql(__file__, "following.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is known of an order's delivery now. None means "not told": the last known value stays."""

    order_id: int
    status: Status | None = None
    start_count: int | None = None
    remains: int | None = None
    """In units of the order's own quantity."""
    word: str = ""
    """The provider's status as sent; told on the timeline when it has no meaning for us."""
    reason: str = ""
    """Why, in words that a customer can read."""


@dataclass(slots=True, kw_only=True)
class _Change:
    """An order as locked, and what becomes of it."""

    order: Any
    status: Status
    start_count: int | None
    remains: int
    refunded: Decimal

    @property
    def is_change(self) -> bool:
        before = (self.order.status, self.order.start_count, self.order.remains, self.order.refunded)
        return before != (self.status.value, self.start_count, self.remains, self.refunded)


def apply_reports(reports: Sequence[Report]) -> None:
    """Bring orders up to what was reported of them, and refund what is due, once, however often it is told.

    Partial refunds the share that remains, Canceled everything, by the price frozen on the order. A status
    going backwards is followed and recorded; money is corrected when the order has ended again. Unknown
    orders are passed over; of two reports of one order the last counts.
    """
    latest = {report.order_id: report for report in reports}
    with transaction.atomic():
        parents = {row.id for row in fetch_all(_SQL["parents"], {"ids": id_array(latest)})}
        locked = fetch_all(_SQL["lock_orders"], {"ids": id_array(parents.union(latest))})
        rows = [row for row in locked if row.id in latest]
        events: list[OrderEvent] = []
        changes = [_change(row, latest[row.id], events) for row in rows]
        words = _unknown_words(rows, latest)
        events += [_event(order_id, EventKind.UNKNOWN_STATUS, word=word) for order_id, word in words.items()]
        _return_money([change for change in changes if change.status in FINAL_STATUSES], events)
        _write([change for change in changes if change.is_change])
        OrderEvent.objects.bulk_create(events)
        moved = [change for change in changes if change.status.value != change.order.status]
        announce_statuses([_status_change(change, latest[change.order.id].reason) for change in moved])
        announce_unknown_words(words)
        _settle_wishes(moved)
        finish_parents(parents)


def _status_change(change: _Change, reason: str) -> StatusChange:
    return StatusChange(
        order_id=change.order.id,
        customer_id=change.order.customer_id,
        parent_id=change.order.parent_id,
        before=change.order.status,
        status=change.status,
        remains=change.remains,
        charge=change.order.charge,
        refunded=change.refunded,
        reason=reason,
    )


def _settle_wishes(changes: Sequence[_Change]) -> None:
    """Tell those who wished to cancel what came of it, now that their order has ended (protocol §7.2)."""
    for statuses, answer, reason in (
        ((Status.CANCELED, Status.PARTIAL), CancelStatus.DONE, ""),
        ((Status.COMPLETED,), CancelStatus.REFUSED, "The order was completed first"),
    ):
        answer_wishes(
            [change.order.id for change in changes if change.status in statuses], status=answer, reason=reason
        )


def finish_parents(parent_ids: set[int]) -> None:
    """End the drip-feeds among these whose runs have all ended: Canceled if none delivered, else Completed.

    The caller holds them. Never Partial: consumers credit their customer again at every poll of a drip-feed
    that says so (protocol §5.1).
    """
    if not parent_ids:
        return
    finished = fetch_all(_SQL["finished_parents"], {"ids": id_array(sorted(parent_ids))})
    ends = {row.id: Status.COMPLETED if row.delivered else Status.CANCELED for row in finished}
    for row in finished:
        status = ends[row.id]
        with hot_cursor() as cursor:
            cursor.execute(
                b"UPDATE orders_order SET status = %s, status_at = now() WHERE id = %s",
                [status.value, row.id],
            )
        OrderEvent.objects.create(order_id=row.id, kind=EventKind.STATUS, data={"status": status.value})
    announce_statuses(
        [
            StatusChange(
                order_id=row.id,
                customer_id=row.customer_id,
                before=row.status,
                status=ends[row.id],
                remains=row.remains,
                charge=row.charge,
                refunded=row.refunded,
            )
            for row in finished
        ]
    )


def _change(row: Any, report: Report, events: list[OrderEvent]) -> _Change:
    status = Status(row.status)
    remains = row.remains if report.remains is None else min(max(report.remains, 0), row.quantity)
    if report.status is not None and row.kind == OrderKind.ORDER and not _is_untold_partial(report):
        status = report.status
        if status is Status.CANCELED:
            remains = row.quantity
        elif status is Status.COMPLETED and report.remains is None:
            remains = 0
    if status.value != row.status:
        backward = row.status in FINAL_STATUSES
        events.append(
            _event(
                row.id,
                EventKind.BACKWARD if backward else EventKind.STATUS,
                before=row.status,
                status=status.value,
                **({"reason": report.reason} if report.reason else {}),
            )
        )
    start_count = row.start_count if report.start_count is None else report.start_count
    return _Change(order=row, status=status, start_count=start_count, remains=remains, refunded=row.refunded)


def _return_money(changes: Sequence[_Change], events: list[OrderEvent]) -> None:
    """Move what each ended order's refunds lack, or (after a backward move) what they have too much."""
    due = {
        change.order.id: refund_due(
            status=change.status,
            charge=change.order.charge,
            quantity=change.order.quantity,
            remains=change.remains,
        )
        for change in changes
        if change.order.kind == OrderKind.ORDER
    }
    unequal = [change for change in changes if due.get(change.order.id, change.refunded) != change.refunded]
    if not unequal:
        return
    ids = {"ids": id_array(change.order.id for change in unequal)}
    parts = {row.order_id: row.last for row in fetch_all(_SQL["money_parts"], ids)}
    wallets = {row.order_id: row.wallet_id for row in fetch_all(_SQL["wallets"], ids)}
    lock_wallets(wallets.values())
    refunds: list[Movement] = []
    told: list[MoneyBack] = []
    for change in unequal:
        order_id = change.order.id
        movement = _movement(
            order_id, due[order_id] - change.refunded, wallets[order_id], parts.get(order_id, 0) + 1
        )
        if movement.kind is TransferKind.REFUND:
            refunds.append(movement)
            events.append(_event(order_id, EventKind.REFUND, amount=str(movement.amount)))
            done = True
        else:
            done = _corrected(movement, events)
        if done:
            change.refunded = due[order_id]
        told.append(
            MoneyBack(
                movement=movement,
                customer_id=change.order.customer_id,
                refunded=change.refunded,
                done=done,
            )
        )
    move(refunds, wallets_are_locked=True)
    announce_money(told)


def _movement(order_id: int, missing: Decimal, wallet_id: int, part: int) -> Movement:
    """The transfer that adds `missing` to an order's refunds; a negative one takes it back."""
    refund = missing > 0
    return Movement(
        kind=TransferKind.REFUND if refund else TransferKind.RECHARGE,
        cause_id=order_id,
        source_id=House.REVENUE if refund else wallet_id,
        destination_id=wallet_id if refund else House.REVENUE,
        amount=abs(missing),
        part=part,
    )


def _corrected(movement: Movement, events: list[OrderEvent]) -> bool:
    """Take back a refund of what was delivered after all, if the customer still has it; else propose it."""
    try:
        with transaction.atomic():
            move([movement], wallets_are_locked=True)
            done = True
    except BelowFloor:
        done = False
    events.append(_event(movement.cause_id, EventKind.CORRECTION, amount=str(movement.amount), done=done))
    return done


def _write(changes: Sequence[_Change]) -> None:
    if not changes:
        return
    with hot_cursor() as cursor:
        cursor.execute(
            _SQL["write_progress"].encode(),
            {
                "ids": id_array(change.order.id for change in changes),
                "changes": as_json(
                    [
                        {
                            "id": change.order.id,
                            "status": change.status.value,
                            "start_count": change.start_count,
                            "remains": change.remains,
                            "refunded": change.refunded,
                        }
                        for change in changes
                    ]
                ),
            },
        )


def _unknown_words(rows: Sequence[Any], reports: dict[int, Report]) -> dict[int, str]:
    """The status words without a meaning by order, each told once until the word changes."""
    words = {row.id: word for row in rows if (word := _unknown_word(reports[row.id]))}
    if not words:
        return {}
    told = {row.order_id: row.word for row in fetch_all(_SQL["last_unknown_words"], {"ids": id_array(words)})}
    return {order_id: word for order_id, word in words.items() if told.get(order_id) != word}


def _is_untold_partial(report: Report) -> bool:
    """Without knowing what remains there is no refund to compute: nothing ends until it is told."""
    return report.status is Status.PARTIAL and report.remains is None


def _unknown_word(report: Report) -> str:
    if _is_untold_partial(report):
        return "Partial without remains"
    return report.word if report.status is None else ""


def _event(order_id: int, kind: EventKind, **data: Any) -> OrderEvent:
    return OrderEvent(order_id=order_id, kind=kind, data=data)
