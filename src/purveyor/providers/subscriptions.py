"""Following a subscription: each order it makes at its provider becomes one of ours (protocol §4.6)."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog
from django.db import transaction

from purveyor.database import fetch_all, hot_cursor, load_sql
from purveyor.money.models import House, TransferKind
from purveyor.money.moving import Movement, move
from purveyor.orders.models import EventKind, OrderEvent, Status
from purveyor.orders.requests import Placed
from purveyor.orders.subscriptions import ENDED, add_post, update_subscription
from purveyor.providers import words
from purveyor.providers.costing import expected_cost, post_quantity
from purveyor.providers.polling_schedule import delay_after_end, next_delay
from purveyor.providers.replies import Refused, StatusReply

_SQL: Final = load_sql(__file__, "subscriptions.sql")
_log = structlog.get_logger(__name__)


def new_posts(reply: StatusReply, *, known: Sequence[str]) -> list[str]:
    """The provider's orders for posts that are not orders of ours yet, in the order they were told."""
    return [post for post in (*reply.old_orders, *reply.orders) if post not in set(known)]


def quantities_vary(fulfilment_id: int) -> bool:
    """Whether a subscription's posts may differ in quantity, so that the provider's charge must tell it."""
    return any(row.vary for row in fetch_all(_SQL["quantities_vary"], {"id": fulfilment_id}))


@transaction.atomic
def follow_subscription(
    *, fulfilment_id: int, reply: StatusReply, posts: Mapping[str, StatusReply | Refused]
) -> None:
    """Make orders of new posts, each charged alone, and bring the subscription up to what was told.

    `posts` holds what the provider told about the new posts' own orders, where their quantity depends on it.
    A post whose quantity is not known yet, or which the customer cannot pay, is tried again at the next poll.
    """
    rows = fetch_all(_SQL["lock_subscription"], {"id": fulfilment_id})
    if not rows:
        return
    (row,) = rows
    children = list(row.child_external_ids)
    fresh = new_posts(reply, known=children)
    taken = _used_ids(row, fresh)
    unpaid = False
    for post in fresh:
        if post in taken:
            # It serves another order: making one of it would charge two customers for one delivery.
            _log.error("post_is_another_order", order_id=row.order_id, external_id=post)
            children.append(post)
            continue
        quantity = _quantity(row, posts.get(post))
        if quantity is None:
            continue
        paid = _add(row, post, number=len(children) + 1, quantity=quantity, old=post in reply.old_orders)
        if not paid:
            unpaid = True
            break
        children.append(post)
    _write(row, reply, children)
    if unpaid:
        _stop_losses(row)


def _used_ids(row: Any, external_ids: Sequence[str]) -> set[str]:
    if not external_ids:
        return set()
    parameters = {"provider": row.provider_id, "external_ids": list(external_ids)}
    return {used.external_id for used in fetch_all(_SQL["used_ids"], parameters)}


def _quantity(row: Any, told: StatusReply | Refused | None) -> int | None:
    """How much a post gets. Once it has ended without its charge telling, the smallest: never too much."""
    status = told if isinstance(told, StatusReply) else None
    quantity = post_quantity(
        told_charge=status.charge if status else None,
        rate=row.provider_rate,
        smallest=row.min,
        largest=row.max,
    )
    ended = status is not None and status.status in (Status.COMPLETED, Status.PARTIAL, Status.CANCELED)
    return int(row.min) if quantity is None and ended else quantity


def _add(row: Any, post: str, *, number: int, quantity: int, old: bool) -> bool:
    """Make the order of a post and its fulfilment; False when the customer cannot have it."""
    answer = add_post(subscription_id=row.order_id, number=number, quantity=quantity, old=old)
    if not isinstance(answer, Placed):
        _log.warning("post_refused", order_id=row.order_id, external_id=post, why=answer.text)
        return False
    cost = expected_cost(rate=row.provider_rate, fx_rate=row.fx_rate, quantity=quantity, is_package=False)
    (fulfilment,) = fetch_all(
        _SQL["write_post"],
        {
            "order": answer.order_id,
            "provider": row.provider_id,
            "route": row.route_id,
            "service": row.service_external_id,
            "quantity": quantity,
            "rate": row.provider_rate,
            "fx_rate": row.fx_rate,
            "cost": cost,
            "external_id": post,
        },
    )
    if cost:
        movement = Movement(
            kind=TransferKind.PROVIDER_COST,
            cause_id=fulfilment.id,
            source_id=row.wallet_id,
            destination_id=House.COST,
            amount=cost,
        )
        move([movement], wallets_are_locked=True)  # no customer's wallet is among them
    return True


def _write(row: Any, reply: StatusReply, children: Sequence[str]) -> None:
    status = words.subscription_status(reply.word)
    if status is None:
        _log.error("provider_word_unknown", order_id=row.order_id, word=reply.word)
    else:
        posts_done = len(reply.orders) if reply.posts is None else reply.posts
        update_subscription(order_id=row.order_id, status=status, posts_done=posts_done)
    ended_at = row.ended_at if status is None else None
    if status in ENDED:
        ended_at = row.ended_at or row.now
    delay: timedelta | None = next_delay(age=row.age, remains=None, quantity=0, subscription=True)
    if ended_at is not None and not new_posts(reply, known=children):
        delay = delay_after_end(since_end=row.since_end or timedelta(0))
    with hot_cursor() as cursor:
        cursor.execute(
            _SQL["write_subscription"].encode(),
            {
                "id": row.id,
                "word": reply.word,
                "children": list(children),
                "ended_at": ended_at,
                "poll_after": delay and delay.total_seconds(),
            },
        )


def _stop_losses(row: Any) -> None:
    """Ask the provider to stop: it charges us for posts that the customer does not pay."""
    with hot_cursor() as cursor:
        asked = cursor.execute(_SQL["wish_to_cancel"].encode(), {"id": row.id}).rowcount
    if asked:
        OrderEvent.objects.create(
            order_id=row.order_id,
            kind=EventKind.CANCEL,
            data={"reason": "The balance does not pay for a post: the provider was asked to stop"},
        )
