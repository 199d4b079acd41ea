"""What a provider tells about an order: status, progress, refund and cost, and never more than was told."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.money.models import Transfer, TransferKind
from purveyor.orders.models import EventKind, Order, OrderEvent, Status
from purveyor.orders.testing import place_one
from purveyor.providers.following.following import follow
from purveyor.providers.following.polling_schedule import LOOKS_AFTER_END, SOONEST
from purveyor.providers.models import Fulfilment
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Accepted, Refused, StatusReply
from purveyor.providers.protocol.words import order_status
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.testing import make_provider, make_route
from tests.audited import violations

pytestmark = pytest.mark.django_db

CHARGE = Decimal(10)
COST = Decimal(4)


@pytest.fixture
def fulfilment() -> Fulfilment:
    """An order of 1000 for 10 of its customer's 100, accepted for 4."""
    service = make_service(rate="10.00", refill=True)
    make_route(service, make_provider(), rate="4.00")
    place_one(make_customer("100"), service, quantity=1000)
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Accepted("1"))])
    return Fulfilment.objects.get(pk=item.fulfilment_id)


def tell(fulfilment: Fulfilment, word: str, **told: Any) -> Order:
    follow({fulfilment.pk: StatusReply(word=word, status=order_status(word), **told)})
    assert violations() == {}
    fulfilment.refresh_from_db()
    return Order.objects.get(pk=fulfilment.order_id)


def money(fulfilment: Fulfilment) -> tuple[object, object]:
    """What the customer has left, and what the order costs us."""
    return balance_of(fulfilment.order.customer), fulfilment.cost


def events(fulfilment: Fulfilment, kind: EventKind) -> int:
    return OrderEvent.objects.filter(order=fulfilment.order, kind=kind).count()


def test_progress(fulfilment: Fulfilment) -> None:
    order = tell(fulfilment, "In progress", start_count=50, remains=400, charge=Decimal("4.1"))
    assert (order.status, order.start_count, order.remains) == (Status.IN_PROGRESS, 50, 400)
    assert (fulfilment.provider_status, fulfilment.provider_charge) == ("In progress", Decimal("4.1"))
    assert money(fulfilment) == (90, COST)
    assert fulfilment.ended_at is None


ENDS = [
    ("Completed", 0, Status.COMPLETED, ("90", "4")),
    ("Completed", None, Status.COMPLETED, ("90", "4")),
    ("Partial", 250, Status.PARTIAL, ("92.5", "3")),
    ("Partial", 0, Status.PARTIAL, ("90", "4")),
    ("Partial", 1000, Status.PARTIAL, ("100", "0")),
    ("Partial", 5000, Status.PARTIAL, ("100", "0")),
    ("Canceled", 1000, Status.CANCELED, ("100", "0")),
    ("Cancelled", 0, Status.CANCELED, ("100", "0")),
    ("Canceled", None, Status.CANCELED, ("100", "0")),
    ("Refunded", None, Status.CANCELED, ("100", "0")),
]


@pytest.mark.parametrize(("word", "remains", "status", "left_and_cost"), ENDS)
def test_ends(
    fulfilment: Fulfilment, word: str, remains: int | None, status: Status, left_and_cost: tuple[str, str]
) -> None:
    order = tell(fulfilment, word, remains=remains)
    assert order.status == status
    assert money(fulfilment) == tuple(Decimal(amount) for amount in left_and_cost)
    assert fulfilment.ended_at is not None


@pytest.mark.parametrize(
    ("word", "remains", "begun"),
    [
        ("Pending", 1000, False),
        ("Pending", None, False),
        ("Pending", 990, True),
        ("Processing", None, False),
        ("In progress", None, True),
        ("Completed", 0, True),
        ("Canceled", 1000, False),
        ("queued up", -1, False),
    ],
)
def test_when_work_begins_is_noted_once(
    fulfilment: Fulfilment, word: str, remains: int | None, *, begun: bool
) -> None:
    tell(fulfilment, word, remains=remains)
    first = fulfilment.started_at
    assert (first is not None) is begun
    tell(fulfilment, "In progress", remains=500)
    assert fulfilment.started_at is not None
    assert first is None or fulfilment.started_at == first


def test_being_told_again_changes_nothing(fulfilment: Fulfilment) -> None:
    for _ in range(3):
        tell(fulfilment, "Partial", remains=250)
    assert money(fulfilment) == (Decimal("92.5"), 3)
    assert events(fulfilment, EventKind.REFUND) == 1
    assert Transfer.objects.filter(kind=TransferKind.PROVIDER_REFUND).count() == 1


def test_a_partial_that_does_not_tell_what_remains_refunds_nothing_until_it_does(
    fulfilment: Fulfilment,
) -> None:
    tell(fulfilment, "In progress", remains=250)
    order = tell(fulfilment, "Partial", remains=None)
    assert order.refunded == 0
    assert money(fulfilment) == (90, COST)
    assert fulfilment.ended_at is None
    tell(fulfilment, "Partial", remains=None)
    order = tell(fulfilment, "Partial", remains=250)
    assert (order.status, order.refunded) == (Status.PARTIAL, Decimal("2.5"))
    assert money(fulfilment) == (Decimal("92.5"), 3)


