"""The line of a link: one order at a time, oldest first, whoever ordered."""

from itertools import pairwise
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from purveyor import configuration
from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.testing import make_service
from purveyor.orders import deciding, refusals
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.dripfeed import release_due
from purveyor.orders.following import Report, apply_reports
from purveyor.orders.models import Dispatch, DripFeed, Order, OrderEvent, Status
from purveyor.orders.placing import place
from purveyor.orders.queue import claim_queued, hold, mark_handed
from purveyor.orders.requests import Placed
from purveyor.orders.same_link import _SQL, WAITS, release_next, turns, wait_in_line
from purveyor.orders.testing import place_one, request, try_one
from tests.audited import FULFILMENT, violations
from tests.committed import committed
from tests.orders.test_plans import rows_read

pytestmark = pytest.mark.django_db

LINK = "https://example.com/a"
MANY = 5_000


@pytest.fixture
def queuing() -> Service:
    return make_service(queue_same_link=True, cancel=True, dripfeed=True)


def claim() -> list[int]:
    """What a worker does, without a provider: the orders whose turn it is are handed over."""
    with transaction.atomic():
        orders = claim_queued(100)
        found = turns(orders)
        wait_in_line(found.behind)
        handed = [order.id for order in orders if order.id not in found.behind]
        mark_handed(handed)
    return handed


def end(order: Order, status: Status = Status.COMPLETED) -> None:
    apply_reports([Report(order_id=order.pk, status=status)])


def test_the_second_order_is_taken_charged_and_starts_when_the_first_has_ended(queuing: Service) -> None:
    customer = make_customer("10")
    first = place_one(customer, queuing, quantity=1000, link=LINK)
    second = place_one(customer, queuing, quantity=1000, link="http://www.example.com/a/")
    assert balance_of(customer) == 8
    assert claim() == [first.pk]
    second.refresh_from_db()
    assert (second.dispatch, second.hold_reason) == (Dispatch.HELD, WAITS.format(order=first.pk))
    assert OrderEvent.objects.get(order=second).data == {"reason": second.hold_reason}
    assert (release_next(10), claim()) == (0, [])
    end(first)
    assert (release_next(10), claim()) == (1, [second.pk])
    second.refresh_from_db()
    assert (second.dispatch, second.hold_reason, second.waits_for) == (Dispatch.HANDED, "", None)


def test_it_takes_no_statement_for_each_order_that_waits(queuing: Service) -> None:
    customers = [make_customer() for _ in range(11)]
    for number in (2, 11):
        for customer in customers[:number]:
            place_one(customer, queuing, quantity=1, link=f"{LINK}/{number}")
    few, many = (list(Order.objects.filter(link__endswith=f"/{number}")) for number in (2, 11))
    statements = []
    for orders in (few, many):
        with CaptureQueriesContext(connection) as captured, transaction.atomic():
            wait_in_line({after.pk: before.pk for before, after in pairwise(orders)})
        statements.append(len(captured))
    assert statements[0] == statements[1]
    assert Order.objects.filter(dispatch=Dispatch.HELD).count() == OrderEvent.objects.count() == 11


def test_other_services_and_links_do_not_wait(queuing: Service) -> None:
    customer, other = make_customer(), make_service(queue_same_link=True)
    orders = [
        place_one(customer, queuing, quantity=1, link=LINK),
        place_one(customer, queuing, quantity=1, link=LINK + "/b"),
        place_one(customer, other, quantity=1, link=LINK),
    ]
    assert claim() == [order.pk for order in orders]


def test_customers_wait_for_each_other(queuing: Service) -> None:
    first = place_one(make_customer(), queuing, quantity=1, link=LINK)
    second = place_one(make_customer(), queuing, quantity=1, link=LINK)
    assert claim() == [first.pk]
    end(first, Status.CANCELED)
    release_next(10)
    assert claim() == [second.pk]


def test_a_line_moves_one_by_one(queuing: Service) -> None:
    line = [place_one(make_customer(), queuing, quantity=1, link=LINK) for _ in range(4)]
    for order in line:
        assert claim() == [order.pk]
        assert release_next(10) == 0
        end(order)
        assert release_next(10) == (order is not line[-1])
    assert violations(but=FULFILMENT) == {}


def test_an_order_held_for_a_reason_of_its_own_keeps_its_place(queuing: Service) -> None:
    first, second = (place_one(make_customer(), queuing, quantity=1, link=LINK) for _ in range(2))
    hold([first.pk], reason="The provider is out of funds")
    assert claim() == []
    end(first, Status.CANCELED)
    release_next(10)
    assert claim() == [second.pk]


