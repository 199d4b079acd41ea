"""Following a subscription: each order it makes at its provider becomes one of ours (protocol §4.6).

No post can be refused to the provider, which makes them by itself. So each counts at the rate listed now, and
when that leaves less than the margin floor the provider is asked to stop.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from math import inf
from typing import Any, Final

import structlog
from django.db import transaction

from purveyor.catalog.prices import PER_THOUSAND
from purveyor.database import as_json, fetch_all, hot_cursor, load_sql
from purveyor.money.models import House, TransferKind
from purveyor.money.moving import Movement, move
from purveyor.orders.announcing import announce_cancel_wishes
from purveyor.orders.following import Report, apply_reports
from purveyor.orders.models import EventKind, OrderEvent, Status
from purveyor.orders.promising import note_promises
from purveyor.orders.requests import Placed
from purveyor.orders.subscriptions import ENDED, Post, add_posts, update_subscription
from purveyor.providers.costs.costing import AbsurdCost, expected_cost, post_quantity
from purveyor.providers.costs.margin import Terms, keeps_margin
from purveyor.providers.following.list_sizes import limit_after_answer
from purveyor.providers.following.polling_schedule import delay_after_end, next_delay
from purveyor.providers.locking import lock_orders_of
from purveyor.providers.protocol import words
from purveyor.providers.protocol.replies import LONGEST_WORD_CHARACTERS, Refused, StatusReply

_SQL: Final = load_sql(__file__, "subscriptions.sql")
_log = structlog.get_logger(__name__)


MOST_POSTS_AT_ONCE: Final = 20
"""Orders made in one transaction, which holds the customer's wallet: the rest follows at once, in another."""
MOST_SURPLUS_KEPT: Final = 100
"""Of one reply: ids beyond the order that are remembered, so that each is told once."""
LARGEST_POSTS_DONE: Final = 2**31 - 1
LONG_AFTER_END: Final = timedelta(hours=1)
"""By then a provider should tell what the posts of a subscription were charged."""
UNPAID: Final = "The balance does not pay for a post: the provider was asked to stop"
BELOW_FLOOR: Final = "Posts cost more than they may by what they are sold for: the provider was asked to stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Post:
    """An order of the provider's that is to become one of ours."""

    external_id: str
    old: bool
    quantity: int | None
    """None while nobody can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Price:
    """What posts cost now."""

    rate: Decimal
    """In the provider's currency."""
    terms: Terms

    def cost(self, quantity: int) -> Decimal:
        """What so many cost us. Raises `AbsurdCost`."""
        return expected_cost(rate=self.rate, terms=self.terms, quantity=quantity, is_package=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What a provider told of a subscription itself."""

    word: str
    status: Status | None = None
    """None where nobody can read it."""
    posts_done: int = 0


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
    reply: StatusReply | Refused,
    posts: Mapping[str, StatusReply | Refused],
    asked: int | None = None,
    in_list: bool = False,
) -> None:
    """Make orders of new posts, each charged alone, and bring the subscription up to what was told.

    `posts` holds what the provider told about the new posts' own orders, where their quantity depends on it.
    A post whose quantity is not known yet, or which the customer cannot pay, is tried again at the next poll.
    Posts beyond those ordered are the provider's affair: they become no orders. `asked` is the number of the
    question that was answered; the answer is dropped when a later one has been asked meanwhile. With
    `in_list` it was told in a list.
    """
    lock_orders_of([fulfilment_id])
    rows = fetch_all(_SQL["lock_subscription"], {"id": fulfilment_id})
    if not rows or asked not in (None, rows[0].polls):
        return
    (row,) = rows
    together = limit_after_answer(row.poll_together, asked=row.polls, in_list=in_list)
    if isinstance(reply, Refused):
        # It may have forgotten the subscription, or be confused: either way it says nothing about posts.
        told = _Told(word=reply.text[:LONGEST_WORD_CHARACTERS])
        _write(row, told, row.child_external_ids, together=together)
        return
    (made,) = fetch_all(_SQL["made"], {"order": row.order_id})
    children = list(row.child_external_ids)
    fresh = _without_others(row, new_posts(reply, known=children), children)
    price = _price(row)
    ordered, surplus = _within_order(row, made, reply, fresh, posts, price=price)
    if surplus:
        _log.error("more_posts_than_ordered", order_id=row.order_id, number=len(surplus), first=surplus[0])
        children += surplus[:MOST_SURPLUS_KEPT]
    ready = [post for post in ordered if post.quantity is not None]
    if len(ready) < len(ordered) and (row.since_end or timedelta(0)) > LONG_AFTER_END:
        _log.error("posts_without_quantity", order_id=row.order_id, number=len(ordered) - len(ready))
    now = ready[:MOST_POSTS_AT_ONCE]
    paid = _add(row, now, price, after=made.last)
    children += paid
    more = len(paid) == len(now) < len(ready)
    told = _told(reply)
    _write(row, told, children, together=together, waiting=len(ordered) > len(paid), at_once=more)
    if len(paid) < len(now):
        _ask_to_stop(row, UNPAID)
    elif told.status not in ENDED and not _keeps_margin(row, price):
        _ask_to_stop(row, BELOW_FLOOR)


def _price(row: Any) -> _Price:
    """The price of the list; that of the hand-over where it is so absurd that no cost can be told."""
    terms = Terms(
        fx_rate=row.fx_rate, top_up_bonus_percent=row.top_up_bonus_percent, fee_percent=row.fee_percent
    )
    listed = _Price(rate=row.rate, terms=terms)
    try:
        listed.cost(max(row.max, int(PER_THOUSAND)))
    except AbsurdCost:
        return _Price(rate=row.provider_rate, terms=terms)
    return listed


def _keeps_margin(row: Any, price: _Price) -> bool:
    """Whether posts may go on being bought at this price, as it is asked of any order before it is sent."""
    return keeps_margin(
        cost=price.cost(int(PER_THOUSAND)), charge=row.unit_price, floor_percent=row.margin_floor_percent
    )


def _without_others(row: Any, fresh: Sequence[str], children: list[str]) -> list[str]:
    """Those that serve no other order: of one that does, two customers would be charged for one delivery."""
    taken = _used_ids(row, fresh)
    for post in fresh:
        if post in taken:
            _log.error("post_is_another_order", order_id=row.order_id, external_id=post)
            children.append(post)
    return [post for post in fresh if post not in taken]


def _within_order(
    row: Any,
    made: Any,
    reply: StatusReply,
    fresh: Sequence[str],
    posts: Mapping[str, StatusReply | Refused],
    *,
    price: _Price,
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
        quantity = _quantity(row, posts.get(external_id), price)
        ordered.append(_Post(external_id=external_id, old=old, quantity=quantity))
    return ordered, surplus


def _used_ids(row: Any, external_ids: Sequence[str]) -> set[str]:
    if not external_ids:
        return set()
    parameters = {"provider": row.provider_id, "external_ids": list(external_ids)}
    return {used.external_id for used in fetch_all(_SQL["used_ids"], parameters)}


def _quantity(row: Any, told: StatusReply | Refused | None, price: _Price) -> int | None:
    """How much a post gets. Once it has ended without its charge telling, the smallest: never too much."""
    status = told if isinstance(told, StatusReply) else None
    quantity = post_quantity(
        told_charge=status.charge if status else None,
        rate=price.rate,
        smallest=row.min,
        largest=row.max,
    )
    ended = status is not None and status.status in (Status.COMPLETED, Status.PARTIAL, Status.CANCELED)
    return int(row.min) if quantity is None and ended else quantity


def _add(row: Any, posts: Sequence[_Post], price: _Price, *, after: int) -> list[str]:
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
        _write_posts(row, made, price)
        note_promises(order_id for _, order_id in made)
    return [post.external_id for post, _ in made]


def _write_posts(row: Any, made: Sequence[tuple[_Post, int]], price: _Price) -> None:
    fulfilments = fetch_all(
        _SQL["write_posts"],
        {
            "id": row.id,
            "rate": price.rate,
            "fx_rate": price.terms.fx_rate,
            "bonus_percent": price.terms.top_up_bonus_percent,
            "fee_percent": price.terms.fee_percent,
            "posts": as_json(
                [
                    {
                        "order_id": order_id,
                        "quantity": post.quantity,
                        "cost": price.cost(post.quantity or 0),
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


def _told(reply: StatusReply) -> _Told:
    posts_done = min(len(reply.orders) if reply.posts is None else reply.posts, LARGEST_POSTS_DONE)
    return _Told(word=reply.word, status=words.subscription_status(reply.word), posts_done=posts_done)


def _write(
    row: Any,
    told: _Told,
    children: Sequence[str],
    *,
    together: int,
    waiting: bool = False,
    at_once: bool = False,
) -> None:
    """Write down what was told; `waiting` says that posts are still to be made orders, `at_once` that now."""
    status = told.status
    if status is None:
        if told.word != row.provider_status:
            _log.error("provider_word_unknown", order_id=row.order_id, word=told.word)
        apply_reports([Report(order_id=row.order_id, word=told.word)])
    else:
        update_subscription(order_id=row.order_id, status=status, posts_done=told.posts_done)
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
                "word": told.word,
                "children": list(children),
                "ended_at": ended_at,
                "poll_after": None if delay is None else delay.total_seconds(),
                "poll_together": together,
            },
        )


def _ask_to_stop(row: Any, reason: str) -> None:
    """Ask the provider, once, to make no more posts: what they cost us is not paid for."""
    with hot_cursor() as cursor:
        asked = cursor.execute(_SQL["wish_to_cancel"].encode(), {"id": row.id}).rowcount
    if asked:
        OrderEvent.objects.create(order_id=row.order_id, kind=EventKind.CANCEL, data={"reason": reason})
        announce_cancel_wishes([(row.order_id, row.customer_id)], by="panel")
        _log.error("subscription_to_be_stopped", order_id=row.order_id, why=reason)
