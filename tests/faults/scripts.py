"""Running a fault test as the process that it is by hand, too."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench.panel import environment

TIDY_UP_SECONDS: Final = 60


def assert_everything_holds(script: str, *arguments: str, home: Path, seconds: float) -> None:
    """Run a script of this folder to its end, which says what is wrong where something is.

    It has limits of its own for whatever it waits for. `seconds` is longer than all of them, and a last
    resort: nothing that it started is left behind then.
    """
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name(script)), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(home),
        start_new_session=True,
    ) as running:
        try:
            told, _ = running.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGINT)
            try:
                told, _ = running.communicate(timeout=TIDY_UP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                told, _ = running.communicate()
    assert running.returncode == 0, told
    assert "Everything holds." in told
