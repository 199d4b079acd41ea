"""The door's threads for the database: each keeps one connection, and replaces it when it broke.

All database code is plain and blocking (`purveyor.database`, Django's ORM); the event loop never runs it itself.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, ParamSpec, TypeVar

import django.db
import psycopg
import structlog
from django.db import connection

P = ParamSpec("P")
T = TypeVar("T")

# `purveyor.database` raises the driver's errors, the ORM Django's.
ConnectionLost: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    django.db.OperationalError,
    django.db.InterfaceError,
)

_log = structlog.get_logger(__name__)


def _thread(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"api-{name}")


@dataclass(frozen=True, slots=True)
class DatabaseThreads:
    """One thread per kind of work, so that a batch that waits for a lock holds up none of the other kinds."""

    reading: ThreadPoolExecutor = field(default_factory=lambda: _thread("reading"))
    """Look-ups: status, balance, refill status, keys."""
    placing: ThreadPoolExecutor = field(default_factory=lambda: _thread("placing"))
    """`add`."""
    asking: ThreadPoolExecutor = field(default_factory=lambda: _thread("asking"))
    """Refill and cancel requests."""
    watching: ThreadPoolExecutor = field(default_factory=lambda: _thread("watching"))
    """Versions, the catalogue's snapshot and its rendering, use of keys, health."""

    def close(self) -> None:
        """Let each thread finish what it does, close its connection, and end it."""
        for thread in (self.reading, self.placing, self.asking, self.watching):
            thread.submit(connection.close)
            thread.shutdown()


def reading(run: Callable[P, T]) -> Callable[P, T]:
    """Make a look-up that survives a broken connection: it is replaced and the look-up done once more."""

    def look_up(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return run(*args, **kwargs)
        except ConnectionLost:
            drop_connection()
        return changing(run)(*args, **kwargs)

    return look_up


def drop_connection() -> None:
    """Close this thread's connection, broken or not; the next call opens another."""
    connection.close()


def changing(run: Callable[P, T]) -> Callable[P, T]:
    """Make a call that leaves no broken connection behind. It is not repeated: it may have taken effect."""

    def change(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return run(*args, **kwargs)
        except Exception:
            _log.exception("database_trouble")
            drop_connection()
            raise

    return change


def is_connected(*_: Any) -> bool:
    """Whether the database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except ConnectionLost:
        drop_connection()
        return False
    return True
