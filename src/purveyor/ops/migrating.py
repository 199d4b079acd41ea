"""The database's tables brought up to date, or found to belong to a newer version."""

from collections.abc import Callable

import psycopg
from django.apps import apps
from django.contrib.postgres.operations import AddIndexConcurrently
from django.core.management import call_command
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.utils import OperationalError

from purveyor import configuration
from purveyor.ops import trouble
from purveyor.ops.trouble import Trouble

POSTGRESQL_MIN_VERSION = 15
# Two nodes that start together migrate one after the other; the number has no other meaning.
_LOCK_KEY = 7_823_461_905
_LOCK_PATIENCE_SECONDS = 600


def migrate(*, say: Callable[[str], None]) -> None:
    """Bring the tables up to date, and keep the panel's currency where no books are kept yet.

    Raises `Trouble` when the database cannot be used or was made by a newer version, and
    `purveyor.money.ledger.AnotherCurrency`.
    """
    require_database()
    # A transaction of its own connection holds the lock: a session's lock would not survive PgBouncer.
    with psycopg.connect(configuration.database_url(), prepare_threshold=None) as guard:
        guard.execute("SELECT set_config('lock_timeout', %s, true)", [f"{_LOCK_PATIENCE_SECONDS}s"])
        # Without parameters: a statement with them keeps its snapshot until the transaction ends, and an
        # index that is built concurrently would wait for that for ever.
        guard.execute(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})")
        _refuse_newer()
        missing = _missing()
        if missing:
            say(f"Bringing the database up to date ({len(missing)} migrations)")
            _drop_indexes_to_build()
            call_command("migrate", verbosity=0, interactive=False)
    _hold_to_currency()


def _drop_indexes_to_build() -> None:
    """Forget what a migration that was cut off built beside the running panel: it begins anew.

    The last index may be half built; those before it are whole, and would be in the way as well.
    """
    with connection.cursor() as cursor:
        for migration in _missing():
            for operation in migration.operations:
                if isinstance(operation, AddIndexConcurrently):
                    name = connection.ops.quote_name(operation.index.name)
                    cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def require_database() -> None:
    """Raise `Trouble` when the database does not answer or cannot serve the panel."""
    home = configuration.current().home if configuration.current().embedded else None
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')"
            )
            number, encoding = cursor.fetchone()
    except OperationalError as error:
        raise trouble.of_database(error, embedded_in=home) from error
    major = number // 10_000
    if major < POSTGRESQL_MIN_VERSION:
        raise Trouble(
            f"the database server is PostgreSQL {major}: Purveyor needs {POSTGRESQL_MIN_VERSION} or newer"
        )
    if encoding != "UTF8":
        raise Trouble(f"the database's encoding is {encoding}: make one with ENCODING 'UTF8'")


def require_migrated() -> None:
    """Raise `Trouble` when the tables are older than this version needs. Newer ones serve it as well.

    Raises `purveyor.money.ledger.AnotherCurrency` when the books are kept in another one than is set.
    """
    require_database()
    if _missing():
        raise Trouble(
            "the database is not up to date: run `purveyor migrate`, or `purveyor up` for everything"
        )
    _hold_to_currency()


def _hold_to_currency() -> None:
    from purveyor.money import ledger  # a model: only once Django is ready

    ledger.hold_to_currency(configuration.current().currency)


def _missing() -> list[Migration]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [migration for migration, _ in plan]


def _refuse_newer() -> None:
    loader = MigrationLoader(connection)
    ours = {app.label for app in apps.get_app_configs() if app.name.startswith("purveyor.")}
    known = set(loader.disk_migrations)
    for migration in loader.disk_migrations.values():
        known.update((app, name) for app, name in migration.replaces)
    newer = sorted(
        f"{app}.{name}" for app, name in loader.applied_migrations if app in ours and (app, name) not in known
    )
    if newer:
        raise Trouble(
            f"the database was made by a newer version of Purveyor ({newer[0]} is not known here): "
            "bring this checkout up to date, or use another database or data folder"
        )
