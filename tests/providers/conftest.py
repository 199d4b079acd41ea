"""A panel that buys from the simulated provider over real HTTP."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.snapshot import forget
from purveyor.catalog.testing import make_service
from purveyor.providers.models import Provider
from purveyor.providers.sync.importing import Choice, import_services
from purveyor.providers.sync.pricing import PricingRule
from purveyor.providers.sync.syncing import sync_provider
from purveyor.providers.testing import make_desk, make_provider, make_route
from purveyor.simulator.catalogue import standard
from purveyor.simulator.testing import Simulator, running_simulator

DEPOSIT = Decimal(1_000_000)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A provider whose time stands still until a test moves it on."""
    with running_simulator(frozen=True, deposit=DEPOSIT) as simulator:
        yield simulator


@pytest.fixture
def provider(simulator: Simulator) -> Provider:
    """The simulated provider, of which nothing is sold yet."""
    forget()  # emptying the database between tests took the catalogue's version back
    return make_provider(simulator.url, key=simulator.key)


@pytest.fixture
def catalogue(provider: Provider) -> Provider:
    """The simulated provider, with its whole catalogue sold at a markup of 20 %."""
    sync_provider(provider)
    import_services(provider=provider, choice=Choice(pricing=PricingRule(markup_percent=Decimal(20))))
    forget()
    return provider


@pytest.fixture
def service(provider: Provider) -> Service:
    """A Default service that the provider fulfils, with refill, cancel and drip-feed."""
    return sold(provider, OrderType.DEFAULT)


@pytest.fixture
def subscribed(provider: Provider) -> Service:
    """A service of subscriptions that the provider fulfils, with cancel."""
    return sold(provider, OrderType.SUBSCRIPTIONS)


def sold(provider: Provider, order_type: OrderType) -> Service:
    """The first service of a type that the simulated provider has, sold at a markup of 20 %."""
    offer = next(item for item in standard().values() if item.type is order_type and item.cancel)
    service = make_service(
        order_type,
        rate=offer.rate * Decimal("1.2"),
        min=offer.minimum,
        max=offer.maximum,
        refill=offer.refill,
        cancel=offer.cancel,
        dripfeed=offer.dripfeed,
    )
    make_route(service, provider, external_id=offer.id, rate=offer.rate)
    return service


@pytest.fixture
def handmade() -> Service:
    """A service that people deliver, with refill and cancel, once it has a desk."""
    forget()
    return make_service(rate="2.00", refill=True, cancel=True)


@pytest.fixture
def desk(handmade: Service) -> Provider:
    """Where they deliver it."""
    return make_desk(handmade)
