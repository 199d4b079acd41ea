"""Numbering and reading find their events by index, however many are kept."""

from typing import Any

import pytest
from django.db import connection

from purveyor.database import fetch_all
from purveyor.outbox import consuming, numbering, retention
from purveyor.outbox.announcing import Event, announce
from purveyor.outbox.models import Numbering
from purveyor.outbox.numbering import number_events

pytestmark = pytest.mark.django_db

MANY = 5_000
STATEMENTS: list[tuple[Any, str, dict[str, Any]]] = [
    (consuming, "events_after", {"position": 0, "limit": 10}),
    (numbering, "are_fresh", {}),
    (numbering, "fresh", {"limit": 10}),
    (numbering, "number", {"last": 10**9, "ids": "{1,2,3}"}),
    (retention, "delete_old", {"limit": 10, "days": 30, "laggard_days": 90}),
]


@pytest.mark.parametrize(
    ("room", "name", "parameters"),
    STATEMENTS,
    ids=[f"{room.__name__}-{name}" for room, name, _ in STATEMENTS],
)
def test_a_statement_reads_what_it_needs(room: Any, name: str, parameters: dict[str, Any]) -> None:
    announce([Event(kind="order.status", about=f"order:{number}") for number in range(MANY)])
    number_events()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE outbox_outboxevent")
    announce([Event(kind="order.status", about="order:1")])
    if "position" in parameters:
        parameters = parameters | {"position": Numbering.objects.get().last - 5}
    plan = "\n".join(
        row[0]
        for row in fetch_all("EXPLAIN (COSTS OFF) " + room._SQL[name], parameters)  # noqa: SLF001
    )
    assert "Seq Scan on outbox_outboxevent" not in plan
