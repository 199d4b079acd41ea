"""Parts of orders and refills elsewhere are found by index, however many orders there were before."""

from typing import Any

from django.db import connection

from purveyor.catalog.models import FinishRest
from purveyor.orders import askable
from purveyor.orders.models import Order
from purveyor.providers.elsewhere import finishing as elsewhere
from purveyor.providers.elsewhere import refilling as refills_elsewhere
from purveyor.providers.elsewhere.refilling import MOST_AT_ONCE, send_elsewhere
from tests.committed import committed
from tests.providers.elsewhere.test_finishing import accept, ordered, sold, tell
from tests.providers.elsewhere.test_refilling import completed
from tests.providers.following.test_polling_plan import explained

pytestmark = committed

EARLIER = 30_000

# Without triggers: look-ups of foreign keys would prove nothing here.
EARLIER_ORDERS = """
SET LOCAL session_replication_role = replica;
INSERT INTO orders_order (id, {columns})
SELECT number, {columns}
FROM orders_order, generate_series(%(order)s + 1000, %(order)s + %(earlier)s) AS number
WHERE id = %(order)s;
UPDATE orders_order SET status = 'Completed', dispatch = 'handed' WHERE id > %(order)s;
INSERT INTO providers_fulfilment (
    order_id, number, provider_id, service_external_id, handover, quantity, provider_rate, fx_rate,
    expected_cost, external_id, accepted_at, ended_at
)
SELECT number, 1, provider.id, '1', 'accepted', 100, 1, 1, 1, 'earlier ' || number, now(), now()
FROM generate_series(%(order)s + 1000, %(order)s + %(earlier)s) AS number,
     (SELECT min(id) AS id FROM providers_provider) AS provider;
INSERT INTO orders_refill (order_id, status, reason)
SELECT number, 'Completed', '' FROM generate_series(%(order)s + 1000, %(order)s + %(earlier)s) AS number;
INSERT INTO providers_refillelsewhere (refill_id, quantity, actor)
SELECT id, 1, 'a test' FROM orders_refill WHERE status = 'Completed';
SET LOCAL session_replication_role = DEFAULT;
ANALYZE orders_order, providers_fulfilment, orders_refill, providers_refillelsewhere;
"""


def after_many_others(order: Order) -> None:
    columns = ", ".join(str(column.column) for column in Order._meta.concrete_fields if column.name != "id")
    with connection.cursor() as cursor:
        cursor.execute(EARLIER_ORDERS.format(columns=columns), {"order": order.pk, "earlier": EARLIER})


def read_whole(statement: str, parameters: dict[str, Any]) -> set[str]:
    """Tables that a statement reads from beginning to end, of those that grow."""
    growing = {"orders_order", "providers_fulfilment", "orders_refill", "providers_refillelsewhere"}
    steps = explained(statement, parameters)
    return {step["Relation Name"] for step in steps if step["Node Type"] == "Seq Scan"} & growing


def test_parts_of_orders() -> None:
    order = ordered(sold("4.00", "5.00", finish_rest=FinishRest.RULE))
    tell(accept("1"), "Partial", 250)
    after_many_others(order)
    ids = {"orders": f"{{{order.pk}}}"}
    for name, parameters in (
        ("parts", ids),
        ("to_finish", {**ids, "anyway": False}),
        ("supersede", ids),
    ):
        assert read_whole(elsewhere._SQL[name], parameters) == set(), name  # noqa: SLF001  (the statement itself)
    assert read_whole(askable._SQL["facts"], {"ids": f"{{{order.pk}}}"}) == set()  # noqa: SLF001


def test_refills_elsewhere() -> None:
    refill = completed("4.00", "5.00", refill_by="hand")
    after_many_others(refill.order)
    send_elsewhere(refill_id=refill.pk, quantity=300, actor="a test")
    statements = refills_elsewhere._SQL  # noqa: SLF001  (the statements themselves)
    assert read_whole(statements["claim"], {"limit": MOST_AT_ONCE, "full": "{}"}) == set()
    assert read_whole(statements["holders"], {"refill": refill.pk}) == set()
    assert read_whole(statements["holders"], {"refill": None}) == set()
    assert read_whole(statements["earlier"], {"orders": f"{{{refill.order_id}}}"}) == set()
