"""Any mix of what happens to orders for the same links keeps their lines: one at a time, oldest first."""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from purveyor.accounts.testing import make_customer
from purveyor.catalog.testing import make_service
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.following import Report, apply_reports
from purveyor.orders.models import FINAL_STATUSES, OPEN_STATUSES, Dispatch, Order, Status
from purveyor.orders.queue import claim_queued, hold, mark_handed, requeue
from purveyor.orders.same_link import release_next, turns, wait_in_line
from purveyor.orders.testing import try_one
from tests.audited import FULFILMENT, violations

BY_STAFF = "Held by staff"


class Lines(RuleBasedStateMachine):
    """Two customers, two links and one service, in one transaction that is thrown away afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()

    def teardown(self) -> None:
        """Whatever has happened, every order gets its turn; then forget everything."""
        requeue(self._ids(dispatch=Dispatch.HELD, waits_for=None))
        for _ in range(Order.objects.count()):
            release_next(100)
            self._claim(100)
            for order_id in self._ids(dispatch=Dispatch.HANDED):
                apply_reports([Report(order_id=order_id, status=Status.COMPLETED)])
        assert self._ids() == []
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    @initialize()
    def open_shop(self) -> None:
        """A service whose orders queue."""
        self.customers = [make_customer("100"), make_customer("100")]
        self.service = make_service(queue_same_link=True, cancel=True)

    def _ids(self, **conditions: Any) -> list[int]:
        found = Order.objects.filter(status__in=OPEN_STATUSES, **conditions).order_by("pk")
        return list(found.values_list("pk", flat=True))

    def _pick(self, number: int, **conditions: Any) -> list[int]:
        ids = self._ids(**conditions)
        return ids[number % len(ids) :][:1] if ids else []

    def _claim(self, limit: int) -> None:
        orders = claim_queued(limit)
        found = turns(orders)
        assert found.undecided == frozenset()
        wait_in_line(found.behind)
        mark_handed([order.id for order in orders if order.id not in found.behind])

    @rule(customer=st.integers(0, 1), link=st.integers(0, 1))
    def order(self, customer: int, link: int) -> None:
        """Somebody orders for one of the links."""
        try_one(self.customers[customer], self.service, quantity=10, link=f"https://example.com/{link}")

    @rule(limit=st.integers(1, 3))
    def claim(self, limit: int) -> None:
        """A worker takes some of the queue."""
        self._claim(limit)

    @rule(limit=st.integers(1, 3))
    def release(self, limit: int) -> None:
        """A worker looks whose turn it may be."""
        release_next(limit)

    @rule(number=st.integers(0, 9), status=st.sampled_from(FINAL_STATUSES))
    def end(self, number: int, status: Status) -> None:
        """A delivery ends."""
        for order_id in self._pick(number, dispatch=Dispatch.HANDED):
            apply_reports([Report(order_id=order_id, status=status, remains=5)])

    @rule(number=st.integers(0, 9))
    def refuse(self, number: int) -> None:
        """A provider refuses an order, which goes back to the queue."""
        requeue(self._pick(number, dispatch=Dispatch.HANDED))

    @rule(number=st.integers(0, 9))
    def hold(self, number: int) -> None:
        """An order is held for a reason of its own."""
        hold(self._pick(number, dispatch=Dispatch.QUEUED), reason=BY_STAFF)

    @rule(number=st.integers(0, 9))
    def let_go(self, number: int) -> None:
        """That reason is over."""
        requeue(self._pick(number, dispatch=Dispatch.HELD, hold_reason=BY_STAFF))

    @rule(number=st.integers(0, 9))
    def cancel(self, number: int) -> None:
        """A customer cancels an order that waits."""
        for order_id in self._pick(number, dispatch__in=[Dispatch.QUEUED, Dispatch.HELD]):
            request_cancels([(Order.objects.get(pk=order_id).customer_id, order_id)])

    @invariant()
    def the_oldest_is_delivered_alone(self) -> None:
        """Who is being delivered is the oldest open order of its line, and so the only one."""
        for order in Order.objects.filter(status__in=OPEN_STATUSES, dispatch=Dispatch.HANDED):
            line = self._ids(link_key=order.link_key)
            assert line[0] == order.pk

    @invariant()
    def the_books_are_right(self) -> None:
        """The audit of the whole panel."""
        assert violations(but=FULFILMENT) == {}


Lines.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)


@pytest.mark.django_db
class TestLines(Lines.TestCase):  # type: ignore[valid-type,misc]
    """Runs the machine against the real database."""
