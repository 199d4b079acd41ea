"""Dispatch: how many queued orders per second reach a provider that takes 50 ms over each call."""

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

from bench import bars, filling, panel
from bench.control import control
from bench.figures import Figure, Round, figure
from bench.measuring import Effort, Say
from purveyor import configuration
from purveyor.database import load_sql
from purveyor.ops import simulation

LATENCY_MS: Final = 50
PARALLEL_CALLS: Final = 32
WARM_UP_ORDERS: Final = 1_000
_QUANTITY: Final = 1_000  # as bench/filling.sql orders
_PATIENCE_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05

_SQL: Final = load_sql(__file__, "filling.sql")


def measure(home: Path, effort: Effort, *, say: Say) -> Figure:
    """Queue orders, start the worker, and see how many the provider has accepted from time to time."""
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
                rounds = [Round(rate, limit) for rate in _rates(watch, effort)]
            assert _accepted(watch) < filled.last_order, "the queue ran dry while it was measured"
            _prove_none_doubled(watch, provider)
        panel.command(home, "audit")
    return figure(bars.DISPATCH, rounds)


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
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while _accepted(watch) < WARM_UP_ORDERS:
        if time.monotonic() > deadline:
            raise panel.Failed("the worker has not dispatched the first orders")
        time.sleep(_POLL_SECONDS)
    began, before = time.monotonic(), _accepted(watch)
    for _ in range(effort.rounds):
        time.sleep(effort.seconds)
        now, accepted = time.monotonic(), _accepted(watch)
        yield (accepted - before) / (now - began)
        began, before = now, accepted


def _accepted(watch: "psycopg.Connection[Any]") -> int:
    row = watch.execute(_SQL["accepted"]).fetchone()
    return int(row[0]) if row else 0


def _prove_none_doubled(watch: "psycopg.Connection[Any]", provider: _Provider) -> None:
    """What the provider accepted and what the panel knows of it must be the same."""
    links = [order["link"] for order in control(provider.place, "orders")["orders"]]
    assert len(links) == len(set(links)), "an order reached the provider twice"
    assert _accepted(watch) == len(links), (
        f"the panel knows {_accepted(watch)} of {len(links)} accepted orders"
    )
