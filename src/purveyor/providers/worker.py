"""The worker: every loop of fulfilment in one process. Any number of workers run beside each other."""

import asyncio
import signal
import sys
from typing import Final

import structlog
from django.db.backends.signals import connection_created

from purveyor.database import plan_by_index
from purveyor.outbox import numbering, retention
from purveyor.providers import forgetting, housekeeping
from purveyor.providers.following import late_orders, measuring, polling
from purveyor.providers.following.polling import Poller
from purveyor.providers.housekeeping import Housekeeper
from purveyor.providers.outcomes import reconciling
from purveyor.providers.outcomes.reconciling import Reconciler
from purveyor.providers.routes import route_quality
from purveyor.providers.sending import dispatch
from purveyor.providers.sending.dispatch import Dispatcher
from purveyor.providers.standing import balances
from purveyor.providers.tasks import forwarding
from purveyor.providers.tasks.forwarding import Forwarder
from purveyor.providers.workplace import Workplace

SWITCH_SECONDS: Final = 0.001
STOP_SECONDS: Final = 3.0
"""Calls under way get so long to end when the worker is told to stop."""

_log = structlog.get_logger(__name__)


def run() -> None:
    """Work until SIGTERM or SIGINT. Blocks; Django must be set up."""
    # The loop hands the interpreter to its database threads all the time: waiting the usual 5 ms to get it
    # back would be felt in every call.
    sys.setswitchinterval(SWITCH_SECONDS)
    connection_created.connect(plan_by_index)
    with asyncio.Runner(loop_factory=_event_loop) as runner:
        runner.run(_until_told_to_stop())


def _event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415  (not on every system; asyncio's own loop does the same, slower)
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _until_told_to_stop() -> None:
    workplace = Workplace()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, workplace.stopping.set)
    await work(workplace)


async def work(workplace: Workplace) -> None:
    """Run every loop until the workplace stops, then finish or abandon what is under way."""
    dispatcher, poller, forwarder = Dispatcher(workplace), Poller(workplace), Forwarder(workplace)
    reconciler, house = Reconciler(workplace), Housekeeper(workplace)
    loops = (
        ("dispatch", dispatcher.step, dispatch.IDLE_SECONDS),
        ("polling", poller.step, polling.IDLE_SECONDS),
        ("forwarding", forwarder.step, forwarding.IDLE_SECONDS),
        ("reconciling", reconciler.step, reconciling.IDLE_SECONDS),
        ("expiry", house.give_up_expired, housekeeping.EXPIRY_IDLE_SECONDS),
        ("releasing", house.release_held, housekeeping.RELEASE_IDLE_SECONDS),
        ("drip-feed", house.release_runs, housekeeping.RUNS_IDLE_SECONDS),
        ("late orders", house.act_on_late_orders, late_orders.IDLE_SECONDS),
        ("balances", house.watch_balances, balances.IDLE_SECONDS),
        ("posts", house.tend_posts, housekeeping.POSTS_IDLE_SECONDS),
        ("measuring", house.measure, measuring.IDLE_SECONDS),
        ("desks", house.serve_desks, housekeeping.DESKS_IDLE_SECONDS),
        ("scoring", house.score_routes, route_quality.IDLE_SECONDS),
        ("catalogues", house.sync_catalogues, housekeeping.SYNC_IDLE_SECONDS),
        ("events", house.number_events, numbering.IDLE_SECONDS),
        ("old exchanges", house.forget_exchanges, forgetting.IDLE_SECONDS),
        ("old events", house.delete_old_events, retention.IDLE_SECONDS),
    )
    _log.info("worker_started")
    try:
        await asyncio.gather(
            *(workplace.keep_doing(name, step, idle_seconds=idle) for name, step, idle in loops)
        )
    finally:
        workplace.stopping.set()
        parts = (dispatcher, poller, forwarder, reconciler)
        await asyncio.gather(*(part.finish(seconds=STOP_SECONDS) for part in parts))
        await workplace.close()
        _log.info("worker_stopped")
