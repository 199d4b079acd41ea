"""The short form of the kill test; `python tests/faults/kill.py` runs the long one."""

from pathlib import Path

import pytest

from tests.faults.scripts import assert_everything_holds

LIMIT_SECONDS = 900  # it takes about a minute; a busy machine, with crash recoveries, may take longer


@pytest.mark.xdist_group("faults")
def test_nothing_acknowledged_is_lost_and_nothing_is_doubled(tmp_path: Path) -> None:
    assert_everything_holds("kill.py", "--short", home=tmp_path, seconds=LIMIT_SECONDS)
