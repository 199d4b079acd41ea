"""The hot path to PostgreSQL: several statements in one exchange.

For what every API call takes; everything else runs by `purveyor.database` and the ORM. What costs there is
less the work of the server than each exchange with it: the thread sleeps, wakes, and waits for the
interpreter lock, which the event loop holds. So a transaction here sends its statements together, as far as
none of them needs the answer to another.
"""

import functools
import hashlib
import re
import select
import threading
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import psycopg
from django.db import InternalError, connection, transaction
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from purveyor.database import hot_cursor


def fetch_hot(statement: str, parameters: Mapping[str, str]) -> list[Any]:
    """Run one short statement as `fetch_all` does. Parameters are texts, so the statement casts them."""
    return queue_hot(statement, parameters).rows()


def queue_hot(statement: str, parameters: Mapping[str, str]) -> "Answer":
    """Run one short statement; within `hot_transaction` only once its answer, or a later one's, is asked for.

    Statements run in the order in which they were queued; the end of the transaction runs what is left.
    Statements that take another way (the ORM) do not wait for queued ones. Within a transaction other than
    `hot_transaction` it runs at once.
    """
    session: _HotSession | None = getattr(_this_thread, "transaction", None)
    if session is None:
        connection.ensure_connection()
        driver = connection.connection
        if not driver.autocommit:
            with hot_cursor() as cursor:
                cursor.execute(statement.encode(), parameters)
                return _Ready(cursor.fetchall() if cursor.description else [])
        session = _session(driver)
    hot = _hot(statement)
    answer = _Queued(session, hot, [parameters[name].encode() for name in hot.names])
    session.queue.append(answer)
    if session is not getattr(_this_thread, "transaction", None):
        answer.rows()
    return answer


@contextmanager
def hot_transaction() -> Iterator[None]:
    """A transaction of Django's in which `queue_hot` gathers statements; within another one a savepoint."""
    if connection.in_atomic_block:
        outer: _HotSession | None = getattr(_this_thread, "transaction", None)
        if outer is None:
            with transaction.atomic():
                yield
        else:
            with outer.savepoint():
                yield
        return
    connection.ensure_connection()
    session = _session(connection.connection)
    with transaction.atomic():
        _this_thread.transaction = session
        try:
            yield
            if not connection.needs_rollback:
                with connection.wrap_database_errors:
                    session.commit()
        finally:
            _this_thread.transaction = None
            session.queue.clear()


class Answer(Protocol):
    """The answer to a statement that was run, or will be as soon as somebody asks."""

    def rows(self) -> list[Any]:
        """The rows, as named tuples. Raises Django's errors, of this statement or of one queued before it."""


class _Queued:
    """A statement that waits in a session, then its result."""

    __slots__ = ("_rows", "_session", "hot", "result", "values")

    def __init__(self, session: "_HotSession", hot: "_HotStatement", values: Sequence[bytes]) -> None:
        self._session = session
        self.hot = hot
        self.values = values
        self.result: PGresult | None = None
        self._rows: list[Any] | None = None

    def rows(self) -> list[Any]:
        if self._rows is None:
            if self.result is None:
                with connection.wrap_database_errors:
                    self._session.exchange()
            self._rows = self._session.rows(self)
        return self._rows


class _Ready:
    """The rows of a statement that was run at once, in a transaction that gathers none."""

    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows

    def rows(self) -> list[Any]:
        return self._rows


