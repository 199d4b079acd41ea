"""From what is reported to status, refund and timeline."""

from decimal import Decimal

import pytest

from purveyor.accounts.models import Customer
from purveyor.accounts.people import credit
from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.testing import make_service
from purveyor.money.models import Transfer, TransferKind
from purveyor.orders.following import Report, apply_reports
from purveyor.orders.models import EventKind, Order, OrderEvent, Status
from purveyor.orders.testing import place_one
from tests.audited import FULFILMENT, violations
from tests.outbox.told import told as announced

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> Customer:
    return make_customer("100")


@pytest.fixture
def order(customer: Customer) -> Order:
    """An order of 10 000 for 10: the example of protocol §7.3."""
    return place_one(customer, make_service(rate="1"), quantity=10_000)


def told(order: Order, status: Status | None, remains: int | None = None, word: str = "") -> Order:
    apply_reports([Report(order_id=order.pk, status=status, remains=remains, word=word)])
    order.refresh_from_db()
    return order


def events(order: Order) -> list[str]:
    return list(OrderEvent.objects.filter(order=order).order_by("id").values_list("kind", flat=True))


@pytest.mark.parametrize(
    ("status", "remains", "shown", "refunded"),
    [
        (Status.PROCESSING, None, 10_000, "0"),
        (Status.IN_PROGRESS, 4_000, 4_000, "0"),
        (Status.COMPLETED, None, 0, "0"),
        (Status.COMPLETED, 0, 0, "0"),
        (Status.PARTIAL, 1_000, 1_000, "1"),
        (Status.PARTIAL, 10_000, 10_000, "10"),
        (Status.PARTIAL, 99_999, 10_000, "10"),
        (Status.PARTIAL, -3, 0, "0"),
        (Status.CANCELED, None, 10_000, "10"),
        (Status.CANCELED, 17, 10_000, "10"),
    ],
)
def test_a_report_becomes_status_progress_and_refund(
    order: Order, status: Status, remains: int | None, shown: int, refunded: str
) -> None:
    for _ in range(3):
        told(order, status, remains)
    assert (order.status, order.remains, order.refunded) == (status, shown, Decimal(refunded))
    assert balance_of(order.customer) == 90 + Decimal(refunded)
    assert Transfer.objects.filter(kind=TransferKind.REFUND).count() == (1 if Decimal(refunded) else 0)
    assert violations(but=FULFILMENT) == {}


def test_partial_without_remains_refunds_nothing_and_is_told_on_the_timeline(
    order: Order, customer: Customer
) -> None:
    told(order, Status.IN_PROGRESS, 5)
    told(order, Status.PARTIAL, None)
    assert (order.status, order.refunded) == (Status.IN_PROGRESS, 0)
    assert EventKind.UNKNOWN_STATUS in events(order)
    assert balance_of(customer) == 90


def test_an_unknown_word_keeps_the_state_and_is_told_once(order: Order) -> None:
    told(order, Status.IN_PROGRESS)
    for word in ("Sleeping", "Sleeping", "Awake"):
        told(order, None, word=word)
    assert (order.status, order.refunded) == (Status.IN_PROGRESS, 0)
    assert events(order).count(EventKind.UNKNOWN_STATUS) == 2
    assert [(about, customer, data) for _, about, customer, data in announced("order.word_unknown")] == [
        (f"order:{order.pk}", None, {"word": word}) for word in ("Sleeping", "Awake")
    ]


def test_more_undelivered_after_a_partial_refunds_the_difference(order: Order, customer: Customer) -> None:
    told(order, Status.PARTIAL, 1_000)
    told(order, Status.PARTIAL, 3_000)
    told(order, Status.CANCELED)
    assert order.refunded == 10
    amounts = (
        Transfer.objects.filter(kind=TransferKind.REFUND).order_by("id").values_list("amount", flat=True)
    )
    assert list(amounts) == [1, 2, 7]
    assert balance_of(customer) == 100
    assert violations(but=FULFILMENT) == {}


def test_a_status_going_backwards_is_recorded_and_keeps_the_refund_until_the_end(
    order: Order, customer: Customer
) -> None:
    told(order, Status.CANCELED)
    told(order, Status.IN_PROGRESS, 500)
    assert (order.status, order.refunded) == (Status.IN_PROGRESS, 10)
    assert EventKind.BACKWARD in events(order)
    assert balance_of(customer) == 100


def test_delivered_after_all_is_charged_again_as_a_correction(order: Order, customer: Customer) -> None:
    told(order, Status.CANCELED)
    told(order, Status.COMPLETED)
    assert (order.status, order.refunded) == (Status.COMPLETED, 0)
    correction = OrderEvent.objects.get(order=order, kind=EventKind.CORRECTION)
    assert correction.data == {"amount": "10.00000000", "done": True}
    assert balance_of(customer) == 90
    assert violations(but=FULFILMENT) == {}


def test_a_correction_that_the_balance_lacks_is_proposed_to_staff(order: Order, customer: Customer) -> None:
    told(order, Status.CANCELED)
    credit(customer=customer, amount=Decimal(-95), reason="spent elsewhere", actor="test")
    told(order, Status.COMPLETED)
    assert (order.status, order.refunded) == (Status.COMPLETED, 10)
    assert OrderEvent.objects.get(order=order, kind=EventKind.CORRECTION).data["done"] is False
    assert balance_of(customer) == 5
    assert violations(but=FULFILMENT) == {}


def test_many_orders_at_once(customer: Customer) -> None:
    service = make_service(rate="1")
    orders = [place_one(customer, service, quantity=1000) for _ in range(6)]
    fates = [Status.COMPLETED, Status.CANCELED, Status.PARTIAL] * 2
    apply_reports(
        [
            Report(order_id=order.pk, status=fate, remains=500)
            for order, fate in zip(orders, fates, strict=True)
        ]
    )
    assert (
        list(Order.objects.order_by("id").values_list("status", "refunded"))
        == [
            (Status.COMPLETED, 0),
            (Status.CANCELED, 1),
            (Status.PARTIAL, Decimal("0.5")),
        ]
        * 2
    )
    assert balance_of(customer) == 97
    assert violations(but=FULFILMENT) == {}


def test_an_order_that_is_not_there_is_passed_over(order: Order) -> None:
    apply_reports([Report(order_id=10**12, status=Status.CANCELED), Report(order_id=order.pk, start_count=7)])
    order.refresh_from_db()
    assert (order.start_count, order.status) == (7, Status.PENDING)
