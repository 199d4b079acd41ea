"""A panel for tests of the API: a real server process on a port of its own, and a database of its own.

Not the test database: what is committed here must not meet other tests, nor their emptying of tables the
caches of the running server.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import requests
from django.core.management import call_command
from django.db import connection

from purveyor import configuration
from purveyor.accounts.keys import create_key
from purveyor.accounts.models import Customer
from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.snapshot import forget
from purveyor.catalog.testing import make_service

START_SECONDS = 30.0
NOTICE_SECONDS = 5.0
"""How long an edit may take to show before a test gives up; on a quiet machine it is under one."""


@dataclass
class Caller:
    """A customer with a key."""

    customer: Customer
    key: str


@dataclass
class Panel:
    """A running server and what is in its database."""

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path
    services: dict[OrderType, Service] = field(default_factory=dict)

    @property
    def api(self) -> str:
        return f"{self.url}/api/v2"

    def caller(self, balance: str = "1000", **others: Any) -> Caller:
        customer = make_customer(balance, **others)
        _, text = create_key(customer=customer)
        return Caller(customer, text)

    def post(self, caller: Caller | str, action: str | None = None, **fields: Any) -> Any:
        """The JSON of a plain form POST, after what every answer has in common was checked."""
        key = caller if isinstance(caller, str) else caller.key
        form = {"key": key} | ({} if action is None else {"action": action}) | fields
        answer = requests.post(self.api, data=form, timeout=30)
        return json_of(answer)

    def text(self, caller: Caller, action: str, **fields: Any) -> str:
        """The exact text of an answer."""
        form = {"key": caller.key, "action": action} | fields
        answer = requests.post(self.api, data=form, timeout=30)
        assert answer.status_code == 200
        return answer.text

    def until(self, caller: Caller, wanted: Any, action: str, **fields: Any) -> None:
        """Wait for an answer that a cache may still hold back."""
        eventually(lambda: self.post(caller, action, **fields) == wanted)


def eventually(is_so: Callable[[], bool]) -> None:
    """Wait until something is so that every cache must notice within a second."""
    deadline = time.monotonic() + NOTICE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def json_of(answer: requests.Response) -> Any:
    """The JSON of an answer with HTTP 200 and its one content type (protocol §1.1)."""
    assert answer.status_code == 200, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def raw(url: str, request: bytes, *, seconds: float = 30.0) -> bytes:
    """Send bytes as they are and return everything that comes back until the server closes."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as connection_:
        connection_.sendall(request)
        parts = []
        while part := connection_.recv(65536):
            parts.append(part)
        return b"".join(parts)


def form(**fields: Any) -> bytes:
    """An urlencoded form."""
    return urlencode(fields).encode()


@contextmanager
def database(name: str) -> Iterator[str]:
    """A database with the panel's tables, and nothing else in it."""
    _administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    _administer(f'CREATE DATABASE "{name}"')
    try:
        with connected_to(name):
            call_command("migrate", verbosity=0)
        yield name
    finally:
        _administer(f'DROP DATABASE "{name}" WITH (FORCE)')


def hang_up(name: str) -> None:
    """Break every connection to a database, as the server's restart does."""
    connection.close()
    _administer("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", name)


@contextmanager
def cut_off(name: str) -> Iterator[None]:
    """Let nobody reach a database."""
    _administer(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    hang_up(name)
    try:
        yield
    finally:
        _administer(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@contextmanager
def connected_to(name: str) -> Iterator[None]:
    """Let Django's connection of this thread be one to another database."""
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    forget()
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before
        forget()


@contextmanager
def serving(name: str, **settings: str) -> Iterator[Panel]:
    """Run `purveyor serve` on the database `name`; `settings` are environment variables."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = os.environ | {"DATABASE_URL": _url(name), "PORT": str(port)} | settings
    command = [sys.executable, "-c", "from purveyor.ops.cli import main; main()", "serve"]
    log = configuration.current().home / f"serve-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, process)
        yield Panel(url, process, log)
    finally:
        process.terminate()
        process.wait(20)


def every_service() -> dict[OrderType, Service]:
    """One service of each type, with everything that it can offer."""
    return {
        kind: make_service(kind, rate="1.50", min=1, max=1000, refill=True, cancel=True, dripfeed=True)
        for kind in OrderType
    }


def charge(service: Service, quantity: int) -> Decimal:
    """What `quantity` costs, by protocol §8."""
    return service.rate * quantity / 1000


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended at its start"
        try:
            if requests.get(f"{url}/healthz", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.1)
    raise AssertionError("the server did not start in time")


def _administer(statement: str, *values: str) -> None:
    with psycopg.connect(_url("postgres"), autocommit=True) as administration:
        administration.execute(statement.encode(), values or None)


def _url(name: str) -> str:
    settings: Mapping[str, Any] = connection.settings_dict
    user = quote(settings["USER"]) + (f":{quote(settings['PASSWORD'])}" if settings["PASSWORD"] else "")
    host, port = settings["HOST"], settings["PORT"]
    if host.startswith("/"):
        return f"postgresql://{user}@:{port or 5432}/{name}?host={quote(host)}"
    return f"postgresql://{user}@{host}:{port or 5432}/{name}"
