import errno
import os
import signal
import stat
from pathlib import Path

import pytest

from purveyor.ops import folder
from purveyor.ops.trouble import Trouble
from tests.ops.processes import line_of, python

LOCK = """
import sys
from pathlib import Path
from purveyor.ops import folder
with folder.locked(Path(sys.argv[1]) / "lock", patience_seconds=0, busy="taken", share={share}):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_data_folder_is_private_with_the_folders_above_it(tmp_path: Path) -> None:
    home = tmp_path / "a" / "b"
    folder.prepare(home)
    folder.prepare(home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(Trouble, match="is not a folder: set PURVEYOR_HOME"):
        folder.prepare(tmp_path / "home")
    with pytest.raises(Trouble, match="cannot be used: Not a directory"):
        folder.prepare(tmp_path / "home" / "below")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Trouble, match="Permission denied"):
        folder.prepare(tmp_path / "home")
    with pytest.raises(Trouble, match="cannot be written"):
        folder.prepare(tmp_path)
    tmp_path.chmod(0o700)


def test_a_lock_keeps_others_out_and_goes_with_a_killed_holder(tmp_path: Path) -> None:
    with python(LOCK.format(share=False), home=tmp_path) as holder:
        assert line_of(holder) == "held"
        for share in (False, True):
            with (
                pytest.raises(Trouble, match=r"^somebody has it$"),
                folder.locked(tmp_path / "lock", patience_seconds=0.2, busy="somebody has it", share=share),
            ):
                pass
        os.kill(holder.pid, signal.SIGKILL)
    with folder.locked(tmp_path / "lock", patience_seconds=0, busy="somebody has it"):
        pass


def test_a_shared_lock_is_made_whole_only_by_the_last(tmp_path: Path) -> None:
    with (
        python(LOCK.format(share=True), home=tmp_path) as other,
        folder.locked(tmp_path / "lock", patience_seconds=0, busy="", share=True) as mine,
    ):
        assert line_of(other) == "held"
        assert not folder.try_lock(mine, share=False)
        other.communicate("leave\n")
        assert folder.try_lock(mine, share=False)


def test_waiting_goes_on_while_it_is_worth_it(tmp_path: Path) -> None:
    with python(LOCK.format(share=False), home=tmp_path) as holder:
        assert line_of(holder) == "held"
        asked = []

        def worth_waiting() -> bool:
            asked.append(True)
            if len(asked) == 3:
                holder.communicate("leave\n")
            return True

        with folder.locked(tmp_path / "lock", patience_seconds=0, busy="", worth_waiting=worth_waiting):
            assert len(asked) >= 3


def test_a_private_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "demo.json"
    folder.write_private(path, "first")
    assert path.read_text(encoding="utf-8") == "first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Trouble, match=f"the disk that holds {tmp_path} is full"):
        folder.write_private(path, "second")
    assert path.read_text(encoding="utf-8") == "first"
    assert list(tmp_path.iterdir()) == [path]
