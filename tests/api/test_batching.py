"""Batches: gathered while one runs, never held back, and an error reaches everyone in its batch only."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from purveyor.api.batching import BATCH_MAX_WANTS, Batcher
from purveyor.api.database_threads import DatabaseThread


class Slow:
    """A call that takes until it is let go, and remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.began = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, wants: Sequence[int]) -> list[int]:
        self.batches.append(list(wants))
        self.began.set()
        assert self.go_on.wait(10)
        if any(want < 0 for want in wants):
            raise LookupError(list(wants))
        return [want * 10 for want in wants]


@pytest.fixture
def thread() -> Iterator[DatabaseThread]:
    thread = DatabaseThread("test")
    yield thread
    thread.close()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110  (what is waited for happens in another thread)
            await asyncio.sleep(0.001)


def test_what_arrives_while_a_batch_runs_becomes_the_next(thread: DatabaseThread) -> None:
    async def scene() -> None:
        run = Slow()
        batcher = Batcher(run, thread=thread)
        first = batcher.submit([1])
        await until(run.began.is_set)  # a lone one goes at once
        others = [batcher.submit([number]) for number in range(2, 6)]
        listed = batcher.submit([6, 7])
        run.go_on.set()
        assert await first == [10]
        assert await asyncio.gather(*others) == [[20], [30], [40], [50]]
        assert await listed == [60, 70]
        assert run.batches == [[1], [2, 3, 4, 5, 6, 7]]

    asyncio.run(scene())


def test_what_is_here_already_comes_along(thread: DatabaseThread) -> None:
    async def scene() -> None:
        run = Slow()
        run.go_on.set()
        batcher = Batcher(run, thread=thread)
        await asyncio.gather(*[batcher.submit([number]) for number in range(5)])
        assert run.batches == [[0, 1, 2, 3, 4]]

    asyncio.run(scene())


def test_a_batch_has_a_limit_and_keeps_the_order(thread: DatabaseThread) -> None:
    async def scene() -> None:
        run = Slow()
        run.go_on.set()
        batcher = Batcher(run, thread=thread)
        answers = await asyncio.gather(*[batcher.submit([number] * 100) for number in range(12)])
        assert answers == [[number * 10] * 100 for number in range(12)]
        assert [len(batch) for batch in run.batches] == [BATCH_MAX_WANTS, BATCH_MAX_WANTS, 200]

    asyncio.run(scene())


def test_trouble_reaches_every_waiter_of_its_batch_and_nobody_else(thread: DatabaseThread) -> None:
    async def scene() -> None:
        run = Slow()
        batcher = Batcher(run, thread=thread)
        first = batcher.submit([1])
        await until(run.began.is_set)
        bad, neighbour = batcher.submit([-1]), batcher.submit([2])
        run.go_on.set()
        assert await first == [10]
        for waiter in (bad, neighbour):
            with pytest.raises(LookupError):
                await waiter
        assert await batcher.submit([3]) == [30]

    asyncio.run(scene())


def test_a_client_that_hung_up_before_its_batch_is_left_out(thread: DatabaseThread) -> None:
    async def scene() -> None:
        run = Slow()
        batcher = Batcher(run, thread=thread)
        first = batcher.submit([1])
        await until(run.began.is_set)
        gone, kept = batcher.submit([2]), batcher.submit([3])
        gone.cancel()
        first.cancel()  # too late: its batch runs
        run.go_on.set()
        assert await kept == [30]
        assert run.batches == [[1], [3]]

    asyncio.run(scene())


def test_wanting_nothing_is_answered(thread: DatabaseThread) -> None:
    async def scene() -> None:
        run = Slow()
        run.go_on.set()
        batcher = Batcher(run, thread=thread)
        assert await batcher.submit([]) == ()
        nothing, something = await asyncio.gather(batcher.submit([]), batcher.submit([1]))
        assert (nothing, something) == ([], [10])
        assert run.batches == [[1]]

    asyncio.run(scene())
