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
from pathlib import Path

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
    """Ask this process to stop in good order once its parent, which is make, has died or was interrupted.

    Make does not pass an interrupt on: it takes for granted that the terminal sent it to everybody, and
    waits. What can be seen of it from outside (on Linux) is that it stops catching the signal.
    """
    parent = os.getppid()
    caught = _caught_interrupts(parent)
    _watch(parent, then=_ask, also=lambda: _caught_interrupts(parent) == caught)


def _caught_interrupts(process: int) -> int:
    """Which of SIGINT and SIGHUP a process has a handler for, as bits; 0 where that cannot be known."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return caught & (1 << signal.SIGINT - 1 | 1 << signal.SIGHUP - 1)


def _watch(parent: int, *, then: Callable[[], None], also: Callable[[], bool] = lambda: True) -> None:
    def look() -> None:
        while os.getppid() == parent and also():
            time.sleep(POLL_SECONDS)
        then()

    threading.Thread(target=look, name="lifeline", daemon=True).start()


def _ask() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _end() -> None:
    _ask()
    time.sleep(GRACE_SECONDS)
    os._exit(_ORPHANED)
