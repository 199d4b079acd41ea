"""`purveyor up`: everything a panel needs on one machine, until it is told to stop."""

import contextlib
import http.client
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from purveyor import configuration
from purveyor.configuration import Configuration
from purveyor.ops import folder, lifeline, panel, serving, simulation
from purveyor.ops.supervision import Job, Stop, StopRequested, Supervisor

_PURVEYOR = (sys.executable, "-m", "purveyor.ops.cli")
SIMULATE = Job("simulate", (*_PURVEYOR, "simulate"), needed_by_others=True)
SERVE = Job("serve", (*_PURVEYOR, "serve"))
WORKER = Job("worker", (*_PURVEYOR, "worker"))

# What children get in the demo where the operator did not set it: completed orders can be refilled at once.
DEMO_SETTINGS = {"PURVEYOR_REFILL_WAIT_HOURS": "0"}

# A killed `up` leaves its lock at once; one whose make was killed marks within this time that it is stopping.
LOCK_PATIENCE_SECONDS = 2.0
READY_PATIENCE_SECONDS = 60.0
_ANSWER_SECONDS = 5.0
_RUNNING, _STOPPING = "running", "stopping"

if TYPE_CHECKING:
    from purveyor.ops.demo import Demo

Say = Callable[[str], None]


def share_demo_settings() -> None:
    """Give this process what the demo's own processes get, where its data folder is that of a demo.

    Without it a command would tell other times than the server beside it. Raises `WrongSetting`.
    """
    settings = configuration.current()
    if settings.demo and simulation.kept(settings.home) is not None:
        for name, value in DEMO_SETTINGS.items():
            os.environ.setdefault(name, value)
        configuration.current.cache_clear()


def up(*, say: Say, with_parent: bool) -> None:
    """Start everything, say how to use it, keep it alive, stop it on a signal. Raises `Trouble`.

    `with_parent` stops it also when the process that started it dies.
    """
    settings = configuration.current()
    stop = Stop()
    stop.listen()
    if with_parent:
        lifeline.stop_with_parent()
    with contextlib.suppress(StopRequested), contextlib.ExitStack() as stack:
        with stop.interrupting():
            folder.prepare(settings.home)
            stack.enter_context(_alone(settings.home, say=say))
            serving.free_address(host=settings.host, port=settings.port, setting="PORT")
            server = stack.enter_context(panel.database(say=say, may_be_new=True))
            supervisor = Supervisor(
                home=settings.home,
                server=server,
                stop=stop,
                say=say,
                settings=DEMO_SETTINGS if settings.demo else None,
            )
            stack.callback(supervisor.shut_down)
            stack.callback(_mark, settings.home, _STOPPING)
            _start(settings, supervisor=supervisor, say=say)
        supervisor.watch()
        say("Stopping")
    say("Stopped")


def _start(settings: Configuration, *, supervisor: Supervisor, say: Say) -> None:
    from purveyor.ops import demo, migrating

    def start(job: Job, what: str, ready: Callable[[], bool]) -> None:
        say(f"Starting {what}")
        supervisor.start(job, ready=ready, patience_seconds=READY_PATIENCE_SECONDS)

    url = serving.url(settings)
    migrating.migrate(say=say)
    credentials: list[str] = []
    if settings.demo:
        place = simulation.settle(settings.home)
        start(SIMULATE, "the simulated provider", lambda: simulation.listens(place))
        made, fresh = demo.make_people(settings.home, url=url)
        imported = demo.make_catalogue(place)
        if imported:
            say(f"Imported {imported} services from the simulated provider")
        credentials = _credentials(made, fresh=fresh, file=demo.file_of(settings.home))
    elif owner := demo.make_owner():
        # Said now and never again: whatever fails below, the password is known.
        say(f"Made the owner {owner.email} with the password {owner.password}")
    panel.close_connections()
    start(SERVE, "site and API", lambda: _answers(settings))
    start(WORKER, "the worker", lambda: True)
    for line in ["", f"Purveyor runs at {url}", *credentials, "", "Ctrl-C stops it.", ""]:
        say(line)


def _credentials(made: "Demo", *, fresh: bool, file: Path) -> list[str]:
    if not fresh:
        return ["", f"  Owner, demo customer and API key are as before: {file}"]
    return [
        "",
        f"  Owner          {made.owner.email}  {made.owner.password or '(password as before)'}",
        f"  Demo customer  {made.customer.email}  {made.customer.password}",
        f"  API key        {made.api_key}",
        f"  also in        {file}",
        "",
        f"  curl -d key={made.api_key} -d action=services {made.url}/api/v2",
    ]


@contextlib.contextmanager
def _alone(home: Path, *, say: Say) -> Iterator[None]:
    """Be the only `up` of a data folder. Raises `Trouble` where another one runs and is not about to end."""
    lock = home / "up.lock"
    announced = False

    def other_is_stopping() -> bool:
        nonlocal announced
        if not lock.read_text(encoding="ascii").startswith(_STOPPING):
            return False
        if not announced:
            say("Waiting for the former `purveyor up` to stop")
            announced = True
        return True

    busy = f"Purveyor already runs on the data folder {home}: stop it, or set PURVEYOR_HOME to another folder"
    with folder.locked(
        lock, patience_seconds=LOCK_PATIENCE_SECONDS, busy=busy, worth_waiting=other_is_stopping
    ):
        _mark(home, _RUNNING)
        yield


def _mark(home: Path, state: str) -> None:
    # For the next `up` alone, and not worth failing for on a full disk.
    with contextlib.suppress(OSError):
        (home / "up.lock").write_text(f"{state} {os.getpid()}\n", encoding="ascii")


def _answers(settings: Configuration) -> bool:
    """Whether the server answers and reaches its database."""
    host = serving.reachable_host(settings)
    client = http.client.HTTPConnection(host, settings.port, timeout=_ANSWER_SECONDS)
    try:
        client.request("GET", "/healthz")
        return client.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()
