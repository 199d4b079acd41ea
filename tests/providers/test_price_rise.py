"""A price rise at the provider in mid-run costs nothing: orders are sold at their price, rerouted or held."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.snapshot import forget
from purveyor.orders.models import Dispatch, Order
from purveyor.orders.testing import place_one
from purveyor.providers.costs.charges import CLOSED
from purveyor.providers.housekeeping import release_held
from purveyor.providers.models import ChangeSet, Fulfilment, Provider, ProviderService, Route
from purveyor.providers.standing.holds import Hold
from purveyor.providers.sync.changing import roll_back
from purveyor.providers.sync.repricing import change_and_reprice
from purveyor.providers.sync.syncing import sync_provider
from purveyor.providers.testing import make_provider, make_route
from purveyor.simulator.catalogue import standard
from purveyor.simulator.testing import Simulator, running_simulator
from tests.audited import violations
from tests.committed import committed
from tests.providers.conftest import DEPOSIT
from tests.providers.rounds import dispatch, poll

pytestmark = committed

RISE = Decimal("1.3")
"""Beyond the markup of 20 % at which the service is sold."""
ORDERS = 40
QUANTITY = 500


@pytest.fixture
def other() -> Iterator[Simulator]:
    """A second provider with the same catalogue."""
    with running_simulator(key="key-of-the-other", frozen=True, deposit=DEPOSIT) as simulator:
        yield simulator


def place(service: Service, number: int = ORDERS) -> None:
    customer = make_customer("100000")
    for _ in range(number):
        place_one(customer, service, quantity=QUANTITY)


def sold_at_a_loss(*simulators: Simulator) -> list[str]:
    """The links of orders for which a provider was paid more than the customer paid."""
    charges = dict(Order.objects.values_list("link", "charge"))
    return [
        bought.link
        for simulator in simulators
        for bought in simulator.orders
        if bought.charge > charges[bought.link]
    ]


def held() -> list[str]:
    return list(Order.objects.filter(dispatch=Dispatch.HELD).values_list("hold_reason", flat=True))


def test_after_a_rise_that_was_read_orders_wait_until_the_price_falls_again(
    simulator: Simulator, provider: Provider, service: Service
) -> None:
    sync_provider(provider)
    place(service)
    dispatch()
    assert len(simulator.orders) == ORDERS

    simulator.change_prices(RISE)
    sync_provider(provider)
    place(service)
    dispatch()
    assert len(simulator.orders) == ORDERS
    assert held() == [Hold.BELOW_MARGIN] * ORDERS
    assert release_held() == 0, "held orders do not go to and fro"

    simulator.change_prices(Decimal(1))
    sync_provider(provider)
    assert release_held() == ORDERS
    dispatch()
    assert len(simulator.orders) == 2 * ORDERS
    assert held() == sold_at_a_loss(simulator) == []
    assert violations() == {}


def test_what_was_imported_is_sold_at_its_new_price_after_a_rise(
    simulator: Simulator, catalogue: Provider
) -> None:
    offer = next(item for item in standard().values() if item.type is OrderType.DEFAULT and item.cancel)
    service = Service.objects.get(routes__provider_service__external_id=offer.id)
    place(service)
    simulator.change_prices(RISE)
    sync_provider(catalogue)
    forget()
    place(service)
    dispatch()
    new_rate = Service.objects.get(pk=service.pk).rate
    assert new_rate >= offer.rate * RISE * Decimal("1.2")
    assert held() == [Hold.BELOW_MARGIN] * ORDERS, "those that were sold before at the old price"
    assert {order.unit_price for order in Order.objects.filter(dispatch=Dispatch.HANDED)} == {new_rate}
    assert len(simulator.orders) == ORDERS
    assert sold_at_a_loss(simulator) == []

    roll_back(change_set=ChangeSet.objects.get().pk, actor="somebody")
    forget()
    place(service, 1)
    dispatch()
    assert len(held()) == ORDERS + 1, "whatever a person decides, nothing is sold at a loss"
    assert violations() == {}


def test_what_was_imported_is_sold_at_its_new_price_when_the_providers_currency_rises(
    simulator: Simulator, catalogue: Provider
) -> None:
    offer = next(item for item in standard().values() if item.type is OrderType.DEFAULT and item.cancel)
    service = Service.objects.get(routes__provider_service__external_id=offer.id)
    place(service)
    change_and_reprice(catalogue, {"fx_rate": RISE})
    forget()
    place(service)
    dispatch()
    assert held() == [Hold.BELOW_MARGIN] * ORDERS, "those that were sold before at the old price"
    handed = Order.objects.filter(dispatch=Dispatch.HANDED)
    assert {order.unit_price for order in handed} == {Service.objects.get(pk=service.pk).rate}
    costs = {bought.link: bought.charge * RISE for bought in simulator.orders}
    assert len(costs) == ORDERS
    assert all(order.charge > costs[order.link] for order in handed)
    assert violations() == {}


def test_another_provider_takes_the_orders_that_the_first_makes_too_dear(
    simulator: Simulator, other: Simulator, provider: Provider, service: Service
) -> None:
    second = make_provider(other.url, key=other.key)
    offer = next(item for item in standard().values() if item.type is OrderType.DEFAULT and item.cancel)
    make_route(service, second, external_id=offer.id, rate=offer.rate, position=1)
    place(service)
    dispatch()
    assert (len(simulator.orders), len(other.orders)) == (ORDERS, 0)

    simulator.change_prices(RISE)
    sync_provider(provider)
    place(service)
    dispatch()
    assert (len(simulator.orders), len(other.orders)) == (ORDERS, ORDERS)
    assert held() == sold_at_a_loss(simulator, other) == []
    assert violations() == {}


def test_orders_that_wait_are_rerouted_when_a_second_provider_is_found(
    simulator: Simulator, other: Simulator, provider: Provider, service: Service
) -> None:
    simulator.change_prices(RISE)
    sync_provider(provider)
    place(service)
    dispatch()
    assert held() == [Hold.BELOW_MARGIN] * ORDERS
    offer = ProviderService.objects.get(routes__service=service)
    second = make_provider(other.url, key=other.key)
    make_route(service, second, external_id=offer.external_id, rate=offer.rate / RISE, position=1)
    assert release_held() == ORDERS
    dispatch()
    assert (len(simulator.orders), len(other.orders)) == (0, ORDERS)
    assert held() == sold_at_a_loss(other) == []


def test_a_rise_that_no_list_told_yet_stops_the_route_at_the_first_charge(
    simulator: Simulator, provider: Provider, service: Service
) -> None:
    sync_provider(provider)
    simulator.change_prices(RISE)
    place(service, 3)
    dispatch()
    poll()
    offer = ProviderService.objects.get(routes__service=service)
    assert offer.price_in_doubt
    place(service)
    dispatch()
    assert len(simulator.orders) == 3
    assert held() == [Hold.PRICE_IN_DOUBT] * ORDERS
    assert release_held() == 0

    sync_provider(provider)
    assert release_held() == 0
    simulator.change_prices(Decimal(1))
    sync_provider(provider)
    assert release_held() == ORDERS
    dispatch()
    assert len(sold_at_a_loss(simulator)) == 3, "those that nobody could know of"
    assert Route.objects.get(service=service).enabled
    assert violations() == {}


def test_a_provider_that_charges_more_than_it_lists_is_left(
    simulator: Simulator, provider: Provider, service: Service
) -> None:
    sync_provider(provider)
    for expected in (True, False):
        place(service, 1)
        dispatch()
        newest = simulator.orders[-1]
        simulator.set_order(newest.id, charge=newest.charge * RISE)
        poll()
        sync_provider(provider)
        assert Route.objects.get(service=service).enabled is expected
    assert Route.objects.get(service=service).closed_reason == CLOSED
    place(service, 1)
    dispatch()
    assert held() == [Hold.NO_PROVIDER]
    assert Fulfilment.objects.count() == 2
    assert violations() == {}
