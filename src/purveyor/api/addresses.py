"""Whose request it is, on the network."""

import ipaddress
from collections.abc import Iterable

from purveyor.api.bodies import Scope


def client_address(scope: Scope, *, trusted_proxies: int) -> str:
    """The address that the outermost of our own proxies saw; without proxies, the connection's.

    `X-Forwarded-For` is read from the right: each trusted proxy added one entry there, and whatever stands
    further left was written by the client. With fewer entries than proxies the leftmost is taken.
    """
    direct = str(scope["client"][0]) if scope.get("client") else ""
    if not trusted_proxies:
        return direct
    entries = _forwarded_for(scope["headers"])
    return entries[-trusted_proxies:][0] if entries else direct


def is_local(scope: Scope, *, trusted_proxies: int) -> bool:
    """Whether the client is a program on this machine, without a proxy between that we do not know."""
    if not trusted_proxies and _forwarded_for(scope["headers"]):
        return False
    try:
        return ipaddress.ip_address(client_address(scope, trusted_proxies=trusted_proxies)).is_loopback
    except ValueError:
        return False


def _forwarded_for(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    return [
        entry.strip()
        for name, value in headers
        if name == b"x-forwarded-for"
        for entry in value.decode("latin-1").split(",")
        if entry.strip()
    ]
