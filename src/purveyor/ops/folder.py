"""The data folder: made private, checked, and locked against a second user of the same thing."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from purveyor.ops import trouble
from purveyor.ops.trouble import Trouble

_LOCK_POLL_SECONDS = 0.1


def prepare(home: Path) -> None:
    """Make the data folder, mode 0700, or check that an existing one can be used. Raises `Trouble`."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise Trouble(f"{home} is not a folder: set PURVEYOR_HOME to a folder") from None
    except OSError as error:
        raise trouble.of_file(error, folder=home) from error
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        raise Trouble(
            f"the data folder {home} cannot be written: make it yours, or set PURVEYOR_HOME to another"
        )


@contextlib.contextmanager
def locked(
    path: Path,
    *,
    patience_seconds: float,
    busy: str,
    share: bool = False,
    worth_waiting: Callable[[], bool] = lambda: False,
) -> Iterator[int]:
    """Hold a lock on the file `path`, which is made if absent; yields its descriptor.

    The kernel drops the lock with the process, however it ends. Raises `Trouble` with the words of `busy`
    when somebody else still holds it after `patience_seconds`, and longer while it is `worth_waiting`.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise trouble.of_file(error, folder=path.parent) from error
    try:
        deadline = time.monotonic() + patience_seconds
        while not try_lock(descriptor, share=share):
            if time.monotonic() >= deadline and not worth_waiting():
                raise Trouble(busy)
            time.sleep(_LOCK_POLL_SECONDS)
        yield descriptor
    finally:
        os.close(descriptor)


def try_lock(descriptor: int, *, share: bool) -> bool:
    """Lock or re-lock an open file at once; False when somebody else is in the way."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if share else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 whole or not at all. Raises `Trouble` when the disk does not take it."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise trouble.of_file(error, folder=path.parent) from error
