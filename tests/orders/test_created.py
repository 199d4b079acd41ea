"""Each order that is placed is announced once, by whichever worker, before anything else about it."""

import threading
import time
from typing import Any

import pytest
from django.db import connection, transaction

from purveyor.accounts.models import Customer
from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.testing import make_service
from purveyor.database import fetch_all, id_array
from purveyor.orders import created, placing
from purveyor.orders.created import NEW_ORDERS, announce_new_orders, are_new_orders
from purveyor.orders.following import Report, apply_reports
from purveyor.orders.models import Order, Status
from purveyor.orders.placing import place
from purveyor.orders.testing import place_one, request
from purveyor.outbox.consuming import Announced, events_after
from purveyor.outbox.models import OutboxEvent, Watch
from purveyor.outbox.numbering import Derived, number_events
from tests.committed import committed
from tests.racing import PATIENCE_SECONDS, Second

MANY = 5_000


@pytest.fixture
def customer() -> Customer:
    return make_customer("1000")


@pytest.fixture
def service() -> Service:
    return make_service(rate="10.00")


def tell(position: int = 0) -> list[Announced]:
    while number_events(derivation=NEW_ORDERS):
        pass
    return events_after(position)


def told(events: list[Announced]) -> list[tuple[str, str]]:
    return [(event.kind, event.about) for event in events]


