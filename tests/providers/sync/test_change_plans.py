"""What is asked of changes and edits is found by index, however many there were before."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from purveyor.catalog.models import Service
from purveyor.database import fetch_all, id_array
from purveyor.ops.catalogue_listing import set_lines
from purveyor.providers.models import ChangeSet, Provider, ProviderService
from purveyor.providers.sync.change_rules import RETRACED_DAYS
from purveyor.providers.sync.changing import apply_changes, roll_back
from purveyor.providers.sync.deciding import _SQL as DECIDING
from purveyor.providers.sync.deciding import MOST_EDITS
from purveyor.providers.sync.editing import _SQL as EDITING
from purveyor.providers.testing import make_provider
from tests.committed import committed
from tests.providers.lists import keep, row, sell

pytestmark = committed

SERVICES = 500
SETS = 60
TABLES = {"providers_change", "providers_serviceedit"}


@pytest.fixture
def provider() -> Provider:
    """A provider whose every price has changed many times."""
    provider = make_provider()
    keep(provider, *(row(number) for number in range(1, SERVICES + 1)))
    sell(provider)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO providers_changeset (provider_id, shrunk)
            SELECT %s, false FROM generate_series(1, %s)
            """,
            [provider.pk, SETS],
        )
        cursor.execute(
            """
            INSERT INTO providers_change (
                change_set_id, provider_service_id, kind, aspect, before, after, state
            )
            SELECT sets.id, offer.id, 'dearer', 'price', '{"rate": "1"}', '{"rate": "2"}', 'applied'
            FROM providers_changeset sets CROSS JOIN providers_providerservice offer
            """
        )
        cursor.execute(
            """
            INSERT INTO providers_serviceedit (change_id, service_id, field, before, after, over_hand)
            SELECT change.id, route.service_id, 'rate', '"1"', '"2"', false
            FROM providers_change change JOIN providers_route route USING (provider_service_id)
            """
        )
        for table in TABLES:
            cursor.execute(f"ANALYZE {table}")
    return provider


def plan_of(statement: str, parameters: dict[str, object] | None = None) -> str:
    return "\n".join(row[0] for row in fetch_all("EXPLAIN " + statement, parameters or {}))


def scanned(statement: str, parameters: dict[str, object] | None = None) -> set[str]:
    """The tables of changes that a statement reads from end to end."""
    return set(re.findall(r"Seq Scan on (\w+)", plan_of(statement, parameters))) & TABLES


@pytest.mark.usefixtures("provider")
def test_a_sync_finds_what_it_needs_by_index() -> None:
    offers = id_array(ProviderService.objects.values_list("pk", flat=True)[:20])
    services = id_array(Service.objects.values_list("pk", flat=True)[:20])
    # Of the few that wait: an offer's price may have moved thousands of times.
    overtaking = plan_of(DECIDING["overtake"], {"offers": offers, "aspect": "price"})
    assert "waiting_changes" in overtaking
    assert "changes_of_aspect" not in overtaking
    assert scanned(EDITING["switched_off"], {"services": services}) == set()
    lately = {"services": services, "days": RETRACED_DAYS, "most": MOST_EDITS}
    assert scanned(DECIDING["lowest_lately"], lately) == set()


@pytest.mark.parametrize("decide", [apply_changes, roll_back])
def test_a_decision_finds_what_it_needs_by_index(provider: Provider, decide: Callable[..., object]) -> None:
    keep(provider, row(1, rate="0.50", min=20), *(row(number) for number in range(2, SERVICES + 1)))
    with CaptureQueriesContext(connection) as queries:
        decide(change_set=ChangeSet.objects.latest("pk").pk, actor="somebody")
    asked = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    assert len(asked) > 4
    assert {table for statement in asked for table in scanned(statement.replace("%", "%%"))} == set()


def test_sets_from_which_something_follows_are_found_by_index(provider: Provider) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert len(list(set_lines(provider=provider, number=3, everything=False))) == 4
    asked = [query["sql"] for query in queries]
    assert {table for statement in asked for table in scanned(statement.replace("%", "%%"))} == set()
