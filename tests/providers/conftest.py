"""A panel that buys from the simulated provider over real HTTP."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.snapshot import forget
from purveyor.providers.importing import import_services, sync_provider
from purveyor.providers.models import Provider
from purveyor.providers.testing import make_provider
from purveyor.simulator.testing import Simulator, running_simulator

DEPOSIT = Decimal(1_000_000)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A provider whose time stands still until a test moves it on."""
    with running_simulator(frozen=True, deposit=DEPOSIT) as simulator:
        yield simulator


@pytest.fixture
def provider(simulator: Simulator) -> Provider:
    """The simulated provider, with its whole catalogue sold at a markup of 20 %."""
    provider = make_provider(simulator.url, key=simulator.key)
    sync_provider(provider)
    import_services(provider=provider, markup_percent=Decimal(20))
    forget()  # emptying the database between tests took the catalogue's version back
    return provider


@pytest.fixture
def service(provider: Provider) -> Service:
    """A Default service that the provider fulfils, with refill and cancel."""
    found = Service.objects.filter(type=OrderType.DEFAULT, refill=True, cancel=True).order_by("pk").first()
    assert found is not None
    return found
