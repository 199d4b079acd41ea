"""Named SQL from files, run on Django's own connection with parameters bound by the server.

Below every room, because every room may have a hot path. A `.sql` file holds one or more statements, each
under a line `-- name: what_it_does`.
"""

import functools
import hashlib
import re
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
import psycopg
from django.db import connection, transaction
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
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


def fetch_hot(statement: str, parameters: Mapping[str, str]) -> list[Any]:
    """Run one short statement as `fetch_all` does, at a quarter of the processor time.

    It is one blocking exchange of libpq instead of the driver's state machine, which lets go of the
    interpreter lock several times per statement. For what every API call takes. Parameters are texts, so the
    statement casts them. Within a transaction other than `hot_transaction` it is `fetch_all`.
    """
    connection.ensure_connection()
    driver = connection.connection
    session = _sessions.get(driver) or _sessions.setdefault(driver, _HotSession())
    if not (driver.autocommit or session.in_transaction):
        return fetch_all(statement, parameters)
    hot = _hot(statement)
    values = [parameters[name].encode() for name in hot.names]
    with connection.wrap_database_errors:
        result = session.run(driver, hot, values)
        transformer = Transformer(driver)
        transformer.set_pgresult(result)
        return transformer.load_rows(0, result.ntuples, hot.row_of(result))


@contextmanager
def hot_transaction() -> Iterator[None]:
    """A transaction of Django's in which `fetch_hot` keeps its speed; within another one a savepoint."""
    if connection.in_atomic_block:
        with transaction.atomic():
            yield
        return
    connection.ensure_connection()
    driver = connection.connection
    session = _sessions.get(driver) or _sessions.setdefault(driver, _HotSession())
    with transaction.atomic():
        session.in_transaction = True
        try:
            yield
        finally:
            session.in_transaction = False


class _HotSession:
    """What the server keeps for one connection: which statements are prepared there."""

    def __init__(self) -> None:
        self.in_transaction = False
        self._prepared: set[bytes] = set()
        self._generation = 0

    def run(self, driver: "psycopg.Connection[Any]", hot: "_HotStatement", values: list[bytes]) -> PGresult:
        """One exchange with the server, in the transaction if there is one. Raises the driver's errors."""
        server = driver.pgconn
        is_first = server.transaction_status == TransactionStatus.IDLE
        begins = is_first and not driver.autocommit
        if begins:
            _checked(server, server.exec_(b"BEGIN"))  # as the driver does before the first statement
        if driver.prepare_threshold is None:
            # A pooler may give the next statement to another server process, which knows no prepared ones.
            return _checked(server, server.exec_params(hot.text, values))
        if begins and hot.name not in self._prepared:
            self._forget()  # the others may be gone, and within the transaction it would be too late to see
        if hot.name in self._prepared:
            result = server.exec_prepared(self._name(hot), values)
            if not is_first or result.error_field(DiagnosticField.SQLSTATE) != _NO_SUCH_STATEMENT:
                return _checked(server, result)
            # The driver has let go of every prepared statement, as it does when it rolls back.
            self._forget()
            if begins:
                _checked(server, server.exec_(b"ROLLBACK"))
                _checked(server, server.exec_(b"BEGIN"))
        _checked(server, server.prepare(self._name(hot), hot.text))
        self._prepared.add(hot.name)
        return _checked(server, server.exec_prepared(self._name(hot), values))

    def _name(self, hot: "_HotStatement") -> bytes:
        return b"%b_%d" % (hot.name, self._generation)

    def _forget(self) -> None:
        self._prepared.clear()
        self._generation += 1  # those that are still there keep their names


@dataclass(slots=True)
class _HotStatement:
    """A statement in the form of the server: numbered parameters and a name."""

    name: bytes
    text: bytes
    names: tuple[str, ...]
    make_row: Callable[[Sequence[Any]], Any] | None = None

    def row_of(self, result: PGresult) -> Callable[[Sequence[Any]], Any]:
        """The maker of this statement's rows, which are named tuples."""
        if self.make_row is None:
            columns = [(result.fname(number) or b"").decode() for number in range(result.nfields)]
            self.make_row = namedtuple("Row", columns)._make  # type: ignore[attr-defined]  # noqa: PYI024, SLF001
        return self.make_row


_PARAMETER = re.compile(r"%\((\w+)\)s")
_RIGHT_STATUSES = frozenset({ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK})
_NO_SUCH_STATEMENT = b"26000"
_sessions: "WeakKeyDictionary[psycopg.Connection[Any], _HotSession]" = WeakKeyDictionary()


@functools.cache
def _hot(statement: str) -> _HotStatement:
    names = tuple(dict.fromkeys(_PARAMETER.findall(statement)))
    text = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", statement).replace("%%", "%")
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:16]
    return _HotStatement(f"purveyor_{fingerprint}".encode(), text.encode(), names)


def _checked(server: PGconn, result: PGresult) -> PGresult:
    """The result, if it is one. Raises the driver's error otherwise."""
    if result.status in _RIGHT_STATUSES:
        return result
    if server.status != ConnStatus.OK:
        raise psycopg.OperationalError(server.get_error_message())
    raise psycopg.errors.error_from_result(result)


def violated_constraint(error: BaseException) -> str | None:
    """The name of the constraint that a database error is about, if it is about one."""
    cause = error.__cause__
    return cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None
