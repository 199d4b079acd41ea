"""Following a subscription: each order it makes at its provider becomes one of ours (protocol §4.6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from typing import Any, Final

import structlog
from django.db import transaction

from purveyor.database import as_json, fetch_all, hot_cursor, load_sql
from purveyor.money.models import House, TransferKind
from purveyor.money.moving import Movement, move
from purveyor.orders.models import EventKind, OrderEvent, Status
from purveyor.orders.promising import note_promises
from purveyor.orders.requests import Placed
from purveyor.orders.subscriptions import ENDED, Post, add_posts, update_subscription
from purveyor.providers.costs.costing import expected_cost, post_quantity
from purveyor.providers.costs.margin import Terms
from purveyor.providers.following.polling_schedule import delay_after_end, next_delay
from purveyor.providers.locking import lock_orders_of
from purveyor.providers.protocol import words
from purveyor.providers.protocol.replies import Refused, StatusReply

_SQL: Final = load_sql(__file__, "subscriptions.sql")
_log = structlog.get_logger(__name__)


MOST_POSTS_AT_ONCE: Final = 20
"""Orders made in one transaction, which holds the customer's wallet: the rest follows at once, in another."""
MOST_SURPLUS_KEPT: Final = 100
"""Of one reply: ids beyond the order that are remembered, so that each is told once."""
LARGEST_POSTS_DONE: Final = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Post:
    """An order of the provider's that is to become one of ours."""

    external_id: str
    old: bool
    quantity: int | None
    """None while nobody can tell."""


def new_posts(reply: StatusReply, *, known: Sequence[str]) -> list[str]:
    """The provider's orders for posts that are not orders of ours yet, once each, in the order told."""
    seen = set(known)
    return [post for post in dict.fromkeys((*reply.old_orders, *reply.orders)) if post not in seen]


def quantities_vary(fulfilment_id: int) -> bool:
    """Whether a subscription's posts may differ in quantity, so that the provider's charge must tell it."""
    return any(row.vary for row in fetch_all(_SQL["quantities_vary"], {"id": fulfilment_id}))


@transaction.atomic
def follow_subscription(
    *,
    fulfilment_id: int,
    reply: StatusReply,
    posts: Mapping[str, StatusReply | Refused],
    asked: int | None = None,
) -> None:
    """Make orders of new posts, each charged alone, and bring the subscription up to what was told.

    `posts` holds what the provider told about the new posts' own orders, where their quantity depends on it.
    A post whose quantity is not known yet, or which the customer cannot pay, is tried again at the next poll.
    Posts beyond those ordered are the provider's affair: they become no orders. `asked` is the number of the
    question that was answered; the answer is dropped when a later one has been asked meanwhile.
    """
    lock_orders_of([fulfilment_id])
    rows = fetch_all(_SQL["lock_subscription"], {"id": fulfilment_id})
    if not rows or asked not in (None, rows[0].polls):
        return
    (row,) = rows
    (made,) = fetch_all(_SQL["made"], {"order": row.order_id})
    children = list(row.child_external_ids)
    fresh = _without_others(row, new_posts(reply, known=children), children)
    ordered, surplus = _within_order(row, made, reply, fresh, posts)
    if surplus:
        _log.error("more_posts_than_ordered", order_id=row.order_id, number=len(surplus), first=surplus[0])
        children += surplus[:MOST_SURPLUS_KEPT]
    ready = [post for post in ordered if post.quantity is not None]
    now = ready[:MOST_POSTS_AT_ONCE]
    paid = _add(row, now, after=made.last)
    children += paid
    more = len(paid) == len(now) < len(ready)
    _write(row, reply, children, waiting=len(ordered) > len(paid), at_once=more)
    if len(paid) < len(now):
        _stop_losses(row)


def _without_others(row: Any, fresh: Sequence[str], children: list[str]) -> list[str]:
    """Those that serve no other order: of one that does, two customers would be charged for one delivery."""
    taken = _used_ids(row, fresh)
    for post in fresh:
        if post in taken:
            _log.error("post_is_another_order", order_id=row.order_id, external_id=post)
            children.append(post)
    return [post for post in fresh if post not in taken]


