"""Reading a request's body without trusting its sender: a cap on its size and a deadline for its arrival."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from time import monotonic
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY_MAX_BYTES: Final = 1024 * 1024
DRAIN_MAX_BYTES: Final = 8 * BODY_MAX_BYTES
"""A refused body is read and dropped up to here: most clients read no answer before all is sent."""
DRAIN_SECONDS: Final = 2.0
"""How long more of a refused body is waited for."""
BODY_SECONDS: Final = 10.0
"""How long a body may take to arrive."""
SWEEP_SECONDS: Final = 0.5
"""How exactly the deadline is kept."""


class BodyTooLarge(Exception):
    """The body is larger than the cap."""


class BodyTooSlow(Exception):
    """The body did not arrive within its deadline."""


class ClientGone(Exception):
    """The client hung up before its body was complete."""


class Deadlines:
    """Cancels the tasks whose body is late.

    One sweep for all instead of a timer for each: nearly every body is here already, and setting and removing
    a timer costs more than decoding it. Used on one event loop.
    """

    def __init__(self, *, seconds: float = BODY_SECONDS) -> None:
        self._seconds = seconds
        self._started: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._sweep_is_due = False

    async def read_body(
        self, receive: Receive, *, announced: int | None, limit: int = BODY_MAX_BYTES
    ) -> bytes:
        """Read the whole body, which may be empty.

        `announced` is its content-length; `limit` is in bytes. Raises `BodyTooLarge`, as soon as it is known
        to be, `BodyTooSlow` or `ClientGone`.
        """
        if announced is not None and announced > limit:
            raise BodyTooLarge
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101  (an ASGI application runs in a task)
        self._started[task] = monotonic()
        if not self._sweep_is_due:
            self._sweep_is_due = True
            loop.call_later(SWEEP_SECONDS, self._sweep, loop)
        try:
            return await _read(receive, announced, limit)
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            raise BodyTooSlow from None
        finally:
            del self._started[task]
            self._late.discard(task)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        begun_before = monotonic() - self._seconds
        for task, started in self._started.items():
            if started < begun_before and task not in self._late:
                self._late.add(task)
                task.cancel()
        self._sweep_is_due = bool(self._started)
        if self._sweep_is_due:
            loop.call_later(SWEEP_SECONDS, self._sweep, loop)


async def _read(receive: Receive, announced: int | None, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        part: bytes = message.get("body", b"")
        size += len(part)
        # The server tells the end of a body in a message of its own; whoever counted need not wait for it.
        is_last = size == announced or not message.get("more_body", False)
        if size > limit:
            raise BodyTooLarge
        if is_last and size == len(part):
            return part
        parts.append(part)
        if is_last:
            return b"".join(parts)


async def drain(receive: Receive) -> None:
    """Read and drop what still comes of a body that was refused, so that its sender gets to read why."""
    size = 0
    with contextlib.suppress(TimeoutError, RuntimeError):  # the latter where the server is through with it
        async with asyncio.timeout(DRAIN_SECONDS):
            while size <= DRAIN_MAX_BYTES:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
                size += len(message.get("body", b""))


def content_length(scope: Scope) -> int | None:
    """The length of the body as announced: 0 without a body, None where only its end will tell."""
    length: int | None = None if scope["http_version"] == "2" else 0
    for name, value in scope["headers"]:
        if name == b"content-length":
            length = int(value) if value.isdigit() else None
        elif name == b"transfer-encoding":
            return None
    return length
