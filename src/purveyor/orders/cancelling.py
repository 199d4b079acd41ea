"""Cancels: a wish of the customer, told as done only when it is (protocol §7.2)."""

from collections.abc import Sequence
from typing import Any, Final

from django.db import transaction

from purveyor.database import fetch_all, id_array, load_sql
from purveyor.money.moving import lock_wallets
from purveyor.orders.announcing import announce_cancel_wishes
from purveyor.orders.answering import answer_wishes
from purveyor.orders.dripfeed import stop_runs
from purveyor.orders.eligibility import cancel_eligibility
from purveyor.orders.following import Report, apply_reports
from purveyor.orders.models import (
    OPEN_STATUSES,
    CancelRequest,
    CancelStatus,
    Dispatch,
    EventKind,
    Order,
    OrderEvent,
    OrderKind,
    Status,
)
from purveyor.orders.refunds import final_status
from purveyor.orders.refusals import IncorrectOrderId, Refusal
from purveyor.orders.subscriptions import update_subscription

_SQL: Final = load_sql(__file__, "cancelling.sql")


def request_cancels(wanted: Sequence[tuple[int, int]]) -> list[Refusal | None]:
    """Ask to cancel (customer id, order id) pairs; None means that the wish is taken.

    An order that was not handed over is canceled and refunded at once. Of a drip-feed, the runs to come are
    canceled and refunded; a running one goes on, and so do orders for posts of a subscription. Everything
    else is up to whoever fulfils the order.
    """
    answers: list[Refusal | None] = []
    ids = {"ids": id_array({order_id for _, order_id in wanted})}
    with transaction.atomic():
        orders = {row.id: row for row in fetch_all(_SQL["lock_orders"], ids)}
        asked = {row.order_id for row in fetch_all(_SQL["asked"], ids)}
        taken: list[Any] = []
        for customer_id, order_id in wanted:
            order = orders.get(order_id)
            if order is None or order.customer_id != customer_id:
                answers.append(IncorrectOrderId())
                continue
            refusal = cancel_eligibility(
                offered=order.cancel,
                status=order.status,
                already_asked=order_id in asked,
                ordered_at=order.created_at,
            ).refusal
            answers.append(refusal)
            if refusal is None:
                asked.add(order_id)
                taken.append(order)
        _lock_what_changes(taken)
        announce_cancel_wishes([(order.id, order.customer_id) for order in taken], by="customer")
        for order in taken:
            _take(order)
    return answers


@transaction.atomic
def cancel_by_panel(order_ids: Sequence[int], *, reason: str) -> None:
    """Ask to cancel orders on the panel's own behalf, whether or not their customers could.

    As with a customer's wish, an order that was never handed over is canceled and refunded at once, and any
    other when whoever fulfils it has confirmed that. Orders that have ended, or that are being canceled
    already, are passed over. The caller holds the orders with their parents.
    """
    if not order_ids:
        return
    ids = {"ids": id_array(order_ids)}
    asked = {row.order_id for row in fetch_all(_SQL["asked"], ids)}
    wanted = [
        order
        for order in fetch_all(_SQL["lock_orders"], ids)
        if order.id in order_ids and order.status in OPEN_STATUSES and order.id not in asked
    ]
    _lock_what_changes(wanted)
    announce_cancel_wishes([(order.id, order.customer_id) for order in wanted], by="panel")
    for order in wanted:
        _take(order, reason=reason)


def _lock_what_changes(orders: Sequence[Any]) -> None:
    """Hold schedules, then wallets, of all these orders before the first is canceled (see `following`)."""
    fetch_all(_SQL["lock_schedules"], {"ids": id_array(order.id for order in orders)})
    customers = {"customers": id_array({order.customer_id for order in orders})}
    lock_wallets(row.wallet_id for row in fetch_all(_SQL["wallets"], customers))


@transaction.atomic
def settle_cancel(*, request_id: int, refused_reason: str) -> None:
    """Note that whoever fulfils the order refused the cancel. A confirmation comes as the order's status."""
    order_id = CancelRequest.objects.values_list("order_id", flat=True).get(pk=request_id)
    if answer_wishes([order_id], status=CancelStatus.REFUSED, reason=refused_reason):
        OrderEvent.objects.create(
            order_id=order_id, kind=EventKind.CANCEL, data={"status": "refused", "reason": refused_reason}
        )


@transaction.atomic
def cancel_undelivered(*, order_id: int, kind: OrderKind, reason: str = "") -> None:
    """End an order that surely nobody delivers any more; a wish to cancel it has come true.

    It is Canceled and refunded. Of an order whose rest was given to somebody else, what was delivered before
    is kept and paid: it ends Partial, or even Completed.
    """
    Order.objects.filter(pk=order_id).update(dispatch=Dispatch.NEVER, hold_reason="")
    if kind is OrderKind.SUBSCRIPTION:
        update_subscription(order_id=order_id, status=Status.CANCELED)
    else:
        quantity, remains = Order.objects.values_list("quantity", "remains").get(pk=order_id)
        status = final_status(ordered=quantity, remains=remains)
        apply_reports([Report(order_id=order_id, status=status, remains=remains, reason=reason)])
    answer_wishes([order_id], status=CancelStatus.DONE)


def _take(order: Any, *, reason: str = "") -> None:
    at_once = order.dispatch in (Dispatch.QUEUED, Dispatch.HELD, Dispatch.SCHEDULED)
    status = CancelStatus.DONE if at_once else CancelStatus.REQUESTED
    CancelRequest.objects.update_or_create(
        order_id=order.id, defaults={"status": CancelStatus.REQUESTED, "reason": ""}
    )
    told = {"status": status.value} | ({"reason": reason} if reason else {})
    OrderEvent.objects.create(order_id=order.id, kind=EventKind.CANCEL, data=told)
    if order.kind == OrderKind.DRIP_FEED:
        stop_runs(order.id)
        answer_wishes([order.id], status=CancelStatus.DONE)
    elif at_once:
        cancel_undelivered(order_id=order.id, kind=OrderKind(order.kind), reason=reason)
