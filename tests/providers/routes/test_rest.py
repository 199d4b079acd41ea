"""The arithmetic of one order that several deliver: whatever each tells, all of it adds up."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.catalog.prices import charge
from purveyor.orders.models import Status
from purveyor.orders.refunds import final_status, refund_due
from purveyor.providers.costs.costing import cost_at, expected_cost
from purveyor.providers.costs.margin import Sale, Terms, keeps_margin
from purveyor.providers.routes.rest import (
    delivered_of,
    remains_of,
    routes_for_rest,
    share_of,
    surplus_of,
)
from purveyor.providers.routes.routing import RouteOption

TERMS = Terms(fx_rate=Decimal(1))

quantities = st.integers(1, 10**6)
rates = st.decimals("0.00001", "1000", places=5)
statuses = st.sampled_from(
    [None, Status.PENDING, Status.IN_PROGRESS, Status.COMPLETED, Status.PARTIAL, Status.CANCELED]
)
ends = st.sampled_from([Status.COMPLETED, Status.PARTIAL, Status.CANCELED])


@pytest.mark.parametrize(
    ("status", "remains", "before", "delivered"),
    [
        (Status.COMPLETED, None, None, 100),
        (Status.COMPLETED, 30, 70, 100),
        (Status.CANCELED, 30, 70, 0),
        (Status.PARTIAL, 30, None, 70),
        (Status.PARTIAL, 30, 90, 70),
        (Status.PARTIAL, 500, None, 0),
        (Status.PARTIAL, None, 40, 40),
        (Status.IN_PROGRESS, 30, None, 70),
        # What goes on again was delivered once already.
        (Status.IN_PROGRESS, 90, 70, 70),
        (Status.PENDING, None, None, None),
        # Nobody knows the word, so nobody knows what the number means.
        (None, 30, 40, 40),
    ],
)
def test_what_one_has_delivered(
    status: Status | None, remains: int | None, before: int | None, delivered: int | None
) -> None:
    assert delivered_of(status=status, remains=remains, sent=100, wanted=100, before=before) == delivered


def test_what_was_sent_beyond_what_is_wanted_is_delivered_last() -> None:
    told = {"status": Status.PARTIAL, "sent": 110, "wanted": 100, "before": None}
    assert [delivered_of(remains=left, **told) for left in (0, 5, 10, 60)] == [100, 100, 100, 50]  # type: ignore[arg-type]


@given(
    status=statuses,
    remains=st.none() | st.integers(0, 2 * 10**6),
    wanted=quantities,
    overflow=st.integers(0, 1000),
    data=st.data(),
)
def test_nobody_delivers_less_than_nothing_or_more_than_wanted(
    status: Status | None, remains: int | None, wanted: int, overflow: int, data: st.DataObject
) -> None:
    before = data.draw(st.none() | st.integers(0, wanted))
    delivered = delivered_of(
        status=status, remains=remains, sent=wanted + overflow, wanted=wanted, before=before
    )
    assert delivered is None or 0 <= delivered <= wanted
    if status is None:
        assert delivered == before


@given(
    ordered=quantities,
    price=rates,
    rate=rates,
    tells=st.lists(st.tuples(ends, st.integers(0, 10**6)), min_size=1, max_size=5),
)
def test_one_after_the_other_all_of_it_adds_up(
    ordered: int, price: Decimal, rate: Decimal, tells: list[tuple[Status, int]]
) -> None:
    """Each takes what those before have left, and ends it with some left or none."""
    delivered: list[int] = []
    for status, left in tells:
        rest = remains_of(ordered=ordered, delivered=delivered)
        if not rest:
            break
        own = delivered_of(status=status, remains=left, sent=rest, wanted=rest, before=None)
        assert own is not None
        delivered.append(own)
        # Its cost is booked for what it delivered only.
        expected = expected_cost(rate=rate, terms=TERMS, quantity=rest, is_package=False)
        cost = cost_at(status=status, expected=expected, quantity=rest, remains=left)
        of_delivered = expected_cost(rate=rate, terms=TERMS, quantity=own, is_package=False)
        assert cost is not None
        assert abs(cost - of_delivered) <= Decimal("0.00000002")
        assert (cost == 0) is (own == 0)
    remains = remains_of(ordered=ordered, delivered=delivered)
    assert sum(delivered) + remains == ordered
    assert surplus_of(ordered=ordered, delivered=delivered) == 0

    paid = charge(unit_price=price, quantity=ordered, is_package=False)
    status = final_status(ordered=ordered, remains=remains)
    refund = refund_due(status=status, charge=paid, quantity=ordered, remains=remains)
    kept = paid - refund
    assert refund + kept == paid
    assert 0 <= refund <= paid
    # What was delivered is paid, what was not is not, both to the ledger's last place.
    assert 0 <= kept - paid * sum(delivered) / ordered < Decimal("0.00000001") + kept * Decimal("1e-20")
    assert (status is Status.CANCELED) is (sum(delivered) == 0)
    assert (status is Status.COMPLETED) is (sum(delivered) == ordered)


@given(ordered=quantities, delivered=st.lists(st.integers(0, 10**6), max_size=6))
def test_what_remains_and_what_is_too_much_never_come_together(ordered: int, delivered: list[int]) -> None:
    remains = remains_of(ordered=ordered, delivered=delivered)
    surplus = surplus_of(ordered=ordered, delivered=delivered)
    assert sum(delivered) + remains == ordered + surplus
    assert remains == 0 or surplus == 0


@given(paid=st.decimals("0.00000001", "100000", places=8), parts=st.lists(quantities, min_size=1, max_size=6))
def test_shares_of_a_sale_never_come_to_more_than_it(paid: Decimal, parts: list[int]) -> None:
    sale = Sale(charge=paid, quantity=sum(parts), is_package=False)
    shares = [share_of(sale, quantity=part).charge for part in parts]
    assert paid - len(parts) * Decimal("0.00000001") <= sum(shares) <= paid
    assert share_of(sale, quantity=sale.quantity) == sale


options = st.builds(
    RouteOption,
    route_id=st.integers(1, 6),
    provider_id=st.integers(1, 3),
    provider=st.just("One"),
    closed=st.sampled_from([False, False, True]),
    external_id=st.just("1"),
    rate=rates | st.just(Decimal(10) ** 40),
    terms=st.just(TERMS),
    margin_floor_percent=st.none() | st.decimals("0", "100", places=2),
    min=st.none() | quantities,
    max=st.none() | quantities,
    hold_reason=st.sampled_from(["", "", "The provider is out of funds"]),
)


@given(
    offers=st.lists(options, max_size=6),
    used=st.sets(st.integers(1, 6), max_size=3),
    rest=st.integers(0, 10**6),
    price=rates,
)
def test_a_rest_goes_only_where_it_can_be_taken_at_once(
    offers: list[RouteOption], used: set[int], rest: int, price: Decimal
) -> None:
    sale = Sale(charge=price * rest / 1000, quantity=rest, is_package=False)
    taking = routes_for_rest(offers, used=used, sale=sale)
    for option in taking:
        assert option.route_id not in used
        assert not option.hold_reason
        assert not option.closed
        assert (option.min or 1) <= rest <= (option.max or rest)
        cost = expected_cost(rate=option.rate, terms=TERMS, quantity=rest, is_package=False)
        assert keeps_margin(cost=cost, charge=sale.charge, floor_percent=option.margin_floor_percent)
    # In their order of preference, and none that was used or waits would change that.
    assert taking == [option for option in offers if option in taking]
    assert taking == routes_for_rest(taking, used=used, sale=sale)
    assert not routes_for_rest(offers, used=range(7), sale=sale)
    assert not routes_for_rest([replace(option, hold_reason="x") for option in offers], used=(), sale=sale)


def test_only_what_is_a_mere_number_is_divided() -> None:
    divided = {form.type for form in FORMS.values() if form.is_divisible}
    assert OrderType.DEFAULT in divided
    assert not divided & {
        OrderType.PACKAGE,
        OrderType.CUSTOM_COMMENTS,
        OrderType.CUSTOM_COMMENTS_PACKAGE,
        OrderType.MENTIONS_CUSTOM_LIST,
        OrderType.SUBSCRIPTIONS,
    }
