"""Following on a fast clock: what the schedule and the budgets do to a million open orders.

No network and no database: the product's own schedule and budget decide, second by second, on made-up orders.
"""

import argparse
import heapq
import itertools
import random
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import ceil, exp, log
from typing import Final

from purveyor.providers.following.polling_schedule import SOONEST, next_delay
from purveyor.providers.standing.polling_budget import AHEAD, IDS_PER_CALL, LISTS_AT_ONCE, Budget

MEDIAN_SECONDS: Final = 3 * 3600.0
SPREAD: Final = 1.5
"""Of the logarithm of durations: one order in a hundred ends within 6 minutes, one takes four days."""
QUANTITY: Final = 1000
_BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is simulated."""

    orders: int = 1_000_000
    providers: int = 50
    settle_seconds: int = 4 * 3600
    """The first provider is followed for so long before, until its stretch stays: all begin with it."""
    warm_up_seconds: int = 1200
    seconds: int = 1200
    """That are measured, after the warm-up."""


@dataclass(slots=True)
class Found:
    """What was measured."""

    calls: int = 0
    asked: int = 0
    delays: "array[float]" = field(default_factory=lambda: array("d"))
    """Seconds from each change (start, end) until it was seen."""


@dataclass(slots=True)
class _Order:
    born: float
    start: float
    end: float
    started: bool


def simulate(size: Size, *, calls_per_minute: int, seed: int) -> Found:
    """Follow the orders of every provider for the time told."""
    dice, found = random.Random(seed), Found()
    count = size.orders // size.providers
    first = _Provider(count, Budget(calls_per_minute=calls_per_minute, spent_until=_BEGIN, stretch=1.0), dice)
    for _ in range(size.settle_seconds):
        first.pass_second(None)
    for _ in range(size.providers):
        provider = _Provider(count, replace(first.budget, spent_until=_BEGIN), dice)
        for _ in range(size.warm_up_seconds):
            provider.pass_second(None)
        for _ in range(size.seconds):
            provider.pass_second(found)
    return found


class _Provider:
    """A provider with its open orders: as many arrive as end."""

    def __init__(self, count: int, budget: Budget, dice: random.Random) -> None:
        self.budget = budget
        self._dice = dice
        self._second = 0
        self._per_second = count / (MEDIAN_SECONDS * exp(SPREAD**2 / 2))
        self._arrived = 0.0
        self._due: list[tuple[float, int, _Order]] = []
        self._numbers = itertools.count()
        for order in _open_orders(count, dice):
            self._ask_at(dice.random() * _delay(order, 0.0, budget.stretch), order)

    def pass_second(self, found: Found | None) -> None:
        """Let orders arrive, and claim what is due as the worker does; `found` is given where that counts."""
        self._arrive()
        now = _BEGIN + timedelta(seconds=self._second)
        room = min(self.budget.calls_left(now=now), LISTS_AT_ONCE) * IDS_PER_CALL
        claimed = self._take(until=self._second, most=room)
        if claimed:
            due, late = len(claimed), self._second - claimed[0][0]
            calls = ceil(due / IDS_PER_CALL)
            claimed += self._take(until=self._second + AHEAD.total_seconds(), most=calls * IDS_PER_CALL - due)
            self.budget = self.budget.after(
                now=now, calls=calls, overdue=timedelta(seconds=late), more_is_due=due == room
            )
            if found is not None:
                found.calls += calls
                found.asked += len(claimed)
            for _, _, order in claimed:
                self._see(order, found)
        self._second += 1

    def _arrive(self) -> None:
        self._arrived += self._per_second
        while self._arrived >= 1:
            self._arrived -= 1
            duration = self._dice.lognormvariate(log(MEDIAN_SECONDS), SPREAD)
            self._ask_at(self._second + SOONEST.total_seconds(), _order(self._second, duration, self._dice))

    def _take(self, *, until: float, most: int) -> list[tuple[float, int, _Order]]:
        taken: list[tuple[float, int, _Order]] = []
        while len(taken) < most and self._due and self._due[0][0] <= until:
            taken.append(heapq.heappop(self._due))
        return taken

    def _see(self, order: _Order, found: Found | None) -> None:
        """Note what has changed since the last question, and when to ask the next."""
        now = self._second
        starts, ends = not order.started and now >= order.start, now >= order.end
        order.started = order.started or starts
        if found is not None and (starts or ends):
            found.delays.append(now - (order.end if ends else order.start))
        if not ends:
            self._ask_at(now + max(ceil(_delay(order, now, self.budget.stretch)), 1), order)

    def _ask_at(self, second: float, order: _Order) -> None:
        heapq.heappush(self._due, (second, next(self._numbers), order))


def _order(born: float, duration: float, dice: random.Random) -> _Order:
    return _Order(born, born + duration * dice.uniform(0.01, 0.3), born + duration, started=False)


def _open_orders(count: int, dice: random.Random) -> Iterator[_Order]:
    """Orders as found open at any moment: long ones are found more often, at any part of their time."""
    for _ in range(count):
        duration = dice.lognormvariate(log(MEDIAN_SECONDS) + SPREAD**2, SPREAD)
        order = _order(-duration * dice.random(), duration, dice)
        order.started = order.start <= 0
        yield order


def _delay(order: _Order, now: float, stretch: float) -> float:
    done = max(now - order.start, 0.0) / (order.end - order.start)
    return next_delay(
        age=timedelta(seconds=now - order.born),
        remains=max(int(QUANTITY * (1 - done)), 0),
        quantity=QUANTITY,
        stretch=stretch,
    ).total_seconds()


def quantile(values: "array[float]", share: float) -> float:
    """The value that this share of all values does not exceed. Raises ValueError when there is none."""
    if not values:
        raise ValueError("nothing changed while it was measured")
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def _row(name: str, calls: float, asked: float, p50: float, p99: float) -> str:
    return f"| {name} | {calls:,.0f} | {asked:,.0f} | {p50:,.0f} s | {p99:,.0f} s |"


def _in_turn(name: str, size: Size, *, calls: float) -> str:
    """The row of a poller that asks about all orders in turn, in full lists: calculated, not polled."""
    round_seconds = size.orders / (calls * IDS_PER_CALL) * 60
    return _row(name, calls, calls * IDS_PER_CALL / 60, 0.5 * round_seconds, 0.99 * round_seconds)


def main(arguments: list[str]) -> int:
    """Simulate each budget and print a table."""
    parser = argparse.ArgumentParser(prog="bench.polling", description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--providers", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--budgets", type=int, nargs="+", default=[60, 30, 10], help="calls a minute per provider"
    )
    options = parser.parse_args(arguments)
    size = Size(orders=options.orders, providers=options.providers)
    print("| Polling | Calls a minute | Orders asked about a second | Median delay | p99 delay |")
    print("|---|---|---|---|---|")
    print(_in_turn("everything every minute", size, calls=size.orders / IDS_PER_CALL))
    for budget in options.budgets:
        found = simulate(size, calls_per_minute=budget, seed=options.seed)
        calls, asked = found.calls * 60 / size.seconds, found.asked / size.seconds
        p50, p99 = quantile(found.delays, 0.5), quantile(found.delays, 0.99)
        print(_row(f"adaptive, {budget} calls a minute per provider", calls, asked, p50, p99), flush=True)
        print(_in_turn("the same calls, all in turn", size, calls=calls), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
