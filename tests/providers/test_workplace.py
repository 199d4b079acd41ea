"""What the worker's loops share: what takes long leaves those threads alone that orders wait for."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from purveyor.providers.housekeeping import Housekeeper
from purveyor.providers.workplace import (
    BACKGROUND_THREADS,
    CALLS_AT_ONCE,
    DATABASE_THREADS,
    Workplace,
    few_at_once,
)

SECONDS = 20.0


def test_what_takes_long_keeps_no_order_waiting() -> None:
    over = threading.Event()

    def take_long() -> bool:
        return over.wait(SECONDS)

    async def run() -> None:
        workplace = Workplace()
        everything = DATABASE_THREADS + BACKGROUND_THREADS
        slow = [asyncio.create_task(workplace.in_background(take_long)) for _ in range(everything)]
        try:
            # Were it waiting for a thread, it would be let go only by what comes after it.
            await workplace.in_database(over.set)
            assert await asyncio.gather(*slow) == [True] * everything
        finally:
            over.set()
            await workplace.close()

    asyncio.run(run())


class Background(Workplace):
    """A workplace in which the threads of orders are not to be used."""

    steps = 0

    async def in_database(self, function: Callable[..., Any], /, *_: Any, **__: Any) -> Any:
        raise AssertionError(function)

    async def in_background(self, function: Callable[..., Any], /, *_: Any, **__: Any) -> Any:
        self.steps += 1
        return None if function.__name__ == "claim_sync" else 0


@pytest.mark.parametrize(
    "step",
    [
        Housekeeper.measure,
        Housekeeper.score_routes,
        Housekeeper.sync_catalogues,
        Housekeeper.forget_exchanges,
        Housekeeper.delete_old_events,
        Housekeeper.watch_balances,
    ],
)
def test_reading_lists_measuring_and_forgetting_take_threads_of_their_own(
    step: Callable[[Housekeeper], Awaitable[bool]],
) -> None:
    async def run() -> None:
        workplace = Background()
        try:
            assert await step(Housekeeper(workplace)) is False
            assert workplace.steps >= 1
        finally:
            await workplace.close()

    asyncio.run(run())


def test_few_things_are_done_at_once_and_a_failure_waits_for_the_others() -> None:
    running, most, ended = 0, 0, []

    async def do(number: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        if number == 0:
            raise ValueError("the first")
        ended.append(number)

    with pytest.raises(ValueError, match="the first"):
        asyncio.run(few_at_once(do, range(30)))
    assert sorted(ended) == list(range(1, 30))
    assert most == CALLS_AT_ONCE
