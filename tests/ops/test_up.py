import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from purveyor.ops import database_files, embedded
from tests.ops.processes import WHOLE_COMMAND_SECONDS, environment, free_port, runs, wait_until

SERVICES = {"action": "services"}


class Panel:
    """A panel that `purveyor up` runs in a data folder."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port
        self._output = home.with_name("output")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The process that was started last."""
        assert self._process is not None
        return self._process

    @property
    def said(self) -> list[str]:
        """The lines it printed since it was started last."""
        return self._output.read_text(encoding="utf-8").splitlines()

    def up(self, *, start: tuple[str, ...] = (), **settings: str) -> None:
        """Start it, and wait until it says how to stop it."""
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [*start, sys.executable, "-m", "purveyor.ops.cli", "up", "--with-parent"],
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=environment(PURVEYOR_HOME=str(self.home), PORT=str(self.port), **settings),
            )
        wait_until(
            lambda: "Ctrl-C stops it." in self.said or self.process.poll() is not None,
            seconds=WHOLE_COMMAND_SECONDS,
        )
        assert self.process.poll() is None, self.said

    def end(self, how: signal.Signals) -> int:
        """End it and return its exit status."""
        self.process.send_signal(how)
        return self.process.wait(timeout=WHOLE_COMMAND_SECONDS)

    def children(self) -> dict[str, int]:
        """Process ids by name, of `up`'s own children."""
        listed = subprocess.run(
            ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(self.process.pid)],
            check=False,
            capture_output=True,
            text=True,
        ).stdout
        return {words[-1]: int(words[0]) for line in listed.splitlines() if (words := line.split())}

    def setting_of(self, child: str, name: str) -> str | None:
        """What a setting is in the environment of one of `up`'s children."""
        environ = Path(f"/proc/{self.children()[child]}/environ").read_text(encoding="utf-8")
        return dict(line.split("=", 1) for line in environ.split("\0") if line).get(name)

    def everything(self) -> list[int]:
        """Process ids of all that belongs to it: by its data folder, of which nobody else knows."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                mark = f"PURVEYOR_HOME={self.home}\0".encode()
                if mark in (process / "environ").read_bytes() and runs(int(process.name)):
                    found.append(int(process.name))
        return found

    def demo(self) -> Any:
        return json.loads((self.home / "demo.json").read_text(encoding="utf-8"))

    def ask(self, **fields: str) -> Any:
        reply = self._call(**fields)
        assert reply.status_code == 200
        return reply.json()

    def serves(self) -> bool:
        """Whether it answers a call that needs the database."""
        try:
            return self._call(action="balance").status_code == 200
        except requests.RequestException:  # one that does not answer in time is another
            return False

    def _call(self, **fields: str) -> requests.Response:
        demo = self.demo()
        return requests.post(f"{demo['url']}/api/v2", data={"key": demo["api_key"], **fields}, timeout=10)


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[Panel]:
    made = Panel(tmp_path / "home", free_port())
    yield made
    if made.process.poll() is None:  # the test failed half way
        made.end(signal.SIGKILL)
    for pid in made.everything():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    embedded.stop(made.home)


def test_a_panel_comes_up_is_stopped_and_goes_on_where_it_was(panel: Panel) -> None:
    panel.up()
    demo = panel.demo()
    said = "\n".join(panel.said)
    assert demo["url"] == f"http://127.0.0.1:{panel.port}"
    for text in (demo["url"], demo["api_key"], *demo["owner"].values(), *demo["customer"].values()):
        assert text in said
    [curl] = re.findall(r"^ +(curl .+)$", said, re.MULTILINE)
    listed = json.loads(subprocess.run(curl.split(), check=True, capture_output=True).stdout)
    assert listed == panel.ask(**SERVICES)
    assert len(listed) > 10
    assert set(panel.children()) >= {"simulate", "serve", "worker"}
    assert panel.setting_of("serve", "PURVEYOR_REFILL_WAIT_HOURS") == "0"
    assert panel.setting_of("worker", "PURVEYOR_REFILL_WAIT_HOURS") == "0"

    assert panel.end(signal.SIGINT) == 0
    assert panel.said[-2:] == ["Stopping", "Stopped"]
    assert panel.everything() == []
    assert database_files.running_pid(panel.home) is None

    panel.up(PURVEYOR_REFILL_WAIT_HOURS="5")
    assert panel.setting_of("serve", "PURVEYOR_REFILL_WAIT_HOURS") == "5"
    assert panel.demo() == demo
    assert str(panel.home / "demo.json") in "\n".join(panel.said)
    assert demo["api_key"] not in "\n".join(panel.said)
    assert panel.ask(action="balance")["currency"] == "USD"
    assert panel.end(signal.SIGTERM) == 0


def test_every_killed_process_is_survived(panel: Panel) -> None:
    panel.up()
    for name in ("serve", "worker", "simulate", str(panel.home / "database")):
        before = panel.children()[name]
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: panel.children().get(name, before) != before)  # noqa: B023  used up in this round
    # A moment of 503 while the database recovers is right; staying there would not be.
    wait_until(panel.serves)
    assert sum("starting it again" in line for line in panel.said) == 4

    panel.end(signal.SIGKILL)
    panel.up()
    assert any(line.startswith("Using the embedded PostgreSQL that already runs") for line in panel.said)
    assert len(panel.ask(**SERVICES)) > 10
    assert panel.end(signal.SIGINT) == 0
    assert panel.everything() == []


def test_a_killed_make_takes_the_panel_with_it_and_the_next_one_waits(panel: Panel) -> None:
    # A shell stands for make: the parent that is killed.
    panel.up(start=("/bin/sh", "-c", '"$@"; exit', "sh"))
    panel.end(signal.SIGKILL)
    panel.up()
    assert len(panel.ask(**SERVICES)) > 10
    assert panel.end(signal.SIGINT) == 0


def test_without_the_demo_it_starts_empty_names_the_owner_once_and_stays_alone(panel: Panel) -> None:
    panel.up(PURVEYOR_DEMO="0")
    assert sum(line.startswith("Made the owner ") for line in panel.said) == 1
    assert not (panel.home / "demo.json").exists()
    assert "simulate" not in panel.children()
    assert panel.setting_of("serve", "PURVEYOR_REFILL_WAIT_HOURS") is None

    second = subprocess.run(
        [sys.executable, "-m", "purveyor.ops.cli", "up"],
        check=False,
        capture_output=True,
        text=True,
        env=environment(PURVEYOR_HOME=str(panel.home), PORT=str(free_port())),
    )
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr.startswith(f"purveyor: Purveyor already runs on the data folder {panel.home}: ")
    assert requests.get(f"http://127.0.0.1:{panel.port}/healthz", timeout=10).status_code == 200

    assert panel.end(signal.SIGINT) == 0
    panel.up(PURVEYOR_DEMO="0")
    assert not any("owner" in line for line in panel.said)
    assert panel.end(signal.SIGINT) == 0
