"""What wrk, pgbench and the system print is read right, and wrong replies are never counted as speed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import machine, pgbench, programs, wrk
from bench.wrk import Load, WrongReplies

MEASURED = (
    "measured requests={} microseconds=2000000 p50=1500 p99=4200 right={} wrong={} status={} socket={}\n"
)
PGBENCH = """\
number of transactions actually processed: 14205
number of failed transactions: {} (0.000%)
latency average = 6.750 ms
tps = 4740.551234 (without initial connection time)
"""


def test_a_run_of_wrk_is_read() -> None:
    load = wrk.read("Running 2s test\n" + MEASURED.format(9000, 9000, 0, 0, 0))
    assert load == Load(requests=9000, seconds=2.0, p50_ms=1.5, p99_ms=4.2, right=9000)
    assert load.per_second == 4500


@pytest.mark.parametrize("counts", [(100, 99, 1, 0, 0), (100, 100, 0, 1, 0), (100, 100, 0, 0, 1), (0,) * 5])
def test_a_wrong_a_failed_or_no_reply_at_all_stops_the_benchmark(counts: tuple[int, ...]) -> None:
    with pytest.raises(WrongReplies):
        wrk.read(MEASURED.format(*counts))


def test_the_complaint_shows_a_wrong_reply() -> None:
    with pytest.raises(WrongReplies, match="Not enough funds"):
        wrk.read(MEASURED.format(5, 4, 1, 0, 0) + 'example 200 {"error":"Not enough funds on balance"}\n')


def test_processor_time_counts_what_a_process_and_its_children_did() -> None:
    before = machine.processor_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", "sum(range(20_000_000))"], check=True)
    assert machine.processor_seconds(os.getpid()) - before >= 0.1


def test_wrk_without_a_measurement_is_an_error() -> None:
    with pytest.raises(ValueError, match="unable to connect"):
        wrk.read("unable to connect to 127.0.0.1:1 Connection refused\n")


def test_a_run_of_pgbench_is_read() -> None:
    assert pgbench.read(PGBENCH.format(0)) == pytest.approx(4740.551234)


@pytest.mark.parametrize("output", [PGBENCH.format(3), "pgbench: error: connection refused", ""])
def test_pgbench_that_failed_is_no_baseline(output: str) -> None:
    with pytest.raises(ValueError, match="pgbench did not measure"):
        pgbench.read(output)


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda program, path=None: None)
    with pytest.raises(programs.Missing) as complaint:
        programs.require_all()
    text = str(complaint.value)
    assert "wrk is missing (Debian, Ubuntu: apt install wrk)" in text
    assert "nginx is missing (Debian, Ubuntu: apt install nginx-light)" in text


def test_the_machine_is_described() -> None:
    found = machine.description()
    assert set(found) == {"processor", "cores", "memory_mb", "system", "python", "load_before"}
    assert found["cores"] == len(os.sched_getaffinity(0))


def test_the_memory_of_this_process_is_told_in_megabytes() -> None:
    before = machine.resident_mb(os.getpid())
    ballast = b"x" * 64 * 1024 * 1024
    grown = machine.resident_mb(os.getpid()) - before
    assert len(ballast) > 0
    assert 60 < grown < 80


def test_a_process_is_among_its_own_descendants() -> None:
    assert os.getpid() in machine.descendants(os.getppid())
