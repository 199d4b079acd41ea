"""As whom PostgreSQL's programs run, for it refuses to run as root."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from purveyor.ops import unprivileged
from purveyor.ops.trouble import Trouble

_PASSABLE = 0o711  # others may pass through the data folder to what is theirs in it, and see nothing
_NAMES_FOR_A_DATABASE = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Footing:
    """How a program of PostgreSQL is started and who owns the data it works on."""

    prefix: tuple[str, ...] = ()  # what stands before the command
    owner: tuple[int, int] | None = None  # user and group id; None: whoever runs the panel


def footing(*, data: Path, programs: Path) -> Footing:
    """Decide as whom the programs in `programs` work on the data in `data`, which may not exist yet.

    Raises `Trouble` when that cannot be: data of another user, or root without a way to step down.
    """
    owner = _owner(data)
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise Trouble(
                f"{data} belongs to {_name(owner)}: run Purveyor as that user, or give it away with chown"
            )
        return Footing()
    if not owner and _reaches("namespace", [data.parent, programs]):
        return Footing(prefix=_launcher("namespace"))
    users = [pair for pair in _users(data=data, programs=programs) if not owner or owner == pair[0]]
    for user, group in users:
        if _reaches(f"{user}:{group}", [data.parent.parent, programs]):
            data.parent.chmod(data.parent.stat().st_mode & 0o777 | _PASSABLE)
            return Footing(prefix=_launcher(f"{user}:{group}"), owner=(user, group))
    for user, group in users:
        if _reaches(f"{user}:{group}:pass", [data.parent, programs]):
            return Footing(prefix=_launcher(f"{user}:{group}:pass"), owner=(user, group))
    raise Trouble(
        "PostgreSQL does not run as root, and no other user of this system reaches both the checkout and the "
        "data folder: run Purveyor as an ordinary user, or set DATABASE_URL"
    )


def hand_over(path: Path, *, to: Footing) -> None:
    """Give `path` and all below it to the user that PostgreSQL runs as, where that is another one."""
    if to.owner is None:
        return
    os.chown(path, *to.owner)
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.chown(Path(folder, name), *to.owner, follow_symlinks=False)


def _launcher(way: str) -> tuple[str, ...]:
    # By path, isolated and without site-packages: it starts in 15 ms and imports nothing of ours.
    return (sys.executable, "-I", "-S", str(unprivileged.__file__), way, "--")


def _reaches(way: str, paths: list[Path]) -> bool:
    *start, end = _launcher(way)
    options = [text for path in paths for text in ("--reach", str(path))]
    return subprocess.run([*start, *options, end], check=False, stderr=subprocess.DEVNULL).returncode == 0


def _users(*, data: Path, programs: Path) -> Iterator[tuple[int, int]]:
    """Users worth trying: the owner of the data, of a folder above that root borrows, of a database."""
    for path in (data, *data.parents, *programs.parents):
        if path.exists() and path.stat().st_uid != 0:
            yield path.stat().st_uid, path.stat().st_gid
    for name in _NAMES_FOR_A_DATABASE:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        yield entry.pw_uid, entry.pw_gid


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except FileNotFoundError:
        return None


def _name(user: int | None) -> str:
    try:
        return pwd.getpwuid(user or 0).pw_name
    except KeyError:
        return f"user id {user}"
