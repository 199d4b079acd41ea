"""A panel that buys from the simulated provider, and a worker's rounds one at a time."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from decimal import Decimal
from typing import Any

import pytest

from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.snapshot import forget
from purveyor.money.models import Wallet, WalletKind
from purveyor.providers.importing import import_services, sync_provider
from purveyor.providers.models import Provider
from purveyor.simulator.testing import Simulator, running_simulator


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running_simulator(frozen=True, deposit=Decimal(1_000_000)) as simulator:
        yield simulator


def make_provider(url: str, key: str, *, name: str = "Upstream", **others: Any) -> Provider:
    """A provider on loopback, without services yet."""
    wallet = Wallet.objects.create(kind=WalletKind.PROVIDER, name=name)
    options = {"allow_private_address": True, "timeout_seconds": 5} | others
    return Provider.objects.create(name=name, url=url, key=key, wallet=wallet, **options)


@pytest.fixture
def provider(simulator: Simulator) -> Provider:
    """The simulated provider, with its whole catalogue sold at a markup of 20 %."""
    provider = make_provider(simulator.url, simulator.key)
    sync_provider(provider)
    import_services(provider=provider, markup_percent=Decimal(20))
    forget()  # emptying the database between tests took the catalogue's version back
    return provider


@pytest.fixture
def service(provider: Provider) -> Service:
    """A Default service that the provider fulfils, with refill and cancel."""
    return a_service(OrderType.DEFAULT, refill=True, cancel=True, dripfeed=True)


def a_service(order_type: OrderType, **flags: bool) -> Service:
    """The first imported service of a type."""
    found = Service.objects.filter(type=order_type, **flags).order_by("pk").first()
    assert found is not None
    return found
