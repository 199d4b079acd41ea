"""A plan that was made on a panel's first day still serves after a busy hour.

The server makes a statement's plan for good after a few executions, and counts rows anew only now and then.
So the hot statements of orders and hand-overs are planned here when their tables were counted with a row or
none, and run above many that have come and gone since: what has left an index is still there.
"""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.db.backends.signals import connection_created

from purveyor.accounts.models import Customer
from purveyor.accounts.testing import make_customer
from purveyor.catalog.testing import make_service
from purveyor.database import as_json, id_array, plan_by_index
from purveyor.exchanges import _hot
from purveyor.money import moving
from purveyor.money.models import House
from purveyor.orders import following as orders
from purveyor.orders import placing, promising, queue, reading
from purveyor.orders.testing import place_one
from purveyor.providers.elsewhere import finishing
from purveyor.providers.following import claiming, following
from purveyor.providers.models import Provider
from purveyor.providers.outcomes import outcomes
from purveyor.providers.testing import make_provider
from tests.committed import committed
from tests.ops.processes import PATIENCE_SECONDS

MANY = 20_000
AT_ONCE = 16
MOST_BLOCKS = AT_ONCE * 25
"""Of 8 KB; a row is looked up, changed, and entered into a dozen indexes. The tables have many times more."""

FILL = """
INSERT INTO orders_order SELECT (jsonb_populate_record(original, jsonb_build_object(
    'id', original.id + number, 'link_key', number
))).* FROM orders_order original, generate_series(1, %(many)s) AS number WHERE original.id = %(order)s;
INSERT INTO providers_fulfilment (
    id, order_id, number, provider_id, service_external_id, handover, quantity, provider_rate, fx_rate,
    expected_cost
) SELECT number, %(order)s + number, 1, %(provider)s, '1', 'sending', 100, 1, 1, 1
FROM generate_series(1, %(many)s) AS number;
INSERT INTO providers_attempt (id, fulfilment_id, outcome, lease_until, request)
SELECT id, id, 'sending', now() + interval '1 minute', '{"action": "add"}' FROM providers_fulfilment;
UPDATE orders_order SET dispatch = 'handed';
UPDATE providers_attempt SET outcome = 'accepted', answered_at = now() WHERE id > %(at_once)s;
UPDATE providers_fulfilment SET handover = 'accepted', external_id = id::text, accepted_at = now(),
    next_poll_at = now() - interval '1 minute' WHERE id > %(at_once)s;
UPDATE orders_order SET status = 'In progress';
UPDATE providers_fulfilment SET next_poll_at = now() + interval '1 hour' WHERE id > %(at_once)s;
UPDATE providers_fulfilment SET next_poll_at = NULL, ended_at = now() WHERE id > 2 * %(at_once)s;
UPDATE providers_fulfilment SET next_poll_at = now() - interval '1 minute'
    WHERE id > %(at_once)s AND id <= 2 * %(at_once)s;
UPDATE orders_order SET status = 'Completed', status_at = now() WHERE id > %(order)s + 2 * %(at_once)s
"""

START_OF_APP = "import purveyor.asgi"
START_OF_WORKER = """
import asyncio
import django
django.setup()
from purveyor.providers import worker
worker._until_told_to_stop = lambda: asyncio.sleep(0)
worker.run()
"""
TELL = """
from django.db import connection
connection.settings_dict["OPTIONS"]["prepare_threshold"] = {threshold}
with connection.cursor() as cursor:
    cursor.execute("SHOW enable_seqscan")
    print(cursor.fetchone()[0])
"""


def statements_of_app(customer: Customer, first_order: int) -> list[tuple[Any, str, dict[str, Any]]]:
    """Hot statements about a customer who orders and asks for orders."""
    numbers = range(1, AT_ONCE + 1)
    of_customer = {"customers": id_array([customer.pk])}
    links = [{"customer_id": customer.pk, "link_key": number} for number in numbers]
    keys = [{"customer_id": customer.pk, "idempotency_key": str(number)} for number in numbers]
    wallets = id_array([House.REVENUE, customer.wallet_id])
    charges = [
        {"kind": "charge", "cause_id": first_order + number, "part": 0, "amount": 1}
        | {"source_id": customer.wallet_id, "destination_id": int(House.REVENUE)}
        for number in numbers
    ]
    return [
        (placing, "lock_customers", of_customer),
        (placing, "open_links", {"links": as_json(links)}),
        (placing, "earlier_by_idempotency_key", {"keys": as_json(keys)}),
        (placing, "promised_to_subscriptions", of_customer),
        (moving, "move", {"wallets": wallets, "movements": as_json(charges)}),
        (reading, "orders", {"ids": id_array(first_order + number for number in numbers)}),
    ]


