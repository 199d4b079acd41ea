"""The HTTP server: site and API in one or several processes on one port."""

import errno
import importlib
import socket
import time
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

from purveyor import configuration
from purveyor.configuration import Configuration
from purveyor.ops import lifeline
from purveyor.ops.trouble import Trouble

# A predecessor that was killed leaves processes, which end within the second.
PORT_PATIENCE_SECONDS = 3.0
BACKLOG_CONNECTIONS = 2048
STOP_PATIENCE_SECONDS = 10
HEAD_SECONDS = 10  # how long a request's head may take to arrive
RESPAWN_SECONDS = 0.5
_POLL_SECONDS = 0.1
_TARGET = "purveyor.asgi:app"
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  how to reach what listens everywhere


def serve() -> None:
    """Serve site and API until told to stop. Raises `Trouble` when the port cannot be had."""
    settings = configuration.current()
    address = free_address(host=settings.host, port=settings.port, setting="PORT")
    Granian(
        _TARGET,
        address=address,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.processes,
        loop=Loops.uvloop,
        http=HTTPModes.auto,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_SECONDS * 1000),
        websockets=False,
        backlog=BACKLOG_CONNECTIONS,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        respawn_interval=RESPAWN_SECONDS,
        workers_kill_timeout=STOP_PATIENCE_SECONDS,
    ).serve(target_loader=_load)


def reachable_host(settings: Configuration) -> str:
    """Return the host under which this machine reaches its own server."""
    return _EVERY_ADDRESS.get(settings.host, settings.host)


def url(settings: Configuration) -> str:
    """Return the address of the site, without a slash at its end."""
    host = reachable_host(settings)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def free_address(*, host: str, port: int, setting: str) -> str:
    """Return the address that `host` means, once `port` is free there.

    `setting` names what to change for another port. Raises `Trouble` when the port stays taken.
    """
    try:
        family, _, _, _, found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise Trouble(f"PURVEYOR_HOST {host!r} cannot be resolved: {error.strerror}") from error
    deadline = time.monotonic() + PORT_PATIENCE_SECONDS
    while True:
        try:
            with socket.socket(family) as probe:
                # What the closed connections of a predecessor leave behind does not count as taken.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(found)
                probe.listen(1)
                return str(found[0])
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                raise _port_trouble(error, host=host, port=port, setting=setting) from error
        time.sleep(_POLL_SECONDS)


def _port_trouble(error: OSError, *, host: str, port: int, setting: str) -> Trouble:
    if error.errno == errno.EADDRINUSE:
        return Trouble(
            f"port {port} on {host} is taken by another program: stop that one, or choose another port "
            f"with {setting}={port + 1 if port < configuration.PORT_MAX else 8000}"
        )
    if error.errno == errno.EACCES:
        return Trouble(f"port {port} is reserved for root: choose one above 1023 with {setting}=8000")
    if error.errno == errno.EADDRNOTAVAIL:
        return Trouble(f"PURVEYOR_HOST {host} is no address of this machine")
    return Trouble(f"port {port} on {host} cannot be opened: {error.strerror}")


def _load(target: str) -> Any:
    """Load the application in a process of the server."""
    lifeline.hold_to_starter()
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
