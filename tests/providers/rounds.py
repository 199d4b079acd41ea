"""The worker's loops, each run until it has nothing to do."""

import asyncio
from collections.abc import Awaitable, Callable

from django.db import InterfaceError, OperationalError

from purveyor.orders.models import Dispatch, Order
from purveyor.providers.following.polling import Poller
from purveyor.providers.models import CancelTask, Fulfilment, RefillTask
from purveyor.providers.outcomes.reconciling import Reconciler
from purveyor.providers.sending.dispatch import Dispatcher
from purveyor.providers.tasks.forwarding import Forwarder
from purveyor.providers.worker import work
from purveyor.providers.workplace import Workplace

SECONDS_TO_FINISH = 90.0
"""Before what hangs is given up; nothing takes nearly as long, however busy the machine is."""
LOOK_AGAIN_SECONDS = 0.05
LONG_AGO = "2020-01-01T00:00:00Z"


def dispatch() -> None:
    """Hand over everything that is queued, and wait for every outcome, until nothing is queued any more."""
    _in_a_workplace(drain_queue)


async def drain_queue(workplace: Workplace) -> None:
    """The same in a workplace at hand."""
    while await workplace.in_database(Order.objects.filter(dispatch=Dispatch.QUEUED).exists):
        dispatcher = Dispatcher(workplace)
        while await dispatcher.step():
            pass
        await dispatcher.finish(seconds=SECONDS_TO_FINISH)


def poll() -> None:
    """Ask about everything that is still followed, as if it were due."""
    Fulfilment.objects.exclude(next_poll_at=None).update(next_poll_at=LONG_AGO)
    poll_due()


def poll_due() -> None:
    """Ask about what is due."""

    async def run(workplace: Workplace) -> None:
        poller = Poller(workplace)
        await poller.step()
        await poller.finish(seconds=SECONDS_TO_FINISH)

    _in_a_workplace(run)


def forward() -> None:
    """Tell every wish that is waiting, as if it were due."""
    RefillTask.objects.exclude(next_at=None).update(next_at=LONG_AGO)
    CancelTask.objects.exclude(next_at=None).update(next_at=LONG_AGO)

    async def run(workplace: Workplace) -> None:
        forwarder = Forwarder(workplace)
        await forwarder.step()
        await forwarder.finish(seconds=SECONDS_TO_FINISH)

    _in_a_workplace(run)


def reconcile() -> None:
    """Look into every unknown outcome, as if it were due."""
    Fulfilment.objects.exclude(next_look_at=None).update(next_look_at=LONG_AGO)

    async def run(workplace: Workplace) -> None:
        reconciler = Reconciler(workplace)
        await reconciler.step()
        await reconciler.finish(seconds=SECONDS_TO_FINISH)

    _in_a_workplace(run)


def work_until(done: Callable[[], bool], *, seconds: float = SECONDS_TO_FINISH) -> None:
    """Run a whole worker until `done` says so. Raises TimeoutError."""

    async def run(workplace: Workplace) -> None:
        working = asyncio.create_task(work(workplace))
        try:
            async with asyncio.timeout(seconds):
                while not await _is_done(workplace, done):
                    await workplace.pause(LOOK_AGAIN_SECONDS)
        finally:
            workplace.stopping.set()
            await working

    asyncio.run(run(Workplace()))


async def _is_done(workplace: Workplace, done: Callable[[], bool]) -> bool:
    try:
        return await workplace.in_database(done)
    except (InterfaceError, OperationalError):
        return False  # a test may cut the connection this runs on


def _in_a_workplace(do: Callable[[Workplace], Awaitable[None]]) -> None:
    async def run() -> None:
        workplace = Workplace()
        try:
            await do(workplace)
        finally:
            await workplace.close()

    asyncio.run(run())