def test_a_word_nobody_knows_keeps_the_last_state_and_is_told_once(fulfilment: Fulfilment) -> None:
    tell(fulfilment, "In progress", remains=500)
    tell(fulfilment, "Ausgesetzt", remains=500)
    order = tell(fulfilment, "Ausgesetzt", remains=500)
    assert (order.status, order.refunded) == (Status.IN_PROGRESS, 0)
    assert fulfilment.next_poll_at is not None
    assert events(fulfilment, EventKind.UNKNOWN_STATUS) == 1


def test_an_error_about_an_order_concludes_nothing(fulfilment: Fulfilment) -> None:
    tell(fulfilment, "In progress", remains=500)
    for _ in range(2):
        follow({fulfilment.pk: Refused(RefusalClass.ORDER, "Incorrect order ID")})
    order = Order.objects.get()
    assert (order.status, order.remains, order.refunded) == (Status.IN_PROGRESS, 500, 0)
    assert events(fulfilment, EventKind.UNKNOWN_STATUS) == 1
    fulfilment.refresh_from_db()
    assert fulfilment.next_poll_at is not None
    assert violations() == {}


def test_what_is_not_told_stays(fulfilment: Fulfilment) -> None:
    tell(fulfilment, "In progress", start_count=50, remains=400)
    order = tell(fulfilment, "Processing")
    assert (order.status, order.start_count, order.remains) == (Status.PROCESSING, 50, 400)


def test_backward_moves_are_followed_with_money_corrected_both_ways(fulfilment: Fulfilment) -> None:
    tell(fulfilment, "Canceled")
    assert money(fulfilment) == (100, 0)
    order = tell(fulfilment, "In progress", remains=100)
    assert order.status == Status.IN_PROGRESS
    assert fulfilment.ended_at is None
    assert fulfilment.cost == COST
    tell(fulfilment, "Completed", remains=0)
    assert money(fulfilment) == (90, COST)
    tell(fulfilment, "Partial", remains=500)
    assert money(fulfilment) == (95, 2)
    assert events(fulfilment, EventKind.BACKWARD) >= 1
    parts = Transfer.objects.filter(kind__in=["provider_refund", "provider_recost"]).values_list(
        "part", flat=True
    )
    assert sorted(parts) == [1, 2, 3]


def test_overflow_is_not_owed_to_the_customer(fulfilment: Fulfilment) -> None:
    Fulfilment.objects.update(quantity=1100)
    order = tell(fulfilment, "Partial", remains=600)
    assert order.remains == 500
    assert balance_of(order.customer) == 95


def test_an_open_order_is_asked_about_soon_and_a_finished_one_rarely(fulfilment: Fulfilment) -> None:
    tell(fulfilment, "Pending")
    assert fulfilment.next_poll_at is not None
    assert fulfilment.next_poll_at - timezone.now() < SOONEST + timedelta(seconds=1)
    tell(fulfilment, "Completed", remains=0)
    assert fulfilment.next_poll_at - timezone.now() > LOOKS_AFTER_END[0] - timedelta(minutes=1)
    Fulfilment.objects.update(ended_at=timezone.now() - LOOKS_AFTER_END[-1] - timedelta(days=1))
    tell(fulfilment, "Completed", remains=0)
    assert fulfilment.next_poll_at is None


def test_one_transaction_for_many_orders() -> None:
    service = make_service(rate="10.00")
    make_route(service, make_provider(), rate="4.00")
    customer = make_customer("1000")
    for _ in range(30):
        place_one(customer, service, quantity=1000)
    items = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Accepted(str(item.order_id))) for item in items])
    words = ["Completed", "Partial", "Canceled"]
    follow(
        {
            item.fulfilment_id: StatusReply(
                word=words[place % 3], status=order_status(words[place % 3]), remains=500
            )
            for place, item in enumerate(items)
        }
    )
    assert balance_of(customer) == 1000 - 300 + 10 * 5 + 10 * 10
    assert violations() == {}


def test_what_remains_of_a_package_in_other_units_is_unknown() -> None:
    service = make_service(OrderType.PACKAGE, rate="10.00")
    make_route(service, make_provider(), rate="4.00")
    place_one(make_customer("100"), service)
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Accepted("1"))])
    fulfilment = Fulfilment.objects.get(pk=item.fulfilment_id)
    tell(fulfilment, "Partial", remains=200)
    assert money(fulfilment) == (90, COST)
    assert events(fulfilment, EventKind.UNKNOWN_STATUS) == 1
    assert fulfilment.next_poll_at is not None
    assert fulfilment.ended_at is None
    tell(fulfilment, "Partial", remains=1)
    assert money(fulfilment) == (100, 0)


def test_an_answer_to_an_older_question_is_dropped(fulfilment: Fulfilment) -> None:
    Fulfilment.objects.update(polls=2)
    pk = fulfilment.pk
    follow({pk: StatusReply(word="Canceled", status=Status.CANCELED)}, asked={pk: 2})
    follow({pk: StatusReply(word="In progress", status=Status.IN_PROGRESS)}, asked={pk: 1})
    assert Order.objects.get().status == Status.CANCELED
    fulfilment.refresh_from_db()
    assert fulfilment.provider_status == "Canceled"
