"""Calls to a provider over HTTP, and what can be said for sure when one fails.

ProviderTrouble
├── NotSent      the request never left: surely not executed
└── Ambiguous    it may have been executed, and there is no answer to read
"""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from purveyor.providers.replies import Answer

LONGEST_BODY_BYTES: Final = 16 * 1024 * 1024
"""Of a reply. The catalogue of a large panel is 2 MB (protocol §4.1)."""
LONGEST_CONNECT_SECONDS: Final = 10.0
KEEP_ALIVE_SECONDS: Final = 4.0
"""Shorter than the 5 s after which Apache and Node close an idle connection: a request sent into a connection
that the server is closing has an unknown outcome."""
DNS_CACHE_SECONDS: Final = 60

SHORTEST_SECRET_CHARACTERS: Final = 12
"""A shorter key is none that a panel gives out, and might be found in the middle of an order id."""

USER_AGENT: Final = "Mozilla/4.0 (compatible; MSIE 5.01; Windows NT 5.0)"
"""That of the PHP example which most panels hand out (protocol §1.4): their firewalls let it pass."""
_HEADERS: Final = {
    "User-Agent": USER_AGENT,
    "Accept": "*/*",
    "Content-Type": "application/x-www-form-urlencoded",
}
_NEVER_LEFT: Final = (
    aiohttp.ClientConnectorError,  # refused, no such name, TLS
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class ProviderTrouble(Exception):
    """A call brought no answer."""


class NotSent(ProviderTrouble):
    """The request never left: the provider surely did not execute it."""


class Ambiguous(ProviderTrouble):
    """The request left, or may have, and no answer came back: it may have been executed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach a provider."""

    url: str
    key: str
    timeout_seconds: int
    allow_private_address: bool = False

    def __repr__(self) -> str:
        """Without the key, which must not reach a log."""
        return f"Access({self.url})"


class Client:
    """A provider's API v2. Must be made and used within one event loop, and closed."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._host = urlsplit(access.url).hostname or ""
        connector = aiohttp.TCPConnector(
            limit=0,  # the caller bounds what is in flight
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            ttl_dns_cache=DNS_CACHE_SECONDS,
            # Connections go to the very addresses that were checked: a name cannot point elsewhere later.
            resolver=_CheckedResolver(allow_private=access.allow_private_address),
        )
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), headers=_HEADERS
        )

    async def call(self, fields: Mapping[str, str], *, timeout_seconds: float | None = None) -> Answer:
        """Send a form with the key and read the whole answer, whatever its HTTP status, even a redirect.

        A provider that repeats our key in its answer does not get it any further than this (protocol §9).
        `timeout_seconds` replaces the provider's own. Raises `NotSent` or `Ambiguous`.
        """
        if not self.access.allow_private_address and _is_private_literal(self._host):
            raise NotSent(f"{self._host} is not a public address")
        total = self.access.timeout_seconds if timeout_seconds is None else timeout_seconds
        timeout = aiohttp.ClientTimeout(total=total, connect=min(LONGEST_CONNECT_SECONDS, total * 0.8))
        body = urlencode({"key": self.access.key, **fields}).encode()
        try:
            async with self._session.post(
                self.access.url, data=body, timeout=timeout, allow_redirects=False
            ) as response:
                return Answer(response.status, self._without_key(await _read(response)))
        except _NEVER_LEFT as error:
            raise NotSent(_described(error)) from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Ambiguous(_described(error)) from error

    def _without_key(self, body: bytes) -> bytes:
        key = self.access.key
        if len(key) < SHORTEST_SECRET_CHARACTERS:
            return body
        return body.replace(key.encode(), b"[key]").replace(quote_plus(key).encode(), b"[key]")

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > LONGEST_BODY_BYTES:
            response.close()
            raise Ambiguous(f"the reply is longer than {LONGEST_BODY_BYTES} bytes")
    return bytes(body)


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


class _CheckedResolver(AbstractResolver):
    """The system's name resolution, without addresses that are not public unless those are allowed."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises OSError when the name is unknown, or has no address that we may call."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        results = [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in found
            if self._allow_private or is_public(str(address[0]))
        ]
        if not results:
            raise OSError(None, f"{host} has no public address")
        return results

    async def close(self) -> None:
        """Nothing is kept."""


def is_public(address: str) -> bool:
    """Whether an IP address lies in the public internet, also where it is wrapped in an IPv6 one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if wrapped is not None:
            ip = wrapped
        elif ip in _NAT64:
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.is_global and not ip.is_multicast


def _is_private_literal(host: str) -> bool:
    """Whether a URL names a private address itself: then no name is resolved, and no resolver checks it."""
    try:
        return not is_public(host)
    except ValueError:
        return False
