"""The ground every test stands on: one PostgreSQL for the whole run, and a closed network."""

import atexit
import contextlib
import ipaddress
import os
import shutil
import sys
import tempfile
from pathlib import Path

import django
import pytest
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker

from purveyor import configuration
from purveyor.ops import embedded
from tests.committed import allow_emptying_the_ledger

# Nothing of a test run is kept, so nothing needs to reach the disk.
DATABASE_OVERRIDES = {"fsync": "off", "full_page_writes": "off", "max_connections": "200"}


class NetworkIsClosedError(AssertionError):
    """A test tried to reach an address outside this machine."""


def _refuse_outside_addresses(event: str, arguments: tuple[object, ...]) -> None:
    """Let Python sockets connect to Unix sockets and loopback only.

    An audit hook and not a fixture: it also sees threads, libraries, and code that runs at import.
    """
    if event != "socket.connect":
        return
    address = arguments[1]
    if not isinstance(address, tuple):
        return  # a Unix socket's path
    host = str(address[0]).partition("%")[0]
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise NetworkIsClosedError(f"tests reach loopback only, not {host}")


def _prepare_environment() -> None:
    """Give the run a data folder and a database of its own, whatever settings its caller has."""
    for setting in configuration.SETTINGS:
        if setting.name != "DATABASE_URL":
            os.environ.pop(setting.name, None)
    leaving = contextlib.ExitStack()
    atexit.register(leaving.close)
    # Not a TemporaryDirectory: that one goes at exit by itself, and before the server in it was stopped.
    home = Path(tempfile.mkdtemp(prefix="purveyor-tests-"))
    leaving.callback(shutil.rmtree, home)
    os.environ["PURVEYOR_HOME"] = str(home)
    os.environ["DJANGO_SETTINGS_MODULE"] = "purveyor.settings"
    if "DATABASE_URL" not in os.environ:
        leaving.enter_context(embedded.running(home, overrides=DATABASE_OVERRIDES))


# Tests are never timed: a busy machine is no finding.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

sys.addaudithook(_refuse_outside_addresses)
# Now and not in a hook: before Django reads its settings, and before another conftest imports a model.
# The workers of pytest-xdist inherit the environment: one server, and on it a database for each worker.
if "PYTEST_XDIST_WORKER" not in os.environ:
    _prepare_environment()
django.setup()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Let tests that commit be followed by an emptied database."""
    with django_db_blocker.unblock():
        allow_emptying_the_ledger()
