"""What must not get out, nor in: the key in a log or a kept answer, a private address, a body without end."""

import asyncio
import gzip
import ipaddress
import logging
import socket
import traceback
from typing import Any

import pytest

from purveyor.providers.models import Method
from purveyor.providers.protocol import client as module
from purveyor.providers.protocol.client import (
    LONGEST_TROUBLE_CHARACTERS,
    Access,
    Ambiguous,
    Client,
    NotSent,
    ProviderTrouble,
)
from purveyor.providers.protocol.dialect import Dialect
from purveyor.providers.protocol.replies import Answer
from tests.providers.protocol.test_client import (
    ADD,
    AMBIGUOUS,
    DIALECTS,
    Handler,
    ask,
    http,
    replying,
    serving,
)

KEY = "a/secret+key of-length"
EXTRA = "another-secret"
PUBLIC = ipaddress.ip_address("127.0.0.2")
"""As if it were; nobody listens there."""
SECRETS = (KEY, "a%2Fsecret", "a/secret", EXTRA)


def test_the_key_is_not_in_what_a_log_would_show() -> None:
    access = Access(url="https://example.com/api/v2?key=the-key", key="the-key", timeout_seconds=2)
    assert "the-key" not in repr(access)
    assert "the-key" not in str(access)


UNREACHABLE = (
    "http://127.0.0.1:9/api/v2",
    "http://no-such-host.invalid/api/v2",
    "http:///api/v2",
    "ftp://127.0.0.1/api/v2",
    "http://127.0.0.1:99999/api/v2",
    "https://127.0.0.1:9/api/v2",
)


def failures(dialect: Dialect) -> list[ProviderTrouble]:
    """Every way in which a call can fail."""

    async def reach(url: str) -> None:
        client = Client(
            Access(url=url, key=KEY, timeout_seconds=1, allow_private_address=True, dialect=dialect)
        )
        try:
            await client.call(ADD)
        finally:
            await client.close()

    found = []
    for _, handle in AMBIGUOUS:
        with pytest.raises(ProviderTrouble) as raised:
            ask(handle, seconds=1, dialect=dialect, key=KEY)
        found.append(raised.value)
    for url in UNREACHABLE:
        with pytest.raises(NotSent) as not_sent:
            asyncio.run(reach(url))
        found.append(not_sent.value)
    return found


@pytest.mark.parametrize("method", list(Method))
def test_the_key_is_in_no_error_and_no_log_whatever_the_method(
    method: Method, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for failure in failures(Dialect(method=method, extra_fields={"token": EXTRA})):
        shown = f"{failure!r} {failure} {''.join(traceback.format_exception(failure))}"
        assert type(failure).__name__ in shown
        for secret in SECRETS:
            assert secret not in shown
    for secret in SECRETS:
        assert secret not in caplog.text


@pytest.mark.parametrize("odd", [b"x", b"\xff", b"\0"])
def test_an_error_quotes_what_came_not_at_length(odd: bytes) -> None:
    with pytest.raises(Ambiguous, match="Invalid header token") as raised:
        ask(replying(b"HTTP/1.1 200 OK\r\n" + odd * 3_000 + b"\r\n\r\n", close=True))
    assert len(str(raised.value)) == LONGEST_TROUBLE_CHARACTERS
    assert str(raised.value).isascii()


def test_an_address_in_an_error_ends_where_its_query_begins() -> None:
    with pytest.raises(Ambiguous, match=r"ClientResponseError: .*/api/v2\?…"):
        ask(replying(b"220 mail.example.com ESMTP\r\n\r\n"), dialect=Dialect(method=Method.GET))


@pytest.mark.parametrize(
    "said", ["a-key-of-length/+", "a-key-of-length%2F%2B", "a-key-of-length/%2B", "a-key-of-length\\/+"]
)
@DIALECTS
def test_a_key_that_the_provider_repeats_goes_no_further(said: str, dialect: Dialect) -> None:
    body = f'{{"error":"key={said} is limited"}}'.encode()
    answer = ask(replying(http(body)), key="a-key-of-length/+", dialect=dialect)
    assert answer == Answer(200, b'{"error":"key=[key] is limited"}')


def test_a_key_as_short_as_an_order_id_is_not_looked_for() -> None:
    assert ask(replying(http(b'{"order":123456}')), key="2345") == Answer(200, b'{"order":123456}')


def _resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
    """Have the next look-ups of any name bring these addresses."""
    left = list(answers)

    async def getaddrinfo(_: Any, host: str, port: int, **__: Any) -> list[Any]:
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)


def _counting(calls: list[bytes]) -> Handler:
    async def handle(request: bytes, writer: asyncio.StreamWriter) -> None:
        calls.append(request)
        writer.write(http(b"{}"))

    return handle


@DIALECTS
def test_a_name_that_points_to_this_machine_later_is_refused(
    monkeypatch: pytest.MonkeyPatch, dialect: Dialect
) -> None:
    """DNS rebinding: another address at the second call, and one beside a public one."""
    calls: list[bytes] = []
    monkeypatch.setattr(module, "DNS_CACHE_SECONDS", 0)
    monkeypatch.setattr(module, "is_public", lambda text: ipaddress.ip_address(text) == PUBLIC)

    async def failures_at(port: str) -> list[str]:
        _resolving(monkeypatch, [str(PUBLIC), "127.0.0.1"], ["127.0.0.1"])
        url = f"http://panel.example.com:{port}/"
        client = Client(Access(url=url, key=KEY, timeout_seconds=1, dialect=dialect))
        found = []
        try:
            for _ in range(2):
                with pytest.raises(NotSent) as failure:
                    await client.call(ADD)
                found.append(str(failure.value))
        finally:
            await client.close()
        return found

    async def run() -> list[str]:
        async with serving(_counting(calls)) as local:
            return await failures_at(local.access.url.split(":")[2].partition("/")[0])

    first, second = asyncio.run(run())
    assert "cannot be reached: Connection refused" in first
    assert "no public address" not in first
    assert "no public address" in second
    assert calls == []


def test_a_small_body_that_unpacks_to_a_large_one_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_BODY_BYTES", 100_000)
    packed = gzip.compress(b"x" * 10_000_000)
    with pytest.raises(Ambiguous, match="longer than 100000 bytes"):
        ask(replying(http(packed, headers=b"content-encoding: gzip\r\n")))


def test_the_catalogue_has_a_time_out_of_its_own() -> None:
    async def slow(_: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1.5)
        writer.write(http(b"[]"))

    async def run() -> Answer:
        async with serving(slow, seconds=1) as client:
            with pytest.raises(Ambiguous):
                await client.call({"action": "balance"})
            return await client.call({"action": "services"})

    assert asyncio.run(run()) == Answer(200, b"[]")
