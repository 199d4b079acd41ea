import contextlib
import os
import re
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from purveyor import configuration
from purveyor.ops import database_files, embedded, logs, rights, trouble
from purveyor.ops.trouble import Trouble
from tests.ops.processes import line_of, python, runs, wait_until

# Starts or adopts a server, names its process, holds it until a line comes or the process is killed.
HOLD = """
import sys
from pathlib import Path
from purveyor.ops import embedded
with embedded.running(Path(sys.argv[1])) as server:
    print(server.pid, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A data folder; a server that a test leaves in it is stopped."""
    path = tmp_path / "home"
    yield path
    embedded.stop(path)


@pytest.fixture
def made(home: Path) -> Path:
    """A data folder in which a server ran and was stopped."""
    with embedded.running(home):
        pass
    return home


def ask(home: Path, query: str) -> object:
    with psycopg.connect(configuration.embedded_url(home)) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_fresh_server_is_private_durable_and_in_unicode(home: Path) -> None:
    with embedded.running(home):
        assert ask(home, "SELECT current_user::text || '@' || current_database()") == "purveyor@purveyor"
        assert ask(home, "SHOW server_encoding") == "UTF8"
        assert ask(home, "SHOW data_checksums") == "on"
        assert ask(home, "SHOW fsync") == "on"
        assert ask(home, "SHOW synchronous_commit") == "on"
        assert ask(home, "SELECT upper('ß ä ı i')") == "ß Ä I I"
        assert ask(home, "SHOW listen_addresses") == ""
        assert mode(home) == mode(home / "database") == mode(configuration.socket_folder(home)) == 0o700
    assert database_files.running_pid(home) is None


def test_a_user_other_than_the_panel_s_is_rejected(home: Path) -> None:
    url = configuration.embedded_url(home).replace("purveyor@", "postgres@")
    with embedded.running(home), pytest.raises(psycopg.OperationalError, match="rejects connection"):
        psycopg.connect(url)


def test_settings_of_the_operator_win_and_stay(made: Path) -> None:
    (made / "database" / "custom.conf").write_text(
        "work_mem = '7MB'\nmax_connections = 30\n", encoding="ascii"
    )
    for _ in range(2):
        with embedded.running(made):
            assert ask(made, "SHOW work_mem") == "7MB"
            assert ask(made, "SHOW max_connections") == "30"


def test_overrides_win_over_everything(home: Path) -> None:
    with embedded.running(home, overrides={"fsync": "off", "max_connections": "20"}):
        assert (ask(home, "SHOW fsync"), ask(home, "SHOW max_connections")) == ("off", "20")


def test_variables_of_other_servers_are_not_heeded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "6543")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGHOST", "db.example.com")
    with embedded.running(home):
        assert ask(home, "SHOW port") == "5432"


def test_a_long_path_has_its_socket_elsewhere_and_leaves_nothing(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 120)
    socket_folder = configuration.socket_folder(home)
    with embedded.running(home):
        assert not socket_folder.is_relative_to(tmp_path)
        assert mode(socket_folder) == 0o700
        assert ask(home, "SELECT 1") == 1
    assert not socket_folder.exists()


def test_a_foreign_folder_in_place_of_the_socket_s_is_refused(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 120)
    socket_folder = configuration.socket_folder(home)
    socket_folder.mkdir(mode=0o755)
    try:
        with pytest.raises(Trouble, match="is not a private folder of ours"), embedded.running(home):
            pass
    finally:
        socket_folder.rmdir()


def test_a_running_server_is_shared_and_the_last_one_stops_it(home: Path) -> None:
    with python(HOLD, home=home) as first:
        pid = int(line_of(first))
        with embedded.running(home) as server:
            assert (server.pid, server.process) == (pid, None)
            first.communicate("leave\n")
            assert first.returncode == 0
            assert ask(home, "SELECT 1") == 1
    assert not runs(pid)


def test_a_server_whose_starter_was_killed_is_adopted(home: Path) -> None:
    with python(HOLD, home=home) as starter:
        pid = int(line_of(starter))
        os.kill(starter.pid, signal.SIGKILL)
    assert runs(pid)
    said: list[str] = []
    with embedded.running(home, say=said.append) as server:
        assert server.pid == pid
        assert server.alive()
    assert said == [f"Using the embedded PostgreSQL that already runs (process {pid})"]
    assert not runs(pid)


def test_what_was_committed_survives_a_kill(home: Path) -> None:
    with embedded.running(home) as server, psycopg.connect(configuration.embedded_url(home)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        connection.commit()
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not server.alive())
        killed = server.pid
        # The session above still stands: the new server has to wait for the old one's memory.
        embedded.restart(server)
        assert server.alive()
        assert server.pid != killed
        assert ask(home, "SELECT answer FROM kept") == 42
        with contextlib.suppress(psycopg.OperationalError):
            connection.close()


