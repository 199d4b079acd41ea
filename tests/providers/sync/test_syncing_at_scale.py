"""Thousands of services are synced in few statements, and a list without news writes next to nothing."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from purveyor.catalog.models import CatalogVersion, Service, ServiceUpdate
from purveyor.database import fetch_all
from purveyor.providers.models import Change, ChangeSet, ServiceEdit
from purveyor.providers.sync.changing import roll_back
from purveyor.providers.sync.repricing import change_and_reprice
from purveyor.providers.testing import make_provider
from tests.providers.lists import keep, keep_once, row, sell

MANY = 10_000
SOME = 2_000
FEW_STATEMENTS = 40
"""Of what is written, each table is written in one, whatever the number of rows."""


def rows_written() -> int:
    """Rows that this transaction wrote so far, as the server counted them."""
    counted = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) AS rows FROM pg_stat_xact_user_tables"
    return int(fetch_all(counted)[0].rows)


@pytest.mark.django_db
def test_many_services_are_synced_set_by_set() -> None:
    provider = make_provider()
    keep(provider, *(row(number) for number in range(1, MANY + 1)))
    sell(provider)
    before, version = rows_written(), CatalogVersion.objects.get().version
    with CaptureQueriesContext(connection) as quiet:
        assert keep(provider, *(row(number) for number in range(1, MANY + 1))).change_set is None
    assert rows_written() - before == 1
    assert len(quiet) < FEW_STATEMENTS
    assert CatalogVersion.objects.get().version == version, "nobody has to read the catalogue anew"

    with CaptureQueriesContext(connection) as busy:
        keep(provider, *(row(number, rate="1.17") for number in range(1, MANY + 1)))
    assert Service.objects.filter(rate="1.404").count() == MANY
    assert Change.objects.count() == ServiceEdit.objects.count() == MANY
    assert ServiceUpdate.objects.filter(kind="increased").count() == MANY
    assert CatalogVersion.objects.get().version == version + 1, "one edit, for whoever reads the catalogue"
    assert len(busy) < FEW_STATEMENTS

    with CaptureQueriesContext(connection) as back:
        assert roll_back(change_set=ChangeSet.objects.get().pk, actor="somebody").left == []
    assert Service.objects.filter(rate="1.08").count() == MANY
    assert len(back) < FEW_STATEMENTS


@pytest.mark.django_db
def test_many_services_are_repriced_and_missed_set_by_set() -> None:
    provider = make_provider()
    rows = [row(number) for number in range(1, SOME + 1)]
    keep(provider, *rows)
    sell(provider)
    for fx_rate, kind in (("1.3", "increased"), ("1", "decreased")):
        with CaptureQueriesContext(connection) as repriced:
            change_and_reprice(provider, {"fx_rate": Decimal(fx_rate)})
        assert ServiceUpdate.objects.filter(kind=kind).count() == SOME
        assert len(repriced) < FEW_STATEMENTS

    with CaptureQueriesContext(connection) as missed:
        assert keep_once(provider, *rows[: SOME // 2]).missing == SOME // 2
    with CaptureQueriesContext(connection) as gone:
        assert keep(provider, *rows[: SOME // 2]).gone == SOME // 2
    assert Service.objects.filter(enabled=False).count() == SOME // 2
    assert max(len(missed), len(gone)) < FEW_STATEMENTS
