"""Calls to a provider over HTTP, and what can be said for sure when one fails.

ProviderTrouble
├── NotSent      the request never left: surely not executed
├── OverBudget   we did not make it, because the provider's budget of calls is spent
└── Ambiguous    it may have been executed, and there is no answer to read
"""

import asyncio
import ipaddress
import json
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, quote_plus

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from purveyor.providers.models import Method
from purveyor.providers.protocol.dialect import Dialect
from purveyor.providers.protocol.replies import Answer

LONGEST_BODY_BYTES: Final = 16 * 1024 * 1024
"""Of a reply. The catalogue of a large panel is 2 MB (protocol §4.1)."""
LONGEST_CONNECT_SECONDS: Final = 10.0
KEEP_ALIVE_SECONDS: Final = 4.0
"""Shorter than the 5 s after which Apache and Node close an idle connection: a request sent into a connection
that the server is closing has an unknown outcome."""
DNS_CACHE_SECONDS: Final = 60

LONGEST_TROUBLE_CHARACTERS: Final = 500
"""Of what is kept and logged of an error: it may quote whatever the provider sent."""
SHORTEST_SECRET_CHARACTERS: Final = 12
"""A shorter key is none that a panel gives out, and might be found in the middle of an order id."""

PRIVATE_ADDRESS_CURE: Final = "if it shall be called, allow it with --private-address"
KEY_REDACTED: Final = "[key]"
_QUERY: Final = re.compile(r"\?[^\s'\")]*")
"""Of an address in an error's text."""
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


class OverBudget(ProviderTrouble):
    """The call was not made: the provider's budget of calls is spent for now."""


class Ambiguous(ProviderTrouble):
    """The request left, or may have, and no answer came back: it may have been executed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach a provider."""

    url: str
    key: str
    timeout_seconds: int
    """Of one call, in all."""
    services_timeout_seconds: int = 60
    """Of `services`: megabytes of JSON that many panels compute anew for each call (protocol §9)."""
    allow_private_address: bool = False
    dialect: Dialect = field(default_factory=Dialect)

    def __repr__(self) -> str:
        """Without the key, which must not reach a log."""
        return f"Access({_QUERY.sub('?…', self.url)})"

    def seconds_for(self, action: str) -> int:
        """The time-out of a call."""
        return self.services_timeout_seconds if action == "services" else self.timeout_seconds

    def without_key(self, text: str) -> str:
        """A text in which the key stands as little as in any of the forms that it travels in."""
        for form in _forms(self.key):
            text = text.replace(form, KEY_REDACTED)
        return text


class Client:
    """A provider's API v2. Must be made and used within one event loop, and closed."""

    def __init__(self, access: Access) -> None:
        self.access = access
        connector = aiohttp.TCPConnector(
            limit=0,  # the caller bounds what is in flight
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            ttl_dns_cache=DNS_CACHE_SECONDS,
            # Connections go to the very addresses that were checked: a name cannot point elsewhere later.
            resolver=_CheckedResolver(allow_private=access.allow_private_address),
        )
        dialect = access.dialect
        headers = {"User-Agent": dialect.user_agent, "Accept": "*/*"}
        if dialect.content_type is not None:
            headers["Content-Type"] = dialect.content_type
        self._method = "GET" if dialect.method is Method.GET else "POST"
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            middlewares=(_send_once,) if self._method == "GET" else (),
        )

    async def call(self, fields: Mapping[str, str]) -> Answer:
        """Send the fields with the key and read the whole answer, whatever its HTTP status, even a redirect.

        A provider that repeats our key in its answer does not get it any further than this (protocol §9),
        nor does an error that names the address, where GET has the key. Raises `NotSent` or `Ambiguous`.
        """
        address, body = self._request({"key": self.access.key, **fields})
        # The host as it will be called: other spellings of digits and dots are brought to these by then.
        host = address.host or ""
        if not self.access.allow_private_address and _is_private_literal(host):
            raise NotSent(f"{host} is not a public address: {PRIVATE_ADDRESS_CURE}")
        total = self.access.seconds_for(fields["action"])
        timeout = aiohttp.ClientTimeout(total=total, connect=min(LONGEST_CONNECT_SECONDS, total * 0.8))
        try:
            async with self._session.request(
                self._method, address, data=body, timeout=timeout, allow_redirects=False
            ) as response:
                return Answer(response.status, self._without_key(await _read(response)))
        # Not chained: what is chained is printed with a traceback, and these texts hold the address.
        except _NEVER_LEFT as error:
            raise NotSent(self._described(error, seconds=total)) from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Ambiguous(self._described(error, seconds=total)) from None

    def _request(self, fields: Mapping[str, str]) -> tuple[URL, bytes | None]:
        try:
            base = str(URL(self.access.url))
        except ValueError:
            raise NotSent("its address is none") from None
        url, body = self.access.dialect.request(base, fields)
        return URL(url, encoded=True), body

    def _without_key(self, body: bytes) -> bytes:
        if len(self.access.key) < SHORTEST_SECRET_CHARACTERS:
            return body
        for form in _forms(self.access.key):
            body = body.replace(form.encode(), KEY_REDACTED.encode())
        return body

    def _described(self, error: Exception, *, seconds: int) -> str:
        told = self.access.without_key(_QUERY.sub("?…", _in_words(error, seconds=seconds)))
        return told[:LONGEST_TROUBLE_CHARACTERS]

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()


def _in_words(error: Exception, *, seconds: int) -> str:
    """What happened, for the person who runs the panel; a mishap that has no words here keeps its name."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return "no connection came about in time"
        case aiohttp.ClientConnectorCertificateError():
            why = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
            return f"the certificate of {error.host} is not accepted: {why}"
        case aiohttp.ClientConnectorError():
            number, text = error.os_error.errno or 0, error.os_error.strerror or str(error.os_error)
            # The event loop's own text repeats the address; numbers below 0 are those of name resolution.
            return f"{error.host} cannot be reached: {os.strerror(number) if number > 0 else text}"
        case aiohttp.ServerDisconnectedError():
            return "it closed the connection before it answered"
        case aiohttp.ClientPayloadError():
            return "its answer broke off"
        case TimeoutError():
            return f"it did not answer within {seconds} seconds"
        case _:
            return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > LONGEST_BODY_BYTES:
            response.close()
            raise Ambiguous(f"the reply is longer than {LONGEST_BODY_BYTES} bytes")
    return bytes(body)


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a GET again by itself when its connection breaks: `add` would buy twice."""
    try:
        return await handler(request)
    except _NEVER_LEFT:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        raise Ambiguous("it closed the connection before it answered") from None


def _forms(key: str) -> list[str]:
    """A key as it may stand in a text: as it is, in an address or form, in JSON that may escape slashes."""
    in_json = json.dumps(key)[1:-1]
    plain = {key, in_json}
    forms = plain | {quote_plus(key), quote(key, safe=""), quote(key)}
    forms |= {form.replace("/", "\\/") for form in plain}
    return sorted(filter(None, forms), key=len, reverse=True)


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
            raise OSError(None, f"it has no public address: {PRIVATE_ADDRESS_CURE}")
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
