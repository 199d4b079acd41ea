"""The claims read what they take and no more, with a million orders open at fifty providers."""

from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction

from purveyor.accounts.testing import make_customer
from purveyor.catalog.testing import make_service
from purveyor.database import fetch_all
from purveyor.orders.models import Order
from purveyor.orders.queue import _SQL as _QUEUE
from purveyor.orders.testing import place_one
from purveyor.providers.following.claiming import _SQL
from purveyor.providers.sending.handing_over import MOST_AT_ONCE
from purveyor.providers.standing.polling_budget import IDS_PER_CALL
from purveyor.providers.testing import make_provider
from tests.committed import committed

OPEN = 1_000_000
PROVIDERS = 50
DUE_SHARE = 0.01
"""Of the open orders; the next question about the rest is spread over half an hour."""
LISTS = 2
TAKEN = PROVIDERS * LISTS * IDS_PER_CALL

# Without triggers: a million look-ups of foreign keys would prove nothing here.
OPEN_ORDERS = """
SET LOCAL session_replication_role = replica;
INSERT INTO orders_order (id, {columns})
SELECT number, {columns} FROM orders_order, generate_series(%(order)s + 1, %(order)s + %(open)s) AS number
WHERE id = %(order)s;
INSERT INTO providers_fulfilment (
    order_id, number, provider_id, service_external_id, handover, quantity, provider_rate,
    fx_rate, expected_cost, external_id, accepted_at, next_poll_at
)
SELECT number, 1, (%(providers)s::bigint[])[1 + number %% %(count)s], '1', 'accepted', 100, 1, 1, 1,
       number::text, now(), now() + (random() - %(due)s) * interval '30 minutes'
FROM generate_series(%(order)s + 1, %(order)s + %(open)s) AS number;
SET LOCAL session_replication_role = DEFAULT;
ANALYZE orders_order;
ANALYZE providers_fulfilment;
"""


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from steps(part)


def explained(statement: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps of a statement that is really run."""
    ((answer,),) = fetch_all(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
    return list(steps(answer[0]["Plan"]))


@committed
def test_the_claims_stay_on_their_indexes_above_a_million_open_orders() -> None:
    providers = [make_provider(name=f"Provider {number}").pk for number in range(PROVIDERS)]
    order = place_one(make_customer(), make_service(), quantity=100)
    columns = ", ".join(str(column.column) for column in Order._meta.concrete_fields if column.name != "id")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            OPEN_ORDERS.format(columns=columns),
            {
                "order": order.pk,
                "providers": providers,
                "count": PROVIDERS,
                "due": DUE_SHARE,
                "open": OPEN,
            },
        )
    parameters = {
        "providers": providers,
        "rooms": [LISTS * IDS_PER_CALL] * PROVIDERS,
        "calls": [LISTS] * PROVIDERS,
        "ids_per_call": IDS_PER_CALL,
        "ahead": 60,
        "lease": 60,
    }
    plan = explained(_SQL["claim_due"], parameters)
    scans = [step for step in plan if "Scan" in step["Node Type"] and "Relation Name" in step]
    assert {step["Relation Name"] for step in scans} == {"providers_fulfilment", "orders_order"}
    assert "Seq Scan" not in {step["Node Type"] for step in scans}
    assert "fulfilments_to_poll" in {step.get("Index Name") for step in scans}
    for step in scans:
        assert step["Actual Rows"] * step["Actual Loops"] <= TAKEN
    assert plan[0]["Actual Rows"] == TAKEN

    # All of them are queued, too: dispatch reads as few.
    queued = explained(_QUEUE["claim"], {"limit": MOST_AT_ONCE, "after": 0})
    assert [step["Index Name"] for step in queued if "Scan" in step["Node Type"]] == ["orders_to_dispatch"]
    assert max(step["Actual Rows"] for step in queued) == MOST_AT_ONCE
