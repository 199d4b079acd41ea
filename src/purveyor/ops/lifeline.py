"""Processes that end with the process that started them, however that one ended.

A process killed with -9 takes nobody with it. So each child looks after its parent: when the parent changes,
it asks itself to stop, and stops at once if it does not within the second. Nothing is left to hold a port.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable

POLL_SECONDS = 0.2
GRACE_SECONDS = 0.6  # with the poll, under a second altogether

_SUPERVISOR_VARIABLE = "PURVEYOR_SUPERVISOR_PID"  # from our own parent, not a setting
_ORPHANED = 70  # exit status


def under_supervisor() -> dict[str, str]:
    """Return the environment that ties a child, started with it, to this process."""
    return {_SUPERVISOR_VARIABLE: str(os.getpid())}


def hold_to_supervisor() -> bool:
    """End with `purveyor up`, if that is what started this process; returns whether it is."""
    # Taken out of the environment: it is not true for children of this process.
    supervisor = os.environ.pop(_SUPERVISOR_VARIABLE, None)
    if supervisor is not None:
        _watch(int(supervisor), then=_end)
    return supervisor is not None


def hold_to_starter() -> None:
    """End with the process that forked or spawned this one by `multiprocessing`."""
    starter = multiprocessing.parent_process()
    if starter is not None and starter.pid is not None:
        _watch(starter.pid, then=_end)


def stop_with_parent() -> None:
    """Ask this process to stop in good order once its parent has died."""
    _watch(os.getppid(), then=_ask)


def _watch(parent: int, *, then: Callable[[], None]) -> None:
    def look() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        then()

    threading.Thread(target=look, name="lifeline", daemon=True).start()


def _ask() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _end() -> None:
    _ask()
    time.sleep(GRACE_SECONDS)
    os._exit(_ORPHANED)
