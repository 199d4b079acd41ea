"""Reading a request's body without trusting its sender: a cap on its size and a deadline for its arrival."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY_MAX_BYTES: Final = 1024 * 1024
DRAIN_MAX_BYTES: Final = 8 * BODY_MAX_BYTES
"""A body over the cap is read and dropped up to here, because most clients read no answer before they have sent all."""
BODY_SECONDS: Final = 10.0
"""How long a body may take to arrive."""


class BodyTooLarge(Exception):
    """The body is larger than the cap."""


class BodyTooSlow(Exception):
    """The body did not arrive within its deadline."""


class ClientGone(Exception):
    """The client hung up before its body was complete."""


def content_length(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """The length that the client announced; None when it announced none."""
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None


async def read_body(
    receive: Receive, *, announced: int | None, limit: int = BODY_MAX_BYTES, seconds: float = BODY_SECONDS
) -> bytes:
    """Read the whole body.

    `announced` is the content-length; `limit` is in bytes. Raises `BodyTooLarge`, `BodyTooSlow` or `ClientGone`.
    """
    if announced is not None and announced > DRAIN_MAX_BYTES:
        raise BodyTooLarge
    try:
        async with asyncio.timeout(seconds):
            return await _read(receive, announced, limit)
    except TimeoutError:
        raise BodyTooSlow from None


async def _read(receive: Receive, announced: int | None, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size <= limit:
            parts.append(part)
        elif size > DRAIN_MAX_BYTES:
            raise BodyTooLarge
        # The server tells the end of a body in a message of its own; whoever counted need not wait for it.
        if size == announced or not message.get("more_body", False):
            break
    if size > limit:
        raise BodyTooLarge
    return parts[0] if len(parts) == 1 else b"".join(parts)
