"""The log files of the processes that `purveyor up` starts."""

import shutil
from pathlib import Path
from typing import IO

from purveyor.ops import trouble

LOG_MAX_BYTES = 20 * 1024 * 1024  # of each file; one older file of the same size is kept beside it
_TAIL_BYTES = 16 * 1024


def log_file(home: Path, name: str) -> Path:
    """Return where the process called `name` logs."""
    return home / "logs" / f"{name}.log"


def open_log(home: Path, name: str) -> IO[bytes]:
    """Open a log file for a process to write to; it outlives its opener. Raises `Trouble` on a full disk."""
    path = log_file(home, name)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        return path.open("ab", buffering=0)
    except OSError as error:
        raise trouble.of_file(error, folder=home) from error


def trim(home: Path) -> None:
    """Set aside every log file that grew past its limit.

    Its writer keeps it open in append mode and carries on at the start of the emptied file; lines written
    between copy and cut are lost, which a log can bear. On a full disk no copy is kept.
    """
    for path in (home / "logs").glob("*.log"):
        if path.stat().st_size > LOG_MAX_BYTES:
            older = path.with_suffix(".log.1")
            try:
                shutil.copyfile(path, older)
            except OSError:
                older.unlink(missing_ok=True)
            with path.open("rb+") as file:
                file.truncate(0)


def position(path: Path) -> int:
    """Return the present end of a log file, to read from later."""
    return path.stat().st_size if path.exists() else 0


def since(path: Path, start: int) -> str:
    """Return what was logged after position `start`, its last 16 KB at most."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(start, path.stat().st_size - _TAIL_BYTES))
        return file.read().decode("utf-8", errors="replace")
