"""Keeps what the door remembers in step with the database: versions, the catalogue, the use of keys."""

import asyncio
import contextlib
from collections.abc import Iterable
from functools import partial
from time import monotonic
from typing import Final

import structlog

from purveyor.accounts import keys as api_keys
from purveyor.api.authentication import KeyCache
from purveyor.api.catalogue import PriceLists
from purveyor.api.database_threads import DatabaseThread, reading
from purveyor.catalog import snapshot as catalogue

POLL_SECONDS: Final = 0.3
"""Between two looks at the versions; with the snapshot's own half second, a change shows within a second."""
NOTE_USE_SECONDS: Final = 15.0
"""Between two writes of which keys were used."""

_log = structlog.get_logger(__name__)

_News = tuple[int, catalogue.Snapshot]


class Watch:
    """Polls the database as long as it runs."""

    def __init__(self, *, thread: DatabaseThread, keys: KeyCache, price_lists: PriceLists) -> None:
        self._thread = thread
        self._keys = keys
        self._price_lists = price_lists
        self._is_blind = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look once, so that the first request finds everything there, and go on looking."""
        await self.look()
        self._task = asyncio.create_task(self._keep_looking())

    async def stop(self) -> None:
        """Stop looking, and write what is left to write."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._note_use()

    async def look(self) -> None:
        """Compare versions. Where the database does not answer, nothing that was cached is believed."""
        asked_at = monotonic()
        try:
            version, snapshot = await self._thread.call(_look)
        except Exception as trouble:  # noqa: BLE001  (whatever it is, the watch must go on)
            self._keys.forget()
            if not self._is_blind:
                _log.error("database_away", trouble=repr(trouble))
            self._is_blind = True
            return
        self._keys.confirm(version, now=asked_at)
        self._price_lists.replace(snapshot)
        if self._is_blind:
            _log.info("database_back")
        self._is_blind = False

    async def _keep_looking(self) -> None:
        noted_at = monotonic()
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self.look()
            if monotonic() - noted_at >= NOTE_USE_SECONDS:
                noted_at = monotonic()
                await self._note_use()

    async def _note_use(self) -> None:
        used = self._keys.take_used()
        if used and not self._is_blind:
            # When a key was last used is a convenience; a lost note is made good by the next use.
            with contextlib.suppress(Exception):
                await self._thread.call(partial(_note_use, used))


def _read_news() -> _News:
    return api_keys.version(), catalogue.current()


_look = reading(_read_news)


def _write_use(key_ids: Iterable[int]) -> None:
    api_keys.note_use(key_ids)


_note_use = reading(_write_use)
