"""Times, promises and the forecast on the command line."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.testing import make_service
from purveyor.orders.models import CancelRequest, Order, OrderPromise, PastPromise, ServicePromise
from purveyor.orders.promising import set_promise
from purveyor.orders.queue import hold
from purveyor.orders.testing import place_one
from purveyor.providers.desks.desks import create_desk
from purveyor.providers.following.late_orders import act_on_late_orders
from purveyor.providers.models import BalanceForecast, Provider, Route, RouteTimes, ServiceTimes
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.protocol.replies import Accepted
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.standing.balances import watch_balances
from purveyor.providers.standing.holds import Hold
from purveyor.providers.testing import make_provider, make_route
from tests.committed import committed
from tests.ops.test_cli import line_of, run
from tests.providers.rounds import LONG_AGO

pytestmark = committed


@pytest.fixture
def service() -> Service:
    return make_service(rate="10.00", max=100_000)


@pytest.fixture
def route(service: Service) -> Route:
    return make_route(
        service, make_provider(name="Upstream", balance=80, balance_at=timezone.now()), rate="4.00"
    )


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def test_times_of_a_service_and_its_routes(service: Service, route: Route) -> None:
    assert run("times").output == "Of no service are there enough completed orders yet.\n"
    assert run("times", str(service.pk)).output == f"{service}\n    average time: not enough data\n"
    ServiceTimes.objects.create(
        service=service,
        average=timedelta(hours=2, minutes=14),
        start_p50=timedelta(minutes=5),
        start_p90=timedelta(minutes=30),
        finish_p50=hours(2),
        finish_p90=hours(26),
        measured=200,
    )
    RouteTimes.objects.create(route=route, measured=3)
    assert run("times").output == f"{service}: average time 2 hours 14 minutes\n"
    assert run("times", str(service.pk)).output.splitlines() == [
        str(service),
        "    average time 2 hours 14 minutes",
        (
            "    from the order: half start within 5 minutes, 9 in 10 within 30 minutes; "
            "half end within 2 hours, 9 in 10 within 1 day 2 hours (latest 200)"
        ),
        f"    Upstream {route.provider_service.external_id}: not enough data (3 completed)",
    ]
    assert line_of(run("times", "999")) == "there is no service 999"


def test_a_promise_is_set_changed_listed_and_cleared(service: Service) -> None:
    number = str(service.pk)
    assert run("promise", "list").output == "Nothing is promised.\n"
    made = run("promise", "set", number, "--minutes", "90", "--per-1000", "--past", "reroute").output
    assert made == f"{service}: within 1 hour 30 minutes per 1000; past it: reroute\n"
    made = run("promise", "set", number, "--minutes", "60", "--past", "tell").output
    assert made == run("promise", "list").output == f"{service}: within 1 hour; past it: tell\n"
    promise = ServicePromise.objects.get()
    assert (promise.minutes, promise.per_thousand, promise.past) == (60, False, "tell")
    assert run("promise", "clear", number).output == f"{service}: nothing is promised any more\n"
    assert run("promise", "clear", number).output == f"{service}: nothing was promised\n"
    assert run("promise", "set", number, "--minutes", "0", "--past", "tell").exit_code != 0


@pytest.mark.parametrize(
    ("choice", "said"), [("wait", "Order {} goes on\n"), ("cancel", "The cancel of order {} is asked for\n")]
)
@pytest.mark.usefixtures("route")
def test_a_late_order_is_listed_and_answered(service: Service, choice: str, said: str) -> None:
    set_promise(service=service, minutes=60, per_thousand=False, past=PastPromise.ASK)
    order = place_one(make_customer("100"), service, quantity=1000)
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Accepted("1"))])
    assert run("promise", "asked").output == "Nobody is asked about any order.\n"
    OrderPromise.objects.update(promised_until=LONG_AGO)
    act_on_late_orders()
    assert run("promise", "asked").output == (
        f"order {order.pk}  promised until 2020-01-01 00:00 UTC  Pending  1000 of 1000 remain  {service}\n"
    )
    story = run("order", "explain", str(order.pk)).output
    assert "Not complete by 2020-01-01" in story
    assert run("promise", "answer", str(order.pk), choice).output == said.format(order.pk)
    assert CancelRequest.objects.exists() is (choice == "cancel")
    assert run("promise", "asked").output == "Nobody is asked about any order.\n"
    assert line_of(run("promise", "answer", str(order.pk), choice)) == (
        f"nobody is asked about order {order.pk}"
    )


@pytest.mark.usefixtures("route")
def test_the_forecast_tells_what_held_orders_need(service: Service) -> None:
    assert run("forecast").output == ("No provider was looked at yet; a worker does so every other minute.\n")
    customer = make_customer("1000")
    orders = [place_one(customer, service, quantity=quantity).pk for quantity in (25_000, 5000)]
    with transaction.atomic():
        hold(orders, reason=Hold.OUT_OF_FUNDS)
    assert Order.objects.count() == 2
    watch_balances()
    told = Provider.objects.get().balance_at
    assert run("forecast").output.splitlines() == [
        f"Upstream: 80.00 USD (told {told:%Y-%m-%d %H:%M} UTC), 0.00 an hour, no end in sight",
        "    2 held for want of funds: they need 120.00 USD, 40.00 more than is there",
    ]
    BalanceForecast.objects.update(balance=120)
    assert run("forecast").output.endswith(" they need 120.00 USD, and are refused all the same\n")
    BalanceForecast.objects.update(
        per_hour=15,
        empty_at=timezone.now() + timedelta(hours=5, minutes=20, seconds=10),
        low_since=timezone.now(),
    )
    assert run("forecast").output.splitlines()[0].endswith("15.00 an hour, empty in 5 hours 20 minutes  LOW")


@pytest.mark.usefixtures("route")
def test_nobody_forecasts_the_balance_with_a_desk() -> None:
    create_desk(name="Team A")
    watch_balances()
    assert "Upstream" in run("forecast").output
    assert "Team A" not in run("forecast").output
    assert line_of(run("low-balance", "Team A", "--hours", "1")) == (
        "Team A is a desk: `purveyor desk` has its commands"
    )


@pytest.mark.usefixtures("route")
def test_from_when_on_a_balance_is_low() -> None:
    assert run("low-balance", "Upstream", "--hours", "12", "--amount", "50.5").output == (
        "The balance with Upstream is low when it lasts for less than 12 h or it is below 50.5 USD\n"
    )
    limits = BalanceForecast.objects.get()
    assert (limits.low_hours, limits.low_amount) == (Decimal(12), Decimal("50.5"))
    assert run("low-balance", "Upstream").output == (
        "The balance with Upstream is low when an order is refused for it\n"
    )
    limits.refresh_from_db()
    assert (limits.low_hours, limits.low_amount) == (None, None)
    assert line_of(run("low-balance", "Nobody")) == (
        "there is no provider 'Nobody': `purveyor provider list` shows their names"
    )
    for amount in ("-1", "1e30"):
        told = line_of(run("low-balance", "Upstream", f"--amount={amount}"))
        assert told is not None
        assert told.startswith("a limit is between 0 and ")
