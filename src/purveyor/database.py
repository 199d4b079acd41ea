"""Named SQL from files, run on Django's own connection with parameters bound by the server.

Below every room, because every room may have a hot path. A `.sql` file holds one or more statements, each
under a line `-- name: what_it_does`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.rows import namedtuple_row

_NAME_LINE = re.compile(r"^-- name: *(\w+) *$", re.MULTILINE)


def load_sql(beside: str, file_name: str) -> Mapping[str, str]:
    """Read the statements of `file_name`, which lies in the folder of the module file `beside`."""
    parts = _NAME_LINE.split(Path(beside).with_name(file_name).read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@contextmanager
def hot_cursor() -> Iterator["psycopg.Cursor[Any]"]:
    """Open a cursor of the driver itself on Django's connection, in Django's transaction if there is one.

    Django's own cursor writes the values into the text of the statement; this one sends them beside it, so
    that PostgreSQL can reuse the plan. Rows are named tuples. Errors are Django's (`django.db.Error`), as
    elsewhere; the driver's own is their cause. A jsonb column comes as text, because Django reads it itself:
    cast it to json to get the value.
    """
    connection.ensure_connection()
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection, row_factory=namedtuple_row) as cursor,
    ):
        yield cursor


def plan_by_index(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Of a new connection: have the server read whole tables only where no index serves.

    A receiver of Django's `connection_created`, for programs that look rows up all day. The plan of a
    prepared statement is kept: one that was made while a table filled a block or two would read the whole
    table when it holds thousands, until the server counts its rows anew. Where nothing is prepared, no plan
    is kept, and behind a pooler the setting would be somebody else's.
    """
    if connection.connection.prepare_threshold is not None:
        with connection.cursor() as cursor:
            # Up to PostgreSQL 17, what is switched off costs so much that it would be worth compiling.
            cursor.execute("SET enable_seqscan = off; SET jit = off")


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as one parameter for `json_to_recordset`, Decimals as exact text.

    The driver would take eight times as long to write the same values as one array per column.
    """
    return msgspec.json.encode(rows).decode()


def id_array(ids: Iterable[int]) -> str:
    """Ids as the text of a `bigint[]`, for the same reason."""
    return "{" + ",".join(map(str, map(int, ids))) + "}"


def fetch_all(statement: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> list[Any]:
    """Run one statement and return its rows as named tuples."""
    with hot_cursor() as cursor:
        return cursor.execute(statement.encode(), parameters).fetchall()


def violated_constraint(error: BaseException) -> str | None:
    """The name of the constraint that a database error is about, if it is about one."""
    cause = error.__cause__
    return cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None