def test_a_lock_file_that_names_another_program_is_stale(made: Path) -> None:
    # As after a restart of the machine: the number in the file is that of a program of the same user.
    socket_folder = configuration.socket_folder(made)
    data = made / "database"
    stale = f"{os.getpid()}\n{data}\n1700000000\n5432\n{socket_folder}\n\n       1         1\nready   \n"
    (made / "database" / "postmaster.pid").write_text(stale, encoding="ascii")
    (socket_folder / ".s.PGSQL.5432.lock").write_text(stale, encoding="ascii")
    assert database_files.running_pid(made) is None
    with embedded.running(made) as server:
        assert server.process is not None
        assert ask(made, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="about root, who has to step down")
def test_root_without_namespaces_runs_it_as_another_user(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As in most containers, with the data in a folder that is root's alone.
    reaches = rights._reaches  # noqa: SLF001  what stands for the kernel's refusal here
    monkeypatch.setattr(rights, "_reaches", lambda way, paths: way != "namespace" and reaches(way, paths))
    with embedded.running(home) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid == (home / "database").stat().st_uid != 0
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not server.alive())
        embedded.restart(server)
        assert ask(home, "SELECT 1") == 1
    assert not runs(server.pid)
    monkeypatch.undo()
    with embedded.running(home):  # with namespaces again, the data stays that user's
        assert ask(home, "SELECT 1") == 1
    assert mode(home) == 0o700


def test_a_broken_off_beginning_is_begun_anew(home: Path) -> None:
    (home / "database.new" / "base").mkdir(parents=True)
    with embedded.running(home):
        assert ask(home, "SELECT 1") == 1
    assert not (home / "database.new").exists()


@pytest.mark.parametrize(
    ("version", "words"), [("19", "made by a newer Purveyor"), ("17", "data of PostgreSQL 17")]
)
def test_data_of_another_version_is_refused(made: Path, version: str, words: str) -> None:
    (made / "database" / "PG_VERSION").write_text(f"{version}\n", encoding="ascii")
    with pytest.raises(Trouble, match=words), embedded.running(made):
        pass
    (made / "database" / "PG_VERSION").write_text("18\n", encoding="ascii")


def test_a_server_that_does_not_start_says_why(made: Path) -> None:
    (made / "database" / "custom.conf").write_text("max_connections = many\n", encoding="ascii")
    with (
        pytest.raises(Trouble, match=r"does not start: .*max_connections") as refusal,
        embedded.running(made),
    ):
        pass
    assert str(logs.log_file(made, "database")) in str(refusal.value)


def test_a_disk_too_full_to_begin_on_is_called_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trouble, "DISK_FREE_TO_BEGIN_BYTES", 2**62)
    words = f"disk that holds {re.escape(str(home))} is full"
    with pytest.raises(Trouble, match=words), embedded.running(home):
        pass
    assert not (home / "database").exists()


def test_a_disk_too_full_to_go_on_is_called_so(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trouble, "DISK_FREE_TO_RUN_BYTES", 2**62)
    with pytest.raises(Trouble, match="is full: free some space"), embedded.running(made):
        pass
    assert database_files.running_pid(made) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
@pytest.mark.parametrize("megabytes", [0.1, 12, 40])
def test_a_disk_that_fills_up_meanwhile_is_called_full(
    megabytes: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The look beforehand is put out of action: 12 MB are too little for initdb, 40 for another database.
    monkeypatch.setattr(trouble, "DISK_FREE_TO_BEGIN_BYTES", 0)
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={int(megabytes * 1024)}k", "small", disk], check=True
    )
    try:
        with pytest.raises(Trouble, match="is full"), embedded.running(disk / "home"):
            pass
        assert database_files.running_pid(disk / "home") is None
    finally:
        subprocess.run(["umount", disk], check=True)


def test_an_initdb_that_finds_the_disk_full_is_understood(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = home.parent / "programs"
    programs.mkdir()
    (programs / "initdb").write_text(
        "#!/bin/sh\n"
        "echo 'initdb: error: could not write file \"PG_VERSION\": No space left on device' >&2\n"
        "exit 1\n",
        encoding="ascii",
    )
    (programs / "initdb").chmod(0o755)
    monkeypatch.setattr(database_files, "_programs", lambda: programs)
    with pytest.raises(Trouble, match="is full"), embedded.running(home):
        pass
    assert [path.name for path in home.iterdir() if path.is_dir()] == []
