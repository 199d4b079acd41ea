"""API v2 assembled: threads, batchers, caches and the door, for one event loop."""

import asyncio
import sys
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from purveyor.api.authentication import KeyCache
from purveyor.api.catalogue import PriceLists
from purveyor.api.database_threads import DatabaseThreads, is_connected
from purveyor.api.door import Door
from purveyor.api.observation import Figures, RequestLog, registry
from purveyor.api.rooms import Rooms
from purveyor.api.watching import Watch
from purveyor.configuration import Configuration


@dataclass(frozen=True, slots=True)
class Application:
    """Everything that API v2 needs in this process."""

    door: Door
    watch: Watch
    threads: DatabaseThreads
    metrics: CollectorRegistry
    log: RequestLog

    async def stop(self) -> None:
        """Stop watching, let running batches end, close the connections."""
        await self.watch.stop()
        await asyncio.get_running_loop().run_in_executor(None, self.threads.close)
        self.log.flush()

    async def database_answers(self) -> bool:
        """Whether the database answers at present."""
        return await self.threads.watching.call(is_connected)


async def start(configuration: Configuration) -> Application:
    """Assemble API v2 on the running event loop.

    Without a database it starts too, and answers 503 until there is one.
    """
    log = RequestLog(sys.stdout.buffer, form=configuration.log_form)
    threads = DatabaseThreads()
    rooms = Rooms(threads, currency=configuration.currency)
    keys = KeyCache(lookups=rooms.keys)
    price_lists = PriceLists(thread=threads.watching, service_id_as_string=configuration.service_id_as_string)
    figures = Figures()
    watch = Watch(thread=threads.watching, keys=keys, price_lists=price_lists)
    await watch.start()
    door = Door(
        configuration=configuration, rooms=rooms, keys=keys, price_lists=price_lists, figures=figures, log=log
    )
    return Application(door=door, watch=watch, threads=threads, metrics=registry(figures), log=log)
