"""Subscriptions fed from outside: each post that is told becomes an order of its own.

Staff, or a program of theirs, tells of posts; the panel itself looks at no account. Of one post one order is
made, however often it is told. All about one subscription happens while its order is held, before the
customer's wallet (see `following`).
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from purveyor.database import fetch_all, load_sql
from purveyor.orders.links import link_key, username_key
from purveyor.orders.models import Dispatch, FedPost, Order, OrderKind, PostOutcome, Status
from purveyor.orders.post_fate import Skip, Standing, decide_post
from purveyor.orders.post_quantity import post_quantity
from purveyor.orders.queue import requeue
from purveyor.orders.refusals import NotEnoughFunds, NotFed, NothingDelivers, Refusal
from purveyor.orders.requests import Placed
from purveyor.orders.subscriptions import Delivery, Post, add_posts, update_subscription
from purveyor.orders.validation import valid_link

_SQL: Final = load_sql(__file__, "feeding.sql")

SCOPE: Final = "posts"
"""Of staff keys for programs that tell of posts."""
MOST_AT_ONCE: Final = 100
MOST_IN_A_PAGE: Final = 1000
_FED: Final = (Dispatch.SCHEDULED, Dispatch.NEVER)
"""Where a subscription stands that goes to no provider: its posts make orders, or it was canceled."""
OUT_OF_FUNDS: Final = "The balance does not pay for a post"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of a post that was told of a subscription."""

    subscription_id: int
    order_id: int | None = None
    """The order that was made of it, now or when it was told first."""
    is_new: bool = False
    reason: str = ""
    """Why no order was made now, in words that a customer can read."""


def tell_post_of(*, username: str, url: str, old: bool, service_id: int | None = None) -> list[Told]:
    """Tell every fed subscription to an account of a post; `service_id` keeps it to those of one service.

    Each subscription is decided by itself: those before it stay served when one fails. Raises `BadLink`, and
    `NothingDelivers`.
    """
    url = valid_link(url)
    rows = fetch_all(_SQL["named"], {"username_key": username_key(username), "service": service_id})
    return [tell_post(subscription_id=row.id, url=url, old=old) for row in rows]


@transaction.atomic
def tell_post(*, subscription_id: int, url: str, old: bool) -> Told:
    """Tell a fed subscription of a post, which was there before it (`old`) or not.

    A post that is served is charged at once, and its order goes out when the subscription's delay is over.
    When the balance does not pay for it, the subscription is paused. Raises `BadLink`, `NotFed` and
    `NothingDelivers`.
    """
    url = valid_link(url)
    order = lock_fed(subscription_id)
    url_key = link_key(url)
    before = FedPost.objects.filter(subscription=order, url_key=url_key).first()
    fate = decide_post(
        standing(order), old=old, before=before.outcome if before else None, today=timezone.localdate()
    )
    if not isinstance(fate, Skip):
        return _serve(order, FedPost(subscription=order, url=url, url_key=url_key, old=old), before)
    if fate.for_good and before is None:
        FedPost.objects.create(
            subscription=order, url=url, url_key=url_key, old=old, outcome=PostOutcome.SKIPPED
        )
    made = before.order_id if before else None
    return Told(subscription_id=order.pk, order_id=made, reason=fate.reason)


def standing(order: Order) -> Standing:
    """What decides about the posts of a fed subscription."""
    terms = order.subscription
    return Standing(
        status=order.status,
        posts=terms.posts,
        old_posts=terms.old_posts,
        posts_done=terms.posts_done,
        old_posts_done=terms.old_posts_done,
        expiry=terms.expiry,
    )


def lock_fed(order_id: int) -> Order:
    """A subscription that post events feed, or fed until it ended; held until the transaction ends.

    Raises `NotFed` for any other order.
    """
    order = Order.objects.select_for_update(no_key=True).filter(pk=order_id).first()
    if order is None or order.kind != OrderKind.SUBSCRIPTION or order.dispatch not in _FED:
        raise NotFed(order=order_id)
    return order


def _serve(order: Order, post: FedPost, before: FedPost | None) -> Told:
    terms = order.subscription
    delay = timedelta(minutes=terms.delay_minutes)
    wanted = Post(
        number=terms.posts_done + terms.old_posts_done + 1,
        quantity=post_quantity(
            subscription_id=order.pk, url_key=post.url_key, smallest=terms.min, largest=terms.max
        ),
        old=post.old,
        delivery=_delivery(order, post, dispatch=Dispatch.SCHEDULED if delay else Dispatch.QUEUED),
    )
    (answer,) = add_posts(subscription_id=order.pk, posts=[wanted])
    if isinstance(answer, NotEnoughFunds):
        post.outcome = PostOutcome.UNPAID
        update_subscription(order_id=order.pk, status=Status.PAUSED, reason=OUT_OF_FUNDS)
    elif isinstance(answer, Placed):
        post.outcome, post.order_id = PostOutcome.SERVED, answer.order_id
        post.starts_at, post.waits = (timezone.now() + delay, True) if delay else (None, False)
        if post.old:
            terms.old_posts_done += 1
        else:
            terms.posts_done += 1
        terms.save(update_fields=["posts_done", "old_posts_done"])
        if standing(order).is_complete:
            update_subscription(order_id=order.pk, status=Status.COMPLETED)
    else:
        raise answer
    post.pk = before.pk if before else None
    post.save()
    if isinstance(answer, Refusal):
        return Told(subscription_id=order.pk, reason=OUT_OF_FUNDS)
    return Told(subscription_id=order.pk, order_id=answer.order_id, is_new=True)


def _delivery(order: Order, post: FedPost, *, dispatch: Dispatch) -> Delivery:
    deliverer = order.service.posts_service
    if deliverer is None:
        raise NothingDelivers(service=order.service_id)
    return Delivery(
        service_id=deliverer.pk,
        service_version=deliverer.version,
        link=post.url,
        link_key=post.url_key,
        dispatch=dispatch,
    )


def to_watch(*, after: int = 0, limit: int = MOST_IN_A_PAGE) -> list[Any]:
    """Active fed subscriptions by id: `id`, `service_id`, `username`, `posts`, `old_posts`.

    The last two are what is still to be served; `posts` is None without end.
    """
    return fetch_all(_SQL["wanted"], {"after": after, "limit": min(limit, MOST_IN_A_PAGE)})


@transaction.atomic
def start_due(limit: int = MOST_AT_ONCE) -> int:
    """Queue the orders for posts whose delay is over; returns how many were looked at."""
    rows = fetch_all(_SQL["due"], {"limit": limit})
    requeue([row.id for row in rows if row.dispatch == Dispatch.SCHEDULED])
    FedPost.objects.filter(order_id__in=[row.id for row in rows]).update(waits=False)
    return len(rows)


@transaction.atomic
def expire_run_out(limit: int = MOST_AT_ONCE) -> int:
    """End fed subscriptions whose last day is over; returns how many. Orders for their posts go on."""
    rows = fetch_all(_SQL["run_out"], {"today": timezone.localdate(), "limit": limit})
    for row in rows:
        update_subscription(order_id=row.id, status=Status.EXPIRED)
    return len(rows)
