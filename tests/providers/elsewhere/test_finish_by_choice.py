"""The rest of an order that ended Partial is finished elsewhere because somebody chose so."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import FinishRest, Service
from purveyor.money.models import Transfer, Wallet
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import Dispatch, Order, Status
from purveyor.orders.refusals import (
    IncorrectOrderId,
    NobodyFinishes,
    NotEnoughFunds,
    NothingLeft,
    Refusal,
    RestNotOffered,
)
from purveyor.providers.elsewhere.finishing import finish_elsewhere
from purveyor.providers.models import Fulfilment, Route
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.timeline.lines import LineKind
from purveyor.providers.timeline.timeline import timeline
from tests.audited import violations
from tests.providers.elsewhere.test_finishing import accept, closed, money, ordered, sold, tell

pytestmark = pytest.mark.django_db


def left_partial(*rates: str, finish_rest: str = FinishRest.ASK) -> Order:
    """An order of 1000 for 10 that ended Partial with 250 undelivered and 2.50 refunded."""
    ordered(sold(*rates, finish_rest=finish_rest))
    order = tell(accept("1"), "Partial", 250)
    assert (order.status, order.refunded) == (Status.PARTIAL, Decimal("2.5"))
    return order


def test_a_customer_chooses_that_the_rest_is_finished_elsewhere_and_pays_for_it_again() -> None:
    order = left_partial("4.00", "5.00")
    assert finish_elsewhere(order_id=order.pk, customer_id=order.customer_id) is None
    order.refresh_from_db()
    assert (order.status, order.dispatch, order.remains) == (Status.IN_PROGRESS, Dispatch.QUEUED, 250)
    assert (balance_of(order.customer), order.refunded) == (Decimal(90), Decimal(0))
    assert violations() == {}
    assert finish_elsewhere(order_id=order.pk) == NothingLeft()
    second = accept("2")
    assert (second.wanted, second.expected_cost) == (250, Decimal("1.25"))
    order = tell(second, "Partial", 100)
    assert (order.status, order.remains, money(order)) == (
        Status.PARTIAL,
        100,
        (91, [Decimal(3), Decimal("0.75")]),
    )
    transfers = Transfer.objects.filter(cause_id=order.pk, kind__in=["refund", "recharge"]).order_by("pk")
    assert list(transfers.values_list("kind", "part")) == [("refund", 1), ("recharge", 2), ("refund", 3)]


def test_what_was_chosen_and_then_canceled_or_taken_by_nobody_is_refunded_again() -> None:
    order = left_partial("4.00", "5.00")
    assert finish_elsewhere(order_id=order.pk, actor="ann") is None
    assert [line.who for line in timeline(order.pk) or [] if line.kind is LineKind.REST] == ["ann"]
    assert "ann" not in str(timeline(order.pk, for_customer=True))
    closed(Route.objects.get(position=1))
    assert hand_over(busy={}).hand_overs == []
    order.refresh_from_db()
    assert (order.status, order.refunded) == (Status.PARTIAL, Decimal("2.5"))
    assert finish_elsewhere(order_id=order.pk) == NobodyFinishes()
    Route.objects.update(enabled=True)
    assert finish_elsewhere(order_id=order.pk) is None
    assert request_cancels([(order.customer_id, order.pk)]) == [None]
    order.refresh_from_db()
    assert (order.status, order.remains, order.refunded) == (Status.PARTIAL, 250, Decimal("2.5"))
    assert violations() == {}


def spent(order: Order) -> None:
    Wallet.objects.filter(pk=order.customer.wallet_id).update(floor=Decimal("90.00000001"))


def not_partial(order: Order) -> None:
    tell(Fulfilment.objects.get(), "In progress", 200)


def never_offered(order: Order) -> None:
    Service.objects.update(finish_rest=FinishRest.NEVER)


def no_other_route(order: Order) -> None:
    closed(Route.objects.get(position=1))


@pytest.mark.parametrize(
    ("spoil", "refusal"),
    [
        (spent, NotEnoughFunds()),
        (not_partial, NothingLeft()),
        (never_offered, RestNotOffered()),
        (no_other_route, NobodyFinishes()),
    ],
)
def test_what_cannot_be_finished_elsewhere_stays_as_it_is(
    spoil: Callable[[Order], None], refusal: Refusal
) -> None:
    order = left_partial("4.00", "5.00")
    spoil(order)
    order.refresh_from_db()
    before = (order.status, order.dispatch, order.refunded, balance_of(order.customer))
    assert finish_elsewhere(order_id=order.pk) == refusal
    order.refresh_from_db()
    assert (order.status, order.dispatch, order.refunded, balance_of(order.customer)) == before
    assert violations() == {}


def test_somebody_elses_order_looks_absent() -> None:
    order = left_partial("4.00", "5.00")
    assert finish_elsewhere(order_id=order.pk, customer_id=make_customer().pk) == IncorrectOrderId()
    assert finish_elsewhere(order_id=order.pk + 1) == IncorrectOrderId()
