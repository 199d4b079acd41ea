import os
import signal

import pytest

from tests.ops.processes import line_of, python, runs, wait_until

GONE_SECONDS = 1.0

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


@pytest.mark.parametrize(
    "before",
    ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"],
    ids=["a child that stops when asked", "a child that does not listen"],
)
def test_a_child_ends_within_a_second_of_a_killed_supervisor(before: str) -> None:
    child = CHILD.format(before=before, after="ready")
    with python(SUPERVISOR.format(child=child)) as supervisor:
        pid = int(line_of(supervisor))
        assert runs(pid)
        os.kill(supervisor.pid, signal.SIGKILL)
    wait_until(lambda: not runs(pid), seconds=GONE_SECONDS)


def test_a_worker_ends_within_a_second_of_its_killed_server() -> None:
    with python(FORKING) as server:
        pid, at_work = sorted((line_of(server), line_of(server)))
        assert at_work == "at work"
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not runs(int(pid)), seconds=GONE_SECONDS)


def test_a_process_started_by_hand_outlives_its_starter() -> None:
    child = CHILD.format(before="", after="ready")
    starter = SUPERVISOR.format(child=child).replace(" | lifeline.under_supervisor()", "")
    with python(starter) as shell:
        pid = int(line_of(shell))
        os.kill(shell.pid, signal.SIGKILL)
    with pytest.raises(AssertionError, match="in vain"):
        wait_until(lambda: not runs(pid), seconds=GONE_SECONDS)
    os.kill(pid, signal.SIGKILL)
