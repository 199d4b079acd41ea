"""What is looked up about fed subscriptions is found without those that have ended."""

from datetime import date
from typing import Any

import pytest
from django.db import connection

from purveyor.accounts.testing import make_customer
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.orders.feeding import _SQL, tell_post
from purveyor.orders.testing import place_one
from tests.committed import committed
from tests.orders.test_plans import rows_read

pytestmark = committed

MANY = 5_000
LONG_AGO = "2020-01-01"

STATEMENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("named", {"username_key": 7, "service": None}),
    ("wanted", {"after": 0, "limit": 100}),
    ("due", {"limit": 100}),
    ("run_out", {"today": date(2030, 1, 1), "limit": 100}),
)


@pytest.mark.parametrize(("name", "parameters"), STATEMENTS, ids=[name for name, _ in STATEMENTS])
def test_it_reads_what_it_needs(name: str, parameters: dict[str, Any]) -> None:
    service = make_service(
        OrderType.SUBSCRIPTIONS, max=1000, posts_service=make_service(max=1000), name="Fed"
    )
    order = place_one(make_customer(), service, username="ann", min=1, max=9, delay=5, expiry="31/12/2040")
    tell_post(subscription_id=order.pk, url="https://example.com/p/1", old=False)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH ended AS (
                INSERT INTO orders_order (
                    kind, source, customer_id, service_id, link, link_key, quantity, unit_price, price_rule,
                    service_version, currency, charge, refunded, status, dispatch, hold_reason, remains
                )
                SELECT 'subscription', 'api', %(customer)s, %(service)s, 'x', 7, 0, 0, 'list price', 1, 'USD',
                    0, 0, 'Expired', 'scheduled', '', 0
                FROM generate_series(1, %(many)s)
                RETURNING id
            ), terms AS (
                INSERT INTO orders_subscription (
                    order_id, username, min, max, old_posts, delay_minutes, expiry, posts_done, username_key
                )
                SELECT id, 'x', 1, 9, 0, 5, %(day)s, 1, 7 FROM ended
            )
            INSERT INTO orders_fedpost (subscription_id, url, url_key, old, outcome, order_id, starts_at)
            SELECT id, 'x', 7, false, 'served', id, %(day)s FROM ended
            """,
            {"customer": order.customer_id, "service": service.pk, "many": MANY, "day": LONG_AGO},
        )
        cursor.execute("ANALYZE orders_order, orders_subscription, orders_fedpost")
    assert rows_read(_SQL[name], parameters) < MANY // 10
