"""Our balances with providers: forecast from what was booked, and told once when one becomes low."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from purveyor.accounts.testing import make_customer
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.database import fetch_all
from purveyor.orders.models import Order
from purveyor.orders.queue import hold
from purveyor.orders.testing import place_one
from purveyor.outbox.models import OutboxEvent
from purveyor.providers.models import BalanceForecast, Provider, ProviderKind
from purveyor.providers.standing.balances import (
    _SQL,
    HeldForFunds,
    held_for_funds,
    set_limits,
    watch_balances,
)
from purveyor.providers.standing.forecast import Limits
from purveyor.providers.standing.holds import Hold
from purveyor.providers.standing.standing import Setback, note_setback
from purveyor.providers.testing import make_provider, make_route
from tests.committed import committed
from tests.providers.following.test_polling_plan import steps
from tests.providers.rounds import LONG_AGO
from tests.racing import Second

pytestmark = pytest.mark.django_db

ACCEPTED = """
    INSERT INTO providers_fulfilment (
        order_id, number, provider_id, service_external_id, handover, quantity, provider_rate, fx_rate,
        top_up_bonus_percent, fee_percent, expected_cost, cost, external_id, accepted_at
    )
    SELECT %(order)s, coalesce((SELECT max(number) FROM providers_fulfilment), 0) + number, %(provider)s, '1',
        'accepted', 100, 1, %(fx)s, %(bonus)s, %(fee)s, %(cost)s, %(cost)s, gen_random_uuid(),
        now() - %(ago)s - number * interval '1 microsecond'
    FROM generate_series(1, %(number)s) AS number
