"""The hot statements find their rows by index, however many orders there are, whatever was counted last."""

import re
from typing import Any

import pytest
from django.db import connection

from purveyor.accounts.testing import make_customer
from purveyor.catalog.testing import make_service
from purveyor.database import as_json, fetch_all, id_array
from purveyor.money import moving
from purveyor.orders import cancelling, following, placing, reading, refilling
from purveyor.orders.dripfeed import release_due
from purveyor.orders.models import DripFeed
from purveyor.orders.queue import _SQL as _QUEUE
from purveyor.orders.testing import place_one
from tests.committed import committed

pytestmark = committed

MANY = 5_000
LINKS = as_json([{"customer_id": 1, "link_key": number} for number in range(32)])
KEYS = as_json([{"customer_id": 1, "idempotency_key": str(number)} for number in range(32)])
IDS = id_array(range(1, 33))

STATEMENTS: list[tuple[Any, str, dict[str, Any]]] = [
    (placing, "open_links", {"links": LINKS}),
    (placing, "earlier_by_idempotency_key", {"keys": KEYS}),
    (placing, "lock_customers", {"customers": IDS}),
    (placing, "promised_to_subscriptions", {"customers": IDS}),
    (following, "parents", {"ids": IDS}),
    (reading, "orders", {"ids": IDS}),
    (reading, "drip_feeds", {"ids": IDS}),
    (reading, "subscriptions", {"ids": IDS}),
    (following, "lock_orders", {"ids": IDS}),
    (following, "money_parts", {"ids": IDS}),
    (following, "wallets", {"ids": IDS}),
    (following, "finished_parents", {"ids": IDS}),
    (refilling, "lock_orders", {"ids": IDS}),
    (refilling, "last_refills", {"ids": IDS}),
    (refilling, "statuses", {"ids": IDS}),
    (cancelling, "lock_orders", {"ids": IDS}),
    (moving, "lock_wallets", {"ids": IDS}),
]


@pytest.fixture
def parents() -> str:
    """Many orders, counted while all were finished and then opened: the planner's worst surprise.

    Gives the ids of some drip-feeds among them.
    """
    customer, service = make_customer(), make_service(dripfeed=True)
    parents = [place_one(customer, service, quantity=1, runs=2, interval=5).pk for _ in range(8)]
    release_due()
    DripFeed.objects.update(next_run_at=None)
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
            [customer.pk, service.pk, MANY],
        )
        cursor.execute("ANALYZE orders_order")
        cursor.execute("UPDATE orders_order SET status = 'Pending' WHERE kind = 'order'")
    return id_array(parents)


def rows_read(statement: str, parameters: dict[str, Any]) -> int:
    """The most rows that any step of the plan read or threw away, as the server counted them."""
    plan = "\n".join(
        row[0] for row in fetch_all("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + statement, parameters)
    )
    counts = re.findall(r"(?:rows=|Removed by Filter: )(\d+)", plan)
    return max(int(count) for count in counts)


@pytest.mark.parametrize(
    ("room", "name", "parameters"), STATEMENTS, ids=[f"{r.__name__}-{n}" for r, n, _ in STATEMENTS]
)
def test_a_hot_statement_reads_what_it_needs(
    room: Any, name: str, parameters: dict[str, Any], parents: str
) -> None:
    wanted = {key: parents if value == IDS else value for key, value in parameters.items()}
    assert rows_read(room._SQL[name], wanted) < MANY // 10  # noqa: SLF001


@pytest.mark.usefixtures("parents")
def test_the_queue_is_found_without_the_orders_that_left_it() -> None:
    assert rows_read(_QUEUE["claim"], {"limit": 10, "after": 0}) < MANY // 10
