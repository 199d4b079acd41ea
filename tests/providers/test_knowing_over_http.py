"""What the panel learns from real exchanges with the simulated provider: times, and what money is left."""

from datetime import timedelta
from decimal import Decimal

from django.db.models import QuerySet

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.orders.models import Dispatch, Order, Status
from purveyor.orders.placing import place
from purveyor.orders.testing import place_one, request
from purveyor.outbox.models import OutboxEvent
from purveyor.providers.following.measuring import measure_routes, measure_services
from purveyor.providers.models import (
    BalanceForecast,
    Fulfilment,
    Provider,
    ProviderService,
    RouteTimes,
    ServiceTimes,
)
from purveyor.providers.standing.balances import HeldForFunds, held_for_funds
from purveyor.providers.standing.holds import Hold
from purveyor.providers.standing.standing import use_again
from purveyor.providers.sync.syncing import sync_provider
from purveyor.simulator.testing import Simulator
from tests.audited import violations
from tests.committed import committed
from tests.providers.rounds import LONG_AGO, dispatch, poll, work_until

pytestmark = committed

ORDERS = 12


def test_what_a_provider_took_is_known_and_used(simulator: Simulator, service: Service) -> None:
    simulator.set_outcomes(partial=0, canceled=0)
    customer = make_customer("100000")
    place([request(customer, service, quantity=service.min) for _ in range(ORDERS)])
    dispatch()
    simulator.advance(30 * 86400)
    poll()
    assert set(Order.objects.values_list("status", flat=True)) == {Status.COMPLETED}
    measure_services()
    measure_routes()
    of_service, of_route = ServiceTimes.objects.get(), RouteTimes.objects.get()
    assert of_service.measured == of_route.measured == ORDERS
    assert of_route.finish_p50 is not None
    assert of_service.finish_p50 is not None
    assert of_service.average is not None
    # The provider's clock is its own: what counts is when we were told.
    took = sorted(Order.objects.values_list("status_at", "created_at"), key=lambda times: times[0] - times[1])
    assert took[0][0] - took[0][1] <= of_service.finish_p50 <= took[-1][0] - took[-1][1]
    assert of_route.finish_p50 < of_service.finish_p50
    RouteTimes.objects.update(finish_p50=timedelta(hours=10))
    place_one(customer, service, quantity=service.min)
    dispatch()
    latest = Fulfilment.objects.latest("pk")
    assert latest.next_poll_at is not None
    assert latest.accepted_at is not None
    assert latest.next_poll_at - latest.accepted_at == timedelta(minutes=5)


def test_an_empty_provider_is_told_of_and_its_orders_go_on_after_a_top_up(
    simulator: Simulator, service: Service
) -> None:
    simulator.set_balance(Decimal(0))
    sync_provider(Provider.objects.get())
    for _ in range(3):
        place_one(make_customer("100"), service, quantity=service.min)

    def is_told() -> bool:
        BalanceForecast.objects.update(next_look_at=LONG_AGO)
        held = Order.objects.filter(dispatch=Dispatch.HELD, hold_reason=Hold.OUT_OF_FUNDS)
        return held.count() == 3 and low_balances().exists()

    work_until(is_told)
    event = low_balances().get()
    assert (event.data["currency"], Decimal(event.data["balance"])) == ("USD", Decimal(0))
    provider = Provider.objects.get()
    offer = ProviderService.objects.get(routes__service=service)
    (held,) = held_for_funds().values()
    assert held == HeldForFunds(orders=3, needed=3 * offer.rate * service.min / 1000)

    simulator.set_balance(held.needed)
    use_again(provider=provider)
    work_until(lambda: not Order.objects.exclude(dispatch=Dispatch.HANDED).exists())
    assert (len(simulator.orders), simulator.balance) == (3, Decimal(0))
    assert held_for_funds() == {}
    assert low_balances().count() == 1
    assert violations() == {}


def low_balances() -> QuerySet[OutboxEvent]:
    return OutboxEvent.objects.filter(kind="provider.low_balance")
