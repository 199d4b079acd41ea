"""Subscriptions: followed elsewhere, each post an order charged alone (protocol §3.4)."""

from typing import Final

from django.db import transaction
from django.utils import timezone

from purveyor.catalog.prices import charge
from purveyor.orders.models import (
    CancelRequest,
    CancelStatus,
    Dispatch,
    EventKind,
    Order,
    OrderEvent,
    Source,
    Status,
    Subscription,
)
from purveyor.orders.placing import place
from purveyor.orders.refusals import Refusal
from purveyor.orders.requests import PartRequest, Placed

ENDED: Final = (Status.COMPLETED, Status.EXPIRED, Status.CANCELED)


def add_post(*, subscription_id: int, number: int, quantity: int, old: bool) -> Placed | Refusal:
    """Make the order of one post, charged at its quantity. The same number again gives the same order.

    The order counts as handed over: whoever follows the subscription delivers it.
    """
    made = Order.objects.filter(parent_id=subscription_id, part=number).first()
    if made is not None:
        return Placed(made.pk, is_new=False)
    parent = Order.objects.get(pk=subscription_id)
    (answer,) = place(
        [
            PartRequest(
                parent_id=parent.pk,
                part=number,
                customer_id=parent.customer_id,
                service_id=parent.service_id,
                source=Source.SUBSCRIPTION,
                link=parent.link,
                link_key=parent.link_key,
                quantity=quantity,
                fields={"old": True} if old else None,
                unit_price=parent.unit_price,
                price_rule=parent.price_rule,
                service_version=parent.service_version,
                charge=charge(unit_price=parent.unit_price, quantity=quantity, is_package=False),
                paid_by_parent=False,
                dispatch=Dispatch.HANDED,
            )
        ]
    )
    return answer


@transaction.atomic
def update_subscription(*, order_id: int, status: Status, posts_done: int | None = None) -> None:
    """Bring a subscription up to what is known of it: Active, Paused, Completed, Expired or Canceled."""
    order = Order.objects.select_for_update(no_key=True).get(pk=order_id)
    if posts_done is not None:
        Subscription.objects.filter(pk=order_id).update(posts_done=posts_done)
    if order.status == status:
        return
    OrderEvent.objects.create(
        order_id=order_id, kind=EventKind.STATUS, data={"before": order.status, "status": status.value}
    )
    Order.objects.filter(pk=order_id).update(status=status, status_at=timezone.now())
    if status in ENDED:
        CancelRequest.objects.filter(order_id=order_id, status=CancelStatus.REQUESTED).update(
            status=CancelStatus.DONE
        )
