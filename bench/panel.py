"""A panel to measure: its own embedded PostgreSQL in a folder of its own, migrated, filled, and serving."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.ports import free_port
from purveyor import configuration
from purveyor.ops import embedded

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0


class Failed(Exception):
    """A process of the panel failed, ended, or never answered; the text has its last words."""


@dataclass(frozen=True, slots=True)
class Served:
    """A panel that answers over HTTP."""

    url: str
    """Of the API."""
    pid: int


@contextlib.contextmanager
def database(home: Path) -> Iterator[None]:
    """Run the embedded PostgreSQL of `home` as `purveyor up` does: durable, with the panel's tables."""
    with embedded.running(home):
        command(home, "migrate")
        yield


def command(home: Path, *arguments: str) -> None:
    """Run one of the operator's commands on the panel in `home`. Raises `Failed` with what it said."""
    ended = subprocess.run(
        _purveyor(*arguments), check=False, capture_output=True, text=True, env=environment(home)
    )
    if ended.returncode != 0:
        raise Failed(f"purveyor {' '.join(arguments)} failed:\n{ended.stdout}{ended.stderr}")


@contextlib.contextmanager
def serving(home: Path) -> Iterator[Served]:
    """Serve site and API of the panel in `home` from one app process."""
    port = free_port()
    with _process(home, "serve", settings={"PORT": str(port)}) as process:
        served = Served(url=f"http://127.0.0.1:{port}/api/v2", pid=process.pid)
        _await_answer(home, served.url, process)
        yield served


@contextlib.contextmanager
def working(home: Path) -> Iterator[int]:
    """Run a worker of the panel in `home`; its process id."""
    with _process(home, "worker", settings={}) as process:
        yield process.pid


@contextlib.contextmanager
def simulating(home: Path, *, url: str, key: str) -> Iterator[None]:
    """Run the simulated provider of the panel in `home`, which is reached at `url`."""
    with _process(home, "simulate", settings={}) as process:
        _await_answer(home, url, process, form=f"key={key}&action=balance", name="simulate")
        yield


def ask(url: str, form: str, *, encoding: str | None = None) -> bytes:
    """The body of the reply to a form, still encoded. Raises OSError."""
    return fetch(url, data=form.encode(), encoding=encoding)


def fetch(url: str, *, data: bytes | None = None, encoding: str | None = None) -> bytes:
    """The body of a reply, still encoded. Raises OSError."""
    request = urllib.request.Request(url, data=data)  # noqa: S310  our own loopback address
    if encoding is not None:
        request.add_header("Accept-Encoding", encoding)
    with urllib.request.urlopen(request, timeout=_START_SECONDS) as reply:  # noqa: S310
        body: bytes = reply.read()
        return body


@contextlib.contextmanager
def _process(home: Path, name: str, *, settings: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    with (home / f"bench-{name}.log").open("ab") as log:
        process = subprocess.Popen(
            _purveyor(name),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=environment(home, PURVEYOR_DEMO="0", **settings),
        )
    try:
        yield process
        if process.poll() is not None:
            raise Failed(f"purveyor {name} ended with status {process.returncode}: {_last_words(home, name)}")
    finally:
        _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        # Its children lead no session of their own, so they go with it.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _await_answer(
    home: Path,
    url: str,
    process: "subprocess.Popen[bytes]",
    *,
    form: str = "action=balance",
    name: str = "serve",
) -> None:
    """Wait for an answer in JSON; without a key it is an error, which serves as well."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            json.loads(ask(url, form))
        except (OSError, ValueError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"purveyor {name} does not answer: {_last_words(home, name)}") from None
            time.sleep(0.1)
        else:
            return


def _last_words(home: Path, name: str) -> str:
    return " ".join((home / f"bench-{name}.log").read_text(encoding="utf-8", errors="replace").split())[-500:]


def _purveyor(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "purveyor.ops.cli", *arguments]


def environment(home: Path, **settings: str) -> dict[str, str]:
    """The environment of a panel in `home`; of the caller's own settings none may change what is tested."""
    names = {setting.name for setting in configuration.SETTINGS}
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return kept | {"PURVEYOR_HOME": str(home)} | settings