"""


@pytest.fixture
def provider() -> Provider:
    """A provider that told half an hour ago that we have 100."""
    return make_provider(balance=Decimal(100), balance_at=timezone.now() - timedelta(minutes=30))


@pytest.fixture
def order() -> Order:
    return place_one(make_customer("1000"), make_service(rate="1.00"), quantity=100)


def bought(provider: Provider, order: Order, cost: str, *, ago: timedelta, **others: Any) -> None:
    """Hand-overs that were accepted so long ago, with true costs in panel currency."""
    given: dict[str, Any] = {
        "order": order.pk,
        "provider": provider.pk,
        "fx": 1,
        "bonus": 0,
        "fee": 0,
        "cost": Decimal(cost),
        "ago": ago,
        "number": 1,
    }
    with connection.cursor() as cursor:
        cursor.execute(ACCEPTED, given | others)


def looked(provider: Provider) -> BalanceForecast:
    """The forecast as it is after a look that is due now."""
    BalanceForecast.objects.update(next_look_at=LONG_AGO)
    watch_balances()
    return BalanceForecast.objects.get(pk=provider.pk)


def told() -> list[Any]:
    return list(OutboxEvent.objects.filter(kind="provider.low_balance").order_by("pk"))


def test_what_was_spent_decides_when_the_balance_is_gone(provider: Provider, order: Order) -> None:
    bought(provider, order, "4", ago=timedelta(minutes=10))
    bought(provider, order, "6", ago=timedelta(minutes=45))
    bought(provider, order, "14", ago=timedelta(hours=5))
    bought(provider, order, "24", ago=timedelta(hours=20))
    bought(provider, order, "5000", ago=timedelta(hours=25))
    made = looked(provider)
    assert made.balance == 96
    assert made.per_hour == Decimal(5) + Decimal("1.2") + Decimal("0.4")
    assert made.empty_at is not None
    hours = (made.empty_at - timezone.now()) / timedelta(hours=1)
    assert abs(hours - 96 / 6.6) < 0.1
    assert told() == []


def test_costs_are_taken_back_to_the_currency_of_the_provider(provider: Provider, order: Order) -> None:
    bought(provider, order, "42", ago=timedelta(minutes=10), fx=2, fee=5)
    bought(provider, order, "10", ago=timedelta(minutes=10), bonus=10)
    assert looked(provider).balance == 100 - 20 - 11


def test_a_balance_that_was_never_told_has_no_forecast(order: Order) -> None:
    provider = make_provider()
    bought(provider, order, "4", ago=timedelta(minutes=10))
    made = looked(provider)
    assert (made.balance, made.empty_at, made.low_since) == (None, None, None)


def test_a_low_balance_is_told_once_for_each_fall(provider: Provider) -> None:
    watch_balances()
    set_limits(provider=provider, limits=Limits(amount=Decimal(150)))
    assert looked(provider).low_since is not None
    looked(provider)
    assert [event.about for event in told()] == [f"provider:{provider.pk}"]
    assert told()[0].customer_id is None
    balance(provider, 160)
    assert looked(provider).low_since is not None
    balance(provider, 180)
    assert looked(provider).low_since is None
    balance(provider, 160)
    looked(provider)
    assert len(told()) == 1
    balance(provider, 149)
    looked(provider)
    assert len(told()) == 2
    assert Decimal(told()[1].data["balance"]) == 149


def balance(provider: Provider, amount: int) -> None:
    Provider.objects.filter(pk=provider.pk).update(balance=amount)


def test_six_hours_are_low_unless_other_limits_are_set(provider: Provider, order: Order) -> None:
    bought(provider, order, "60", ago=timedelta(minutes=40))
    assert looked(provider).low_since is not None
    set_limits(provider=provider, limits=Limits())
    assert looked(provider).low_since is None


def test_an_empty_balance_is_empty_now(provider: Provider, order: Order) -> None:
    bought(provider, order, "200", ago=timedelta(minutes=10))
    made = looked(provider)
    assert made.empty_at is not None
    assert abs(made.empty_at - timezone.now()) < timedelta(minutes=1)
    assert told()[0].data["empty_in_seconds"] == 0


def test_who_refused_an_order_for_want_of_funds_is_low_and_tells_what_is_needed() -> None:
    customer = make_customer("100")
    provider = make_provider(balance=Decimal(100), balance_at=timezone.now())
    service, package = (
        make_service(rate="10.00"),
        make_service(OrderType.PACKAGE, rate="9.00", min=1, max=1),
    )
    for sold in (service, package):
        make_route(sold, make_provider(), rate="1.00")
        make_route(sold, provider, rate="4.00", position=1)
    note_setback(provider_id=provider.pk, key=provider.key, setback=Setback.OUT_OF_FUNDS)
    held = [place_one(customer, service, quantity=500), place_one(customer, package)]
    hold([order.pk for order in held], reason=Hold.OUT_OF_FUNDS)
    hold([place_one(customer, service, quantity=1000).pk], reason=Hold.NO_PROVIDER)
    assert held_for_funds() == {provider.pk: HeldForFunds(orders=2, needed=Decimal(6))}
    looked(provider)
    (event,) = told()
    assert (event.data["held_orders"], Decimal(event.data["held_orders_need"])) == (2, Decimal(6))


def test_a_look_comes_after_a_while_and_is_had_by_one() -> None:
    make_provider()
    assert watch_balances() == 1
    assert watch_balances() == 0


@committed
def test_old_hand_overs_are_not_read(provider: Provider, order: Order) -> None:
    bought(provider, order, "1", ago=timedelta(days=9), number=20_000)
    bought(provider, order, "1", ago=timedelta(hours=2), number=50)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE providers_fulfilment")
    statement = "EXPLAIN (ANALYZE, FORMAT JSON) " + _SQL["spending"]
    ((answer,),) = fetch_all(statement, {"providers": [provider.pk]})
    scans = [step for step in steps(answer[0]["Plan"]) if step.get("Relation Name") == "providers_fulfilment"]
    assert [step["Node Type"] for step in scans if step["Node Type"] == "Seq Scan"] == []
    assert sum(step["Actual Rows"] for step in scans) == 50


def test_people_who_deliver_by_hand_hold_no_money_of_ours() -> None:
    make_provider(kind=ProviderKind.MANUAL)
    assert watch_balances() == 0


@committed
def test_a_fall_is_told_by_one_of_two_workers() -> None:
    provider = make_provider(balance=Decimal(1), balance_at=timezone.now())
    set_limits(provider=provider, limits=Limits(amount=Decimal(5)))
    with transaction.atomic():
        assert watch_balances() == 1
        others: list[int] = []
        Second(lambda: others.append(watch_balances())).finish()
    assert (others, len(told())) == ([0], 1)
