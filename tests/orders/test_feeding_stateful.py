"""Any mix of posts, pauses, top-ups and ends makes one order of a post at most, and the books stay right."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from purveyor.accounts.people import credit
from purveyor.accounts.testing import make_customer
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.feeding import expire_run_out, start_due, tell_post
from purveyor.orders.following import Report, apply_reports
from purveyor.orders.models import Dispatch, FedPost, Order, OrderKind, Status, Subscription
from purveyor.orders.pausing import pause, resume
from purveyor.orders.post_fate import MADE_WHILE_PAUSED
from purveyor.orders.queue import claim_queued, mark_handed
from purveyor.orders.refusals import SubscriptionEnded
from purveyor.orders.requests import Placed
from purveyor.orders.testing import try_one
from tests.audited import FULFILMENT, violations

LONG_AGO = "2020-01-01T00:00:00Z"


class Feeding(RuleBasedStateMachine):
    """Two customers with little money, in one transaction that is thrown away afterwards."""

    subscriptions = Bundle("subscriptions")

    def __init__(self) -> None:
        super().__init__()
        self.skipped: set[tuple[int, str]] = set()
        self.undo = transaction.atomic()
        self.undo.__enter__()

    def teardown(self) -> None:
        """Forget everything."""
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    @initialize()
    def open_shop(self) -> None:
        """A fed service and what delivers its posts."""
        self.customers = [make_customer("0.5"), make_customer("2")]
        likes = make_service(rate="5", cancel=True, queue_same_link=True)
        self.fed = make_service(OrderType.SUBSCRIPTIONS, rate="1", max=1000, cancel=True, posts_service=likes)

    @rule(
        target=subscriptions,
        customer=st.integers(0, 1),
        posts=st.none() | st.integers(0, 3),
        old_posts=st.integers(0, 2),
        delay=st.sampled_from([0, 30]),
        expires=st.booleans(),
    )
    def subscribe(
        self, *, customer: int, posts: int | None, old_posts: int, delay: int, expires: bool
    ) -> Any:
        """A subscription, where the funds are there."""
        answer = try_one(
            self.customers[customer],
            self.fed,
            username="ann",
            min=50,
            max=100,
            delay=delay,
            posts="" if posts is None else posts,
            old_posts=old_posts,
            expiry=timezone.localdate().strftime("%d/%m/%Y") if expires else "",
        )
        return answer.order_id if isinstance(answer, Placed) else multiple()

    @rule(order_id=subscriptions, number=st.integers(1, 5), old=st.booleans(), twice=st.booleans())
    def tell(self, *, order_id: int, number: int, old: bool, twice: bool) -> None:
        """A post is told, perhaps twice."""
        url = f"https://example.com/p/{number}"
        told = tell_post(subscription_id=order_id, url=url, old=old)
        if twice:
            told = tell_post(subscription_id=order_id, url=url, old=old)
        made = list(Order.objects.filter(parent_id=order_id, link=url).values_list("pk", flat=True))
        assert made == ([told.order_id] if told.order_id else [])
        if FedPost.objects.filter(subscription_id=order_id, url=url, outcome="skipped").exists():
            assert told.reason == MADE_WHILE_PAUSED or not Subscription.objects.get(pk=order_id).live
            self.skipped.add((order_id, url))

    @rule(order_id=subscriptions, paused=st.booleans())
    def pause_or_resume(self, *, order_id: int, paused: bool) -> None:
        """Staff, or the customer."""
        try:
            (pause if paused else resume)(order_id=order_id)
        except SubscriptionEnded:
            assert not Subscription.objects.get(pk=order_id).live

    @rule(number=st.integers(0, 9))
    def cancel(self, number: int) -> None:
        """A customer cancels a subscription, or an order for a post."""
        ids = list(Order.objects.order_by("pk").values_list("pk", "customer_id"))
        if ids:
            order_id, customer_id = ids[number % len(ids)]
            request_cancels([(customer_id, order_id)])

    @rule(customer=st.integers(0, 1), cents=st.integers(1, 50))
    def top_up(self, customer: int, cents: int) -> None:
        """Money comes in."""
        amount = Decimal(cents) / 100
        credit(customer=self.customers[customer], amount=amount, reason="test", actor="test")

    @rule(midnight=st.booleans())
    def time_passes(self, *, midnight: bool) -> None:
        """Delays end, or the day does."""
        FedPost.objects.filter(waits=True).update(starts_at=LONG_AGO)
        start_due()
        if midnight:
            yesterday = timezone.localdate() - timedelta(days=1)
            Subscription.objects.exclude(expiry=None).update(expiry=yesterday)
            expire_run_out()

    @rule(status=st.sampled_from([Status.COMPLETED, Status.PARTIAL, Status.CANCELED]))
    def deliver(self, status: Status) -> None:
        """What is queued is handed over and ends."""
        ids = [row.id for row in claim_queued(10)]
        mark_handed(ids)
        apply_reports([Report(order_id=order_id, status=status, remains=7) for order_id in ids])

    @invariant()
    def only_what_was_ordered_is_served(self) -> None:
        """As many posts as ordered, none that was skipped for good, and the subscription never charged."""
        for order in Order.objects.filter(kind=OrderKind.SUBSCRIPTION).select_related("subscription"):
            terms = order.subscription
            assert terms.posts is None or terms.posts_done <= terms.posts
            assert terms.old_posts_done <= terms.old_posts
            assert order.charge == 0
            if terms.posts == terms.posts_done and terms.old_posts == terms.old_posts_done:
                assert order.status not in (Status.ACTIVE, Status.PAUSED)
        for order_id, url in self.skipped:
            assert not Order.objects.filter(parent_id=order_id, link=url).exists()

    @invariant()
    def no_order_starts_before_its_delay(self) -> None:
        """An order that waits for its delay is not in the queue."""
        waiting = Order.objects.filter(fed_post__waits=True)
        assert set(waiting.values_list("dispatch", flat=True)) <= {Dispatch.SCHEDULED, Dispatch.NEVER}

    @invariant()
    def the_books_are_right(self) -> None:
        """The audit of the whole panel."""
        assert violations(but=FULFILMENT) == {}


Feeding.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)


@pytest.mark.django_db
class TestFeeding(Feeding.TestCase):  # type: ignore[valid-type,misc]
    """Runs the machine against the real database."""
