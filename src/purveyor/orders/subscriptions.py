"""Subscriptions: each post becomes an order charged alone (protocol §3.4).

Whether a provider follows the account or post events come from outside (`feeding`), the orders are made here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.utils import timezone

from purveyor.catalog.prices import charge
from purveyor.orders.announcing import StatusChange, announce_statuses
from purveyor.orders.answering import answer_wishes
from purveyor.orders.models import (
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a post is delivered by an ordinary order of the panel's own."""

    service_id: int
    """Whose routes it takes."""
    service_version: int
    link: str
    """The post's address."""
    link_key: int
    dispatch: Dispatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post of a subscription, to be made an order."""

    number: int
    """Within its subscription, from 1."""
    quantity: int
    old: bool = False
    """Whether it was there before the subscription."""
    delivery: Delivery | None = None
    """None where whoever follows the subscription delivers it: its order counts as handed over."""


def add_posts(*, subscription_id: int, posts: Sequence[Post]) -> list[Placed | Refusal]:
    """Make the orders of posts, each charged at its quantity. The same number again gives the same order."""
    numbers = [post.number for post in posts]
    made: dict[int | None, Placed | Refusal] = {
        order.part: Placed(order.pk, is_new=False)
        for order in Order.objects.filter(parent_id=subscription_id, part__in=numbers)
    }
    new = [post for post in posts if post.number not in made]
    if new:
        parent = Order.objects.get(pk=subscription_id)
        answers = place([_request(parent, post) for post in new])
        made |= {post.number: answer for post, answer in zip(new, answers, strict=True)}
    return [made[number] for number in numbers]


def _request(parent: Order, post: Post) -> PartRequest:
    delivery = post.delivery or Delivery(
        service_id=parent.service_id,
        service_version=parent.service_version,
        link=parent.link,
        link_key=parent.link_key,
        dispatch=Dispatch.HANDED,
    )
    return PartRequest(
        parent_id=parent.pk,
        part=post.number,
        customer_id=parent.customer_id,
        service_id=delivery.service_id,
        source=Source.SUBSCRIPTION,
        link=delivery.link,
        link_key=delivery.link_key,
        quantity=post.quantity,
        fields={"old": True} if post.old else None,
        unit_price=parent.unit_price,
        price_rule=parent.price_rule,
        service_version=delivery.service_version,
        charge=charge(unit_price=parent.unit_price, quantity=post.quantity, is_package=False),
        paid_by_parent=False,
        dispatch=delivery.dispatch,
    )


@transaction.atomic
def update_subscription(
    *, order_id: int, status: Status, posts_done: int | None = None, reason: str = ""
) -> None:
    """Bring a subscription up to what is known of it: Active, Paused, Completed, Expired or Canceled.

    `reason` says why, in words that a customer can read.
    """
    order = Order.objects.select_for_update(no_key=True).get(pk=order_id)
    if posts_done is not None:
        Subscription.objects.filter(pk=order_id).update(posts_done=posts_done)
    if order.status == status:
        return
    OrderEvent.objects.create(
        order_id=order_id,
        kind=EventKind.STATUS,
        data={"before": order.status, "status": status.value} | ({"reason": reason} if reason else {}),
    )
    Order.objects.filter(pk=order_id).update(status=status, status_at=timezone.now())
    announce_statuses(
        [
            StatusChange(
                order_id=order_id,
                customer_id=order.customer_id,
                before=order.status,
                status=status,
                remains=order.remains,
                charge=order.charge,
                refunded=order.refunded,
                reason=reason,
            )
        ]
    )
    paused_reason = reason if status is Status.PAUSED else ""
    Subscription.objects.filter(pk=order_id).update(paused_reason=paused_reason)
    if status in ENDED:
        Subscription.objects.filter(pk=order_id).update(live=False)
        answer_wishes([order_id], status=CancelStatus.DONE)
