"""The short form of the kill test; `python tests/faults/kill.py` runs the long one."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.panel import environment

LIMIT_SECONDS = 240  # it takes about a minute; a busy machine, with crash recoveries, may take longer


@pytest.mark.xdist_group("kill")
def test_nothing_acknowledged_is_lost_and_nothing_is_doubled(tmp_path: Path) -> None:
    script = Path(__file__).with_name("kill.py")
    ended = subprocess.run(
        [sys.executable, str(script), "--short"],
        check=False,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        env=environment(tmp_path),
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Everything holds." in ended.stdout
