"""Opening a Partial order again, so that another provider delivers its rest: charged again, and queued."""

from decimal import Decimal
from typing import Any, Final

from django.db import transaction

from purveyor.catalog.models import FinishRest
from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.database import fetch_all, hot_cursor, id_array, load_sql
from purveyor.money.models import House, TransferKind
from purveyor.money.moving import BelowFloor, Movement, move
from purveyor.orders.announcing import MoneyBack, StatusChange, announce_money, announce_statuses
from purveyor.orders.eligibility import finish_eligibility
from purveyor.orders.models import EventKind, OrderEvent, Status
from purveyor.orders.refusals import IncorrectOrderId, NotEnoughFunds, Refusal

_SQL: Final = load_sql(__file__, "finishing.sql")


@transaction.atomic
def reopen_rest(*, order_id: int, customer_id: int | None = None, actor: str = "") -> Refusal | None:
    """Charge what a Partial order refunded again, by the same frozen price, and queue its rest.

    None means that it is done; the order is In progress then. Somebody else's order looks absent to
    `customer_id`; None is staff, of whom `actor` acts for the customer. Whether a provider takes the rest is
    for the caller to know: one that nobody takes is refunded again by the queue.
    """
    rows = fetch_all(_SQL["lock_order"], {"ids": id_array([order_id])})
    if not rows or customer_id not in (None, rows[0].customer_id):
        return IncorrectOrderId()
    (order,) = rows
    refusal = finish_eligibility(
        offered=order.finish_rest != FinishRest.NEVER,
        divisible=FORMS[OrderType(order.type)].is_divisible,
        kind=order.kind,
        is_part=order.parent_id is not None,
        status=order.status,
        remains=order.remains,
        ended_at=order.status_at,
    ).refusal
    if refusal is not None:
        return refusal
    try:
        with transaction.atomic():
            _charge_again(order)
    except BelowFloor:
        return NotEnoughFunds()
    with hot_cursor() as cursor:
        cursor.execute(_SQL["reopen"].encode(), {"id": order_id})
    _tell(order, actor=actor)
    return None


def _charge_again(order: Any) -> None:
    """Take back what was refunded: as a correction of the refund, numbered after all that went before."""
    if not order.refunded:
        return
    (last,) = fetch_all(_SQL["last_part"], {"ids": id_array([order.id])})
    again = Movement(
        kind=TransferKind.RECHARGE,
        cause_id=order.id,
        source_id=order.wallet_id,
        destination_id=House.REVENUE,
        amount=order.refunded,
        part=last.number + 1,
    )
    move([again])
    announce_money([MoneyBack(movement=again, customer_id=order.customer_id, refunded=Decimal(0))])


def _tell(order: Any, *, actor: str) -> None:
    status = Status.IN_PROGRESS
    OrderEvent.objects.bulk_create(
        [
            OrderEvent(
                order_id=order.id,
                kind=EventKind.STATUS,
                data={"before": order.status, "status": status.value},
            ),
            OrderEvent(
                order_id=order.id,
                kind=EventKind.ELSEWHERE,
                data={"delivered": order.quantity - order.remains, "rest": order.remains}
                | ({"actor": actor} if actor else {}),
            ),
        ]
    )
    announce_statuses(
        [
            StatusChange(
                order_id=order.id,
                customer_id=order.customer_id,
                before=order.status,
                status=status,
                remains=order.remains,
                charge=order.charge,
                refunded=Decimal(0),
            )
        ]
    )
