"""The door's threads for the database: each keeps one connection, and replaces it when it broke.

All database code is plain and blocking (`purveyor.database`, Django's ORM); the event loop never runs it.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Final, ParamSpec, TypeVar

import django.db
import psycopg
import structlog
from django.db import connection

P = ParamSpec("P")
T = TypeVar("T")

CLOSE_SECONDS: Final = 10.0
"""How long the end of the process waits for a thread's last call."""

# Django's errors stand for the driver's wherever a room asks; the driver's own are for what slips past them.
ConnectionLost: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    django.db.OperationalError,
    django.db.InterfaceError,
)

_log = structlog.get_logger(__name__)


class DatabaseThread:
    """One thread that makes calls one after the other.

    Leaner than an executor, whose locks and futures cost as much per batch as a small query.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = SimpleQueue()
        # A daemon: a call that hangs in the network must not keep the process alive.
        self._thread = threading.Thread(target=self._work, name=f"api-{name}", daemon=True)
        self._thread.start()

    def call(self, run: Callable[[], T]) -> "asyncio.Future[T]":
        """Run `run` in this thread, after the calls before it."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._calls.put((run, done))
        return done

    def close(self) -> None:
        """Let the thread finish its calls, close its connection and end."""
        self._calls.put(None)
        self._thread.join(CLOSE_SECONDS)

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            run, done = item
            try:
                result = run()
            except BaseException as trouble:  # noqa: BLE001  (it belongs to whoever called)
                done.get_loop().call_soon_threadsafe(_fail, done, trouble)
            else:
                done.get_loop().call_soon_threadsafe(_settle, done, result)
        connection.close()


def _settle(done: "asyncio.Future[T]", result: T) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: "asyncio.Future[Any]", trouble: BaseException) -> None:
    if not done.done():
        done.set_exception(trouble)


@dataclass(frozen=True, slots=True)
class DatabaseThreads:
    """One thread per kind of work, so that a batch that waits for a lock holds up none of the other kinds."""

    reading: DatabaseThread = field(default_factory=lambda: DatabaseThread("reading"))
    """Look-ups: status, balance, refill status, keys."""
    placing: DatabaseThread = field(default_factory=lambda: DatabaseThread("placing"))
    """`add`."""
    asking: DatabaseThread = field(default_factory=lambda: DatabaseThread("asking"))
    """Refill and cancel requests."""
    watching: DatabaseThread = field(default_factory=lambda: DatabaseThread("watching"))
    """Versions, the catalogue's snapshot and its rendering, use of keys, health."""

    def close(self) -> None:
        """Let each thread finish what it does, and end it."""
        for thread in (self.reading, self.placing, self.asking, self.watching):
            thread.close()


def tidying(run: Callable[P, T]) -> Callable[P, T]:
    """Make a call that logs its trouble and leaves no broken connection behind."""

    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return run(*args, **kwargs)
        except Exception:
            _log.exception("database_trouble")
            drop_connection()
            raise

    return call


def reading(run: Callable[P, T]) -> Callable[P, T]:
    """Make a look-up that survives a broken connection: it is replaced and the look-up done once more."""
    again = tidying(run)

    def look_up(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return run(*args, **kwargs)
        except ConnectionLost:
            drop_connection()
        return again(*args, **kwargs)

    return look_up


def changing(run: Callable[P, T]) -> Callable[P, T]:
    """Make a call that begins on a sound connection.

    It is not repeated when the connection breaks under it: it may have taken effect.
    """
    change = tidying(run)

    def begin(*args: P.args, **kwargs: P.kwargs) -> T:
        if connection.connection is not None and not connection.is_usable():
            drop_connection()
        return change(*args, **kwargs)

    return begin


def drop_connection() -> None:
    """Close this thread's connection, broken or not; the next call opens another."""
    connection.close()


def is_connected() -> bool:
    """Whether the database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except ConnectionLost:
        drop_connection()
        return False
    return True
