"""Tests whose transactions really commit: several connections, real locks, a clean ledger afterwards.

So do tests that fill tables: what is rolled back stays in tables and indexes as dead rows, which the plans of
later tests would have to step over; what was committed is truncated.
"""

import pytest
from django.db import connection

# The rows that migrations insert (house wallets, versions) come back after each such test.
committed = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def allow_emptying_the_ledger() -> None:
    """Let the test database be emptied between tests; the rule itself is tested in tests/money."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE money_transfer DISABLE TRIGGER transfers_are_never_emptied")


def break_connection() -> None:
    """Let the server end this thread's connection; the client has not noticed yet."""
    broken = connection.connection.info.backend_pid
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [broken])
    other.close()