class _HotSession:
    """What there is for one connection: queued statements, and which ones the server has prepared."""

    def __init__(self, driver: "psycopg.Connection[Any]") -> None:
        self.driver = driver
        self.queue: list[_Queued] = []
        self._prepared: set[bytes] = set()
        self._generation = 0
        self._transformer = Transformer(driver)
        self._readable = select.poll()
        self._readable.register(driver.fileno(), select.POLLIN)

    def commit(self) -> None:
        """Run what is queued, and commit in the same exchange. Raises the driver's errors."""
        if self.queue or self.driver.pgconn.transaction_status != TransactionStatus.IDLE:
            self.exchange(commits=True)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A savepoint with which goes what is queued in it, and nothing that was queued before."""
        self.send()
        try:
            with transaction.atomic():
                yield
                self.send()
        except BaseException:
            self.queue.clear()
            raise

    def send(self) -> None:
        """Run what is queued. Raises Django's errors."""
        if self.queue:
            with connection.wrap_database_errors:
                self.exchange()

    def exchange(self, *, commits: bool = False) -> None:
        """Send what is queued and take in the answers. Raises the driver's error of the first that failed."""
        queue, self.queue = self.queue, []
        server = self.driver.pgconn
        is_first = server.transaction_status == TransactionStatus.IDLE
        begins = is_first and not self.driver.autocommit  # as the driver does before the first statement
        if begins and not self._prepared.issuperset(answer.hot.name for answer in queue):
            self._forget()  # the others may be gone, and in the next exchange it would be too late to see
        try:
            self._run(queue, begins=begins, commits=commits)
        except psycopg.errors.InvalidSqlStatementName:
            if not is_first:
                raise
            # The driver has let go of every prepared statement, as it does when it rolls back.
            self._forget()
            if begins:
                _checked(server, server.exec_(b"ROLLBACK"))
            self._run(queue, begins=begins, commits=commits)

    def rows(self, answer: _Queued) -> list[Any]:
        """The rows of an answer that has come in."""
        if answer.result is None:
            raise InternalError("the statement was not run: one before it failed")
        transformer = self._transformer
        transformer.set_pgresult(answer.result)
        return transformer.load_rows(0, answer.result.ntuples, answer.hot.row_of(answer.result))

    def _run(self, queue: Sequence[_Queued], *, begins: bool, commits: bool) -> None:
        server = self.driver.pgconn
        if len(queue) == 1 and not (begins or commits):
            self._run_alone(queue[0])
            return
        preparing: set[bytes] = set()
        sent: list[_Queued | None] = [None] if begins else []
        try:
            server.enter_pipeline_mode()
            if begins:
                server.send_query_params(b"BEGIN", None)
            for answer in queue:
                sent.extend([None] * self._send(answer, preparing))
                sent.append(answer)
            if commits:
                server.send_query_params(b"COMMIT", None)
                sent.append(None)
            server.pipeline_sync()
            while server.flush():
                select.select([server.socket], [server.socket], [])
                server.consume_input()  # the server may wait for us to read before it reads on
            results = [self._receive() for _ in sent]
            self._receive()
            server.exit_pipeline_mode()
        except BaseException:
            self.driver.close()  # there is no going on from half an exchange
            raise
        for answered, result in zip(sent, results, strict=True):
            _checked(server, result)
            if answered is not None:
                answered.result = result
        self._prepared |= preparing

    def _send(self, answer: _Queued, preparing: set[bytes]) -> int:
        """Send one statement; return how many results come before its own."""
        server, hot = self.driver.pgconn, answer.hot
        if self.driver.prepare_threshold is None:
            # A pooler may give the next statement to another server process, which knows no prepared ones.
            server.send_query_params(hot.text, answer.values)
            return 0
        is_new = hot.name not in self._prepared and hot.name not in preparing
        if is_new:
            server.send_prepare(self._name(hot), hot.text)
            preparing.add(hot.name)
        server.send_query_prepared(self._name(hot), answer.values)
        return int(is_new)

    def _run_alone(self, answer: _Queued) -> None:
        """One blocking call of libpq, which lets go of the interpreter lock only once."""
        server, hot = self.driver.pgconn, answer.hot
        if self.driver.prepare_threshold is None:
            answer.result = _checked(server, server.exec_params(hot.text, answer.values))
            return
        if hot.name not in self._prepared:
            _checked(server, server.prepare(self._name(hot), hot.text))
            self._prepared.add(hot.name)
        answer.result = _checked(server, server.exec_prepared(self._name(hot), answer.values))

    def _receive(self) -> PGresult:
        """The next result; the result of nothing that ends each statement's is dropped before it."""
        server = self.driver.pgconn
        for _ in range(2):
            while server.is_busy():
                self._readable.poll()
                server.consume_input()
            result = server.get_result()
            if result is not None:
                return result
        raise psycopg.OperationalError(server.get_error_message())

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


_PARAMETER: Final = re.compile(r"%\((\w+)\)s")
_RIGHT_STATUSES: Final = frozenset({ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK})
_this_thread: Final = threading.local()


def _session(driver: "psycopg.Connection[Any]") -> _HotSession:
    session: _HotSession | None = getattr(_this_thread, "session", None)
    if session is None or session.driver is not driver:
        session = _this_thread.session = _HotSession(driver)
    return session


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
