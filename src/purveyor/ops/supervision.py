"""The processes of one machine kept alive: started, restarted with back-off, stopped in order."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from purveyor.ops import embedded, lifeline, logs
from purveyor.ops.trouble import Trouble

RESTART_FIRST_SECONDS = 0.25
RESTART_MAX_SECONDS = 30.0
STEADY_SECONDS = 20.0  # who ran so long starts the back-off anew
STOP_PATIENCE_SECONDS = 15.0
START_ATTEMPTS = 3  # a child that never came up is not tried for ever
_POLL_SECONDS = 0.1
_TRIM_SECONDS = 60.0

Say = Callable[[str], None]


class StopRequested(BaseException):
    """The operator asked to stop while something was being prepared."""


class Stop:
    """The wish to stop, from Ctrl-C or another signal; a second one means at once."""

    def __init__(self) -> None:
        self.requested = threading.Event()
        self.hurry = False
        self._interrupts = False

    def listen(self) -> None:
        """Hear SIGINT, SIGTERM and SIGHUP from now on."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._hear)

    @contextlib.contextmanager
    def interrupting(self) -> Iterator[None]:
        """Let a signal break off what happens inside, by raising `StopRequested`."""
        if self.requested.is_set():
            raise StopRequested
        self._interrupts = True
        try:
            yield
        finally:
            self._interrupts = False

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self.hurry = self.requested.is_set()
        self.requested.set()
        if self._interrupts:
            self._interrupts = False
            raise StopRequested


@dataclass(frozen=True, slots=True)
class Job:
    """A process to keep alive."""

    name: str
    command: tuple[str, ...]
    needed_by_others: bool = False  # stopped only when the others are gone


@dataclass(slots=True)
class _Child:
    job: Job
    process: "subprocess.Popen[bytes] | None" = None
    log_begin: int = 0
    started_at: float = 0.0
    failures: int = 0
    due_at: float = field(default_factory=time.monotonic)


class Supervisor:
    """Starts jobs, keeps them and the embedded database alive, and stops them in order."""

    def __init__(
        self,
        *,
        home: Path,
        server: embedded.Server | None,
        stop: Stop,
        say: Say,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare; the jobs get this process's environment, and of `settings` what it does not have."""
        self._home = home
        self._server = server
        self._stop = stop
        self._say = say
        self._settings = settings or {}
        self._children: list[_Child] = []
        self._server_failures = 0
        self._server_due_at = 0.0

    def start(self, job: Job, *, ready: Callable[[], bool], patience_seconds: float) -> None:
        """Start a job and wait until it is `ready`. Raises `Trouble` with its last words when it never is."""
        child = _Child(job)
        self._children.append(child)
        deadline = time.monotonic() + patience_seconds
        while True:
            self._tend(child)
            if child.process is not None and ready():
                return
            if child.failures >= START_ATTEMPTS or time.monotonic() > deadline:
                raise self._failed_start(child)
            time.sleep(_POLL_SECONDS)

    def watch(self) -> None:
        """Keep everything alive until a stop is requested."""
        trimmed_at = time.monotonic()
        while not self._stop.requested.wait(_POLL_SECONDS):
            self._tend_server()
            for child in self._children:
                self._tend_patiently(child)
            if time.monotonic() - trimmed_at > _TRIM_SECONDS:
                logs.trim(self._home)
                trimmed_at = time.monotonic()

    def shut_down(self) -> None:
        """Stop every job: first the ones nobody needs, all at once, then the others."""
        for wave in (False, True):
            leaving = [child for child in self._children if child.job.needed_by_others is wave]
            for child in leaving:
                if child.process is not None:
                    child.process.terminate()
            for child in leaving:
                self._await_end(child)
        self._children.clear()

    def _tend_patiently(self, child: _Child) -> None:
        try:
            self._tend(child)
        except Trouble as trouble:  # a full disk may be emptied; the others go on meanwhile
            child.failures += 1
            child.due_at = time.monotonic() + _back_off(child.failures)
            self._say(str(trouble))

    def _tend(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.due_at:
                child.process = self._spawn(child)
            return
        status = child.process.poll()
        if status is None:
            return
        steady = now - child.started_at >= STEADY_SECONDS
        child.failures = 1 if steady else child.failures + 1
        delay_seconds = _back_off(child.failures)
        child.due_at = now + delay_seconds
        child.process = None
        log = logs.log_file(self._home, child.job.name)
        self._say(
            f"{child.job.name} {_ending(status)}; starting it again in {delay_seconds:g} s (log: {log})"
        )

    def _spawn(self, child: _Child) -> "subprocess.Popen[bytes]":
        child.started_at = time.monotonic()
        child.log_begin = logs.position(logs.log_file(self._home, child.job.name))
        with logs.open_log(self._home, child.job.name) as log:
            # A session of its own: Ctrl-C reaches the supervisor alone, which stops things in order.
            return subprocess.Popen(
                child.job.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**self._settings, **os.environ, **lifeline.under_supervisor()},
            )

    def _tend_server(self) -> None:
        now = time.monotonic()
        if self._server is None or self._server.alive() or now < self._server_due_at:
            return
        self._say("the embedded PostgreSQL ended; starting it again")
        try:
            embedded.restart(self._server, say=self._say)
            self._server_failures = 0
        except Trouble as trouble:
            self._server_failures += 1
            self._server_due_at = now + _back_off(self._server_failures)
            self._say(str(trouble))

    def _await_end(self, child: _Child) -> None:
        deadline = time.monotonic() + STOP_PATIENCE_SECONDS
        while child.process is not None and child.process.poll() is None:
            if time.monotonic() > deadline or self._stop.hurry:
                child.process.kill()
                child.process.wait()
            time.sleep(_POLL_SECONDS / 5)

    def _failed_start(self, child: _Child) -> Trouble:
        log = logs.log_file(self._home, child.job.name)
        words = logs.since(log, child.log_begin).strip().splitlines()
        last = words[-1].strip() if words else "it says nothing"
        return Trouble(f"{child.job.name} does not start: {last.removeprefix('purveyor: ')} (see {log})")


def _back_off(failures: int) -> float:
    return float(min(RESTART_MAX_SECONDS, RESTART_FIRST_SECONDS * 2 ** (failures - 1)))


def _ending(status: int) -> str:
    return f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
