"""The claim reads what it takes and no more, however many orders are open."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from purveyor.accounts.testing import make_customer
from purveyor.catalog.testing import make_service
from purveyor.database import fetch_all
from purveyor.orders.testing import place_one
from purveyor.providers.polling import _SQL
from purveyor.providers.testing import make_provider

OPEN = 200_000
ROOM = 100


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from steps(part)


@pytest.mark.django_db
def test_the_claim_stays_on_its_index_above_many_open_orders() -> None:
    provider, order = make_provider(), place_one(make_customer(), make_service(), quantity=100)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO providers_fulfilment (
                order_id, number, provider_id, service_external_id, handover, quantity, provider_rate,
                fx_rate, expected_cost, external_id, accepted_at, next_poll_at
            )
            SELECT %s, number, %s, '1', 'accepted', 100, 1, 1, 1, number, now(),
                now() + (number - 50000) * interval '1 second'
            FROM generate_series(1, %s) AS number
            """,
            [order.pk, provider.pk, OPEN],
        )
        cursor.execute("ANALYZE providers_fulfilment")
    parameters = {
        "providers": [provider.pk],
        "rooms": [ROOM],
        "calls": [1],
        "ids_per_call": ROOM,
        "lease": 60,
    }
    ((answer,),) = fetch_all("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + _SQL["claim_due"], parameters)
    of_fulfilments = [
        step for step in steps(answer[0]["Plan"]) if step.get("Relation Name") == "providers_fulfilment"
    ]
    scans = [step for step in of_fulfilments if step["Node Type"] != "ModifyTable"]
    assert "fulfilments_to_poll" in [step.get("Index Name") for step in scans]
    assert "Seq Scan" not in [step["Node Type"] for step in scans]
    for step in scans:
        assert step["Actual Rows"] <= ROOM
        assert step["Shared Hit Blocks"] + step["Shared Read Blocks"] < 10 * ROOM
