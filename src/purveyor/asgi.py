"""The one entry of the server: API v2 on the event loop, the pages through Django's WSGI in threads.

Run by granian with the `asgi` interface. The API door does not pass through Django's middleware.
"""

import gc
import logging
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from a2wsgi import WSGIMiddleware
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from purveyor import configuration, logs
from purveyor.wsgi import application as pages

# Django must be set up, by the line above, before a room is imported.
# isort: split
from purveyor.api.addresses import is_local
from purveyor.api.application import Application, start
from purveyor.api.bodies import (
    BodyTooLarge,
    BodyTooSlow,
    ClientGone,
    Deadlines,
    Message,
    Receive,
    Scope,
    Send,
    content_length,
    drain,
)

API_PATHS: Final = frozenset({"/api/v2", "/api/v2/"})
PAGE_THREADS: Final = 8
"""Each keeps one database connection."""
PAGE_BODY_MAX_BYTES: Final = 4 * 1024 * 1024

_settings = configuration.current()
_pages = WSGIMiddleware(pages, workers=PAGE_THREADS)  # type: ignore[arg-type]  # Django returns a bare iterable


class _Process:
    """What lives as long as this process's event loop."""

    application: Application | None = None
    bodies = Deadlines()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request, or run the start and stop of the process."""
    if scope["type"] == "http":
        path = scope["path"]
        if path in API_PATHS and _Process.application is not None:
            await _Process.application.door(scope, receive, send)
        elif path in _OWN_PATHS:
            await _OWN_PATHS[path](scope, send)
        else:
            await _page(scope, receive, send)
    elif scope["type"] == "lifespan":
        await _live(receive, send)


async def _live(receive: Receive, send: Send) -> None:
    await receive()
    logs.configure(form=_settings.log_form, least=logging.INFO, stream=sys.stdout)
    logs.take_in_libraries(least=logging.WARNING)
    # A broken multipart body is the client's trouble, and told in its request's line.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    application = _Process.application = await start(_settings)
    # What is here now stays; without it a collection takes long enough to be seen in the slowest answers.
    gc.collect()
    gc.freeze()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await application.stop()
    await send({"type": "lifespan.shutdown.complete"})


async def _page(scope: Scope, receive: Receive, send: Send) -> None:
    """Hand a request to Django, its body already here: a slow sender must not hold one of the few threads."""
    try:
        body = await _Process.bodies.read_body(
            receive, announced=content_length(scope), limit=PAGE_BODY_MAX_BYTES
        )
    except BodyTooLarge:
        await _answer(send, 413, b"The request is too large.\n")
        await drain(receive)
        return
    except BodyTooSlow:
        await _answer(send, 408, b"The request took too long to arrive.\n")
        return
    except ClientGone:  # or a malformed chunk, which the server tells in the same way
        await _answer(send, 400, b"")
        return
    unread = [body]

    async def replay() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    await _pages(scope, replay, send)  # type: ignore[arg-type]  # a2wsgi has its own names for the same shapes


async def _health(_: Scope, send: Send) -> None:
    """200 while the database answers."""
    application = _Process.application
    if application is not None and await application.database_answers():
        await _answer(send, 200, b"ok\n")
    else:
        await _answer(send, 503, b"the database does not answer\n")


async def _metrics(scope: Scope, send: Send) -> None:
    """Prometheus metrics, for programs on this machine."""
    application = _Process.application
    if application is None or not is_local(scope, trusted_proxies=_settings.trusted_proxies):
        await _answer(send, 404, b"Not found\n")
        return
    await _answer(send, 200, generate_latest(application.metrics), content_type=CONTENT_TYPE_LATEST)


_OWN_PATHS: Final[MutableMapping[str, Callable[[Scope, Send], Awaitable[None]]]] = {
    "/healthz": _health,
    "/metrics": _metrics,
}


async def _answer(
    send: Send, status: int, body: bytes, *, content_type: str = "text/plain; charset=utf-8"
) -> None:
    headers: list[Any] = [(b"content-type", content_type.encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
