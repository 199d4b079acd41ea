"""Orders weighed against their margin when they leave the queue, and when they come back from hold."""

from decimal import Decimal
from typing import Any, Final

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from purveyor.accounts.testing import make_customer
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.money.models import LEDGER_UNIT
from purveyor.orders.dripfeed import release_due
from purveyor.orders.models import Dispatch, DripFeed, Order
from purveyor.orders.queue import hold
from purveyor.orders.testing import place_one
from purveyor.providers.housekeeping import release_held
from purveyor.providers.models import Fulfilment, Handover, ProviderService
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.standing.holds import Hold
from purveyor.providers.testing import make_provider, make_route

pytestmark = pytest.mark.django_db

NOBODY_BUSY: Final[dict[int, int]] = {}
SUBSCRIBED: Final = {"username": "ann", "min": 10, "max": 20, "posts": 3, "delay": 30}


def test_the_true_cost_is_frozen_and_booked_with_bonus_and_fee() -> None:
    service = make_service(rate="2.00")
    provider = make_provider(fx_rate=Decimal(2), top_up_bonus_percent=Decimal(25), fee_percent=Decimal(5))
    make_route(service, provider, rate="1.00")
    place_one(make_customer(), service, quantity=1000)
    (item,) = hand_over(busy=NOBODY_BUSY).hand_overs
    fulfilment = Fulfilment.objects.get(pk=item.fulfilment_id)
    assert fulfilment.expected_cost == item.cost == Decimal("1.68")
    frozen = (fulfilment.fx_rate, fulfilment.top_up_bonus_percent, fulfilment.fee_percent)
    assert frozen == (Decimal(2), Decimal(25), Decimal(5))


BELOW = [
    ("a loss", OrderType.DEFAULT, "1.00", {"rate": "1.01"}, {"quantity": 1000}, True),
    ("no loss", OrderType.DEFAULT, "1.00", {"rate": "1.00"}, {"quantity": 1000}, False),
    ("rounded up on both sides", OrderType.DEFAULT, "0.00001", {"rate": "0.00001"}, {"quantity": 1}, False),
    (
        "its floor",
        OrderType.DEFAULT,
        "1.00",
        {"rate": "0.95", "margin_floor_percent": 10},
        {"quantity": 7},
        True,
    ),
    (
        "no floor",
        OrderType.DEFAULT,
        "1.00",
        {"rate": "9", "margin_floor_percent": None},
        {"quantity": 7},
        False,
    ),
    ("a gift", OrderType.DEFAULT, "0", {"rate": "0.01"}, {"quantity": 5}, True),
    (
        "a gift on purpose",
        OrderType.DEFAULT,
        "0",
        {"rate": "1", "margin_floor_percent": None},
        {"quantity": 5},
        False,
    ),
    ("a package", OrderType.PACKAGE, "20", {"rate": "21"}, {}, True),
    ("a package", OrderType.PACKAGE, "20", {"rate": "19"}, {}, False),
    ("a subscription", OrderType.SUBSCRIPTIONS, "1.00", {"rate": "1.01"}, SUBSCRIBED, True),
    ("a subscription", OrderType.SUBSCRIPTIONS, "1.00", {"rate": "0.99"}, SUBSCRIBED, False),
]


@pytest.mark.parametrize(("why", "order_type", "price", "route", "order", "waits"), BELOW)
def test_below_the_floor_an_order_waits_and_is_not_released(
    why: str, order_type: OrderType, price: str, route: dict[str, Any], order: dict[str, Any], *, waits: bool
) -> None:
    service = make_service(order_type, rate=price)
    way = make_route(service, make_provider(), **route)
    placed = place_one(make_customer("100"), service, **order)
    assert (hand_over(busy=NOBODY_BUSY).hand_overs == []) is waits, why
    placed.refresh_from_db()
    assert placed.hold_reason == (Hold.BELOW_MARGIN if waits else "")
    if waits:
        assert release_held() == 0, "queue and hold agree"
        way.margin_floor_percent = None
        way.save()
        assert release_held() == 1


def test_each_run_of_a_drip_feed_is_weighed_against_its_own_part_of_the_charge() -> None:
    service = make_service(rate="1.00", dripfeed=True)
    make_route(service, make_provider(), rate="1.00")
    place_one(make_customer(), service, quantity=100, runs=3, interval=30)
    for released in (1, 2):
        DripFeed.objects.update(next_run_at=timezone.now())
        assert release_due() == 1
        assert len(hand_over(busy=NOBODY_BUSY).hand_overs) == (1 if released == 1 else 0)
        ProviderService.objects.update(rate="1.30")
    run = Order.objects.get(part=2)
    assert (run.dispatch, run.hold_reason) == (Dispatch.HELD, Hold.BELOW_MARGIN)


@given(
    price=st.decimals("0.00001", "10", places=5),
    off=st.sampled_from([Decimal(-1), Decimal(0), Decimal(1), Decimal(1000)]),
    fx_rate=st.decimals("0.01", "2", places=8),
    bonus=st.decimals("0", "50", places=4),
    fee=st.decimals("0", "10", places=4),
    floor=st.decimals("0", "100", places=2),
    quantity=st.integers(1, 3000),
)
@settings(max_examples=40)
def test_queue_and_hold_agree_about_prices_close_to_the_floor(
    *,
    price: Decimal,
    off: Decimal,
    fx_rate: Decimal,
    bonus: Decimal,
    fee: Decimal,
    floor: Decimal,
    quantity: int,
) -> None:
    borderline = price * (100 - floor) * (100 + bonus) / (100 * (100 + fee) * fx_rate)
    rate = max(borderline.quantize(LEDGER_UNIT) + off * LEDGER_UNIT, Decimal(0))
    with transaction.atomic():
        service = make_service(rate=price)
        provider = make_provider(fx_rate=fx_rate, top_up_bonus_percent=bonus, fee_percent=fee)
        make_route(service, provider, rate=rate, margin_floor_percent=floor)
        order = place_one(make_customer("100"), service, quantity=quantity)
        sent = len(hand_over(busy=NOBODY_BUSY).hand_overs)
        if sent:
            Fulfilment.objects.filter(order=order).update(handover=Handover.REFUSED)
            hold([order.pk], reason=Hold.BELOW_MARGIN)
        assert release_held() == sent
        transaction.set_rollback(True)