def statements_of_worker(provider: Provider, first_order: int) -> list[tuple[Any, str, dict[str, Any]]]:
    """Hot statements about hand-overs that are being sent, others that are followed, and their orders."""
    sending, followed = range(1, AT_ONCE + 1), range(AT_ONCE + 1, 2 * AT_ONCE + 1)
    orders_of_followed = {"ids": id_array(first_order + number for number in followed)}
    of_orders = {"orders": orders_of_followed["ids"]}
    accepted = [{"fulfilment_id": id, "external_id": f"new {id}", "poll_after_seconds": 30} for id in sending]
    before = [{"fulfilment_id": id, "external_id": str(id)} for id in followed]
    answered = [{"attempt_id": id, "outcome": "accepted", "response": ""} for id in sending]
    told = [
        {"id": id, "provider_status": "", "cost": 1, "cost_corrections": 0, "poll_together": 100}
        for id in followed
    ]
    asked_again = {"ids": id_array(followed), "asked": id_array(0 for _ in followed), "by_age": True}
    asked_again |= dict.fromkeys(("seconds", "together", "share_of_age", "latest"), 30)
    due = {"providers": id_array([provider.pk]), "rooms": id_array([AT_ONCE]), "calls": id_array([1])}
    due |= dict.fromkeys(("ids_per_call", "ahead", "lease"), str(AT_ONCE))
    progress = [
        {"id": first_order + number, "status": "In progress", "remains": 1, "refunded": 0}
        for number in followed
    ]
    return [
        (claiming, "claim_due", due),
        (outcomes, "accept", {"ids": id_array(sending), "answers": as_json(accepted)}),
        (outcomes, "leave_unknown", {"fulfilments": id_array(sending), "look_after": 15}),
        (outcomes, "accepted_before", {"ids": id_array(followed), "answers": as_json(before)}),
        (outcomes, "settled_otherwise", {"ids": id_array(followed)}),
        (outcomes, "answer_attempts", {"ids": id_array(sending), "answers": as_json(answered)}),
        (following, "lock_followed", {"ids": id_array(followed)}),
        (following, "write_followed", {"ids": id_array(followed), "told": as_json(told)}),
        (claiming, "poll_later", asked_again),
        (finishing, "parts", of_orders),
        (finishing, "to_finish", of_orders | {"anyway": True}),
        (finishing, "supersede", of_orders),
        (queue, "hand", orders_of_followed),
        (promising, "promised", orders_of_followed),
        (orders, "finished_parents", orders_of_followed),
        (orders, "lock_orders", orders_of_followed),
        (orders, "parents", orders_of_followed),
        (orders, "wallets", orders_of_followed),
        (orders, "money_parts", orders_of_followed),
        (orders, "write_progress", orders_of_followed | {"changes": as_json(progress)}),
    ]


def plan_for_good(room: Any, name: str) -> None:
    """Have the server make the plan of a statement by what it knows now, whatever its parameters will be."""
    text = _hot(room._SQL[name]).text.decode()  # noqa: SLF001
    fetch(f"PREPARE {name} AS {text}")


def fetch(statement: str, parameters: Any = ()) -> list[Any]:
    """Run it with its parameters in its text, as EXECUTE wants them."""
    connection.ensure_connection()
    with psycopg.ClientCursor(connection.connection) as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def blocks_read(room: Any, name: str, parameters: dict[str, Any]) -> int:
    """How many blocks a prepared statement looks at; what it does is taken back."""
    values = [parameters[each] for each in _hot(room._SQL[name]).names]  # noqa: SLF001
    marks = ", ".join(["%s"] * len(values))
    with transaction.atomic():
        rows = fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {name} ({marks})", values)
        transaction.set_rollback(True)
    plan = rows[0][0][0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.fixture
def like_a_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A connection as app and worker open it where plans are kept, for this test alone."""
    connection.close()
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "prepare_threshold", 3)
    connection_created.connect(plan_by_index)
    yield
    connection_created.disconnect(plan_by_index)
    connection.close()


@committed
@pytest.mark.usefixtures("like_a_process")
def test_plans_of_the_first_day_read_what_they_need_after_a_busy_hour() -> None:
    # What the tests before had the server count must not help it here.
    fetch("TRUNCATE orders_order, providers_fulfilment, providers_attempt CASCADE")
    customer, provider = make_customer(), make_provider()
    order = place_one(customer, make_service(), quantity=100)
    wanted = statements_of_app(customer, order.pk) + statements_of_worker(provider, order.pk)
    fetch("VACUUM (ANALYZE)")
    fetch("SET plan_cache_mode = force_generic_plan")
    for room, name, parameters in wanted:
        plan_for_good(room, name)
        blocks_read(room, name, parameters)
    numbers = {"many": MANY, "order": order.pk, "provider": provider.pk, "at_once": AT_ONCE}
    for statement in FILL.split(";\n"):
        fetch(statement, numbers)
    for room, name, parameters in wanted:
        blocks_read(room, name, parameters)  # entries that are gone are stepped over once, then marked
    blocks = {name: blocks_read(room, name, parameters) for room, name, parameters in wanted}
    assert {name: read for name, read in blocks.items() if read > MOST_BLOCKS} == {}


@pytest.mark.parametrize("start", [START_OF_APP, START_OF_WORKER], ids=["app", "worker"])
@pytest.mark.parametrize(("threshold", "reads_whole_tables"), [(3, "off"), (None, "on")])
def test_app_and_worker_plan_by_index_where_they_prepare_statements(
    start: str, threshold: int | None, reads_whole_tables: str
) -> None:
    command = [sys.executable, "-c", start + TELL.format(threshold=threshold)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS)
    assert told.stdout.splitlines()[-1:] == [reads_whole_tables]
