"""Late orders are found by index, however many there were, and nothing is read where nothing is promised."""

import pytest
from django.db import connection, transaction

from purveyor.accounts.testing import make_customer
from purveyor.catalog.testing import make_service
from purveyor.orders.models import PastPromise
from purveyor.orders.promising import _SQL as _PROMISING
from purveyor.orders.promising import QUEUED_LONG_SECONDS
from purveyor.orders.queue import hold
from purveyor.orders.testing import place_one
from purveyor.providers.following.late_orders import _SQL
from purveyor.providers.testing import make_provider, make_route
from tests.committed import committed
from tests.orders.test_plans import rows_read
from tests.providers.following.test_late_orders import accepted, promise


@committed
def test_the_claim_reads_what_is_due_however_many_promises_there_were() -> None:
    service = make_service(rate="10.00")
    make_route(service, make_provider(), rate="4.00")
    promise(service, PastPromise.TELL)
    order = accepted(service)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # the orders of these do not exist
        cursor.execute(
            """
            INSERT INTO orders_orderpromise (order_id, promised_until, outcome)
            SELECT %s + number, now() + (number - 15000) * interval '1 second',
                CASE WHEN number < 14950 THEN 'kept' ELSE '' END
            FROM generate_series(1, 20000) AS number
            """,
            [order.pk],
        )
        cursor.execute("ANALYZE orders_orderpromise")
    assert rows_read(_SQL["claim"], {"limit": 100}) <= 100
    assert rows_read(_SQL["settle_asked"], {"limit": 100}) <= 100


@pytest.mark.django_db
def test_orders_that_wait_are_not_read_where_nothing_is_promised() -> None:
    customer, service = make_customer("100"), make_service(rate="1.00")
    hold([place_one(customer, service, quantity=100).pk for _ in range(20)], reason="No provider")
    parameters = {"after": 0, "last": 2**62, "limit": 100, "queued_for": QUEUED_LONG_SECONDS}
    assert rows_read(_PROMISING["waiting_without"], parameters) == 0
    promise(make_service(), PastPromise.TELL)
    assert rows_read(_PROMISING["waiting_without"], parameters) >= 20
