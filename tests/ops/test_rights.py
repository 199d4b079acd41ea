import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from purveyor.ops import rights
from purveyor.ops.rights import Footing, footing, hand_over
from purveyor.ops.trouble import Trouble

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="about root, who has to step down")
NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def ground() -> Iterator[Path]:
    """A folder that everybody may pass through; pytest's own are for their owner alone."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def home(ground: Path) -> Path:
    path = ground / "home"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that forbids user namespaces."""
    reaches = rights._reaches  # noqa: SLF001  what stands for the kernel's refusal here
    monkeypatch.setattr(rights, "_reaches", lambda way, paths: way != "namespace" and reaches(way, paths))


@pytest.fixture
def no_database_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without a user for databases."""
    monkeypatch.setattr(rights, "_NAMES_FOR_A_DATABASE", ())


def run(stands: Footing, *command: str) -> str:
    return subprocess.run(
        [*stands.prefix, *command], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.skipif(os.geteuid() == 0, reason="about an ordinary user")
def test_an_ordinary_user_just_runs(home: Path) -> None:
    assert footing(data=home / "database", programs=Path("/usr/bin")) == Footing()


@as_root
def test_root_looks_like_an_ordinary_user_and_keeps_its_files(home: Path) -> None:
    data = home / "database"
    stands = footing(data=data, programs=Path("/usr/bin"))
    assert stands.owner is None
    assert int(run(stands, "/usr/bin/id", "-u")) == NOBODY.pw_uid
    run(stands, "/usr/bin/mkdir", "-m", "700", str(data))
    assert data.stat().st_uid == 0
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    hand_over(data, to=stands)
    assert data.stat().st_uid == 0


@as_root
@pytest.mark.usefixtures("no_namespaces")
def test_without_namespaces_root_becomes_another_user_for_good(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "_NAMES_FOR_A_DATABASE", ("no such user", "nobody"))
    data = home / "database"
    stands = footing(data=data, programs=Path("/usr/bin"))
    assert stands.owner == (NOBODY.pw_uid, NOBODY.pw_gid)
    assert run(stands, "/usr/bin/id", "-u", "--real") == str(NOBODY.pw_uid)
    assert run(stands, "/usr/bin/id", "-G") == str(NOBODY.pw_gid)
    data.mkdir(mode=0o700)
    (data / "kept").touch(mode=0o600)
    hand_over(data, to=stands)
    assert run(stands, "/usr/bin/ls", str(data)) == "kept"
    assert (data / "kept").stat().st_uid == NOBODY.pw_uid
    # Others pass through the data folder and read nothing in it; its parents stay as they were.
    assert stat.S_IMODE(home.stat().st_mode) == 0o711
    assert stat.S_IMODE(home.parent.stat().st_mode) == 0o755


@as_root
def test_data_of_another_user_is_worked_on_as_that_user(home: Path) -> None:
    data = home / "database"
    data.mkdir()
    os.chown(data, 12_345, 12_345)
    stands = footing(data=data, programs=Path("/usr/bin"))
    assert stands.owner == (12_345, 12_345)


@as_root
@pytest.mark.usefixtures("no_namespaces", "no_database_users")
def test_a_borrowed_checkout_is_worked_in_as_its_owner(ground: Path) -> None:
    os.chown(ground, 12_345, 12_345)
    ground.chmod(0o700)
    (ground / "home").mkdir(mode=0o700)
    stands = footing(data=ground / "home" / "database", programs=Path("/usr/bin"))
    assert stands.owner == (12_345, 12_345)


@as_root
@pytest.mark.usefixtures("no_namespaces")
def test_into_root_s_own_folders_the_other_user_takes_the_right_to_pass(home: Path) -> None:
    home.parent.chmod(0o700)
    data = home / "database"
    stands = footing(data=data, programs=Path("/usr/bin"))
    assert stands.owner is not None
    data.mkdir(mode=0o700)
    hand_over(data, to=stands)
    # What it starts has the right too: initdb starts the server.
    run(stands, "/bin/sh", "-c", f"exec /bin/sh -c 'umask 077; id -u > {data}/who'")
    assert (data / "who").read_text(encoding="ascii") == f"{stands.owner[0]}\n"
    assert (data / "who").stat().st_uid == stands.owner[0]
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    with pytest.raises(subprocess.CalledProcessError):
        run(stands, "/usr/bin/chown", "0", str(data))


@as_root
@pytest.mark.usefixtures("no_namespaces", "no_database_users")
def test_where_there_is_nobody_to_become_root_is_told_the_cure(home: Path) -> None:
    with pytest.raises(Trouble, match="run Purveyor as an ordinary user, or set DATABASE_URL"):
        footing(data=home / "database", programs=Path("/usr/bin"))
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_data_of_another_user_is_refused_to_an_ordinary_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = home / "database"
    data.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: data.stat().st_uid + 1)
    with pytest.raises(Trouble, match=f"belongs to {pwd.getpwuid(data.stat().st_uid).pw_name}"):
        footing(data=data, programs=Path("/usr/bin"))
