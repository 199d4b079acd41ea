from dataclasses import replace

import pytest
from django.db import IntegrityError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from purveyor import configuration
from purveyor.catalog.models import Category
from purveyor.money.ledger import AnotherCurrency
from purveyor.ops import migrating
from purveyor.ops.trouble import Trouble
from tests.committed import committed

pytestmark = pytest.mark.django_db


def test_an_up_to_date_database_is_left_alone() -> None:
    said: list[str] = []
    migrating.require_migrated()
    migrating.migrate(say=said.append)
    assert said == []


def test_a_database_of_a_newer_version_is_refused_by_migrate_and_serves_all_the_same() -> None:
    MigrationRecorder(connection).record_applied("orders", "9999_from_the_future")
    with pytest.raises(Trouble, match=r"newer version of Purveyor \(orders.9999_from_the_future"):
        migrating.migrate(say=lambda _: None)
    migrating.require_migrated()


def test_an_older_database_is_told_to_be_migrated() -> None:
    ((room, newest),) = MigrationLoader(connection).graph.leaf_nodes("providers")
    MigrationRecorder(connection).record_unapplied(room, newest)
    with pytest.raises(Trouble, match="run `purveyor migrate`"):
        migrating.require_migrated()


@committed
def test_a_migration_that_was_cut_off_between_its_indexes_begins_anew() -> None:
    Category.objects.bulk_create([Category(name="twice"), Category(name="twice")])
    with connection.cursor() as cursor:
        with pytest.raises(IntegrityError):
            cursor.execute("CREATE UNIQUE INDEX CONCURRENTLY cut_off ON catalog_category (name)")
        assert "cut_off" in invalid_indexes()
        ((room, newest),) = MigrationLoader(connection).graph.leaf_nodes("orders")
        cursor.execute("DROP INDEX orders_held_by_reason")
        cursor.execute("ALTER INDEX cut_off RENAME TO orders_held_by_reason")
    assert newest == "0004_waiting_orders"
    MigrationRecorder(connection).record_unapplied(room, newest)
    migrating.migrate(say=lambda _: None)
    assert invalid_indexes() == []
    migrating.require_migrated()


def invalid_indexes() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
        return [name for (name,) in cursor.fetchall()]


def test_an_old_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "POSTGRESQL_MIN_VERSION", 99)
    with pytest.raises(Trouble, match="Purveyor needs 99 or newer"):
        migrating.require_database()


def test_another_currency_than_that_of_the_books_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    migrating.require_migrated()
    other = replace(configuration.current(), currency="EUR")
    monkeypatch.setattr(configuration, "current", lambda: other)
    for bring_up in (migrating.require_migrated, lambda: migrating.migrate(say=lambda _: None)):
        with pytest.raises(AnotherCurrency, match="kept in USD, but PURVEYOR_CURRENCY is EUR"):
            bring_up()
