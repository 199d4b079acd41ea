import errno
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from purveyor.ops import embedded, logs, supervision
from purveyor.ops.embedded import Server, running
from purveyor.ops.supervision import Job, Stop, StopRequested, Supervisor
from purveyor.ops.trouble import Trouble
from tests.ops.processes import runs, wait_until

# Writes its process id to a file and waits; on SIGTERM it notes its name in a common file and ends.
STEADY = """
import os, signal, sys, time
from pathlib import Path
from typing import NoReturn
name, folder = sys.argv[1], Path(sys.argv[2])
def leave(*_):
    with (folder / "ended").open("a") as file: file.write(name + " ")
    sys.exit()
signal.signal(signal.SIGTERM, leave)
(folder / f"{name}.new").write_text(str(os.getpid()))
(folder / f"{name}.new").rename(folder / name)
time.sleep(60)
"""


def steady(name: str, folder: Path, *, needed_by_others: bool = False) -> Job:
    return Job(name, (sys.executable, "-c", STEADY, name, str(folder)), needed_by_others=needed_by_others)


class Stage:
    """A supervisor with what it said, and its watch in a thread."""

    def __init__(self, folder: Path, server: Server | None = None) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.stop = Stop()
        self.supervisor = Supervisor(home=folder, server=server, stop=self.stop, say=self.said.append)
        self._watch = threading.Thread(target=self.supervisor.watch)

    def start(self, job: Job) -> None:
        self.supervisor.start(job, ready=(self.folder / job.name).exists, patience_seconds=20)

    def pid(self, name: str) -> int:
        return int((self.folder / name).read_text(encoding="ascii"))

    def watch(self) -> None:
        self._watch.start()

    def leave(self) -> None:
        self.stop.requested.set()
        if self._watch.ident:
            self._watch.join()
        self.supervisor.shut_down()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.leave()


def test_a_killed_child_is_started_again(stage: Stage) -> None:
    stage.start(steady("serve", stage.folder))
    first = stage.pid("serve")
    stage.watch()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: stage.pid("serve") != first)
    assert stage.said == [
        f"serve was killed by signal 9; starting it again in 0.25 s (log: {stage.folder}/logs/serve.log)"
    ]


def test_children_stop_before_what_they_need(stage: Stage) -> None:
    stage.start(steady("simulate", stage.folder, needed_by_others=True))
    stage.start(steady("serve", stage.folder))
    stage.start(steady("worker", stage.folder))
    pids = [stage.pid(name) for name in ("simulate", "serve", "worker")]
    stage.leave()
    assert not any(runs(pid) for pid in pids)
    *first, last = (stage.folder / "ended").read_text(encoding="ascii").split()
    assert (sorted(first), last) == (["serve", "worker"], "simulate")


def test_a_child_that_does_not_stop_is_killed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "STOP_PATIENCE_SECONDS", 0.3)
    deaf = STEADY.replace(
        "signal.signal(signal.SIGTERM, leave)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    )
    stage.start(Job("serve", (sys.executable, "-c", deaf, "serve", str(stage.folder))))
    stage.leave()
    assert not runs(stage.pid("serve"))


def test_the_pause_before_a_restart_grows_to_its_limit() -> None:
    pauses = [supervision._back_off(failures) for failures in range(1, 10)]  # noqa: SLF001  a pure schedule
    assert pauses == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_child_that_never_comes_up_is_given_up_with_its_last_words(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "RESTART_FIRST_SECONDS", 0.05)
    words = "import sys; sys.exit('purveyor: port 8000 is taken')"
    with pytest.raises(Trouble, match=r"^serve does not start: port 8000 is taken \(see .*serve.log\)$"):
        stage.supervisor.start(
            Job("serve", (sys.executable, "-c", words)), ready=lambda: False, patience_seconds=20
        )
    assert len(stage.said) == supervision.START_ATTEMPTS


def test_a_killed_database_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_QUIET_SECONDS", 600.0)  # a slow recovery has a line of its own
    home = tmp_path / "home"
    with running(home) as server:
        stage = Stage(home, server)
        stage.watch()
        first = server.pid
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: server.pid != first and server.alive())
        stage.leave()
        assert stage.said == ["the embedded PostgreSQL ended; starting it again"]
        second = server.pid
    assert not runs(second)


def test_a_long_log_is_set_aside_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LOG_MAX_BYTES", 100)
    with logs.open_log(tmp_path, "serve") as log, logs.open_log(tmp_path, "worker") as short:
        log.write(b"x" * 101)
        short.write(b"y" * 100)
        logs.trim(tmp_path)
        log.write(b"z")
    contents = {path.name: path.read_bytes() for path in (tmp_path / "logs").iterdir()}
    assert contents == {"serve.log": b"z", "serve.log.1": b"x" * 101, "worker.log": b"y" * 100}


def test_a_log_that_cannot_be_copied_is_cut_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LOG_MAX_BYTES", 100)
    with logs.open_log(tmp_path, "serve") as log:
        log.write(b"x" * 101)

    def full(_: Path, older: Path) -> None:
        older.write_bytes(b"xx")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", full)
    logs.trim(tmp_path)
    assert {path.name: path.read_bytes() for path in (tmp_path / "logs").iterdir()} == {"serve.log": b""}


def test_a_child_that_cannot_be_started_again_for_now_stops_nobody_else(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.start(steady("serve", stage.folder))
    stage.start(steady("worker", stage.folder))
    killed, other = stage.pid("serve"), stage.pid("worker")
    open_log = logs.open_log
    monkeypatch.setattr(logs, "open_log", raise_full_disk)
    stage.watch()
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: "the disk is full" in stage.said)
    monkeypatch.setattr(logs, "open_log", open_log)
    wait_until(lambda: stage.pid("serve") != killed)
    assert stage.pid("worker") == other


def raise_full_disk(_home: Path, _name: str) -> NoReturn:
    raise Trouble("the disk is full")


def test_a_signal_breaks_off_preparations_and_then_only_asks() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    stop = Stop()
    stop.listen()
    try:
        with pytest.raises(StopRequested), stop.interrupting():
            signal.raise_signal(signal.SIGTERM)
        assert stop.requested.is_set()
        assert not stop.hurry
        signal.raise_signal(signal.SIGINT)
        assert stop.hurry
        with pytest.raises(StopRequested), stop.interrupting():
            pytest.fail("nothing is begun after a stop was asked for")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
