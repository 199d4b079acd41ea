"""Two transactions at once: the first is held open until the second waits for it."""

import threading
import time
from collections.abc import Callable

from django.db import connection

from purveyor.database import fetch_all

PATIENCE_SECONDS = 60
"""Before what hangs is given up; nothing takes nearly as long, however busy the machine is."""


class Second(threading.Thread):
    """The second transaction; `finish` raises whatever went wrong in it."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self._work = work
        self._trouble: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Do the work on a connection of its own."""
        try:
            self._work()
        except BaseException as trouble:  # noqa: BLE001  (told to the test)
            self._trouble = trouble
        finally:
            connection.close()

    def finish(self) -> None:
        """Wait for the end."""
        self.join(PATIENCE_SECONDS)
        assert not self.is_alive()
        if self._trouble is not None:
            raise self._trouble


def until_somebody_waits() -> None:
    """Return once a transaction waits for what that of the caller holds.

    Not for just any lock: other tests beside this one wait for theirs. `pg_locks` and not `pg_stat_activity`,
    of which a transaction keeps seeing what it saw first.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not fetch_all(
        "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.02)
