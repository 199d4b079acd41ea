"""Looking for evidence reads what it needs and no more, however many hand-overs there were."""

from typing import Any

import pytest
from django.db import connection

from purveyor.accounts.testing import make_customer
from purveyor.catalog.testing import make_service
from purveyor.database import fetch_all
from purveyor.orders.models import Order
from purveyor.orders.testing import place_one
from purveyor.providers.models import Provider
from purveyor.providers.outcomes.cases import _SQL as CASES
from purveyor.providers.outcomes.keeping_evidence import _SQL as KEEPING
from purveyor.providers.outcomes.outcomes import _SQL as OUTCOMES
from purveyor.providers.outcomes.reconciling import _SQL as LOOKING
from purveyor.providers.outcomes.reconciling import MOST_AT_ONCE, NEIGHBOURS_OF_EACH_KIND, REACH
from purveyor.providers.outcomes.repeating import _SQL as REPEATING
from purveyor.providers.testing import make_provider
from tests.committed import committed
from tests.providers.following.test_polling_plan import steps

PAST = 100_000
"""Hand-overs to either of two providers, one a second, each with its attempt and order; most have ended."""
OPEN = 2_000
UNKNOWN = 50
MOST_BLOCKS = 2 * OPEN
"""Of 8 KB: `makes_orders` looks each open order of the provider up. The tables have far more, and grow."""
GROWING = {"providers_fulfilment", "providers_attempt", "orders_order", "orders_subscription"}

FILL = """
INSERT INTO orders_order SELECT (jsonb_populate_record(
    original, jsonb_build_object('id', original.id + number, 'status', 'Completed', 'link_key', number)
)).* FROM orders_order original, generate_series(1, %(past)s) AS number WHERE original.id = %(order)s;
INSERT INTO providers_fulfilment (
    order_id, number, provider_id, service_external_id, handover, quantity, provider_rate, fx_rate,
    expected_cost, external_id, created_at, accepted_at, next_poll_at, next_look_at
)
SELECT %(order)s + number, 1, CASE WHEN number %% 2 = 0 THEN %(provider)s ELSE %(other)s END, '1',
    CASE WHEN number > %(past)s - %(unknown)s THEN 'unknown' ELSE 'accepted' END, 100, 1, 1, 1,
    CASE WHEN number > %(past)s - %(unknown)s THEN '' ELSE number::text END,
    now() - (%(past)s - number) * interval '1 second',
    CASE WHEN number <= %(past)s - %(unknown)s THEN now() - (%(past)s - number) * interval '1 second' END,
    CASE WHEN number BETWEEN %(past)s - %(open)s AND %(past)s - %(unknown)s THEN now() END,
    CASE WHEN number > %(past)s - %(unknown)s THEN now() END
FROM generate_series(1, %(past)s) AS number;
INSERT INTO orders_subscription (order_id, username, min, max, old_posts, delay_minutes, posts_done)
SELECT %(order)s + number, 'someone', 1, 1, 0, 0, 0 FROM generate_series(1, %(past)s / 2) AS number;
INSERT INTO providers_attempt (fulfilment_id, outcome, lease_until, request, created_at, answered_at)
SELECT id, CASE handover WHEN 'unknown' THEN 'unknown' ELSE 'accepted' END, created_at + interval '1 minute',
    '{"action": "add"}', created_at, created_at
FROM providers_fulfilment;
ANALYZE orders_order, orders_subscription, providers_fulfilment, providers_attempt
"""


@pytest.fixture
def provider() -> Provider:
    provider, other = make_provider(), make_provider()
    order = place_one(make_customer(), make_service(), quantity=100)
    numbers = {"order": order.pk, "provider": provider.pk, "other": other.pk}
    with connection.cursor() as cursor:
        for statement in FILL.split(";\n"):
            cursor.execute(statement, numbers | {"past": PAST, "open": OPEN, "unknown": UNKNOWN})
    return provider


@committed
def test_every_statement_stays_on_its_indexes_above_many_hand_overs(provider: Provider) -> None:
    cases = fetch_all(
        "SELECT id FROM providers_fulfilment WHERE handover = 'unknown' AND provider_id = %s ORDER BY id",
        [provider.pk],
    )
    here = {"provider": provider.pk, "id": cases[0].id, "reach": REACH}
    moments = {
        "over_at": "2000-01-01",
        "closes_at": "2100-01-01",
        "each": NEIGHBOURS_OF_EACH_KIND,
    }
    refused = Order.objects.order_by("pk").values_list("pk", flat=True)[PAST // 2]
    look: dict[str, tuple[str, dict[str, Any]]] = {
        "claim": (
            LOOKING["claim"],
            {"providers": [provider.pk], "limit": MOST_AT_ONCE, "lease": 60},
        ),
        "cases": (CASES["cases"], {"ids": [row.id for row in cases]}),
        "neighbours": (LOOKING["neighbours"], here | moments),
        "known_ids": (
            LOOKING["known_ids"],
            here | {"ids": [str(number) for number in range(PAST - 200, PAST)]},
        ),
        "makes_orders": (LOOKING["makes_orders"], here),
        "rivals": (LOOKING["rivals"], here),
        "balance_before": (KEEPING["balance_before"], here | {"fulfilment": cases[0].id}),
        "note_duplicate": (
            KEEPING["note_duplicate"],
            {"order": refused, "provider": provider.pk, "text": "You have active order with this link"},
        ),
        "begin_repeat": (REPEATING["begin_repeat"], {"fulfilment": cases[0].id, "lease": 60}),
        "settled_otherwise": (OUTCOMES["settled_otherwise"], {"ids": [row.id for row in cases]}),
        "doubt_not_placed": (KEEPING["doubt_not_placed"], {"order": refused, "provider": provider.pk}),
    }
    for name, (statement, parameters) in look.items():
        ((answer,),) = fetch_all(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
        plan = answer[0]["Plan"]
        scanned = {step["Relation Name"] for step in steps(plan) if step["Node Type"] == "Seq Scan"}
        assert scanned.isdisjoint(GROWING), name
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < MOST_BLOCKS, name
