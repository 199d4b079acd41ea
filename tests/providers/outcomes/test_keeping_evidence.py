"""Evidence that is shown and settles nothing: a balance, and a refusal as a duplicate."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from purveyor.accounts.models import Customer
from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.orders.models import Order
from purveyor.orders.testing import place_one
from purveyor.providers.models import EvidenceKind, Fulfilment, Handover, HandoverEvidence, Provider
from purveyor.providers.sync.syncing import sync_provider
from purveyor.providers.testing import make_provider
from purveyor.simulator.behaviours import Fault
from purveyor.simulator.testing import Simulator
from tests.committed import committed
from tests.ops.test_cli import run
from tests.providers.conftest import DEPOSIT, sold
from tests.providers.rounds import dispatch, reconcile

pytestmark = committed
LINK = "https://example.com/one"
AN_HOUR = timedelta(hours=1)


@pytest.fixture
def customer() -> Customer:
    return make_customer("100000")


@pytest.fixture
def buy(customer: Customer, service: Service) -> Callable[..., Order]:
    """Place an order and hand it over."""

    def place_and_send(link: str = LINK, *, of: Service | None = None) -> Order:
        order = place_one(customer, of or service, quantity=1000, link=link)
        dispatch()
        return order

    return place_and_send


def balance_told(provider: Provider, *, ago: timedelta = AN_HOUR) -> None:
    """Have the provider tell its balance, so long ago."""
    sync_provider(provider)
    Provider.objects.filter(pk=provider.pk).update(balance_at=timezone.now() - ago)


def evidence(order: Order, kind: EvidenceKind) -> str:
    """The evidence of a kind about the order's hand-over; empty when there is none."""
    assert Fulfilment.objects.get(order=order).handover == Handover.UNKNOWN
    found = HandoverEvidence.objects.filter(fulfilment__order=order, kind=kind).first()
    return found.text if found else ""


@pytest.mark.parametrize(
    ("fault", "suggests"),
    [
        (Fault.ACCEPT_THEN_DROP, "as if it had been placed, at "),
        (Fault.DROP_WITHOUT_ACCEPTING, "as if it had not been placed"),
    ],
)
def test_the_balance_before_and_after_is_shown_and_settles_nothing(
    simulator: Simulator, provider: Provider, buy: Callable[..., Order], fault: Fault, suggests: str
) -> None:
    balance_told(provider)
    simulator.script.next("add", fault)
    lost = buy()
    for _ in range(2):
        balance_told(provider, ago=timedelta(0))  # a later one does not take its place
        reconcile()
        told = evidence(lost, EvidenceKind.BALANCE)
        assert told.startswith(f"the balance was {DEPOSIT} at ")
        assert suggests in told
        assert "refunded" not in told
    shown = run("unknown", "list").output
    assert suggests in shown
    assert "too few other orders" in shown
    assert Decimal(str(simulator.balance)) == Provider.objects.get().balance


def test_orders_under_way_are_told_beside_it(
    simulator: Simulator, provider: Provider, buy: Callable[..., Order]
) -> None:
    buy("https://example.com/earlier")
    Fulfilment.objects.update(accepted_at=timezone.now() - 2 * AN_HOUR)
    balance_told(provider)
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP)
    lost = buy()
    reconcile()
    assert evidence(lost, EvidenceKind.BALANCE).endswith("may have been refunded")


def test_a_balance_says_nothing_when_anything_else_was_sent(
    simulator: Simulator, provider: Provider, buy: Callable[..., Order]
) -> None:
    balance_told(provider)
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP)
    lost = buy()
    buy("https://example.com/another")
    reconcile()
    assert evidence(lost, EvidenceKind.BALANCE) == ""
    assert [call.action for call in simulator.requests].count("balance") == 1


def test_a_balance_says_nothing_while_another_outcome_is_unknown(
    simulator: Simulator, provider: Provider, buy: Callable[..., Order]
) -> None:
    balance_told(provider)
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP, Fault.DROP_WITHOUT_ACCEPTING)
    lost, other = buy(), buy("https://example.com/another")
    reconcile()
    assert {evidence(order, EvidenceKind.BALANCE) for order in (lost, other)} == {""}


@pytest.mark.parametrize("ago", [None, timedelta(hours=-1)], ids=["never told", "told after it was sent"])
def test_without_a_balance_from_before_there_is_nothing_to_compare(
    simulator: Simulator, provider: Provider, buy: Callable[..., Order], ago: timedelta | None
) -> None:
    if ago is not None:
        balance_told(provider, ago=ago)
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP)
    lost = buy()
    reconcile()
    assert evidence(lost, EvidenceKind.BALANCE) == ""


def test_a_refusal_as_duplicate_is_shown_with_the_unknown_one(
    simulator: Simulator, provider: Provider, buy: Callable[..., Order]
) -> None:
    other_service = sold(provider, OrderType.PACKAGE)
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP)
    lost = buy()
    elsewhere = buy("https://example.com/elsewhere")
    simulator.refuse_duplicates()
    refused = place_one(lost.customer, other_service, link=LINK)
    dispatch()
    assert evidence(lost, EvidenceKind.DUPLICATE) == (
        f"order {refused.pk} with the same link was refused as its duplicate: You have active order with "
        "this link. Please wait until order being completed.; no other order of ours is known to be open "
        "there with this link"
    )
    assert not HandoverEvidence.objects.filter(fulfilment__order=elsewhere).exists()
    assert f"order {refused.pk} with the same link" in run("unknown", "list").output


def test_another_order_that_explains_the_refusal_is_told(
    simulator: Simulator, provider: Provider, buy: Callable[..., Order]
) -> None:
    services = [sold(provider, order_type) for order_type in (OrderType.PACKAGE, OrderType.SEO)]
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP)
    lost = buy()
    taken = place_one(lost.customer, services[0], link=LINK)
    dispatch()
    simulator.refuse_duplicates()
    place_one(lost.customer, services[1], quantity=services[1].min, link=LINK, keywords="x")
    dispatch()
    told = evidence(lost, EvidenceKind.DUPLICATE)
    assert told.endswith(f"; order {taken.pk} has this link there too, which explains it as well")


def test_a_refusal_at_another_provider_says_nothing(
    simulator: Simulator, provider: Provider, buy: Callable[..., Order]
) -> None:
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP)
    lost = buy()
    other = sold(make_provider(simulator.url, key=simulator.key), OrderType.PACKAGE)
    simulator.script.next("add", Fault.DUPLICATE_LINK)
    place_one(lost.customer, other, link=LINK)
    dispatch()
    assert evidence(lost, EvidenceKind.DUPLICATE) == ""
