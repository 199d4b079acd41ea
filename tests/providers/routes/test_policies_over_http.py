"""Every policy with two real providers: who gets the orders, and who gets them when one refuses."""

import threading
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import pytest

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.orders.models import Dispatch, Order
from purveyor.orders.testing import place_one
from purveyor.providers.models import Fulfilment, Handover, Policy, Provider, Route, RoutePolicy, RouteQuality
from purveyor.providers.routes.decisions import sentences
from purveyor.providers.routes.routing import Why
from purveyor.providers.testing import make_provider, make_route
from purveyor.simulator.behaviours import Fault
from purveyor.simulator.catalogue import standard
from purveyor.simulator.testing import Simulator, running_simulator
from tests.audited import violations
from tests.committed import committed
from tests.providers.conftest import DEPOSIT
from tests.providers.rounds import dispatch
from tests.providers.routes.test_routing import option, taken

pytestmark = committed

ORDERS = 24
QUANTITY = 500


@pytest.fixture
def other() -> Iterator[Simulator]:
    """A second provider with the same catalogue."""
    with running_simulator(key="key-of-the-other", frozen=True, deposit=DEPOSIT) as simulator:
        yield simulator


@pytest.fixture
def routes(provider: Provider, other: Simulator) -> tuple[Route, Route]:
    """Two routes of one service: the second costs less, scores better and has three times the weight."""
    offer = next(item for item in standard().values() if item.type is OrderType.DEFAULT and item.cancel)
    service = make_service(rate=offer.rate * 2, min=offer.minimum, max=offer.maximum)
    second = make_provider(other.url, key=other.key, top_up_bonus_percent=Decimal(10))
    made = [
        make_route(
            service, seller, external_id=offer.id, rate=offer.rate, position=place, weight=1 + 2 * place
        )
        for place, seller in enumerate((provider, second))
    ]
    RouteQuality.objects.create(route=made[1], score=90)
    return made[0], made[1]


def place(service: Service, number: int = ORDERS) -> list[int]:
    customer = make_customer("100000")
    return [place_one(customer, service, quantity=QUANTITY).pk for _ in range(number)]


def bought_once(*simulators: Simulator) -> list[int]:
    """How many orders each provider has; every order was bought once, by one of them."""
    links = Counter(bought.link for simulator in simulators for bought in simulator.orders)
    assert links == Counter(Order.objects.values_list("link", flat=True))
    assert violations() == {}
    return [len(simulator.orders) for simulator in simulators]


def reasons() -> set[str]:
    """Why the accepted hand-overs took the routes that they took."""
    return {
        each["why"]
        for fulfilment in Fulfilment.objects.filter(handover=Handover.ACCEPTED)
        for each in (fulfilment.decision or {})["routes"]
        if each["route"] == fulfilment.route_id
    }


@pytest.mark.parametrize("policy", Policy)
def test_orders_go_where_the_policy_says(
    policy: Policy, routes: tuple[Route, Route], simulator: Simulator, other: Simulator
) -> None:
    service = routes[0].service
    RoutePolicy.objects.create(service=service, policy=policy)
    orders = place(service)
    dispatch()
    shares = bought_once(simulator, other)
    if policy is Policy.WEIGHT:
        options = [option(route.pk, weight=route.weight) for route in routes]
        chosen = Counter(taken(options, policy=policy, order_id=order) for order in orders)
        assert shares == [chosen[route.pk] for route in routes]
    else:
        assert shares == ([ORDERS, 0] if policy is Policy.FIRST else [0, ORDERS])
    assert reasons() == {policy.value}
    decision = Fulfilment.objects.all()[0].decision
    assert decision is not None
    assert len(sentences(decision)) == 3


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("fault", [Fault.BAD_LINK, Fault.SERVICE_GONE, Fault.EMPTY_BALANCE, Fault.BAD_KEY])
def test_orders_that_one_provider_refuses_go_to_the_other(
    policy: Policy, fault: Fault, routes: tuple[Route, Route], simulator: Simulator, other: Simulator
) -> None:
    service = routes[0].service
    RoutePolicy.objects.create(service=service, policy=policy)
    refusing, taking = (simulator, other) if policy is Policy.FIRST else (other, simulator)
    refusing.script.always("add", fault)
    place(service)
    dispatch()
    assert bought_once(refusing, taking) == [0, ORDERS]
    assert not Order.objects.exclude(dispatch=Dispatch.HANDED).exists()
    assert reasons() <= {Why.ONLY.value, policy.value}


def test_a_links_orders_stay_with_their_provider_when_another_becomes_cheaper(
    routes: tuple[Route, Route], simulator: Simulator, other: Simulator
) -> None:
    service = routes[0].service
    RoutePolicy.objects.create(service=service, policy=Policy.CHEAPEST, sticky_per_link=True)
    link = "https://example.com/a-post"
    place_one(make_customer("1000"), service, quantity=QUANTITY, link=link)
    dispatch()
    Provider.objects.filter(url=other.url).update(fee_percent=50)
    place_one(make_customer("1000"), service, quantity=QUANTITY, link=link)
    place_one(make_customer("1000"), service, quantity=QUANTITY)
    dispatch()
    assert bought_once(simulator, other) == [1, 2]
    assert reasons() == {Why.CHEAPEST.value, Why.SAME_LINK.value}


@pytest.mark.parametrize("policy", Policy)
def test_two_workers_buy_every_order_once(
    policy: Policy, routes: tuple[Route, Route], simulator: Simulator, other: Simulator
) -> None:
    service = routes[0].service
    RoutePolicy.objects.create(service=service, policy=policy, sticky_per_link=True)
    Provider.objects.update(parallel_calls=2)  # full all the time
    place(service, 60)
    workers = [threading.Thread(target=dispatch) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(bought_once(simulator, other)) == 60
