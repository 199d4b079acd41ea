"""What a desk asks for costs the same however long its history and its queue are."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from purveyor.accounts.testing import make_customer
from purveyor.catalog.testing import make_service
from purveyor.database import fetch_all
from purveyor.orders.models import Order
from purveyor.orders.testing import place_one
from purveyor.providers.desks.queue import _SQL, _STATES, Listed
from purveyor.providers.models import Provider
from purveyor.providers.testing import make_desk
from tests.committed import committed

ENDED = 40_000
OPEN = 20_000
DESKS = 10
PAGE = 100
BUFFERS_PER_JOB = 40


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from steps(part)


@pytest.fixture
def desk() -> Provider:
    """One of several desks with long histories and long queues, whose every fortieth lease is over."""
    desks, order = (
        [make_desk() for _ in range(DESKS)],
        place_one(make_customer(), make_service(), quantity=100),
    )
    columns = ", ".join(
        str(field.column)
        for field in Order._meta.concrete_fields
        if field.column not in {"id", "idempotency_key"}
    )
    values: dict[str, Any] = {
        "desks": [each.pk for each in desks],
        "number_of_desks": DESKS,
        "service": order.service_id,
        "ended": ENDED,
        "all": ENDED + OPEN,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO orders_order ({columns})
            SELECT {columns} FROM orders_order, generate_series(2, %(all)s)
            """,  # noqa: S608  (names of our own columns)
            values,
        )
        cursor.execute(
            """
            WITH made AS (
                INSERT INTO providers_fulfilment (
                    order_id, number, provider_id, service_external_id, handover, quantity, provider_rate,
                    fx_rate, expected_cost, external_id, accepted_at
                )
                SELECT id, 1, (%(desks)s::bigint[])[1 + id %% %(number_of_desks)s], '1', 'accepted', 100,
                    1, 1, 1, id, now()
                FROM orders_order RETURNING id, provider_id, order_id
            ), numbered AS (
                SELECT id, provider_id, row_number() OVER (ORDER BY order_id) AS number FROM made
            )
            INSERT INTO providers_deskjob (
                desk_id, kind, fulfilment_id, service_id, state, outcome, worker, leased_until, request_id
            )
            SELECT provider_id, 'order', id, %(service)s,
                CASE WHEN number <= %(ended)s THEN 'ended' WHEN over THEN 'taken' ELSE 'new' END,
                CASE WHEN number <= %(ended)s THEN 'completed' ELSE '' END, 'tool',
                CASE WHEN number > %(ended)s AND over THEN now() - interval '1 hour' END,
                CASE WHEN number <= %(ended)s THEN 'r' || number ELSE '' END
            FROM numbered CROSS JOIN LATERAL (SELECT number / %(number_of_desks)s %% 40 = 0 AS over) AS lease
            ORDER BY number
            """,
            values,
        )
        cursor.execute("ANALYZE orders_order, providers_fulfilment, providers_deskjob")
    return desks[0]


def check(statement: str, parameters: dict[str, object], *, reads: str) -> None:
    """The statement reads jobs by this index, and little else."""
    ((answer,),) = fetch_all("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement, parameters)
    plan = answer[0]["Plan"]
    scans = [step for step in steps(plan) if step["Node Type"].endswith("Scan") and "Index Name" in step]
    assert reads in [step["Index Name"] for step in scans]
    assert not [
        step
        for step in steps(plan)
        if step["Node Type"] == "Seq Scan" and step["Relation Name"] != "providers_provider"
    ]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < BUFFERS_PER_JOB * PAGE


@committed
def test_taking_and_listing_stay_on_their_indexes(desk: Provider) -> None:
    narrowed: dict[str, object] = {"desk": desk.pk, "service": None, "kind": ""}
    listed = narrowed | {"after": 0, "limit": PAGE}
    check(_SQL["list"].format(state=_STATES[Listed.OPEN]), listed, reads="jobs_open")
    check(_SQL["list"].format(state=_STATES[Listed.NEW]), listed, reads="jobs_open")
    check(_SQL["list"].format(state=_STATES[Listed.ALL]), listed, reads="jobs_of_desk")
    asked = narrowed | {"worker": "tool", "request_id": "r77", "count": PAGE, "lease": 60}
    check(_SQL["taken_before"], asked, reads="jobs_by_request")
    check(_SQL["take"], asked, reads="jobs_leased")
    check(_SQL["take"], asked, reads="jobs_new")


@committed
def test_what_the_worker_looks_for_stays_on_its_indexes(desk: Provider) -> None:
    check(_SQL["unwanted"], {"limit": PAGE}, reads="cancels_requested")
    check(_SQL["adopt_refills"], {}, reads="refills_pending")