def until_no_gap_is_open() -> None:
    """Other transactions on this server, those of other tests among them, may hold one open for a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while are_new_orders():
        assert time.monotonic() < deadline
        time.sleep(0.05)
        tell()
    assert Watch.objects.get().gaps == []


@pytest.mark.django_db
def test_an_order_is_announced_with_what_it_is(customer: Customer, service: Service) -> None:
    order = place_one(customer, service, quantity=100, link="https://example.com/a")
    (event,) = tell()
    assert (event.kind, event.about, event.customer_id) == ("order.created", f"order:{order.pk}", customer.pk)
    assert event.data == {
        "kind": "order",
        "service": service.pk,
        "link": "https://example.com/a",
        "quantity": 100,
        "charge": "1.00000000",
        "currency": "USD",
        "source": "api",
        "parent": None,
        "placed_at": order.created_at.isoformat().replace("+00:00", "Z"),
    }
    assert tell(event.position) == []


@pytest.mark.django_db
def test_it_is_written_once_with_its_position(customer: Customer, service: Service) -> None:
    orders = [place_one(customer, service, quantity=100) for _ in range(2)]
    assert announce_new_orders(10, 41) == Derived(43, is_all=True)
    assert list(OutboxEvent.objects.order_by("position").values_list("position", "about")) == [
        (42, f"order:{orders[0].pk}"),
        (43, f"order:{orders[1].pk}"),
    ]


@pytest.mark.django_db
def test_one_that_is_announced_already_is_not_announced_again(customer: Customer, service: Service) -> None:
    first = place_one(customer, service, quantity=100)
    (before,) = tell()
    Watch.objects.update(seen=0, gaps=[])
    second = place_one(customer, service, quantity=100)
    assert told(tell()) == [("order.created", f"order:{first.pk}"), ("order.created", f"order:{second.pk}")]
    assert tell()[0] == before


@pytest.mark.django_db
def test_it_comes_before_what_happened_to_it_since(customer: Customer, service: Service) -> None:
    first, second = (place_one(customer, service, quantity=100) for _ in range(2))
    apply_reports([Report(order_id=first.pk, status=Status.IN_PROGRESS)])
    assert told(tell()) == [
        ("order.created", f"order:{first.pk}"),
        ("order.created", f"order:{second.pk}"),
        ("order.status", f"order:{first.pk}"),
    ]


@pytest.mark.django_db
def test_what_happened_waits_until_every_new_order_is_announced(customer: Customer, service: Service) -> None:
    orders = [place_one(customer, service, quantity=100) for _ in range(3)]
    apply_reports([Report(order_id=orders[2].pk, status=Status.IN_PROGRESS)])
    assert [number_events(2, derivation=NEW_ORDERS), number_events(2, derivation=NEW_ORDERS)] == [2, 2]
    assert [kind for kind, _ in told(events_after(0))] == ["order.created"] * 3 + ["order.status"]


@pytest.mark.django_db
def test_a_panel_that_is_older_than_the_outbox_begins_where_that_began(
    customer: Customer, service: Service
) -> None:
    orders = [place_one(customer, service, quantity=100) for _ in range(3)]
    Order.objects.filter(pk__in=[orders[0].pk, orders[1].pk]).update(created_at="2020-01-01T00:00:00Z")
    Watch.objects.all().delete()
    assert told(tell()) == [("order.created", f"order:{orders[2].pk}")]


class SlowPlacing:
    """Places an order and commits it, or not, when told to."""

    def __init__(self, customer: Customer, service: Service, *, commits: bool = True) -> None:
        self._placed, self._end = threading.Event(), threading.Event()
        self._commits = commits
        self._wanted = request(customer, service, quantity=100)
        self._thread = Second(self._work)
        assert self._placed.wait(PATIENCE_SECONDS)

    def _work(self) -> None:
        with transaction.atomic():
            place([self._wanted])
            self._placed.set()
            assert self._end.wait(PATIENCE_SECONDS)
            if not self._commits:
                transaction.set_rollback(True)

    def end(self) -> None:
        self._end.set()
        self._thread.finish()


@committed
def test_an_order_that_is_committed_after_a_later_one_was_announced_is_not_missed(
    customer: Customer, service: Service
) -> None:
    slow = SlowPlacing(customer, service)
    quick = place_one(make_customer("10"), service, quantity=100)
    first = tell()
    assert told(first) == [("order.created", f"order:{quick.pk}")]
    assert told(tell(first[-1].position)) == []
    slow.end()
    late = Order.objects.get(customer=customer)
    assert late.pk < quick.pk
    assert told(tell(first[-1].position)) == [("order.created", f"order:{late.pk}")]
    tell()
    until_no_gap_is_open()


@committed
def test_while_many_gaps_are_open_later_orders_wait_and_none_is_missed(
    customer: Customer, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell()
    until_no_gap_is_open()
    monkeypatch.setattr(created, "MOST_GAPS", 1)
    slow, other = SlowPlacing(customer, service), make_customer("100")
    first = place_one(other, service, quantity=100)
    position = tell()[-1].position
    second = place_one(other, service, quantity=100)
    apply_reports([Report(order_id=second.pk, status=Status.IN_PROGRESS)])
    assert told(tell(position)) == []
    slow.end()
    late = Order.objects.get(customer=customer)
    until_no_gap_is_open()
    assert told(events_after(0)) == [
        ("order.created", f"order:{first.pk}"),
        ("order.created", f"order:{late.pk}"),
        ("order.created", f"order:{second.pk}"),
        ("order.status", f"order:{second.pk}"),
    ]


@committed
def test_a_placing_that_was_rolled_back_leaves_no_gap_open(customer: Customer, service: Service) -> None:
    slow = SlowPlacing(customer, service, commits=False)
    place_one(make_customer("10"), service, quantity=100)
    tell()
    assert len(Watch.objects.get().gaps) > 0
    slow.end()
    assert len(tell()) == 1
    until_no_gap_is_open()


@committed
def test_two_workers_beside_several_who_place_announce_each_order_once(service: Service) -> None:
    each, buyers = 40, [make_customer("1000") for _ in range(3)]
    stop = threading.Event()

    def buy(customer: Customer) -> None:
        for number in range(each):
            with transaction.atomic():
                place([request(customer, service, quantity=100), request(customer, service, quantity=100)])
                if number % 5 == 4:
                    transaction.set_rollback(True)

    def work() -> None:
        while not stop.wait(0.001):  # those who place must have a turn
            number_events(7, derivation=NEW_ORDERS)

    workers = [Second(work), Second(work)]
    buying = [Second(lambda customer=customer: buy(customer)) for customer in buyers]  # type: ignore[misc]
    for buyer in buying:
        buyer.finish()
    stop.set()
    for worker in workers:
        worker.finish()
    tell()
    announced = sorted(OutboxEvent.objects.values_list("about", flat=True))
    assert announced == sorted(f"order:{number}" for number in Order.objects.values_list("pk", flat=True))
    assert len(announced) == len(buyers) * each * 2 * 4 // 5
    until_no_gap_is_open()


@committed
def test_a_worker_that_dies_while_announcing_leaves_it_to_the_next(
    customer: Customer, service: Service
) -> None:
    place_one(customer, service, quantity=100)

    def announce_and_die() -> None:
        with transaction.atomic():
            announce_new_orders(10, 0)
            raise SystemExit

    with pytest.raises(SystemExit):
        announce_and_die()
    assert len(tell()) == 1


@committed
def test_who_places_has_a_transaction_number_before_taking_ids(customer: Customer) -> None:
    with transaction.atomic():
        fetch_all(placing._SQL["lock_customers"], {"customers": id_array([customer.pk])})  # noqa: SLF001
        (row,) = fetch_all("SELECT pg_current_xact_id_if_assigned()::text AS number")
    assert row.number is not None


@pytest.mark.django_db
def test_placing_writes_no_event(customer: Customer, service: Service) -> None:
    place_one(customer, service, quantity=100)
    assert not OutboxEvent.objects.exists()


@committed
@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        ("are_new", {}),
        ("begin", {}),
        ("look", {"seen": 10, "gaps": "[[3, 5, 100], [7, 7, 100]]", "limit": 10}),
    ],
)
def test_new_orders_are_found_without_reading_the_old_ones(
    statement: str, parameters: dict[str, Any], customer: Customer, service: Service
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO orders_order (
                kind, source, customer_id, service_id, link, link_key, quantity, unit_price, price_rule,
                service_version, currency, charge, refunded, status, dispatch, hold_reason, remains,
                created_at
            )
            SELECT 'order', 'api', %s, %s, 'x', number, 1, 0, 'list price', 1, 'USD', 0, 0, 'Completed',
                'handed', '', 0, '2020-01-01'
            FROM generate_series(1, %s) AS number
            """,
            [customer.pk, service.pk, MANY],
        )
        cursor.execute("ANALYZE orders_order")
    announce_new_orders(1, 0)
    plan = fetch_all("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + created._SQL[statement], parameters)  # noqa: SLF001
    assert "Seq Scan on orders_order" not in "\n".join(row[0] for row in plan)
