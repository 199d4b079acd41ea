"""Whose request it is, on the network."""

import ipaddress
from collections.abc import Iterable

from purveyor.accounts.addresses import forwarded_entries, outermost_address
from purveyor.api.bodies import Scope


def client_address(scope: Scope, *, trusted_proxies: int) -> str:
    """The address that the outermost of our own proxies saw; without proxies, the connection's."""
    return outermost_address(
        direct=str(scope["client"][0]) if scope.get("client") else "",
        forwarded_for=_forwarded_for(scope["headers"]) if trusted_proxies else (),
        trusted_proxies=trusted_proxies,
    )


def is_local(scope: Scope, *, trusted_proxies: int) -> bool:
    """Whether the client is a program on this machine, without a proxy between that we do not know."""
    if not trusted_proxies and forwarded_entries(_forwarded_for(scope["headers"])):
        return False
    try:
        return ipaddress.ip_address(client_address(scope, trusted_proxies=trusted_proxies)).is_loopback
    except ValueError:
        return False


def _forwarded_for(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    return [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
