"""What every loop of the worker needs: database threads, a line to each provider, and when to stop."""

import asyncio
import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

import structlog
from django.db import InterfaceError, OperationalError, connection
from psycopg.errors import DeadlockDetected

from purveyor.orders.placing import PlacingInterrupted
from purveyor.providers.metrics import CALLS, CALLS_FAILED, LOOP_FAILURES
from purveyor.providers.protocol.client import Client, NotSent, OverBudget, ProviderTrouble
from purveyor.providers.protocol.replies import Answer
from purveyor.providers.standing.paying import pay
from purveyor.providers.standing.standing import Standing

DATABASE_THREADS: Final = 4
BACKGROUND_THREADS: Final = 2
"""Beside them, for what may hold its thread for seconds while no order waits for it."""
CALLS_AT_ONCE: Final = 8
"""To one provider, of what is told or asked one by one."""
IDLE_SECONDS: Final = 0.2
FIRST_RETRY_SECONDS: Final = 0.2
LONGEST_RETRY_SECONDS: Final = 5.0
RETIRED_LINGER_SECONDS: Final = 15
CLOSING_SECONDS: Final = 3.0

T = TypeVar("T")
P = ParamSpec("P")
_log = structlog.get_logger(__name__)


class Workplace:
    """Shared by the loops of one worker; belongs to one event loop."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self._threads = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="database")
        self._background = ThreadPoolExecutor(BACKGROUND_THREADS, thread_name_prefix="background")
        self._clients: dict[int, Client] = {}
        self._paying: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        """One at a time for each provider: what waits for its row waits in one database thread."""
        self._closing: set[asyncio.Task[None]] = set()

    async def in_database(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run database code in a thread that keeps its connection, and loses it when the database did."""
        return await _run_in(self._threads, function, args, kwargs)

    async def in_background(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The same of what takes long and delays no order: it keeps no thread from those that wait."""
        return await _run_in(self._background, function, args, kwargs)

    async def call(
        self,
        provider: Standing,
        fields: Mapping[str, str],
        *,
        paid: bool = False,
        on_credit: bool = False,
    ) -> Answer:
        """Call a provider; `paid` where the call is off its budgets already, `on_credit` beside one that is.

        Raises `NotSent`, `Ambiguous` or `OverBudget`.
        """
        action = fields["action"]
        if not paid:
            await self.pay(provider, action, on_credit=on_credit)
        began = time.perf_counter()
        try:
            answer = await self._client(provider).call(fields)
        except ProviderTrouble as trouble:
            CALLS_FAILED.labels(action=action, kind=type(trouble).__name__).inc()
            level = _log.info if isinstance(trouble, NotSent) else _log.warning
            level("provider_call_failed", provider=provider.name, action=action, trouble=str(trouble))
            raise
        CALLS.labels(action=action).observe(time.perf_counter() - began)
        return answer

    async def pay(self, provider: Standing, action: str, *, on_credit: bool = False) -> None:
        """Take a call off the budgets of a provider that has limits. Raises `OverBudget`."""
        status = action == "status"
        limited = provider.calls_per_minute is not None
        if not limited and not (status and provider.status_calls_per_minute is not None):
            return
        async with self._paying[provider.id]:
            paid = await self.in_database(pay, provider_id=provider.id, status=status, on_credit=on_credit)
        if not paid:
            raise OverBudget(f"the budget of calls to {provider.name} is spent for now")

    def _client(self, provider: Standing) -> Client:
        """The line to a provider; a new one when its address or key has changed."""
        client = self._clients.get(provider.id)
        if client is None or client.access != provider.access:
            if client is not None:
                self._retire(client)
            client = self._clients[provider.id] = Client(provider.access)
        return client

    def _retire(self, client: Client) -> None:
        """Close a line once the calls that may still be under way on it have ended."""

        async def close_later() -> None:
            longest = max(client.access.timeout_seconds, client.access.services_timeout_seconds)
            await self.pause(longest + RETIRED_LINGER_SECONDS)
            await client.close()

        task = asyncio.create_task(close_later())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def pause(self, seconds: float, *, until: asyncio.Event | None = None) -> None:
        """Wait so long, or until the event, or until the worker stops."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self.stopping, until) if event]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    async def keep_doing(
        self, name: str, step: Callable[[], Any], *, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        """Do `step` until the worker stops: again at once while it finds work, after a pause when not.

        A failure is logged and tried again, with pauses that grow: the database or a provider may be away.
        """
        retry_seconds = FIRST_RETRY_SECONDS
        while not self.stopping.is_set():
            try:
                busy = await step()
            except Exception as failure:  # noqa: BLE001  (whatever it is, the other loops and the next round go on)
                self.log_failure(name, failure)
                await self.pause(retry_seconds)
                retry_seconds = min(retry_seconds * 2, LONGEST_RETRY_SECONDS)
                continue
            retry_seconds = FIRST_RETRY_SECONDS
            if not busy:
                await self.pause(idle_seconds)

    def log_failure(self, name: str, failure: Exception) -> None:
        """Count and log what went wrong in a loop that goes on."""
        LOOP_FAILURES.labels(loop=name).inc()
        if isinstance(failure, InterfaceError | OperationalError):
            _log.warning("worker_waits_for_database", loop=name, error=str(failure).strip())
        else:
            _log.error("worker_round_failed", loop=name, exc_info=failure)

    async def close(self) -> None:
        """Hang up on every provider and let the database threads end."""
        self.stopping.set()
        await asyncio.gather(*(client.close() for client in self._clients.values()), *self._closing)
        await asyncio.gather(
            _close(self._threads, DATABASE_THREADS), _close(self._background, BACKGROUND_THREADS)
        )


async def few_at_once(do: Callable[[T], Awaitable[object]], items: Iterable[T]) -> None:
    """Do it with each item, `CALLS_AT_ONCE` at a time. When all have ended, the first failure is raised.

    Not before: what still runs would go on behind the back of a caller that has given it up.
    """
    places = asyncio.Semaphore(CALLS_AT_ONCE)

    async def do_one(item: T) -> None:
        async with places:
            await do(item)

    ended = await asyncio.gather(*map(do_one, items), return_exceptions=True)
    for failure in ended:
        if isinstance(failure, BaseException):
            raise failure


async def _run_in(
    threads: ThreadPoolExecutor, function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> T:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, lambda: _with_connection(function, args, kwargs))


async def _close(threads: ThreadPoolExecutor, number: int) -> None:
    # Only a thread itself may close its connection: the barrier gives each of them one turn.
    everyone = threading.Barrier(number, timeout=CLOSING_SECONDS)
    loop = asyncio.get_running_loop()
    turns = [loop.run_in_executor(threads, _hang_up, everyone) for _ in range(number)]
    await asyncio.wait(turns, timeout=CLOSING_SECONDS)
    threads.shutdown(wait=False, cancel_futures=True)


def _with_connection(function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    try:
        try:
            return function(*args, **kwargs)
        except (OperationalError, PlacingInterrupted) as error:
            if not _is_deadlock(error):
                raise
            # Another transaction was let through. Ours was rolled back, so it surely had no effect.
            _log.warning("deadlock_retried", function=getattr(function, "__name__", ""))
            return function(*args, **kwargs)
    except (InterfaceError, OperationalError, PlacingInterrupted):
        connection.close()  # it may be dead; the next call opens a new one
        raise


def _is_deadlock(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, DeadlockDetected):
        error = error.__cause__
    return error is not None


def _hang_up(everyone: threading.Barrier) -> None:
    with contextlib.suppress(threading.BrokenBarrierError):
        everyone.wait()
    connection.close()
