"""Gathers what concurrent requests want into one call to the database (group commit, shared look-ups)."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from purveyor.api.database_threads import DatabaseThread

Want = TypeVar("Want")
Answer = TypeVar("Answer")

BATCH_MAX_WANTS: Final = 500
"""Wants in one call. More gain little, and everyone in a batch waits for its end."""


class Batcher(Generic[Want, Answer]):
    """Runs one batch at a time in a database thread; what arrives meanwhile becomes the next batch.

    A lone want goes at once. `run` gets a list of wants and returns their answers in the same order; whatever
    it raises, every waiter of that batch gets.
    """

    def __init__(self, run: Callable[[Sequence[Want]], Sequence[Answer]], *, thread: DatabaseThread) -> None:
        self._run = run
        self._thread = thread
        self._waiting: deque[tuple[Sequence[Want], asyncio.Future[Sequence[Answer]]]] = deque()
        self._is_busy = False

    def submit(self, wants: Sequence[Want]) -> "asyncio.Future[Sequence[Answer]]":
        """Ask for the answers to `wants`, which stay together in one batch."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Sequence[Answer]] = loop.create_future()
        self._waiting.append((wants, waiter))
        if not self._is_busy:
            self._is_busy = True
            # Not before the loop has read the other requests that are here already: they come along free.
            loop.call_soon(self._start)
        return waiter

    def _start(self) -> None:
        batch: list[Want] = []
        waiters: list[tuple[int, asyncio.Future[Sequence[Answer]]]] = []
        while self._waiting and (not batch or len(batch) + len(self._waiting[0][0]) <= BATCH_MAX_WANTS):
            wants, waiter = self._waiting.popleft()
            if not waiter.cancelled():
                waiters.append((len(wants), waiter))
                batch.extend(wants)
        if not batch:
            # Nobody waits, or only for nothing.
            self._is_busy = False
            for _, waiter in waiters:
                waiter.set_result(())
            return
        running = self._thread.call(lambda: self._run(batch))
        running.add_done_callback(lambda done: self._finish(done, waiters))

    def _finish(
        self,
        done: "asyncio.Future[Sequence[Answer]]",
        waiters: list[tuple[int, asyncio.Future[Sequence[Answer]]]],
    ) -> None:
        trouble = done.exception()
        answers = () if trouble else done.result()
        start = 0
        for count, waiter in waiters:
            if waiter.done():
                pass  # its client hung up
            elif trouble:
                waiter.set_exception(trouble)
            else:
                waiter.set_result(answers[start : start + count])
            start += count
        asyncio.get_running_loop().call_soon(self._start)
