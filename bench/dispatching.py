"""Dispatch and polling: orders handed to a provider by one worker and by two, and the cost of following."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import django
import django.db
import psycopg

from bench import bars, filling, machine, panel
from bench.control import control
from bench.figures import Figure, Round, figure
from bench.measuring import Effort, Say
from purveyor import configuration
from purveyor.database import load_sql
from purveyor.ops import database_files, simulation

LATENCY_MS: Final = 50
PARALLEL_CALLS: Final = 32
SLOW_LATENCY_MS: Final = 200
"""Of the provider that two workers share: calls take their time, so that no processor is at its limit."""
SLOW_SPEED: Final = 0.02
"""Of the orders placed there: they live for 12 to 40 minutes, and each answer about them tells news."""
QUICK_LATENCY_MS: Final = 2
LEAST_POLLS_PER_SECOND: Final = 50
"""Fewer would say more about waiting than about asking."""
WARM_UP_ORDERS: Final = 1_000
WARM_UP_POLLS: Final = 1_000
_QUANTITY: Final = 1_000  # as bench/filling.sql orders
_PATIENCE_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05

_SQL: Final = load_sql(__file__, "filling.sql")


def measure(home: Path, effort: Effort, *, say: Say) -> Iterator[Figure]:
    """Queue orders, start workers, and see how many the provider has accepted from time to time.

    Then the worker is left with asking about them, and its processor time is counted.
    """
    limit = bars.DISPATCH_LIMIT_PER_SECOND
    orders = WARM_UP_ORDERS + 2 * limit * effort.rounds * effort.seconds
    with panel.database(home):
        filled = filling.fill(home, old_orders=max(orders, filling.KNOWN_ORDERS), say=say)
        with (
            _provider(home) as provider,
            psycopg.connect(configuration.embedded_url(home), autocommit=True) as watch,
        ):
            _route_all_services(home, provider)
            watch.execute(_SQL["queue_orders"])
            watch.execute("VACUUM (ANALYZE)")
            with panel.working(home):
                yield figure(bars.DISPATCH, [Round(rate, limit) for rate in _rates(watch, effort)])
            say("dispatch by two workers")
            control(provider.place, "settings", {"latency_ms": SLOW_LATENCY_MS, "speed": SLOW_SPEED})
            with panel.working(home):
                alone = list(_rates(watch, effort))
                with panel.working(home):
                    together = list(_rates(watch, effort))
            yield figure(bars.TWO_WORKERS, [Round(*rates) for rates in zip(together, alone, strict=True)])
            assert _accepted(watch) < filled.last_order, "the queue ran dry while it was measured"
            _prove_none_doubled(watch, provider)
            say("polling")
            control(provider.place, "settings", {"latency_ms": QUICK_LATENCY_MS})
            watch.execute(_SQL["empty_queue"])
            with panel.working(home) as worker:
                yield figure(bars.POLLING, list(_polling(watch, worker, home, effort, say=say)))
        panel.command(home, "audit")


@dataclass(frozen=True, slots=True)
class _Provider:
    place: simulation.Place
    service: str
    """One of its services of type Default, by its id."""
    rate: str


@contextlib.contextmanager
def _provider(home: Path) -> Iterator[_Provider]:
    """Run the simulated provider with 50 ms latency and funds for everything."""
    place = simulation.settle(home)
    with panel.simulating(home, url=place.url, key=place.key):
        services = json.loads(panel.ask(place.url, f"key={place.key}&action=services"))
        service = next(
            each for each in services if each["type"] == "Default" and int(each["max"]) >= _QUANTITY
        )
        provider = _Provider(place, str(service["service"]), str(service["rate"]))
        control(place, "settings", {"latency_ms": LATENCY_MS, "balance": "1000000000"})
        yield provider


def _route_all_services(home: Path, provider: _Provider) -> None:
    """Let every service of the catalogue be fulfilled by one service of the provider."""
    # One panel per process is all that Django knows, and this is the only one that needs it here.
    os.environ |= {"PURVEYOR_HOME": str(home), "DJANGO_SETTINGS_MODULE": "purveyor.settings"}
    os.environ.pop("DATABASE_URL", None)
    django.setup()
    from django.utils import timezone  # noqa: PLC0415  models exist only now

    from purveyor.catalog.models import Service  # noqa: PLC0415
    from purveyor.money.models import Wallet, WalletKind  # noqa: PLC0415
    from purveyor.providers.models import Provider, ProviderService, Route  # noqa: PLC0415

    offer = ProviderService.objects.create(
        provider=Provider.objects.create(
            name="Simulated provider",
            url=provider.place.url,
            key=provider.place.key,
            wallet=Wallet.objects.create(kind=WalletKind.PROVIDER, name="Simulated provider"),
            parallel_calls=PARALLEL_CALLS,
            allow_private_address=True,
        ),
        external_id=provider.service,
        name="Placement",
        type="Default",
        rate=provider.rate,
        min=1,
        max=_QUANTITY,
        seen_at=timezone.now(),
    )
    Route.objects.bulk_create(
        Route(service_id=service_id, provider_service=offer)
        for service_id in Service.objects.values_list("pk", flat=True)
    )
    django.db.connections.close_all()


def _rates(watch: "psycopg.Connection[Any]", effort: Effort) -> Iterator[float]:
    _await(watch, "accepted", _accepted(watch) + WARM_UP_ORDERS)
    began, before = time.monotonic(), _accepted(watch)
    for _ in range(effort.rounds):
        time.sleep(effort.seconds)
        now, accepted = time.monotonic(), _accepted(watch)
        yield (accepted - before) / (now - began)
        began, before = now, accepted


def _polling(
    watch: "psycopg.Connection[Any]", worker: int, home: Path, effort: Effort, *, say: Say
) -> Iterator[Round]:
    """Milliseconds of processor time per order asked about, of the worker and of PostgreSQL together."""
    watch.execute(_SQL["all_due"])
    _await(watch, "polls", _number(watch, "polls") + WARM_UP_POLLS)
    postgres = database_files.running_pid(home)
    assert postgres is not None
    for _ in range(effort.rounds):
        watch.execute(_SQL["all_due"])
        polls = _number(watch, "polls")
        before = [machine.processor_seconds(pid) for pid in (worker, postgres)]
        time.sleep(effort.seconds)
        after = [machine.processor_seconds(pid) for pid in (worker, postgres)]
        polls = _number(watch, "polls") - polls
        assert polls >= LEAST_POLLS_PER_SECOND * effort.seconds, f"only {polls} orders were asked about"
        own, database = (1000 * (end - begin) / polls for begin, end in zip(before, after, strict=True))
        say(f"polling: {polls} orders, worker {own:.2f} ms each, PostgreSQL {database:.2f} ms")
        yield Round(own + database, bars.POLLING_LIMIT_MS)


def _await(watch: "psycopg.Connection[Any]", name: str, enough: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while _number(watch, name) < enough:
        if time.monotonic() > deadline:
            raise panel.Failed(f"the workers do not come so far: {enough} {name}")
        time.sleep(_POLL_SECONDS)


def _accepted(watch: "psycopg.Connection[Any]") -> int:
    return _number(watch, "accepted")


def _number(watch: "psycopg.Connection[Any]", name: str) -> int:
    row = watch.execute(_SQL[name]).fetchone()
    return int(row[0]) if row else 0


def _prove_none_doubled(watch: "psycopg.Connection[Any]", provider: _Provider) -> None:
    """What the provider accepted and what the panel knows of it must be the same."""
    links = [order["link"] for order in control(provider.place, "orders")["orders"]]
    assert len(links) == len(set(links)), "an order reached the provider twice"
    assert _accepted(watch) == len(links), (
        f"the panel knows {_accepted(watch)} of {len(links)} accepted orders"
    )
