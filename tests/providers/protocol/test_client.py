"""The client against a server of bytes: whatever comes over the wire, and what can be said for sure of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from purveyor.providers.models import Method
from purveyor.providers.protocol import client as module
from purveyor.providers.protocol.client import Access, Ambiguous, Client, NotSent, is_public
from purveyor.providers.protocol.dialect import USER_AGENT, Dialect
from purveyor.providers.protocol.replies import Answer
from purveyor.providers.testing import NOBODY_LISTENS

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
V2 = Dialect()
DIALECTS = pytest.mark.parametrize("dialect", [Dialect(method=method) for method in Method], ids=list(Method))
ADD = {"action": "add", "link": "https://example.com/a+b?c=d e&f", "comments": "one\ntwo, three"}


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length")), 0)
    return head + await reader.readexactly(length)


@asynccontextmanager
async def serving(
    handle: Handler,
    *,
    allow_private: bool = True,
    seconds: int = 5,
    key: str = "the-key",
    dialect: Dialect = V2,
    path: str = "/api/v2",
) -> AsyncIterator[Client]:
    """A client of a server that reads each request and then does what `handle` says."""

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await handle(await _read_request(reader), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(on_connection, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = Client(
        Access(
            url=f"http://127.0.0.1:{port}{path}",
            key=key,
            timeout_seconds=seconds,
            allow_private_address=allow_private,
            dialect=dialect,
        )
    )
    try:
        yield client
    finally:
        await client.close()
        server.close()


def ask(
    handle: Handler,
    *,
    allow_private: bool = True,
    seconds: int = 5,
    dialect: Dialect = V2,
    key: str = "the-key",
) -> Answer:
    async def run() -> Answer:
        async with serving(
            handle, allow_private=allow_private, seconds=seconds, dialect=dialect, key=key
        ) as client:
            return await client.call(ADD)

    return asyncio.run(run())


def replying(*parts: bytes, close: bool = False) -> Handler:
    async def handle(_: bytes, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
        if close:
            writer.close()

    return handle


def http(body: bytes, status: bytes = b"200 OK", headers: bytes = b"") -> bytes:
    head = b"HTTP/1.1 " + status + b"\r\ncontent-length: " + str(len(body)).encode() + b"\r\n" + headers
    return head + b"\r\n" + body


def test_a_call_is_a_form_as_every_panel_reads_it() -> None:
    received: list[bytes] = []

    async def handle(request: bytes, writer: asyncio.StreamWriter) -> None:
        received.append(request)
        writer.write(http(b'{"order":1}'))

    assert ask(handle) == Answer(200, b'{"order":1}')
    head, _, body = received[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/v2 HTTP/1.1\r\n")
    headers = head.lower().split(b"\r\n")
    assert b"content-type: application/x-www-form-urlencoded" in headers
    assert b"user-agent: " + USER_AGENT.lower().encode() in headers
    assert b"accept: */*" in headers
    assert parse_qs(body.decode()) == {"key": ["the-key"]} | {name: [text] for name, text in ADD.items()}


@pytest.mark.parametrize("status", [b"201 Created", b"400 Bad Request", b"429 Slow Down", b"500 Oops"])
def test_every_http_status_is_an_answer(status: bytes) -> None:
    assert ask(replying(http(b"x", status))) == Answer(int(status[:3]), b"x")


@DIALECTS
@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"307 Temporary", b"308 Permanent"])
def test_a_redirect_is_not_followed(status: bytes, dialect: Dialect) -> None:
    calls = 0

    async def handle(_: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        writer.write(http(b"", status, b"location: /elsewhere\r\n"))

    assert ask(handle, dialect=dialect).http_status == int(status[:3])
    assert calls == 1


def test_connections_are_kept_and_cookies_are_not() -> None:
    async def run() -> tuple[int, bytes]:
        writers: set[int] = set()
        last = b""

        async def handle(request: bytes, writer: asyncio.StreamWriter) -> None:
            nonlocal last
            writers.add(id(writer))
            last = request
            writer.write(http(b"{}", headers=b"set-cookie: session=1; path=/\r\n"))

        async with serving(handle) as client:
            for _ in range(3):
                await client.call(ADD)
        return len(writers), last.lower()

    connections, last = asyncio.run(run())
    assert connections == 1
    assert b"cookie" not in last


async def _hang(_: bytes, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


AMBIGUOUS = [
    ("no answer in time", _hang),
    ("half an answer in time", replying(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")),
    ("the connection is dropped", replying(close=True)),
    ("dropped within the head", replying(b"HTTP/1.1 200 O", close=True)),
    ("dropped within the body", replying(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", close=True)),
    ("no HTTP at all", replying(b"220 mail.example.com ESMTP\r\n\r\n", close=True)),
    ("broken chunks", replying(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}", close=True)),
    ("a broken encoding", replying(http(b"nope", headers=b"content-encoding: gzip\r\n"))),
]


@DIALECTS
@pytest.mark.parametrize(("why", "handle"), AMBIGUOUS)
def test_once_sent_every_mishap_is_ambiguous(why: str, handle: Handler, dialect: Dialect) -> None:
    with pytest.raises(Ambiguous):
        ask(handle, seconds=1, dialect=dialect)


@DIALECTS
@pytest.mark.parametrize(
    ("handle", "words"),
    [
        (_hang, "it did not answer within 1 seconds"),
        (replying(close=True), "it closed the connection before it answered"),
        (replying(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", close=True), "its answer broke off"),
    ],
)
def test_a_mishap_is_told_in_words(handle: Handler, words: str, dialect: Dialect) -> None:
    with pytest.raises(Ambiguous) as told:
        ask(handle, seconds=1, dialect=dialect)
    assert str(told.value) == words


@DIALECTS
@pytest.mark.parametrize("breaks_at", [1, 2], ids=["a new connection", "a kept one"])
def test_a_call_is_never_repeated_by_itself(dialect: Dialect, breaks_at: int) -> None:
    calls = 0

    async def handle(_: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        if calls < breaks_at:
            writer.write(http(b"{}"))
        else:
            writer.close()

    async def run() -> None:
        async with serving(handle, dialect=dialect) as client:
            for _ in range(breaks_at - 1):
                await client.call(ADD)
            with pytest.raises(Ambiguous):
                await client.call(ADD)

    asyncio.run(run())
    assert calls == breaks_at


def test_a_body_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_BODY_BYTES", 100_000)

    async def handle(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    with pytest.raises(Ambiguous, match="longer than 100000 bytes"):
        ask(handle)


async def _reach(url: str, *, allow_private: bool = True) -> Answer:
    client = Client(Access(url=url, key="the-key", timeout_seconds=2, allow_private_address=allow_private))
    try:
        return await client.call(ADD)
    finally:
        await client.close()


def test_what_cannot_be_reached_is_told_in_words() -> None:
    with pytest.raises(NotSent, match=r"^127\.0\.0\.1 cannot be reached: Connection refused$"):
        asyncio.run(_reach(NOBODY_LISTENS))
    with pytest.raises(NotSent, match=r"is not a public address: .* with --private-address"):
        asyncio.run(_reach(NOBODY_LISTENS, allow_private=False))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/api/v2",
        "http://no-such-host.invalid/api/v2",
        "http:///api/v2",
        "ftp://127.0.0.1/api/v2",
        "https://127.0.0.1:9/api/v2",
    ],
)
def test_what_cannot_be_reached_was_not_sent(url: str) -> None:
    with pytest.raises(NotSent):
        asyncio.run(_reach(url))


def test_a_tls_handshake_that_fails_sends_nothing() -> None:
    received: list[bytes] = []

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(1000))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(on_connection, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            await _reach(f"https://127.0.0.1:{port}/")
        finally:
            server.close()

    with pytest.raises(NotSent):
        asyncio.run(run())
    assert b"the-key" not in b"".join(received)


def test_a_certificate_nobody_vouches_for_is_refused_before_the_key_is_told() -> None:
    received: list[bytes] = []

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(1000))
        writer.close()

    async def run() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(Path(__file__).with_name("self-signed.pem"))
        server = await asyncio.start_server(on_connection, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        try:
            await _reach(f"https://127.0.0.1:{port}/")
        finally:
            server.close()

    with pytest.raises(NotSent, match="certificate"):
        asyncio.run(run())
    assert b"".join(received) == b""


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "http://localhost:9/",
        "http://[::1]:9/",
        "http://[::ffff:127.0.0.1]:9/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://0.0.0.0:9/",
        "http://127\u30020.0.1:9/",
        "http://\uff11\uff12\uff17.0.0.1:9/",
    ],
)
def test_private_addresses_are_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(NotSent, match="public address"):
        asyncio.run(_reach(url, allow_private=False))


def test_a_server_on_loopback_is_never_reached_unless_allowed() -> None:
    calls = 0

    async def handle(_: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        writer.write(http(b"{}"))

    with pytest.raises(NotSent):
        ask(handle, allow_private=False)
    assert calls == 0


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("255.255.255.255", False),
        ("224.0.0.1", False),
        ("239.1.1.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:93.184.215.14", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::5db8:d70e", True),
    ],
)
def test_public_addresses(address: str, *, public: bool) -> None:
    assert is_public(address) is public
