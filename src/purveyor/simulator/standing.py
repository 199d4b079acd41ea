"""Where an order stands at an instant: its status, what it has cost so far, and which child comes next.

Pure functions of the order and the time. A *parent* is a drip-feed or a subscription: it delivers nothing
itself, and makes children that are ordinary orders.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from purveyor.simulator import life
from purveyor.simulator.life import Progress, Status
from purveyor.simulator.orders import Order, Request, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """The next order that a parent will make."""

    at: float
    """Seconds since the epoch."""
    request: Request
    of_old_post: bool = False


def is_parent(order: Order) -> bool:
    """Whether the order only makes children."""
    return order.request.dripfeed is not None or order.request.subscription is not None


def progress(order: Order, *, at: float) -> Progress:
    """How far an order without children is, by its own life or as set by hand."""
    asked = order.cancel_requested_at
    own = life.progress(
        fate=order.fate,
        quantity=order.request.quantity,
        age=(at - order.placed_at) * order.speed,
        cancel_requested_at=None if asked is None else (asked - order.placed_at) * order.speed,
    )
    hand = order.override
    if hand is None:
        return own
    return Progress(
        status=own.status if hand.status is None else hand.status,
        start_count=own.start_count if hand.start_count is None else hand.start_count,
        remains=own.remains if hand.remains is None else hand.remains,
    )


def status(order: Order, *, at: float, orders: Mapping[int, Order]) -> str:
    """The status word of any order; `orders` is where its children are found."""
    if not is_parent(order):
        return progress(order, at=at).status
    if order.override is not None and order.override.status is not None:
        return order.override.status
    subscription = order.request.subscription
    if _all_made(order):
        children = (progress(orders[child], at=at) for child in order.children)
        running = subscription is None and any(child.status not in life.ENDED for child in children)
        return Status.IN_PROGRESS if running else Status.COMPLETED
    stop = stops_at(order)
    if stop is not None and at >= stop:
        return Status.CANCELED
    if subscription is None:
        return Status.IN_PROGRESS
    if subscription.expires_at is not None and at >= subscription.expires_at:
        return Status.EXPIRED
    return Status.PAUSED if order.paused else Status.ACTIVE


def paid(order: Order, *, at: float, orders: Mapping[int, Order]) -> Decimal:
    """What of the charge is not refunded: of a drip-feed, the part of the runs that are still to come."""
    if order.request.subscription is not None:
        return Decimal(0)
    dripfeed = order.request.dripfeed
    if dripfeed is not None:
        if status(order, at=at, orders=orders) == Status.CANCELED:
            return Decimal(0)
        return order.charge * (dripfeed.runs - len(order.children)) / dripfeed.runs
    now = progress(order, at=at)
    return life.net_charge(
        charge=order.charge, quantity=order.request.quantity, status=now.status, remains=now.remains
    )


def stops_at(order: Order) -> float | None:
    """When a requested cancel takes effect; None without a request."""
    if order.cancel_requested_at is None:
        return None
    return order.cancel_requested_at + life.CANCEL_TAKES_SECONDS / order.speed


def next_child(order: Order, *, seed: int) -> Child | None:
    """The child that a parent makes next, or None when there will be none."""
    if _all_made(order) or (order.override is not None and order.override.status in life.ENDED):
        return None
    if order.request.subscription is None:
        child = _next_run(order)
    else:
        child = _next_post(order, order.request.subscription, seed=seed)
        expires_at = order.request.subscription.expires_at
        if expires_at is not None and child.at >= expires_at:
            return None
    stop = stops_at(order)
    return None if stop is not None and child.at >= stop else child


def _all_made(order: Order) -> bool:
    if order.request.dripfeed is not None:
        return len(order.children) >= order.request.dripfeed.runs
    subscription = order.request.subscription
    return (
        subscription is not None
        and subscription.posts is not None
        and len(order.children) >= subscription.posts
        and len(order.old_children) >= subscription.old_posts
    )


def _next_run(order: Order) -> Child:
    request = order.request
    interval = request.dripfeed.interval_minutes if request.dripfeed is not None else 0
    after = len(order.children) * interval * life.WIRE_MINUTE_SECONDS
    fields = {name: text for name, text in request.fields.items() if name not in {"runs", "interval"}}
    run = Request(service=request.service, link=request.link, quantity=request.quantity, fields=fields)
    return Child(at=order.placed_at + after / order.speed, request=run)


def _next_post(order: Order, subscription: Subscription, *, seed: int) -> Child:
    """The existing posts come first by their schedule; new ones come in between as they appear."""
    new, old = len(order.children), len(order.old_children)
    old_after = life.old_post_at(index=old)
    new_after = life.new_post_at(
        seed=seed, order_id=order.id, index=new, delay_minutes=subscription.delay_minutes
    )
    no_more_new = subscription.posts is not None and new >= subscription.posts
    of_old_post = old < subscription.old_posts and (no_more_new or old_after <= new_after)
    number = new + subscription.old_posts + 1
    if of_old_post:
        number = old + 1
    quantity = life.post_quantity(
        seed=seed,
        order_id=order.id,
        number=number,
        minimum=subscription.minimum,
        maximum=subscription.maximum,
    )
    return Child(
        at=order.placed_at + (old_after if of_old_post else new_after) / order.speed,
        request=Request(
            service=order.request.service,
            link=f"{order.request.link.rstrip('/')}/issue-{number}",
            quantity=quantity,
            fields={},
        ),
        of_old_post=of_old_post,
    )
