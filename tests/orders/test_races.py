"""Two transactions at the same orders: whoever comes second sees what the first did, and none waits for ever.

Each test holds the first transaction open until the second waits for it.
"""

import threading

from django.db import transaction

from purveyor.accounts.models import Customer
from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.testing import make_service
from purveyor.orders.cancelling import request_cancels, settle_cancel
from purveyor.orders.dripfeed import release_due
from purveyor.orders.following import Report, apply_reports
from purveyor.orders.models import CancelRequest, CancelStatus, DripFeed, Order, Status
from purveyor.orders.placing import place
from purveyor.orders.queue import mark_handed
from purveyor.orders.requests import Placed
from purveyor.orders.testing import place_one, request, try_one
from tests.audited import violations
from tests.committed import committed
from tests.racing import PATIENCE_SECONDS, Second, until_somebody_waits

pytestmark = committed


def drip_feed(customer: Customer, *, released: int, runs: int = 2) -> Order:
    """A drip-feed of which some runs were released; the next is due."""
    service = make_service(dripfeed=True, cancel=True)
    order = place_one(customer, service, quantity=100, runs=runs, interval=5)
    for _ in range(released):
        make_due()
        release_due()
    make_due()
    return order


def make_due() -> None:
    DripFeed.objects.filter(next_run_at__isnull=False).update(next_run_at="2020-01-01T00:00:00Z")


def handed_runs(parent: Order) -> list[int]:
    runs = list(parent.children.order_by("part").values_list("pk", flat=True))
    mark_handed(runs)
    return runs


def test_the_last_two_runs_end_at_once() -> None:
    customer = make_customer()
    parent = drip_feed(customer, released=2)
    first, second = handed_runs(parent)
    with transaction.atomic():
        apply_reports([Report(order_id=first, status=Status.COMPLETED)])
        other = Second(lambda: apply_reports([Report(order_id=second, status=Status.COMPLETED)]))
        until_somebody_waits()
    other.finish()
    parent.refresh_from_db()
    assert parent.status == Status.COMPLETED
    again = {"quantity": 10, "link": parent.link}
    assert isinstance(try_one(customer, parent.service, **again), Placed)


def test_a_drip_feed_is_canceled_while_its_run_ends() -> None:
    customer = make_customer()
    parent = drip_feed(customer, released=1)
    (run,) = handed_runs(parent)
    with transaction.atomic():
        assert request_cancels([(customer.pk, parent.pk)]) == [None]
        other = Second(lambda: apply_reports([Report(order_id=run, status=Status.PARTIAL, remains=50)]))
        until_somebody_waits()
    other.finish()
    parent.refresh_from_db()
    assert (parent.status, parent.refunded) == (Status.COMPLETED, parent.charge / 2)
    assert balance_of(customer) == 100 - parent.charge / 4


def test_a_run_ends_while_its_drip_feed_is_canceled() -> None:
    customer = make_customer()
    parent = drip_feed(customer, released=1)
    (run,) = handed_runs(parent)
    with transaction.atomic():
        apply_reports([Report(order_id=run, status=Status.PARTIAL, remains=50)])
        other = Second(lambda: request_cancels([(customer.pk, parent.pk)]))
        until_somebody_waits()
    other.finish()
    parent.refresh_from_db()
    assert (parent.status, parent.refunded) == (Status.COMPLETED, parent.charge / 2)


def test_a_run_is_released_while_a_list_with_its_drip_feed_is_canceled() -> None:
    customer = make_customer()
    parent = drip_feed(customer, released=0)
    ordinary = place_one(customer, parent.service, quantity=100)
    with transaction.atomic():
        request_cancels([(customer.pk, ordinary.pk)])
        other = Second(release_due)
        until_somebody_waits()
    other.finish()
    assert request_cancels([(customer.pk, parent.pk)]) == [None]
    assert violations().keys() <= {"handed orders have hand-overs"}


def test_cancels_of_two_customers_meet_orders_of_both() -> None:
    one, other_customer = make_customer(), make_customer()
    service = make_service(cancel=True)
    orders = [place_one(customer, service, quantity=10) for customer in (one, other_customer)]
    batch = [request(customer, service, quantity=1) for customer in (one, other_customer)]
    start = threading.Barrier(2)

    def cancel() -> None:
        start.wait(PATIENCE_SECONDS)
        request_cancels([(order.customer_id, order.pk) for order in reversed(orders)])

    def order() -> None:
        start.wait(PATIENCE_SECONDS)
        assert all(isinstance(answer, Placed) for answer in place(batch))

    for racer in [Second(cancel), Second(order)]:
        racer.finish()
    assert Order.objects.filter(status=Status.CANCELED).count() == 2


def test_corrections_of_two_customers_meet_orders_of_both() -> None:
    late, early = make_customer(), make_customer()
    service = make_service()
    # The older wallet has the younger order: by order the wallets would be locked in reverse.
    orders = [place_one(customer, service, quantity=10) for customer in (early, late)]
    mark_handed([order.pk for order in orders])
    apply_reports([Report(order_id=order.pk, status=Status.CANCELED) for order in orders])
    with transaction.atomic():
        place([request(late, service, quantity=1)])
        other = Second(
            lambda: apply_reports([Report(order_id=order.pk, status=Status.COMPLETED) for order in orders])
        )
        until_somebody_waits()
        place([request(early, service, quantity=1)])
    other.finish()
    assert set(
        Order.objects.filter(pk__in=[order.pk for order in orders]).values_list("refunded", flat=True)
    ) == {0}


def test_a_cancel_that_came_true_is_not_refused_afterwards() -> None:
    customer = make_customer()
    order = place_one(customer, make_service(cancel=True), quantity=10)
    mark_handed([order.pk])
    request_cancels([(customer.pk, order.pk)])
    wish = CancelRequest.objects.get()
    apply_reports([Report(order_id=order.pk, status=Status.CANCELED)])
    settle_cancel(request_id=wish.pk, refused_reason="too late")
    wish.refresh_from_db()
    assert (wish.status, wish.reason) == (CancelStatus.DONE, "")


def test_a_queued_run_is_canceled_while_another_of_its_drip_feed_ends() -> None:
    customer = make_customer()
    parent = drip_feed(customer, released=2, runs=3)
    begun, queued = parent.children.order_by("pk")
    mark_handed([begun.pk])
    with transaction.atomic():
        apply_reports([Report(order_id=begun.pk, status=Status.IN_PROGRESS)])
        other = Second(lambda: request_cancels([(customer.pk, queued.pk)]))
        until_somebody_waits()
        # Its refund needs the wallet, which whoever waits for the parent must not hold.
        apply_reports([Report(order_id=begun.pk, status=Status.CANCELED)])
    other.finish()
    assert all(run.status == Status.CANCELED and run.refunded == run.charge for run in parent.children.all())
