"""The one entry of the server: API v2 on the event loop, the pages through Django's WSGI in threads.

Run by granian with the `asgi` interface. The API door does not pass through Django's middleware.
"""

import gc
import logging
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from a2wsgi import WSGIMiddleware
from django.db.backends.signals import connection_created
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
from purveyor.database import plan_by_index
from purveyor.desk import errors as desk_errors
from purveyor.desk.door import BODY_MAX_BYTES as DESK_BODY_MAX_BYTES
from purveyor.desk.door import error_body

API_PATHS: Final = frozenset({"/api/v2", "/api/v2/"})
DESK_PATHS: Final = "/desk/"
"""What they begin with."""
PAGE_THREADS: Final = 8
"""Each keeps one database connection."""
PAGE_BODY_MAX_BYTES: Final = 4 * 1024 * 1024

connection_created.connect(plan_by_index)
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
    limit = DESK_BODY_MAX_BYTES if _is_desk(scope) else PAGE_BODY_MAX_BYTES
    try:
        body = await _Process.bodies.read_body(receive, announced=content_length(scope), limit=limit)
    except BodyTooLarge:
        await _turn_away(scope, send, desk_errors.BodyTooLarge(f"A body has at most {limit} bytes"))
        await drain(receive)
        return
    except BodyTooSlow:
        await _turn_away(scope, send, desk_errors.BodyTooSlow("The request took too long to arrive"))
        return
    except ClientGone:  # or a malformed chunk, which the server tells in the same way
        await _answer(send, 400, b"")
        return
    unread = [body]

    async def replay() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    await _pages(_with_length(scope, len(body)), replay, send)  # type: ignore[arg-type]  # a2wsgi has its own names for the same shapes


def _with_length(scope: Scope, length: int) -> Scope:
    """A request whose body is as long as it is: WSGI takes one that came in chunks for empty."""
    told = (b"content-length", b"transfer-encoding")
    headers = [header for header in scope["headers"] if header[0] not in told]
    return {**scope, "headers": [*headers, (b"content-length", str(length).encode())]}


def _is_desk(scope: Scope) -> bool:
    return bool(scope["path"].startswith(DESK_PATHS))


async def _turn_away(scope: Scope, send: Send, error: desk_errors.DeskError) -> None:
    """Say why a request does not get as far as Django, at the desk in the desk's form."""
    if _is_desk(scope):
        await _answer(send, error.status, error_body(error), content_type="application/json")
    else:
        await _answer(send, error.status, f"{error}.\n".encode())


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
