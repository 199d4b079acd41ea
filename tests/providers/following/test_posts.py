"""What a provider tells of a subscription, however wrong, becomes no more orders than were ordered."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models.functions import Now
from structlog.testing import capture_logs

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.money.moving import lock_wallets
from purveyor.orders import subscriptions
from purveyor.orders.models import Order, Status, Subscription
from purveyor.orders.placing import place
from purveyor.orders.testing import place_one
from purveyor.providers.following.subscriptions import (
    LARGEST_POSTS_DONE,
    MOST_POSTS_AT_ONCE,
    follow_subscription,
)
from purveyor.providers.models import Fulfilment
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.protocol.replies import Accepted, StatusReply
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.testing import make_provider, make_route
from tests.audited import violations
from tests.committed import committed
from tests.racing import Second, until_somebody_waits

pytestmark = pytest.mark.django_db


def subscribe(**terms: object) -> Fulfilment:
    """A subscription at 1 a post, of a customer with 1000, that its provider has accepted."""
    service = make_service(OrderType.SUBSCRIPTIONS, rate="10")
    make_route(service, make_provider(), rate="8")
    place_one(
        make_customer("1000"), service, **({"username": "ann", "min": 100, "max": 100, "delay": 0} | terms)
    )
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Accepted("500"))])
    return Fulfilment.objects.get(pk=item.fulfilment_id)


def tell(fulfilment: Fulfilment, *, asked: int | None = None, word: str = "Active", **told: object) -> None:
    reply = StatusReply(word=word, status=None, **told)  # type: ignore[arg-type]
    follow_subscription(fulfilment_id=fulfilment.pk, reply=reply, posts={}, asked=asked)
    fulfilment.refresh_from_db()
    assert violations() == {}


def ids(number: int, *, start: int = 1000) -> tuple[str, ...]:
    return tuple(str(start + place) for place in range(number))


def kinds() -> list[bool]:
    """Of each order that was made of a post, whether the post is an old one."""
    return [
        bool(fields)
        for fields in Order.objects.exclude(parent=None).order_by("part").values_list("fields", flat=True)
    ]


def test_posts_beyond_those_ordered_become_no_orders() -> None:
    fulfilment = subscribe(posts=2, old_posts=1)
    for _ in range(3):
        tell(fulfilment, orders=ids(150), old_orders=ids(150, start=5000))
    assert sorted(kinds()) == [False, False, True]
    assert balance_of(fulfilment.order.customer) == 997


def test_without_a_number_every_new_post_counts_and_no_old_one() -> None:
    fulfilment = subscribe()
    tell(fulfilment, orders=ids(5), old_orders=ids(5, start=5000))
    assert kinds() == [False] * 5


def test_a_finished_subscription_is_not_followed_for_its_surplus() -> None:
    fulfilment = subscribe(posts=1)
    Fulfilment.objects.filter(pk=fulfilment.pk).update(ended_at="2020-01-01T00:00:00Z")
    tell(fulfilment, word="Completed", orders=ids(300))
    assert kinds() == [False]
    assert fulfilment.next_poll_at is None


@pytest.mark.parametrize(("terms", "old"), [({"posts": 3}, False), ({"posts": 0, "old_posts": 3}, True)])
def test_a_post_told_in_both_lists_is_one_post(terms: dict[str, object], old: bool) -> None:  # noqa: FBT001
    fulfilment = subscribe(**terms)
    for _ in range(2):
        tell(fulfilment, orders=("7",), old_orders=("7",))
    assert kinds() == [old]


def test_an_impossible_number_of_posts_is_kept_as_the_largest() -> None:
    fulfilment = subscribe()
    tell(fulfilment, posts=9_999_999_999, orders=("7",))
    assert kinds() == [False]
    assert Subscription.objects.get().posts_done == LARGEST_POSTS_DONE


def test_many_posts_are_made_in_parts_each_placed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    placed = []

    def count(requests: list[object]) -> object:
        placed.append(len(requests))
        return place(requests)  # type: ignore[arg-type]

    monkeypatch.setattr(subscriptions, "place", count)
    fulfilment = subscribe()
    total = 2 * MOST_POSTS_AT_ONCE + 5
    due = []
    for _ in range(3):
        tell(fulfilment, orders=ids(total))
        due.append(Fulfilment.objects.filter(pk=fulfilment.pk, next_poll_at__lte=Now()).exists())
    assert placed == [MOST_POSTS_AT_ONCE, MOST_POSTS_AT_ONCE, 5]
    assert due == [True, True, False]
    assert len(kinds()) == total


def test_an_answer_to_an_older_question_is_dropped() -> None:
    fulfilment = subscribe()
    Fulfilment.objects.filter(pk=fulfilment.pk).update(polls=2)
    tell(fulfilment, asked=2, word="Paused")
    tell(fulfilment, asked=1, word="Active", orders=("7",))
    assert Order.objects.get(pk=fulfilment.order_id).status == Status.PAUSED
    assert kinds() == []


@pytest.mark.parametrize(("hours", "told"), [(0, []), (2, [1])])
def test_posts_whose_quantity_nobody_tells_after_the_end_are_an_alarm(hours: int, told: list[int]) -> None:
    fulfilment = subscribe(min=50, max=100)
    Fulfilment.objects.filter(pk=fulfilment.pk).update(ended_at=Now() - timedelta(hours=hours))
    with capture_logs() as lines:
        tell(fulfilment, word="Completed", orders=("7",))
    assert [line["number"] for line in lines if line["event"] == "posts_without_quantity"] == told
    assert kinds() == []
    assert fulfilment.next_poll_at is not None


@committed
def test_a_subscriptions_order_is_held_before_its_customers_wallet() -> None:
    fulfilment = subscribe()
    with transaction.atomic():
        Order.objects.select_for_update(no_key=True).get(pk=fulfilment.order_id)
        second = Second(lambda: tell(fulfilment, word="Paused", orders=("7",)))
        until_somebody_waits()
        lock_wallets([fulfilment.order.customer.wallet_id])
    second.finish()
    assert kinds() == [False]
