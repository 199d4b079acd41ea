"""Following on a fast clock: what the schedule and the budgets do to a million open orders.

No network and no database: the product's own schedule and budget decide, second by second, on made-up orders.
"""

import argparse
import random
import sys
from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil, exp, log
from typing import Final

from purveyor.providers.polling_budget import Budget
from purveyor.providers.polling_schedule import next_delay

IDS_PER_CALL: Final = 100
LISTS_AT_ONCE: Final = 4
MEDIAN_SECONDS: Final = 3 * 3600.0
SPREAD: Final = 1.5
"""Of the logarithm of durations: one order in a hundred ends within 6 minutes, one takes four days."""
QUANTITY: Final = 1000
NAIVE_SECONDS: Final = 60
_BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is simulated."""

    orders: int = 1_000_000
    providers: int = 50
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
    naive: "array[float]" = field(default_factory=lambda: array("d"))
    """The same for a poller that asks about everything every minute."""

    def add(self, delay: float, dice: random.Random) -> None:
        """Note one change."""
        self.delays.append(delay)
        self.naive.append(dice.random() * NAIVE_SECONDS)


@dataclass(slots=True)
class _Order:
    born: float
    start: float
    end: float
    started: bool


def simulate(size: Size, *, calls_per_minute: int, seed: int) -> Found:
    """Follow the orders of every provider for the time told."""
    dice, found = random.Random(seed), Found()
    for _ in range(size.providers):
        _simulate_provider(
            size, Budget(calls_per_minute=calls_per_minute, spent_until=_BEGIN, stretch=1.0), dice, found
        )
    return found


def _simulate_provider(size: Size, budget: Budget, dice: random.Random, found: Found) -> None:
    due: dict[int, list[_Order]] = defaultdict(list)
    count = size.orders // size.providers
    for order in _open_orders(count, dice):
        delay = _delay(order, 0.0, 1.0)
        due[int(dice.random() * delay)].append(order)
    per_second = count / (MEDIAN_SECONDS * exp(SPREAD**2 / 2))
    waiting: list[tuple[int, _Order]] = []
    arrived = 0.0
    for second in range(size.warm_up_seconds + size.seconds):
        arrived += per_second
        while arrived >= 1:
            arrived -= 1
            due[second + 5].append(
                _order(float(second), dice.lognormvariate(log(MEDIAN_SECONDS), SPREAD), dice)
            )
        waiting += [(second, order) for order in due.pop(second, ())]
        now = _BEGIN + timedelta(seconds=second)
        room = min(budget.calls_left(now=now), LISTS_AT_ONCE) * IDS_PER_CALL
        if not waiting or not room:
            continue
        claimed, waiting = waiting[:room], waiting[room:]
        calls = ceil(len(claimed) / IDS_PER_CALL)
        overdue = timedelta(seconds=second - claimed[0][0])
        budget = budget.after(now=now, calls=calls, overdue=overdue, more_is_due=len(claimed) == room)
        measured = second >= size.warm_up_seconds
        if measured:
            found.calls += calls
            found.asked += len(claimed)
        for _, order in claimed:
            _see(order, second, found if measured else None, dice)
            if second < order.end:
                due[second + max(ceil(_delay(order, second, budget.stretch)), 1)].append(order)


def _see(order: _Order, now: int, found: Found | None, dice: random.Random) -> None:
    """Note what has changed since the last question; nothing is noted before it is measured."""
    starts, ends = not order.started and now >= order.start, now >= order.end
    order.started = order.started or starts
    if found is not None and (starts or ends):
        found.add(now - (order.end if ends else order.start), dice)


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


def _row(name: str, calls: float, providers: int, delays: "array[float]") -> str:
    p50, p99 = quantile(delays, 0.5), quantile(delays, 0.99)
    return f"| {name} | {calls:,.0f} | {calls / providers:,.1f} | {p50:,.0f} s | {p99:,.0f} s |"


def main(arguments: list[str]) -> int:
    """Simulate each budget and print a table."""
    parser = argparse.ArgumentParser(prog="bench.polling", description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--providers", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--budgets", type=int, nargs="+", default=[60, 10], help="calls a minute per provider"
    )
    options = parser.parse_args(arguments)
    size = Size(orders=options.orders, providers=options.providers)
    print("| Polling | Calls a minute | Per provider | Median delay | p99 delay |")
    print("|---|---|---|---|---|")
    for budget in options.budgets:
        found = simulate(size, calls_per_minute=budget, seed=options.seed)
        calls = found.calls * 60 / size.seconds
        print(_row(f"adaptive, budget {budget}", calls, size.providers, found.delays), flush=True)
        if budget == options.budgets[-1]:
            naive = size.orders / IDS_PER_CALL * 60 / NAIVE_SECONDS
            print(_row("everything every minute", naive, size.providers, found.naive))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
