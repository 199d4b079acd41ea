"""Each thing that is known of an order has its line, and the customer's lines are free of providers."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.testing import make_service
from purveyor.database import fetch_all
from purveyor.orders.models import EventKind, Order, OrderEvent
from purveyor.orders.testing import place_one
from purveyor.providers.models import Fulfilment, Provider
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.protocol.replies import Accepted
from purveyor.providers.routes.decisions import sentences
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.testing import make_provider, make_route
from purveyor.providers.timeline.facts import Exchanges, Facts
from purveyor.providers.timeline.lines import LineKind, lines_for_everybody
from purveyor.providers.timeline.timeline import build, timeline
from tests.committed import committed

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
MANY = 3_000
SECRET = "cheap-upstream.example"
DECISION = {
    "policy": "cheapest",
    "routes": [
        {"route": 7, "provider": SECRET, "service": "1", "cost": "0.4", "score": 71.3, "why": "cheapest"}
    ],
}


def facts(*events: OrderEvent) -> Facts:
    order = Order(
        pk=12,
        service=Service(name="Likes"),
        quantity=1000,
        unit_price=Decimal("10.00000"),
        charge=Decimal("10.00000000"),
        currency="USD",
        price_rule="list price",
        service_version=1,
        source="api",
        created_at=AT,
    )
    return Facts(order=order, events=events)


def event(kind: EventKind, **data: Any) -> OrderEvent:
    return OrderEvent(order_id=12, kind=kind, data=data, created_at=AT)


EVENTS = {
    EventKind.STATUS: (event(EventKind.STATUS, before="Pending", status="Partial"), "Pending → Partial"),
    EventKind.BACKWARD: (
        event(EventKind.BACKWARD, before="Completed", status="In progress"),
        "Completed → In progress, which is backwards",
    ),
    EventKind.REFUND: (event(EventKind.REFUND, amount="4"), None),
    EventKind.CORRECTION: (
        event(EventKind.CORRECTION, amount="4", done=False),
        "4 was refunded too much and is not there any more: for staff to decide",
    ),
    EventKind.UNKNOWN_STATUS: (
        event(EventKind.UNKNOWN_STATUS, word=SECRET),
        f"The provider’s word “{SECRET}” means nothing to us",
    ),
    EventKind.HELD: (event(EventKind.HELD, reason=f"{SECRET} is poor"), f"Held: {SECRET} is poor"),
    EventKind.REFILL: (
        event(EventKind.REFILL, refill=3, status="Rejected", reason=SECRET),
        f"Refill 3: Rejected: {SECRET}",
    ),
    EventKind.CANCEL: (
        event(EventKind.CANCEL, status="refused", reason=SECRET),
        f"Wish to cancel: refused: {SECRET}",
    ),
    EventKind.ELSEWHERE: (
        event(EventKind.ELSEWHERE, fulfilment=9, delivered=600, rest=400),
        "600 were delivered; 400 go to another provider",
    ),
    EventKind.OVERLAP: (
        event(
            EventKind.OVERLAP, fulfilment=9, status="Completed", delivered=9, delivered_before=0, surplus=4
        ),
        (
            "Hand-over 9 went on after its rest was given to another: it has delivered 9; in all 4 more than "
            "ordered"
        ),
    ),
    EventKind.REFILL_ELSEWHERE: (
        event(
            EventKind.REFILL_ELSEWHERE,
            refill=3,
            quantity=50,
            provider=SECRET,
            cost="0.4",
            keeps_margin=True,
            actor="staff@example.com",
        ),
        f"Refill 3: 50 go to {SECRET} for 0.4, at our cost",
    ),
    EventKind.PROMISE: (
        event(EventKind.PROMISE, promised_until="noon", outcome="asked"),
        "Not complete by noon, as was promised: asked",
    ),
}


@pytest.mark.parametrize("kind", list(EventKind))
def test_every_kept_event_has_its_line_or_is_told_by_a_transfer(kind: EventKind) -> None:
    kept, text = EVENTS[kind]
    told = [line.text for line in build(facts(kept), Exchanges())]
    assert told[1:] == ([] if text is None else [text])


@pytest.mark.parametrize("kind", list(EventKind))
def test_no_kept_event_tells_a_customer_what_a_provider_said(kind: EventKind) -> None:
    kept, _ = EVENTS[kind]
    with_decision = event(kind, **kept.data, decision=DECISION)
    assert SECRET not in repr(build(facts(with_decision), None))


def test_a_wish_of_the_panel_itself_needs_no_status() -> None:
    told = build(facts(event(EventKind.CANCEL, reason="The balance does not pay")), Exchanges())
    assert told[1].text == "Told to stop: The balance does not pay"


def test_a_hold_explains_why_no_route_took_it() -> None:
    told = build(facts(event(EventKind.HELD, reason="x", decision=DECISION)), Exchanges())
    assert [line.kind for line in told] == [LineKind.PLACED, LineKind.HELD]
    assert told[1].text == " ".join(["Held: x.", *sentences(DECISION)])


def subscription(**sent: Any) -> list[str]:
    """The story of a subscription that a provider follows."""
    known = facts()
    known.order.quantity, known.order.charge = 0, Decimal(0)
    upstream = Provider(name="Upstream", currency="EUR")
    fulfilment = Fulfilment(
        number=1,
        provider=upstream,
        service_external_id="8",
        quantity=0,
        external_id="77",
        provider_rate=Decimal("2.6"),
        expected_cost=Decimal(0),
        created_at=AT,
        **sent,
    )
    return [line.text for line in build(known, Exchanges(fulfilments=[fulfilment]))]


def test_a_subscription_has_a_price_for_each_post_and_no_quantity() -> None:
    placed, handed_over = subscription()
    assert placed.startswith("Ordered “Likes”: each post at 10 USD per 1000; price by ")
    assert handed_over == "Hand-over 1, to Upstream as its service 8: its posts at 2.6 EUR per 1000"


def test_of_an_end_is_told_what_the_provider_told() -> None:
    ended = {"ended_at": AT, "provider_status": "Completed"}
    assert subscription(**ended)[-1] == "Told that order 77 has ended: Completed"
    assert subscription(**ended, remains=3, provider_charge=Decimal("0.50"))[-1] == (
        "Told that order 77 has ended: Completed, 3 remain, charged 0.5 EUR"
    )


def test_what_is_left_out_is_said() -> None:
    many = Facts(
        order=facts().order,
        events=[event(EventKind.STATUS, status="Pending")],
        more_events=True,
        children=[Order(pk=13, part=1, quantity=5, created_at=AT)],
        more_children=True,
    )
    assert [line.text for line in lines_for_everybody(many, for_customer=True)][1:] == [
        "→ Pending",
        "and more that is not shown here",
        "Number 1 is order 13 of 5",
        "and more that are not shown here",
    ]


@pytest.fixture
def handed() -> Order:
    service = make_service(rate="10.00")
    make_route(service, make_provider(), rate="4.00")
    order = place_one(make_customer("100"), service, quantity=1000)
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Accepted("55"))])
    return order


@pytest.mark.django_db
def test_the_decision_stands_before_the_hand_over_that_it_led_to(handed: Order) -> None:
    lines = timeline(handed.pk)
    assert lines is not None
    kinds = [line.kind for line in lines]
    decided = kinds.index(LineKind.DECIDED)
    assert kinds[decided + 1] is LineKind.HANDED_OVER
    assert "because it is the only one that can" in lines[decided].text


@committed
def test_a_story_reads_nothing_of_other_orders_however_many_there_are(handed: Order) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO orders_order (
                kind, source, customer_id, service_id, link, link_key, quantity, unit_price, price_rule,
                service_version, currency, charge, refunded, status, dispatch, hold_reason, remains
            )
            SELECT kind, source, customer_id, service_id, link, number, quantity, unit_price, price_rule,
                service_version, currency, charge, refunded, status, dispatch, hold_reason, remains
            FROM orders_order, generate_series(1, %s) AS number WHERE id = %s
            """,
            [MANY, handed.pk],
        )
        cursor.execute(
            """
            INSERT INTO orders_orderevent (order_id, kind, data)
            SELECT id, 'status', '{}' FROM orders_order WHERE id <> %s
            """,
            [handed.pk],
        )
        cursor.execute(
            """
            INSERT INTO orders_refill (order_id, status, reason)
            SELECT id, 'Completed', '' FROM orders_order WHERE id <> %s
            """,
            [handed.pk],
        )
        cursor.execute(
            """
            INSERT INTO providers_fulfilment (
                order_id, number, provider_id, service_external_id, handover, external_id, quantity,
                provider_rate, fx_rate, expected_cost
            )
            SELECT orders.id, 1, provider_id, '1', 'accepted', orders.id || 'x', 1000, 1, 1, 1
            FROM orders_order orders, providers_fulfilment given
            WHERE given.order_id = %s AND orders.id <> given.order_id
            """,
            [handed.pk],
        )
        cursor.execute(
            """
            INSERT INTO providers_attempt (fulfilment_id, outcome, lease_until, request)
            SELECT id, 'accepted', now(), '{}' FROM providers_fulfilment WHERE order_id <> %s
            """,
            [handed.pk],
        )
        cursor.execute(
            """
            INSERT INTO money_transfer (kind, cause_id, part, source_id, destination_id, amount)
            SELECT 'provider_cost', id, 0, 1, 2, 1 FROM providers_fulfilment WHERE order_id <> %s
            """,
            [handed.pk],
        )
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as queries:
        assert timeline(handed.pk)
    assert len(queries) < 20
    grown = (
        "orders_order",
        "orders_orderevent",
        "providers_fulfilment",
        "providers_attempt",
        "money_transfer",
    )
    for query in queries:
        plan = "\n".join(row[0] for row in fetch_all("EXPLAIN (COSTS OFF) " + query["sql"]))
        for table in grown:
            assert f"Seq Scan on {table}" not in plan, query["sql"]
