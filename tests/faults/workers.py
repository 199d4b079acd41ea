"""Worker processes that can be killed and started again."""

import random
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.panel import environment

STOP_SECONDS = 10.0


class Workers:
    """Several workers of the panel in a folder; they do not outlive the block."""

    def __init__(self, home: Path, *, number: int) -> None:
        self._home = home
        self._number = number
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        """Start them."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop them as SIGTERM does; kill what does not stop in time."""
        for process in self._running:
            process.terminate()
        for process in self._running:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self) -> None:
        """Start as many as are missing."""
        while len(self._running) < self._number:
            with (self._home / "workers.log").open("ab") as log:
                self._running.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "purveyor.ops.cli", "worker"],
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        env=environment(self._home, PURVEYOR_DEMO="0"),
                    )
                )

    def kill_one(self) -> int:
        """Kill one by chance and start another in its place; returns 1."""
        process = self._running.pop(random.randrange(len(self._running)))
        process.kill()
        process.wait()
        self.start()
        return 1

    def kill_all(self) -> None:
        """Kill all of them, and start none."""
        while self._running:
            process = self._running.pop()
            process.kill()
            process.wait()
