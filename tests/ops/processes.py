"""Processes for tests that kill: started, watched, and gone when the test is over."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_SECONDS = 60.0
"""Before what hangs is given up; nothing takes nearly as long, however busy the machine is."""
WHOLE_COMMAND_SECONDS = 180.0
"""The same for a command that starts several servers, one after another."""


def python(source: str, *, home: Path | None = None) -> "subprocess.Popen[str]":
    """Run Python source in a process of its own, the data folder as its argument."""
    return subprocess.Popen(
        [sys.executable, "-c", source, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def line_of(process: "subprocess.Popen[str]") -> str:
    """The next line that a process prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def runs(pid: int) -> bool:
    """Whether a process exists and has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2]
    except FileNotFoundError:
        return False
    return state.split()[0] != "Z"


def wait_until(condition: Callable[[], object], *, seconds: float = PATIENCE_SECONDS) -> float:
    """Wait for a condition and return how long it took; fail when it takes too long."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, f"waited {seconds} s in vain"
        time.sleep(0.02)
    return time.monotonic() - begin


def free_port() -> int:
    """A TCP port of loopback that nobody has just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**settings: str) -> dict[str, str]:
    """This process's environment without the panel's settings, and then these."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PURVEYOR_", "DATABASE_URL", "DJANGO_")) and name != "PORT"
    }
    return kept | settings
