"""Fed subscriptions are paused, resumed and ended, by their customers or by staff."""

from typing import Final

from django.db import transaction

from purveyor.orders.cancelling import cancel_undelivered
from purveyor.orders.feeding import lock_fed
from purveyor.orders.models import Order, OrderKind, Status
from purveyor.orders.refusals import IncorrectOrderId, SubscriptionEnded
from purveyor.orders.subscriptions import ENDED, update_subscription

BY_CUSTOMER: Final = "Paused by its customer"
BY_STAFF: Final = "Paused by staff"


@transaction.atomic
def pause(*, order_id: int, customer_id: int | None = None, reason: str = "") -> None:
    """Serve no post that is made before the subscription is resumed; orders for earlier ones go on.

    `customer_id` is given where a customer asks, None where staff does. One that is paused stays so. Raises
    `IncorrectOrderId`, `NotFed` and `SubscriptionEnded`.
    """
    order = _open(order_id, customer_id)
    if order.status == Status.ACTIVE:
        by = BY_STAFF if customer_id is None else BY_CUSTOMER
        update_subscription(order_id=order_id, status=Status.PAUSED, reason=reason or by)


@transaction.atomic
def resume(*, order_id: int, customer_id: int | None = None) -> None:
    """Serve posts again, those made from now on. Arguments and refusals as of `pause`."""
    order = _open(order_id, customer_id)
    if order.status == Status.PAUSED:
        update_subscription(order_id=order_id, status=Status.ACTIVE)


@transaction.atomic
def stop(*, order_id: int) -> None:
    """End a subscription as Canceled, by staff; orders for its posts go on. Customers: `request_cancels`.

    Raises `NotFed` and `SubscriptionEnded`.
    """
    _open(order_id, None)
    cancel_undelivered(order_id=order_id, kind=OrderKind.SUBSCRIPTION)


def _open(order_id: int, customer_id: int | None) -> Order:
    if customer_id is not None and not Order.objects.filter(pk=order_id, customer_id=customer_id).exists():
        raise IncorrectOrderId
    order = lock_fed(order_id)
    if order.status in ENDED:
        raise SubscriptionEnded(status=order.status)
    return order
