"""The story of an order explains its price, every exchange and every transfer; the customer's leaks none."""

import re
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.money.models import Transfer, TransferKind
from purveyor.orders.models import Order, Status
from purveyor.orders.testing import place_one
from purveyor.providers.models import Fulfilment, Provider
from purveyor.providers.outcomes.settling import settle_as_not_placed, settle_as_placed
from purveyor.providers.timeline.lines import LineKind
from purveyor.providers.timeline.timeline import timeline
from purveyor.simulator.behaviours import Fault
from purveyor.simulator.testing import Simulator
from tests.audited import violations
from tests.committed import committed
from tests.providers.rounds import dispatch, poll

pytestmark = committed

ACTOR = "staff@example.com"


def story(order: Order, *, for_customer: bool = False) -> list[tuple[str, str, str]]:
    lines = timeline(order.pk, for_customer=for_customer)
    assert lines is not None
    return [(line.kind.value, line.who, line.text) for line in lines]


def number(kind: TransferKind, cause: int) -> int:
    return Transfer.objects.get(kind=kind, cause_id=cause).pk


@pytest.fixture
def partial(simulator: Simulator, service: Service) -> Order:
    """An order of which the provider's answer was lost, that staff found there, and that ended Partial."""
    order = place_one(make_customer("100"), service, quantity=1000, link="https://example.com/a")
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP)
    dispatch()
    (bought,) = simulator.orders
    settle_as_placed(fulfilment=Fulfilment.objects.get(), external_id=str(bought.id), actor=ACTOR)
    simulator.set_order(bought.id, status="In progress", start_count=5, remains=900)
    poll()
    simulator.set_order(bought.id, status="Partial", remains=400, charge=bought.charge * Decimal("0.6"))
    poll()
    order.refresh_from_db()
    assert (order.status, violations()) == (Status.PARTIAL, {})
    return order


def test_a_story_explains_price_exchanges_and_transfers(
    partial: Order, simulator: Simulator, provider: Provider, service: Service
) -> None:
    fulfilment = Fulfilment.objects.get()
    rate, sent = f"{service.rate.normalize():f}", simulator.orders[0]
    charge, cost = f"{partial.charge.normalize():f}", f"{fulfilment.expected_cost.normalize():f}"
    refund = f"{partial.refunded.normalize():f}"
    saved = f"{(fulfilment.expected_cost * 2 / 5).normalize():f}"
    saving = number(TransferKind.PROVIDER_REFUND, fulfilment.pk)
    told = story(partial)
    assert [(kind, who) for kind, who, _ in told] == [
        ("placed", "customer"),
        ("transfer", "panel"),
        ("decided", "panel"),
        ("handed over", "panel"),
        ("sent", "panel"),
        ("answered", provider.name),
        ("settled", ACTOR),
        ("transfer", "panel"),
        ("progress", provider.name),
        ("status", "panel"),
        ("progress", provider.name),
        ("transfer", "panel"),
        ("status", "panel"),
        ("transfer", "panel"),
    ]
    route = fulfilment.route_id
    assert told.pop(2)[2] == (
        "Policy: The first that works, by position. "
        f"Taken: route {route} ({provider.name}, service {sent.service}, score 70) at a cost of {cost} USD, "
        "because it is the only one that can."
    )
    texts = [text for _, _, text in told]
    assert texts[0] == (
        f"Ordered “{service.name}”: 1000 × {rate} per 1000 = {charge} USD; price by list price, service "
        f"version {service.version}, through api"
    )
    assert texts[1] == f"Charged {charge} USD (transfer {number(TransferKind.CHARGE, partial.pk)})"
    assert texts[2].startswith(f"Hand-over 1, to {provider.name} as its service {sent.service}: 1000 at ")
    assert texts[2].endswith(f"expected to cost {cost} USD")
    assert texts[3] == (
        f"Sent to {provider.name}: action=add link=https://example.com/a quantity=1000 service={sent.service}"
    )
    assert texts[4].startswith("Unknown, no HTTP status: ")
    assert texts[5] == f"Settled: {provider.name} did take it, as its order {sent.id}"
    assert (
        texts[6]
        == f"Booked a cost of {cost} USD (transfer {number(TransferKind.PROVIDER_COST, fulfilment.pk)})"
    )
    assert sorted(texts[10:]) == sorted(
        [
            f"Refunded {refund} USD (transfer {number(TransferKind.REFUND, partial.pk)})",
            "In progress → Partial",
            f"Booked that {saved} USD of the cost was not incurred (transfer {saving})",
        ]
    )


def test_the_key_is_nowhere_in_it(partial: Order, provider: Provider) -> None:
    assert provider.key not in repr(timeline(partial.pk))


def test_a_customer_sees_nothing_of_providers_and_costs(partial: Order, provider: Provider) -> None:
    fulfilment = Fulfilment.objects.get()
    told = timeline(partial.pk, for_customer=True)
    assert told is not None
    words = repr(told)
    assert {line.kind for line in told} == {LineKind.PLACED, LineKind.TRANSFER, LineKind.STATUS}
    for secret in (provider.name, provider.url, "cost", "provider", "list price", ACTOR):
        assert secret not in words
    for secret in (fulfilment.external_id, f"{fulfilment.expected_cost.normalize():f}"):
        assert not re.search(rf"(?<![0-9.]){re.escape(secret)}(?![0-9.])", words)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        timeline(partial.pk, for_customer=True)
    assert "providers_" not in " ".join(query["sql"] for query in queries)


def test_an_order_that_was_not_placed_and_sent_again_tells_both(
    simulator: Simulator, service: Service
) -> None:
    order = place_one(make_customer("100"), service, quantity=1000)
    simulator.script.next("add", Fault.DROP_WITHOUT_ACCEPTING)
    dispatch()
    settle_as_not_placed(fulfilment=Fulfilment.objects.get(), actor=ACTOR)
    dispatch()
    kinds = [kind for kind, _, _ in story(order)]
    assert kinds == [
        "placed",
        "transfer",
        "decided",
        "handed over",
        "sent",
        "answered",
        "settled",
        "decided",
        "handed over",
        "sent",
        "answered",
        "transfer",
    ]


def test_an_order_that_waits_tells_staff_why_no_route_takes_it(provider: Provider, service: Service) -> None:
    Provider.objects.update(enabled=False)
    order = place_one(make_customer("100"), service, quantity=1000)
    dispatch()
    (held,) = [text for kind, _, text in story(order) if kind == "held"]
    assert held.startswith("Held: The provider is switched off. Policy: The first that works, by position. ")
    assert held.endswith(": the provider is switched off.")
    told = timeline(order.pk, for_customer=True)
    assert provider.name not in repr(told)


def test_there_is_no_story_of_what_does_not_exist() -> None:
    assert timeline(10**12) is None
    assert timeline(10**12, for_customer=True) is None
