"""Short forms of the fault matrix; `python tests/faults/matrix.py` runs 1 000 orders through each fault."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from bench.panel import environment

ORDERS: Final = os.environ.get("FAULT_MATRIX_ORDERS", "25")
LIMIT_SECONDS: Final = 180 + int(ORDERS) * 2  # it takes half a minute; a busy machine may take longer


@pytest.mark.xdist_group("matrix")
@pytest.mark.parametrize(
    "form",
    [
        pytest.param(["--workers", "1"], id="one worker"),
        pytest.param(
            ["--workers", "2", "--fault", "mix", "--fault", "reused_id", "--fault", "rests"], id="two workers"
        ),
        pytest.param(["--workers", "2", "--kill"], id="two workers, killed at random"),
    ],
)
def test_panel_and_provider_agree_whatever_the_provider_does(tmp_path: Path, form: list[str]) -> None:
    script = Path(__file__).with_name("matrix.py")
    ended = subprocess.run(
        [sys.executable, str(script), "--orders", ORDERS, *form],
        check=False,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        env=environment(tmp_path),
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Everything holds." in ended.stdout
