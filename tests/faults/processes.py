"""The panel under test: `purveyor up` in a folder of its own, and the processes that make it up."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from bench.panel import environment
from purveyor.ops import database_files

START_SECONDS: Final = 90.0
STOP_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.05
SHOWN_LINES: Final = 5  # of each log, when something failed


class NotInTime(Exception):
    """Something that had to happen did not happen in time; the text says what."""


class Panel:
    """`purveyor up` with the demo and a quick simulated provider, started again at will."""

    def __init__(self, home: Path, *, port: int, simulator_speed: float) -> None:
        self.home = home
        self.port = port
        self.environment = environment(
            home, PORT=str(port), PURVEYOR_DEMO="1", PURVEYOR_SIMULATOR_SPEED=str(simulator_speed)
        )
        self._up: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start everything and wait until it answers. Raises `NotInTime`."""
        self.home.mkdir(exist_ok=True)
        with self._log.open("ab") as log:
            self._up = subprocess.Popen(
                [sys.executable, "-m", "purveyor.ops.cli", "up"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
            )
        wait_until(self._is_up, seconds=START_SECONDS, what="`purveyor up` to start")

    def stop(self) -> None:
        """Stop everything in good order, as Ctrl-C does."""
        if self._up is not None:
            self._up.send_signal(signal.SIGINT)
            self._up.wait(STOP_SECONDS)
            self._up = None

    def kill_everything(self) -> None:
        """Leave nothing behind when a run was broken off."""
        if self._up is not None:
            self._up.kill()
            self._up.wait()
        for pid in (self.pid_of(job) for job in ("serve", "worker", "simulate", "postgresql")):
            if pid is not None:
                kill(pid)

    def kill_supervisor(self) -> None:
        """Kill `up` itself; what it started is on its own."""
        assert self._up is not None
        self._up.kill()
        self._up.wait()
        self._up = None

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run one of the operator's commands."""
        return subprocess.run(
            [sys.executable, "-m", "purveyor.ops.cli", *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            env=self.environment,
        )

    def pid_of(self, job: str) -> int | None:
        """The process id of a part of the panel, None while it is down.

        Parts: "postgresql", "serve", "worker", "simulate", and "app", the process that works for "serve".
        """
        if job == "postgresql":
            return database_files.running_pid(self.home)
        if job == "app":
            server = self.pid_of("serve")
            return None if server is None else next(iter(_children(server)), None)
        if self._up is None:
            return None
        return next((pid for pid in _children(self._up.pid) if _arguments(pid)[-1:] == [job]), None)

    def last_words(self) -> str:
        """The end of what the supervisor and each process said."""
        logs = [self._log, *sorted((self.home / "logs").glob("*.log"))]
        return "\n".join(f"{log.stem}: {_end_of(log)}" for log in logs)

    @property
    def _log(self) -> Path:
        return self.home / "supervisor.log"

    def _is_up(self) -> bool:
        if self._up is None or self._up.poll() is not None:
            raise NotInTime("`purveyor up` ended")
        return all(
            self.pid_of(job) is not None for job in ("postgresql", "simulate", "serve", "app", "worker")
        )


def kill(pid: int) -> None:
    """Kill -9; a process that just ended by itself is as dead."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def wait_until(is_so: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Wait for something to become true. Raises `NotInTime`."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise NotInTime(f"waited {seconds:.0f} s for {what}")
        time.sleep(POLL_SECONDS)


def _children(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for task in sorted(Path(f"/proc/{pid}/task").iterdir()):
            for child in (task / "children").read_text(encoding="ascii").split():
                if _is_alive(int(child)):
                    yield int(child)


def _is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    return False


def _end_of(log: Path) -> str:
    with contextlib.suppress(OSError):
        return " | ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-SHOWN_LINES:])
    return ""


def _arguments(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    return []