def _within_order(
    row: Any, made: Any, reply: StatusReply, fresh: Sequence[str], posts: Mapping[str, StatusReply | Refused]
) -> tuple[list[_Post], list[str]]:
    """The new posts that were ordered, and the surplus; those told first count."""
    left = {False: inf if row.posts is None else row.posts - made.new, True: row.old_posts - made.old}
    told = {False: set(reply.orders), True: set(reply.old_orders)}
    ordered, surplus = [], []
    for external_id in fresh:
        old = next((old for old in told if external_id in told[old] and left[old] > 0), None)
        if old is None:
            surplus.append(external_id)
            continue
        left[old] -= 1
        quantity = _quantity(row, posts.get(external_id))
        ordered.append(_Post(external_id=external_id, old=old, quantity=quantity))
    return ordered, surplus


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


def _add(row: Any, posts: Sequence[_Post], *, after: int) -> list[str]:
    """Make the orders of posts and their fulfilments; the ids of those that the customer could have."""
    wanted = [
        Post(number=number, quantity=post.quantity or 0, old=post.old)
        for number, post in enumerate(posts, start=after + 1)
    ]
    answers = add_posts(subscription_id=row.order_id, posts=wanted) if wanted else []
    made = []
    for post, answer in zip(posts, answers, strict=True):
        if isinstance(answer, Placed):
            made.append((post, answer.order_id))
        else:
            _log.warning("post_refused", order_id=row.order_id, external_id=post.external_id, why=answer.text)
    if made:
        _write_posts(row, made)
        note_promises(order_id for _, order_id in made)
    return [post.external_id for post, _ in made]


def _write_posts(row: Any, made: Sequence[tuple[_Post, int]]) -> None:
    terms = Terms(
        fx_rate=row.fx_rate, top_up_bonus_percent=row.top_up_bonus_percent, fee_percent=row.fee_percent
    )
    fulfilments = fetch_all(
        _SQL["write_posts"],
        {
            "id": row.id,
            "posts": as_json(
                [
                    {
                        "order_id": order_id,
                        "quantity": post.quantity,
                        "cost": expected_cost(
                            rate=row.provider_rate,
                            terms=terms,
                            quantity=post.quantity or 0,
                            is_package=False,
                        ),
                        "external_id": post.external_id,
                    }
                    for post, order_id in made
                ]
            ),
        },
    )
    move(
        [
            Movement(
                kind=TransferKind.PROVIDER_COST,
                cause_id=fulfilment.id,
                source_id=row.wallet_id,
                destination_id=House.COST,
                amount=fulfilment.cost,
            )
            for fulfilment in fulfilments
            if fulfilment.cost
        ],
        wallets_are_locked=True,  # no customer's wallet is among them
    )


def _write(row: Any, reply: StatusReply, children: Sequence[str], *, waiting: bool, at_once: bool) -> None:
    """Write down what was told; `waiting` says that posts are still to be made orders, `at_once` that now."""
    status = words.subscription_status(reply.word)
    if status is None:
        _log.error("provider_word_unknown", order_id=row.order_id, word=reply.word)
    else:
        posts_done = min(len(reply.orders) if reply.posts is None else reply.posts, LARGEST_POSTS_DONE)
        update_subscription(order_id=row.order_id, status=status, posts_done=posts_done)
    ended_at = row.ended_at if status is None else None
    if status in ENDED:
        ended_at = row.ended_at or row.now
    delay: timedelta | None = next_delay(
        age=row.age, remains=None, quantity=0, subscription=True, stretch=row.stretch
    )
    if at_once:
        delay = timedelta(0)
    elif ended_at is not None and not waiting:
        delay = delay_after_end(since_end=row.since_end or timedelta(0))
    with hot_cursor() as cursor:
        cursor.execute(
            _SQL["write_subscription"].encode(),
            {
                "id": row.id,
                "word": reply.word,
                "children": list(children),
                "ended_at": ended_at,
                "poll_after": None if delay is None else delay.total_seconds(),
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
