"""Any mix of what customers, providers and owners do leaves the books right: checked after every step."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from purveyor.accounts.people import credit
from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.money.models import Wallet
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.dripfeed import release_due
from purveyor.orders.following import Report, apply_reports
from purveyor.orders.models import DripFeed, Order, OrderKind, RefillStatus, Status
from purveyor.orders.placing import place
from purveyor.orders.queue import claim_queued, mark_handed
from purveyor.orders.refilling import request_refills, settle_refill
from purveyor.orders.requests import Placed
from purveyor.orders.subscriptions import Post, add_posts
from purveyor.orders.testing import request
from tests.audited import FULFILMENT, violations

CUSTOMERS = st.integers(min_value=0, max_value=2)
AMOUNTS = st.decimals(min_value="-3", max_value=5, places=4)
STATUSES = st.sampled_from(
    [
        Status.PENDING,
        Status.PROCESSING,
        Status.IN_PROGRESS,
        Status.COMPLETED,
        Status.PARTIAL,
        Status.CANCELED,
        None,
    ]
)
REMAINS = st.none() | st.integers(min_value=-10, max_value=1500)


class Panel(RuleBasedStateMachine):
    """A small panel in one transaction that is thrown away afterwards."""

    orders = Bundle("orders")
    refills = Bundle("refills")

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()

    def teardown(self) -> None:
        """Forget everything."""
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    @initialize()
    def open_shop(self) -> None:
        """Three customers, one of them with credit; services of several kinds."""
        self.customers = [make_customer(balance) for balance in ("3", "0.5", "0")]
        Wallet.objects.filter(pk=self.customers[2].wallet_id).update(floor=Decimal(-1))
        options: dict[str, Any] = {"cancel": True, "refill": True, "max": 1000}
        self.services = [
            make_service(rate="1", dripfeed=True, **options),
            make_service(rate="0.00333", **options),
            make_service(OrderType.PACKAGE, rate="0.25", cancel=True),
            make_service(rate="0", **options),
        ]
        self.subscribed = make_service(OrderType.SUBSCRIPTIONS, rate="2", **options)

    @rule(
        target=orders,
        batch=st.lists(
            st.tuples(
                CUSTOMERS, st.integers(0, 3), st.integers(1, 1000), st.integers(0, 3), st.integers(1, 30)
            ),
            min_size=1,
            max_size=6,
        ),
    )
    def place_some(self, batch: list[tuple[int, int, int, int, int]]) -> Any:
        """Orders that succeed, lack funds, exceed the maximum or meet an open one on their link."""
        answers = place(
            [
                request(
                    self.customers[customer],
                    self.services[service],
                    quantity=quantity,
                    link=f"https://example.com/{link}",
                    runs=runs if runs > 1 else 0,
                    interval=5 if runs > 1 else 0,
                )
                for customer, service, quantity, runs, link in batch
            ]
        )
        return multiple(*(answer.order_id for answer in answers if isinstance(answer, Placed)))

    @rule(target=orders, customer=CUSTOMERS)
    def subscribe(self, customer: int) -> Any:
        """A subscription, where the funds of one post are there."""
        (answer,) = place(
            [request(self.customers[customer], self.subscribed, username="u", min=1, max=50, delay=0)]
        )
        return multiple(answer.order_id) if isinstance(answer, Placed) else multiple()

    @rule(target=orders, order_id=orders, number=st.integers(1, 5), quantity=st.integers(1, 50))
    def post(self, order_id: int, number: int, quantity: int) -> Any:
        """A post of a subscription, perhaps told twice."""
        if Order.objects.get(pk=order_id).kind != OrderKind.SUBSCRIPTION:
            return multiple()
        post = Post(number=number, quantity=quantity)
        (answer,) = add_posts(subscription_id=order_id, posts=[post])
        (again,) = add_posts(subscription_id=order_id, posts=[post])
        if not isinstance(answer, Placed):
            return multiple()
        assert again == Placed(answer.order_id, is_new=False)
        return multiple(answer.order_id)

    @rule(limit=st.integers(1, 10))
    def hand_over(self, limit: int) -> None:
        """The worker takes some of the queue."""
        mark_handed([row.id for row in claim_queued(limit)])

    @rule(target=orders)
    def release_runs(self) -> Any:
        """Time passes: every drip-feed that still runs releases a run."""
        before = set(Order.objects.values_list("pk", flat=True))
        DripFeed.objects.filter(next_run_at__isnull=False).update(next_run_at="2020-01-01T00:00:00Z")
        release_due()
        return multiple(*(set(Order.objects.values_list("pk", flat=True)) - before))

    @rule(order_id=orders, status=STATUSES, remains=REMAINS, times=st.integers(1, 3))
    def report(self, order_id: int, status: Status | None, remains: int | None, times: int) -> None:
        """A provider tells anything, even backwards, and repeats itself."""
        for _ in range(times):
            apply_reports([Report(order_id=order_id, status=status, remains=remains, word="x")])

    @rule(order_id=orders)
    def cancel(self, order_id: int) -> None:
        """A customer wants to cancel."""
        request_cancels([(Order.objects.get(pk=order_id).customer_id, order_id)] * 2)

    @rule(target=refills, order_id=orders)
    def refill(self, order_id: int) -> Any:
        """A customer wants a refill."""
        (answer,) = request_refills([(Order.objects.get(pk=order_id).customer_id, order_id)])
        return multiple(answer) if isinstance(answer, int) else multiple()

    @rule(refill_id=refills, status=st.sampled_from(RefillStatus))
    def settle(self, refill_id: int, status: RefillStatus) -> None:
        """A provider tells of a refill."""
        settle_refill(refill_id=refill_id, status=status)

    @rule(customer=CUSTOMERS, amount=AMOUNTS.filter(bool))
    def adjust(self, customer: int, amount: Decimal) -> None:
        """An owner credits or debits, as far as the balance allows."""
        wallet = self.customers[customer].wallet
        wallet.refresh_from_db()
        if balance_of(self.customers[customer]) + amount >= wallet.floor:
            credit(customer=self.customers[customer], amount=amount, reason="test", actor="test")

    @invariant()
    def books_are_right(self) -> None:
        """The audit of the whole panel."""
        assert violations(but=FULFILMENT) == {}


Panel.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


@pytest.mark.django_db
class TestPanel(Panel.TestCase):  # type: ignore[valid-type,misc]
    """Runs the machine against the real database."""
