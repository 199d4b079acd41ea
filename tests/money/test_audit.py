"""The audit finds what is wrong: each check is shown a fault that it must name."""

from decimal import Decimal

import pytest
from django.db import connection

from purveyor.accounts.testing import make_customer
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.service_settings import feed
from purveyor.catalog.testing import make_service
from purveyor.orders.dripfeed import release_due
from purveyor.orders.testing import place_one
from tests.audited import violations

pytestmark = pytest.mark.django_db

INSERT = "INSERT INTO money_transfer (kind, cause_id, part, source_id, destination_id, amount)"
FAULTS = [
    ("running balances", "UPDATE money_wallet SET balance = balance + 1 WHERE kind = 'customer'"),
    ("orders are charged", "UPDATE orders_order SET charge = charge + 1"),
    ("refunds", "UPDATE orders_order SET refunded = 0.5"),
    ("completed orders are paid", "UPDATE orders_order SET status = 'Completed', refunded = 0.5"),
    ("ended orders wait for nobody", "UPDATE orders_order SET status = 'Completed'"),
    ("canceled orders cost nothing", "UPDATE orders_order SET status = 'Canceled'"),
    ("orders belong to somebody", "UPDATE orders_order SET service_id = 999999"),
    ("partial orders", "UPDATE orders_order SET status = 'Partial', remains = 1, refunded = 1"),
    (
        "money of orders stays with their customer",
        f"{INSERT} VALUES ('refund', (SELECT max(id) FROM orders_order), 1, 1, 101, 0.1)",  # noqa: S608  (a constant)
    ),
    (
        "wishes to cancel",
        """
        INSERT INTO orders_cancelrequest (order_id, status, reason)
        SELECT id, 'requested', '' FROM orders_order
        """,
    ),
    (
        "charges have orders",
        f"{INSERT} VALUES ('refund', 999999, 1, 1, 2, 1)",
    ),
    (
        "adjustments have reasons",
        f"{INSERT} VALUES ('credit', 999999, 0, 1, 2, 1)",
    ),
    (
        "wallets exist",
        f"{INSERT} VALUES ('charge', 999999, 0, 1, 77, 1)",
    ),
]


def test_the_audit_names_a_post_that_was_counted_and_is_no_order() -> None:
    service = make_service(OrderType.SUBSCRIPTIONS)
    feed(service_id=service.pk, posts_service_id=make_service().pk)
    place_one(make_customer("100"), service, username="ann", min=100, max=100, posts=3, delay=0)
    assert violations() == {}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_subscription SET posts_done = 1")
    assert list(violations()) == ["posts that were told"]


def test_the_audit_names_a_drip_feed_whose_runs_cost_more_than_it_did() -> None:
    place_one(make_customer(), make_service(dripfeed=True), quantity=100, runs=2, interval=5)
    assert release_due() == 1
    assert violations() == {}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_order SET charge = charge * 3 WHERE parent_id IS NOT NULL")
    assert "drip-feeds" in violations()


def test_a_healthy_panel_has_no_violations() -> None:
    place_one(make_customer(), make_service(), quantity=100)
    assert violations() == {}


@pytest.mark.parametrize(("check", "fault"), FAULTS, ids=[check for check, _ in FAULTS])
def test_the_audit_names_the_fault(check: str, fault: str) -> None:
    place_one(make_customer(), make_service(rate=Decimal(10)), quantity=100)
    with connection.cursor() as cursor:
        cursor.execute(fault)
    assert check in violations()


def test_the_trial_balance_misses_money_that_left_for_no_wallet() -> None:
    customer = make_customer()
    with connection.cursor() as cursor:
        cursor.execute(
            f"{INSERT} VALUES ('charge', 1, 0, %s, 88, 1)",
            [customer.wallet_id],
        )
    assert {"trial balance", "running balances", "wallets exist"} <= violations().keys()


@pytest.mark.parametrize(
    "fault",
    [
        "UPDATE orders_dripfeed SET next_run_at = NULL",
        "UPDATE orders_dripfeed SET runs_released = 1",
        "UPDATE orders_dripfeed SET next_run_at = NULL; UPDATE orders_order SET refunded = charge",
    ],
)
def test_the_audit_names_a_drip_feed_that_stopped_too_early(fault: str) -> None:
    place_one(make_customer(), make_service(dripfeed=True), quantity=100, runs=2, interval=5)
    with connection.cursor() as cursor:
        cursor.execute(fault)
    assert "drip-feeds that release no more" in violations()
