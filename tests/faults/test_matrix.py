"""Short forms of the fault matrix; `python tests/faults/matrix.py` runs 1 000 orders through each fault."""

import os
from pathlib import Path
from typing import Final

import pytest

from tests.faults.scripts import assert_everything_holds

ORDERS: Final = os.environ.get("FAULT_MATRIX_ORDERS", "25")
LIMIT_SECONDS: Final = 600 + int(ORDERS) * 4  # it takes half a minute; a busy machine may take longer


@pytest.mark.xdist_group("faults")
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
    assert_everything_holds("matrix.py", "--orders", ORDERS, *form, home=tmp_path, seconds=LIMIT_SECONDS)
