"""Protocol §9, "GET-only panels, path `/api/v1`, other parameter names": bought from over real HTTP."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from purveyor.accounts.testing import make_customer
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.snapshot import forget
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import Order, Status
from purveyor.orders.testing import place_one
from purveyor.providers.models import Attempt, Fulfilment, Handover, Provider
from purveyor.providers.sync.importing import Choice, import_services
from purveyor.providers.sync.pricing import PricingRule
from purveyor.providers.sync.syncing import sync_provider
from purveyor.providers.testing import make_provider
from purveyor.simulator.behaviours import Fault
from purveyor.simulator.testing import Simulator, running_simulator
from purveyor.simulator.wire import Dialect
from tests.audited import violations
from tests.committed import committed
from tests.providers.conftest import sold
from tests.providers.rounds import dispatch, forward, poll

DEPOSIT = Decimal(1000)
"""How it names fields and actions, by API v2's names."""
FIELDS = {"key": "api_token", "order": "order_id", "orders": "order_ids", "link": "url", "service": "package"}
ACTIONS = {"services": "packages", "add": "create"}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A panel that takes nothing but GET at /api/v1, and knows API v2's names no more."""
    dialect = Dialect(
        path="/api/v1",
        get_only=True,
        names={theirs: ours for ours, theirs in FIELDS.items()},
        actions={theirs: ours for ours, theirs in ACTIONS.items()},
    )
    with running_simulator(frozen=True, deposit=DEPOSIT, dialect=dialect) as simulator:
        yield simulator


@pytest.fixture
def provider(simulator: Simulator) -> Provider:
    """The same as one of our providers."""
    forget()
    assert simulator.url.endswith("/api/v1")
    return make_provider(
        simulator.url, key=simulator.key, method="get", field_names=FIELDS, action_names=ACTIONS
    )


def buy(provider: Provider, number: int) -> list[Order]:
    """Have so many orders handed over."""
    service, customer = sold(provider, OrderType.DEFAULT), make_customer("1000")
    orders = [
        place_one(customer, service, quantity=service.min, link=f"https://example.com/a b?c={each}&d=e+f")
        for each in range(number)
    ]
    dispatch()
    return orders


@committed
def test_services_and_balance(simulator: Simulator, provider: Provider) -> None:
    synced = sync_provider(provider)
    assert synced.listed > 0
    pricing = PricingRule(markup_percent=Decimal(20))
    assert len(import_services(provider=provider, choice=Choice(pricing=pricing))) == synced.listed
    provider.refresh_from_db()
    assert provider.balance == DEPOSIT


@committed
@pytest.mark.parametrize("number", [1, 3], ids=["a single order", "a list"])
def test_add_status_and_cancel(simulator: Simulator, provider: Provider, number: int) -> None:
    orders = buy(provider, number)
    assert sorted(item.link for item in simulator.orders) == sorted(order.link for order in orders)
    assert request_cancels([(orders[0].customer_id, orders[0].pk)]) == [None]
    forward()
    simulator.advance(3600)
    poll()
    ended = list(Order.objects.order_by("pk").values_list("status", flat=True))
    assert ended == [Status.CANCELED, *[Status.COMPLETED] * (number - 1)]
    assert violations() == {}


@committed
def test_an_add_that_the_panel_dropped_is_bought_once_and_parked(
    simulator: Simulator, provider: Provider
) -> None:
    simulator.script.next("add", Fault.NONE, Fault.ACCEPT_THEN_DROP)
    buy(provider, 2)
    assert len(simulator.orders) == 2
    handovers = Fulfilment.objects.values_list("handover", flat=True)
    assert sorted(handovers) == [Handover.ACCEPTED, Handover.UNKNOWN]
    assert simulator.key not in " ".join(f"{item.request} {item.response}" for item in Attempt.objects.all())


@committed
def test_the_same_panel_spoken_to_as_api_v2_gets_nothing_done(
    simulator: Simulator, provider: Provider
) -> None:
    Provider.objects.update(method="post_form")
    buy(provider, 1)
    assert simulator.requests == []
