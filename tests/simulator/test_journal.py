"""What was acknowledged survives the death of the simulated provider."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from purveyor.simulator.behaviours import Fault
from purveyor.simulator.journal import Journal, JournalBusy, JournalDamaged
from purveyor.simulator.life import Outcomes
from purveyor.simulator.testing import Simulator, running_simulator

KEY = "journal-test-key"
MIXED = Outcomes(partial=0.3, canceled=0.3)
DEATHS = 3
CALLERS = 4

PROGRAM = """
import sys
from pathlib import Path
from purveyor.simulator import server
server.run(key=sys.argv[1], journal=Path(sys.argv[2]), on_listening=lambda url: print(url, flush=True))
"""


def ask(url: str, action: str, **fields: object) -> Any:
    return requests.post(url, data={"key": KEY, "action": action, **fields}, timeout=10).json()


def everything(simulator: Simulator) -> tuple[object, ...]:
    """All a client can see of a provider whose clock stands."""
    ids = [order.id for order in simulator.orders + simulator.children]
    return (
        ask(simulator.url, "status", orders=",".join(map(str, ids))),
        ask(simulator.url, "balance"),
        ask(simulator.url, "services"),
        ask(simulator.url, "refill_status", refills="5001,5002"),
        simulator.orders,
        simulator.children,
    )


def test_the_next_start_knows_all_that_was(tmp_path: Path) -> None:
    path = tmp_path / "provider.journal"
    with running_simulator(key=KEY, journal=path, seed=5, frozen=True, outcomes=MIXED) as simulator:
        order = {"service": "1", "link": "https://example.com/a", "quantity": 1000}
        for number in range(30):
            ask(simulator.url, "add", **{**order, "link": f"https://example.com/{number}"})
        ask(simulator.url, "add", **order, runs=3, interval=5)
        ask(simulator.url, "add", service=10, username="weekly", min=10, max=20, posts=3, delay=0)
        simulator.advance(12)
        ask(simulator.url, "cancel", orders="100001,100002")
        simulator.set_order(100003, status="Partial", remains=10, charge=Decimal(7))
        simulator.set_balance(Decimal(500))
        simulator.set_rate("4", Decimal("0.33"))
        simulator.advance(60)
        simulator.set_order(100004, status="Completed")
        simulator.set_order(100005, status="Completed")
        simulator.script.next("refill", Fault.REFILL_REJECTED)
        ask(simulator.url, "refill", order=100004)
        ask(simulator.url, "refill", order=100005)
        simulator.set_order(100006, status="Canceled")
        simulator.release_order(100006)
        simulator.advance(5)  # past the last entry, where the next start's clock begins
        before, now = everything(simulator), simulator.now
        newest = max(order.id for order in simulator.orders + simulator.children)
    with running_simulator(key=KEY, journal=path, seed=99, frozen=True) as simulator:
        simulator.advance(now - simulator.now)
        assert everything(simulator) == before
        assert ask(simulator.url, "add", **order) == {"order": newest + 1}


def test_parents_go_on_after_every_start(tmp_path: Path) -> None:
    path = tmp_path / "provider.journal"
    with running_simulator(key=KEY, journal=path, seed=5, frozen=True) as simulator:
        ask(simulator.url, "add", service=1, link="https://example.com/a", quantity=1000, runs=20, interval=5)
        ask(simulator.url, "add", service=10, username="weekly", min=10, max=20, posts=0, delay=0)
        simulator.advance(30)
        ids = ",".join(str(order.id) for order in simulator.orders)
    for _ in range(2):
        with running_simulator(key=KEY, journal=path, seed=5, frozen=True) as simulator:
            before = ask(simulator.url, "status", orders=ids)
            simulator.advance(30)
            after = ask(simulator.url, "status", orders=ids)
        for order_id in ids.split(","):
            made = set(after[order_id]["orders"]) - set(before[order_id]["orders"])
            # As many as before the restart, neither silent nor twice at once.
            assert 1 <= len(made) <= 10, (order_id, before, after)


def test_a_subscription_paused_before_a_start_goes_on_with_funds(tmp_path: Path) -> None:
    path = tmp_path / "provider.journal"
    with running_simulator(key=KEY, journal=path, seed=5, frozen=True) as simulator:
        ask(simulator.url, "add", service=10, username="weekly", min=10, max=20, posts=0, delay=0)
        simulator.set_balance(Decimal(0))
        simulator.advance(60)
        silent = len(simulator.children)
        parent = simulator.orders[0].id
        assert ask(simulator.url, "status", order=parent)["status"] == "Paused"
    with running_simulator(key=KEY, journal=path, seed=5, frozen=True) as simulator:
        simulator.advance(20)
        assert ask(simulator.url, "status", order=parent)["status"] == "Paused"
        assert len(simulator.children) == silent
        simulator.set_balance(Decimal(5))
        simulator.advance(40)
        assert len(simulator.children) > silent


def test_what_fell_due_while_it_was_down_has_happened(tmp_path: Path) -> None:
    path = tmp_path / "provider.journal"
    outcomes = Outcomes(partial=0, canceled=1)
    with running_simulator(key=KEY, journal=path, frozen=True, outcomes=outcomes) as simulator:
        ask(simulator.url, "add", service=1, link="https://example.com/a", quantity=1000)
    with running_simulator(key=KEY, journal=path, frozen=True) as simulator:
        assert simulator.balance == Decimal("9998.8")
        simulator.advance(60)
        assert simulator.balance == Decimal(10_000)


def test_half_a_line_is_cut_off_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "provider.journal"
    with running_simulator(key=KEY, journal=path) as simulator:
        ask(simulator.url, "add", service=1, link="https://example.com/a", quantity=1000)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"kind":"placed","order":{"id":10')
    for expected in (100002, 100003):
        with running_simulator(key=KEY, journal=path) as simulator:
            reply = ask(simulator.url, "add", service=1, link="https://example.com/b", quantity=1000)
            assert reply == {"order": expected}
    assert path.read_bytes().startswith(whole)


@pytest.mark.parametrize(
    "line",
    [
        "not JSON",
        '{"kind":"unheard of"}',
        '{"kind":"canceling","order":7,"at":1}',
        '{"kind":"priced","service":"999","rate":"1"}',
    ],
)
def test_a_damaged_journal_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "provider.journal"
    path.write_text(f'{{"kind":"began","version":1,"seed":0}}\n{line}\n', encoding="utf-8")
    with pytest.raises(JournalDamaged), running_simulator(journal=path):
        pytest.fail("it started")


def test_a_journal_has_one_writer(tmp_path: Path) -> None:
    path = tmp_path / "provider.journal"
    first = Journal(path)
    with pytest.raises(JournalBusy):
        Journal(path)
    first.close()
    Journal(path).close()


@contextmanager
def started(journal: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A provider in a process of its own, and its URL; killed at the end if it still lives."""
    command = [sys.executable, "-c", PROGRAM, KEY, str(journal)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:"), "the provider did not start"
            yield process, url
        finally:
            process.kill()


def test_kill_9_under_load_loses_no_acknowledged_order(tmp_path: Path) -> None:
    path = tmp_path / "provider.journal"
    acknowledged: dict[int, str] = {}
    numbers = iter(range(1_000_000))

    def buy(url: str) -> None:
        """Order after order on one connection, until it breaks."""
        with requests.Session() as session:
            while True:
                link = f"https://example.com/{next(numbers)}"
                form = {"key": KEY, "action": "add", "service": 1, "link": link, "quantity": 100}
                try:
                    reply = session.post(url, data=form, timeout=10).json()
                except requests.ConnectionError:
                    return
                acknowledged[reply["order"]] = link

    for _ in range(DEATHS):
        wanted = len(acknowledged) + 100
        with started(path) as (process, url):
            threads = [threading.Thread(target=buy, args=(url,)) for _ in range(CALLERS)]
            for thread in threads:
                thread.start()
            deadline = time.monotonic() + 20
            while len(acknowledged) < wanted and time.monotonic() < deadline:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            for thread in threads:
                thread.join()
    with started(path) as (process, url):
        reply = requests.get(
            url.replace("/api/v2", "/control/orders"), headers={"Authorization": f"Bearer {KEY}"}, timeout=10
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    kept = {order["id"]: order["link"] for order in reply.json()["orders"]}
    assert len(acknowledged) >= DEATHS * 100
    assert acknowledged.items() <= kept.items()
    assert len(kept) - len(acknowledged) <= DEATHS * CALLERS  # what each caller waited for at each death
    assert len(set(kept.values())) == len(kept)


def test_a_taken_port_is_an_error(tmp_path: Path) -> None:
    with running_simulator() as simulator:
        port = int(simulator.url.split(":")[2].split("/")[0])
        with pytest.raises(OSError, match="in use"), running_simulator(port=port):
            pytest.fail("it started")


def test_what_the_disk_refused_is_not_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    form = {"key": KEY, "action": "add", "service": 1, "link": "https://example.com", "quantity": 100}
    with running_simulator(key=KEY, journal=tmp_path / "provider.journal") as simulator:
        monkeypatch.setattr(os, "fsync", refuse)
        assert requests.post(simulator.url, data=form, timeout=10).status_code == 500
        monkeypatch.undo()
        assert requests.post(simulator.url, data=form, timeout=10).status_code == 500
