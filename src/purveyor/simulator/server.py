"""The simulated provider as an HTTP server: its API, and its control door at `/control/`."""

import asyncio
import signal
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Final

from aiohttp import web

from purveyor.simulator import control, refusals, wire
from purveyor.simulator.control import PROVIDER
from purveyor.simulator.provider import DEFAULT_DEPOSIT, Provider, open_provider, respond

SHUTDOWN_SECONDS: Final = 1.0


def application(provider: Provider) -> web.Application:
    """The doors of a provider; its journal is closed when the application is cleaned up."""
    app = web.Application(client_max_size=wire.LARGEST_BODY_BYTES)
    app[PROVIDER] = provider
    for path in (provider.dialect.path, f"{provider.dialect.path}/"):
        app.router.add_get(path, _answer)
        if not provider.dialect.get_only:
            app.router.add_post(path, _answer)
    control.add_routes(app)
    app.on_cleanup.append(_close_journal)
    return app


def run(
    *,
    key: str,
    host: str = "127.0.0.1",
    port: int = 0,
    journal: Path | None = None,
    speed: float = 1.0,
    seed: int = 0,
    deposit: Decimal = DEFAULT_DEPOSIT,
    latency_seconds: float = 0.0,
    on_listening: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        key: the API key that callers must show, also at the control door.
        host: the address to listen on.
        port: 0 takes a free one.
        journal: where accepted orders are kept through a restart; None forgets them.
        speed: life seconds per second; at 1 an order is done in 15 to 50 seconds.
        seed: what the fates of orders are drawn from; an existing journal goes on with its own.
        deposit: the starting balance, in USD.
        latency_seconds: from a call's arrival to its answer, at least.
        on_listening: called once with the URL of the API.

    Raises:
        OSError: the port is taken, or the journal cannot be opened.
        JournalBusy: another process writes the journal.
        JournalDamaged: the journal was not written by the simulated provider.
        ValueError: the speed is not above zero.
    """
    provider = open_provider(
        key=key,
        journal=journal,
        speed=speed,
        seed=seed,
        deposit=deposit,
        latency_seconds=latency_seconds,
    )
    with asyncio.Runner(loop_factory=new_event_loop()) as runner:
        runner.run(_serve(provider, host=host, port=port, on_listening=on_listening))


def new_event_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    """Make event loops of uvloop where the platform has it."""
    try:
        import uvloop  # noqa: PLC0415  absent on Windows
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


async def listen(provider: Provider, *, host: str, port: int) -> tuple[web.AppRunner, str]:
    """Start serving; returns the runner, whose `cleanup` ends it, and the URL of the API."""
    runner = web.AppRunner(application(provider), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    address = runner.addresses[0]
    name = f"[{address[0]}]" if ":" in address[0] else address[0]
    return runner, f"http://{name}:{address[1]}{provider.dialect.path}"


async def _serve(
    provider: Provider, *, host: str, port: int, on_listening: Callable[[str], None] | None
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, stop.set)
    runner, url = await listen(provider, host=host, port=port)
    try:
        if on_listening is not None:
            on_listening(url)
        await stop.wait()
    finally:
        await runner.cleanup()


async def _answer(request: web.Request) -> web.Response:
    provider = request.app[PROVIDER]
    try:
        fields = provider.dialect.understood(await wire.read_fields(request))
    except wire.Unreadable:
        return web.json_response({"error": refusals.INCORRECT_REQUEST})
    reply = await respond(provider, fields)
    if reply is None:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    response = web.Response(body=reply.body, status=reply.http_status)
    response.headers["Content-Type"] = reply.content_type
    if reply.http_status == web.HTTPTooManyRequests.status_code:
        response.headers["Retry-After"] = "1"
    return response


async def _close_journal(app: web.Application) -> None:
    journal = app[PROVIDER].books.journal
    if journal is not None:
        journal.close()
