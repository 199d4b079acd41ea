"""Where the simulated provider of the demo lives: its port, its key, its memory, kept in the data folder."""

import contextlib
import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from purveyor import configuration
from purveyor.ops import folder, serving
from purveyor.ops.trouble import Trouble

HOST = "127.0.0.1"
START_PATIENCE_SECONDS = 20.0
_CONNECT_SECONDS = 5.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Place:
    """How to reach the simulated provider."""

    port: int
    key: str

    @property
    def url(self) -> str:
        """The URL of its API."""
        return f"http://{HOST}:{self.port}/api/v2"


def settle(home: Path) -> Place:
    """Return the simulated provider's place; a port that somebody else took meanwhile is changed."""
    place = kept(home)
    if place is not None:
        try:
            serving.free_address(host=HOST, port=place.port, setting="port")
        except Trouble:
            place = Place(port=_free_port(), key=place.key)
    else:
        place = Place(port=_free_port(), key=secrets.token_hex(16))
    folder.write_private(_file(home), json.dumps(asdict(place)))
    return place


def kept(home: Path) -> Place | None:
    """Return the place that was settled before, or None."""
    try:
        found = json.loads(_file(home).read_text(encoding="utf-8"))
        return Place(port=int(found["port"]), key=str(found["key"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextlib.contextmanager
def at_hand(home: Path) -> Iterator[Place]:
    """Have the simulated provider answer: the running one, or one that runs for this. Raises `Trouble`."""
    place = kept(home)
    if place is not None and listens(place):
        yield place
        return
    place = settle(home)
    process = subprocess.Popen([sys.executable, "-m", "purveyor.ops.cli", "simulate"])
    try:
        deadline = time.monotonic() + START_PATIENCE_SECONDS
        while not listens(place):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Trouble("the simulated provider does not start")
            time.sleep(_POLL_SECONDS)
        yield place
    finally:
        process.terminate()
        process.wait()


def listens(place: Place) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection((HOST, place.port), timeout=_CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def simulate(*, say: Callable[[str], None]) -> None:
    """Be the simulated provider until told to stop, and say where."""
    from purveyor.simulator import server

    settings = configuration.current()
    folder.prepare(settings.home)
    place = kept(settings.home) or settle(settings.home)
    serving.free_address(host=HOST, port=place.port, setting="the port in simulator.json, port")
    say(f"The simulated provider is at {place.url}; its key is in {_file(settings.home)}")
    say("Ctrl-C stops it.")
    server.run(
        key=place.key,
        host=HOST,
        port=place.port,
        journal=settings.home / "simulator.journal",
        speed=settings.simulator_speed,
    )


def _file(home: Path) -> Path:
    return home / "simulator.json"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
