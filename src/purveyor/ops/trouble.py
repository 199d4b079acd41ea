"""What can go wrong around the panel, said in one line to the person who runs it."""

import errno
import shutil
from pathlib import Path

# Below this PostgreSQL cannot be trusted to write its log of a start, and a fresh one cannot be made.
DISK_FREE_MIN_BYTES = 64 * 1024 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Trouble(Exception):
    """Something the operator has to put right; the text is one line that says what and how."""


def full_disk(folder: Path) -> Trouble:
    """Return the trouble of a disk without room for the data in `folder`."""
    return Trouble(
        f"the disk that holds {folder} is full: free some space there (at least "
        f"{DISK_FREE_MIN_BYTES // 1024 // 1024} MB) or set PURVEYOR_HOME to a folder on another disk"
    )


def require_free_disk(folder: Path) -> None:
    """Raise `Trouble` when the disk that holds `folder` has no room to work."""
    if shutil.disk_usage(folder).free < DISK_FREE_MIN_BYTES:
        raise full_disk(folder)


def speaks_of_full_disk(text: str) -> bool:
    """Whether the words of a program or an error mean that a disk is full."""
    return "No space left on device" in text or "Disk quota exceeded" in text


def of_file(error: OSError, *, folder: Path) -> Trouble:
    """Return the trouble behind a failed file operation in the data folder."""
    if error.errno in _FULL:
        return full_disk(folder)
    where = error.filename or folder
    return Trouble(f"{where} cannot be used: {error.strerror or error}")
