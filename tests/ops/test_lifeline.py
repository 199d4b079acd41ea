import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from purveyor.ops.lifeline import GRACE_SECONDS, POLL_SECONDS
from tests.ops.processes import line_of, python, runs, wait_until

GONE_SECONDS = 1.0
ATTEMPTS = 3

CHILD = """
import signal, sys, time
from purveyor.ops import lifeline
{before}
lifeline.hold_to_supervisor()
print({after!r}, flush=True)
time.sleep(60)
"""

SUPERVISOR = """
import os, subprocess, sys, time
from purveyor.ops import lifeline
environment = os.environ | lifeline.under_supervisor()
child = subprocess.Popen([sys.executable, "-c", {child!r}], env=environment, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""

FORKING = """
import multiprocessing, time
from purveyor.ops import lifeline
def work():
    lifeline.hold_to_starter()
    print("at work", flush=True)
    time.sleep(60)
process = multiprocessing.get_context("fork").Process(target=work)
process.start()
print(process.pid, flush=True)
time.sleep(60)
"""


MADE = """
import os, sys, time
from pathlib import Path
from purveyor.ops import lifeline
lifeline.stop_with_parent()
Path("pid.new").write_text(str(os.getpid()))
Path("pid.new").rename("pid")
try:
    time.sleep(60)
except KeyboardInterrupt:
    sys.exit("an interrupt that make does not send")
"""


def goes_within_a_second(seconds_until_gone: Callable[[], float]) -> bool:
    """Whether one of a few attempts is that quick: a busy machine may wake up anybody late."""
    return any(seconds_until_gone() < GONE_SECONDS for _ in range(ATTEMPTS))


def test_there_is_time_for_both_within_the_second() -> None:
    assert POLL_SECONDS + GRACE_SECONDS < GONE_SECONDS


@pytest.mark.parametrize(
    "before",
    ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"],
    ids=["a child that stops when asked", "a child that does not listen"],
)
def test_a_child_ends_within_a_second_of_a_killed_supervisor(before: str) -> None:
    child = CHILD.format(before=before, after="ready")

    def seconds_until_gone() -> float:
        with python(SUPERVISOR.format(child=child)) as supervisor:
            pid = int(line_of(supervisor))
            assert runs(pid)
            os.kill(supervisor.pid, signal.SIGKILL)
        return wait_until(lambda: not runs(pid))

    assert goes_within_a_second(seconds_until_gone)


def test_a_worker_ends_within_a_second_of_its_killed_server() -> None:
    def seconds_until_gone() -> float:
        with python(FORKING) as server:
            pid, at_work = sorted((line_of(server), line_of(server)))
            assert at_work == "at work"
            os.kill(server.pid, signal.SIGKILL)
            return wait_until(lambda: not runs(int(pid)))

    assert goes_within_a_second(seconds_until_gone)


def test_a_process_started_by_hand_outlives_its_starter() -> None:
    child = CHILD.format(before="", after="ready")
    starter = SUPERVISOR.format(child=child).replace(" | lifeline.under_supervisor()", "")
    with python(starter) as shell:
        pid = int(line_of(shell))
        os.kill(shell.pid, signal.SIGKILL)
    with pytest.raises(AssertionError, match="in vain"):
        wait_until(lambda: not runs(pid), seconds=GONE_SECONDS)
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_make_runs_ends_with_make_however_make_ends(how: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(MADE, encoding="ascii")
    (tmp_path / "Makefile").write_text(f"up:\n\t@exec {sys.executable} program.py\n", encoding="ascii")

    def seconds_until_gone() -> float:
        (tmp_path / "pid").unlink(missing_ok=True)
        with subprocess.Popen(["make", "-s"], cwd=tmp_path, start_new_session=True) as make:
            wait_until((tmp_path / "pid").exists)
            pid = int((tmp_path / "pid").read_text(encoding="ascii"))
            make.send_signal(how)
        return wait_until(lambda: not runs(pid))

    assert goes_within_a_second(seconds_until_gone)
