"""Customers' updates: what is told of an edit, how it is found again, and at what cost."""

import re
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from purveyor.catalog.models import Category, Service, ServiceUpdate, UpdateKind
from purveyor.catalog.testing import make_service
from purveyor.catalog.updates import ServiceChange, Shown, kinds_of, newest, note_changes
from purveyor.database import fetch_all
from purveyor.outbox.models import OutboxEvent
from tests.committed import committed

CHEAP, DEAR = Decimal(1), Decimal(2)


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        (None, Shown(CHEAP, enabled=True), ["new"]),
        (None, Shown(CHEAP, enabled=False), []),
        (Shown(CHEAP, enabled=True), Shown(CHEAP, enabled=True), []),
        (Shown(CHEAP, enabled=True), Shown(DEAR, enabled=True), ["increased"]),
        (Shown(DEAR, enabled=True), Shown(CHEAP, enabled=True), ["decreased"]),
        (Shown(CHEAP, enabled=True), Shown(DEAR, enabled=False), ["disabled"]),
        (Shown(CHEAP, enabled=False), Shown(DEAR, enabled=True), ["enabled"]),
        (Shown(CHEAP, enabled=False), Shown(DEAR, enabled=False), []),
    ],
)
def test_customers_are_told_what_the_price_list_shows(
    before: Shown | None, after: Shown, kinds: list[str]
) -> None:
    assert list(kinds_of(before, after)) == kinds


def happened(service: Service, *rates: str) -> None:
    for old, new in pairwise(rates):
        before, after = (Shown(Decimal(rate), enabled=True) for rate in (old, new))
        note_changes([ServiceChange(service.pk, before, after)])


def found(**asked: Any) -> list[tuple[str, Decimal]]:
    return [(update.service.name, update.new_rate) for update in newest(**{"number": 10} | asked)]


@pytest.mark.django_db
def test_the_newest_come_first_by_kind_and_by_name_or_id() -> None:
    surveys, polls = make_service(name="100 % Survey_s"), make_service(name="Polls")
    happened(surveys, "1", "2", "3")
    happened(polls, "5", "4")
    everything = [("Polls", Decimal(4)), ("100 % Survey_s", Decimal(3)), ("100 % Survey_s", Decimal(2))]
    assert found() == everything
    assert found(number=1) == everything[:1]
    assert found(before_id=newest(number=1)[0].pk) == everything[1:]
    assert found(kind=UpdateKind.INCREASED) == everything[1:]
    assert found(search="survey_S") == found(search=str(surveys.pk)) == everything[1:]
    assert found(search="%") == everything[1:]
    assert found(search="nothing") == found(search="9" * 40) == []


@pytest.mark.django_db
def test_hidden_categories_are_nobodys_business() -> None:
    happened(make_service(), "1", "2")
    Category.objects.update(enabled=False)
    assert found() == []


@pytest.mark.django_db
def test_each_is_an_event_too() -> None:
    service = make_service()
    happened(service, "1", "2.50")
    event = OutboxEvent.objects.get()
    assert (event.kind, event.about, event.customer_id) == ("service.changed", f"service:{service.pk}", None)
    assert event.data == {"change": "increased", "old_rate": "1", "new_rate": "2.50"}


MANY = 50_000


@committed
@pytest.mark.parametrize(
    "asked", [{}, {"kind": UpdateKind.DISABLED}, {"search": "Polls"}, {"before_id": MANY // 2}]
)
def test_a_page_costs_the_same_after_many_updates(asked: dict[str, Any]) -> None:
    services = [make_service(name="Surveys"), make_service(name="Polls")]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO catalog_serviceupdate (id, service_id, kind, new_rate)
            SELECT number, CASE WHEN number %% 1000 = 0 THEN %s ELSE %s END,
                CASE WHEN number %% 1000 = 0 THEN 'disabled' ELSE 'increased' END, 1
            FROM generate_series(1, %s) AS number
            """,
            [services[1].pk, services[0].pk, MANY],
        )
        cursor.execute("ANALYZE catalog_serviceupdate")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert len(newest(number=50, **asked)) in {25, 50}
    plan = "\n".join(
        row[0] for row in fetch_all("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + queries[-1]["sql"])
    )
    counts = [int(count) for count in re.findall(r"(?:rows=|Removed by Filter: )(\d+)", plan)]
    assert "Seq Scan on catalog_serviceupdate" not in plan
    assert max(counts) <= 60, plan
    assert ServiceUpdate.objects.count() == MANY