def test_a_waiting_order_that_is_canceled_is_refunded_at_once_and_the_next_moves_up(queuing: Service) -> None:
    customer = make_customer("10")
    first, second, third = (place_one(customer, queuing, quantity=1000, link=LINK) for _ in range(3))
    claim()
    assert request_cancels([(customer.pk, second.pk)]) == [None]
    assert balance_of(customer) == 8
    assert (release_next(10), claim()) == (1, [])
    third.refresh_from_db()
    assert third.hold_reason == WAITS.format(order=first.pk)
    end(first)
    release_next(10)
    assert claim() == [third.pk]
    assert violations(but=FULFILMENT) == {}


def test_an_older_order_that_was_committed_late_waits_for_the_younger(queuing: Service) -> None:
    older, younger = (place_one(make_customer(), queuing, quantity=1, link=LINK) for _ in range(2))
    mark_handed([younger.pk])
    assert claim() == []
    older.refresh_from_db()
    assert older.hold_reason == WAITS.format(order=younger.pk)
    # The younger was not placed after all: it goes back behind the older.
    Order.objects.filter(pk=younger.pk).update(dispatch=Dispatch.QUEUED)
    assert (release_next(10), claim()) == (1, [older.pk])


def test_runs_of_a_drip_feed_do_not_overlap(queuing: Service) -> None:
    place_one(make_customer(), queuing, quantity=10, runs=2, interval=1, link=LINK)
    for _ in range(2):
        DripFeed.objects.update(next_run_at="2020-01-01T00:00:00Z")
        release_due()
    first, second = Order.objects.filter(parent__isnull=False).order_by("part")
    assert claim() == [first.pk]
    end(first)
    release_next(10)
    assert claim() == [second.pk]


def test_idempotency_keys_mean_what_they_mean_elsewhere(queuing: Service) -> None:
    customer = make_customer()
    wanted = request(customer, queuing, quantity=1, link=LINK, idempotency_key="one")
    first, again, other = place([wanted, wanted, request(customer, queuing, quantity=1, link=LINK)])
    assert isinstance(first, Placed)
    assert again == Placed(first.order_id, is_new=False)
    assert isinstance(other, Placed)
    assert other.order_id != first.order_id


def test_without_the_setting_it_is_a_duplicate_within_a_batch_and_after(
    queuing: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer, refusing = make_customer(), make_service()
    assert isinstance(try_one(customer, refusing, quantity=1, link=LINK), Placed)
    assert try_one(customer, refusing, quantity=1, link=LINK) == refusals.DuplicateLink()
    # Where any service counts, an order in line is one that others are refused for.
    chosen = configuration.load({"PURVEYOR_DUPLICATES": "link"})
    monkeypatch.setattr(configuration, "current", lambda: chosen)
    wanted = [request(customer, item, quantity=1, link=LINK + "/b") for item in (queuing, refusing)]
    assert place(wanted)[1] == refusals.DuplicateLink()
    assert place(wanted[1:]) == [refusals.DuplicateLink()]


def test_of_one_customer_only_so_many_wait(queuing: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "LONGEST_LINE", 3)
    customer = make_customer()
    wanted = request(customer, queuing, quantity=1, link=LINK)
    assert place([wanted])[0] != refusals.DuplicateLink()
    answers = place([wanted] * 4)
    assert [isinstance(answer, Placed) for answer in answers] == [True, True, False, False]
    assert place([wanted]) == [refusals.DuplicateLink()]
    place_one(make_customer(), queuing, quantity=1, link=LINK)
    place_one(customer, queuing, quantity=1, link=LINK + "/b")
    end(Order.objects.earliest("pk"))
    assert isinstance(place([wanted])[0], Placed)


@committed
def test_the_line_is_found_by_index_whatever_else_is_open(queuing: Service) -> None:
    order = place_one(make_customer(), queuing, quantity=1, link=LINK)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO orders_order (
                kind, source, customer_id, service_id, link, link_key, quantity, unit_price, price_rule,
                service_version, currency, charge, refunded, status, dispatch, hold_reason, remains
            )
            SELECT 'order', 'api', %s, %s, 'x', number, 1, 0, 'list price', 1, 'USD', 0, 0, 'Completed',
                'handed', '', 0
            FROM generate_series(1, %s) AS number
            """,
            [order.customer_id, queuing.pk, MANY],
        )
        cursor.execute("ANALYZE orders_order")
        cursor.execute("UPDATE orders_order SET status = 'Pending', dispatch = 'held'")
    wanted = f'[{{"id": {order.pk + MANY}, "service_id": {queuing.pk}, "link_key": 7}}]'
    statements: tuple[tuple[str, dict[str, Any]], ...] = (
        ("before", {"orders": wanted}),
        ("next_in_line", {"limit": 500, "after": 0, "last": 2**62}),
    )
    for name, parameters in statements:
        assert rows_read(_SQL[name], parameters) < MANY // 10, name
