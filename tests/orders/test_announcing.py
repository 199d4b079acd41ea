"""What happens to orders is announced where it happens, once, and a batch in one statement."""

from decimal import Decimal

import pytest

from purveyor.accounts.models import Customer
from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.money.adjusting import adjust
from purveyor.orders.cancelling import request_cancels, settle_cancel
from purveyor.orders.dripfeed import release_due
from purveyor.orders.following import Report, apply_reports
from purveyor.orders.models import CancelRequest, Order, RefillStatus, Status
from purveyor.orders.queue import hold, mark_handed
from purveyor.orders.refilling import request_refills, settle_refill
from purveyor.orders.subscriptions import update_subscription
from purveyor.orders.testing import place_one
from tests.outbox.told import statements, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> Customer:
    return make_customer("1000")


@pytest.fixture
def service() -> Service:
    return make_service(rate="10.00", cancel=True, refill=True, dripfeed=True)


def handed(customer: Customer, service: Service) -> Order:
    order = place_one(customer, service, quantity=1000)
    mark_handed([order.pk])
    return order


def test_a_partial_tells_its_status_and_its_refund(customer: Customer, service: Service) -> None:
    order = handed(customer, service)
    apply_reports([Report(order_id=order.pk, status=Status.PARTIAL, remains=400)])
    apply_reports([Report(order_id=order.pk, status=Status.PARTIAL, remains=400)])
    about = f"order:{order.pk}"
    money = {"amount": "4.00000000", "refunded": "4.00000000"}
    assert told() == [
        ("order.refunded", about, customer.pk, money),
        (
            "order.status",
            about,
            customer.pk,
            {
                "before": "Pending",
                "status": "Partial",
                "remains": 400,
                "charge": "10.00000000",
                "refunded": "4.00000000",
                "parent": None,
                "reason": "",
            },
        ),
    ]


def test_progress_without_a_new_status_is_no_event(customer: Customer, service: Service) -> None:
    order = handed(customer, service)
    apply_reports([Report(order_id=order.pk, status=Status.IN_PROGRESS, remains=900)])
    apply_reports([Report(order_id=order.pk, status=Status.IN_PROGRESS, remains=500)])
    assert [data["status"] for _, _, _, data in told()] == ["In progress"]


def test_a_refund_that_was_too_much_is_taken_back_or_put_before_staff(
    customer: Customer, service: Service
) -> None:
    first, second = handed(customer, service), handed(customer, service)
    both = (first.pk, second.pk)
    apply_reports([Report(order_id=number, status=Status.CANCELED) for number in both])
    apply_reports([Report(order_id=first.pk, status=Status.COMPLETED)])
    adjust(wallet_id=customer.wallet_id, amount=Decimal(-990), reason="spent", actor="test")
    apply_reports([Report(order_id=second.pk, status=Status.COMPLETED)])
    assert told("order.recharged", "order.recharge_due") == [
        ("order.recharged", f"order:{first.pk}", customer.pk, {"amount": "10.00000000", "refunded": "0"}),
        (
            "order.recharge_due",
            f"order:{second.pk}",
            None,
            {"amount": "10.00000000", "refunded": "10.00000000"},
        ),
    ]


def test_a_batch_of_reports_takes_one_statement_for_each_kind(customer: Customer, service: Service) -> None:
    orders = [handed(customer, service) for _ in range(20)]
    apply_reports([Report(order_id=order.pk, status=Status.CANCELED) for order in orders])
    assert len(told()) == 40
    assert statements() == {"order.status": 1, "order.refunded": 1}


def test_what_is_held_is_told_to_staff_only(customer: Customer, service: Service) -> None:
    orders = [place_one(customer, service, quantity=1000) for _ in range(3)]
    hold([order.pk for order in orders], reason="The provider is out of funds")
    assert told() == [
        ("order.held", f"order:{order.pk}", None, {"reason": "The provider is out of funds"})
        for order in orders
    ]
    assert statements() == {"order.held": 1}


def test_a_cancel_at_once(customer: Customer, service: Service) -> None:
    order = place_one(customer, service, quantity=1000)
    assert request_cancels([(customer.pk, order.pk)]) == [None]
    assert [(kind, data.get("status")) for kind, _, _, data in told()] == [
        ("cancel.requested", None),
        ("order.refunded", None),
        ("order.status", "Canceled"),
        ("cancel.answered", "done"),
    ]


def test_a_cancel_that_is_refused_says_nothing_in_the_words_of_a_provider(
    customer: Customer, service: Service
) -> None:
    order = handed(customer, service)
    request_cancels([(customer.pk, order.pk)])
    for _ in range(2):
        settle_cancel(request_id=CancelRequest.objects.get().pk, refused_reason="ask cheap-upstream.example")
    about = f"order:{order.pk}"
    assert told() == [
        ("cancel.requested", about, customer.pk, {"by": "customer"}),
        ("cancel.answered", about, customer.pk, {"status": "refused"}),
    ]


def test_the_end_of_an_order_answers_the_wish_to_cancel_it(customer: Customer, service: Service) -> None:
    first, second = handed(customer, service), handed(customer, service)
    request_cancels([(customer.pk, first.pk), (customer.pk, second.pk)])
    apply_reports(
        [
            Report(order_id=first.pk, status=Status.COMPLETED),
            Report(order_id=second.pk, status=Status.CANCELED),
        ]
    )
    assert told("cancel.answered") == [
        ("cancel.answered", f"order:{second.pk}", customer.pk, {"status": "done"}),
        ("cancel.answered", f"order:{first.pk}", customer.pk, {"status": "refused"}),
    ]
    assert statements()["cancel.requested"] == 1


def test_a_drip_feed_tells_its_own_end_and_its_runs_name_it(customer: Customer, service: Service) -> None:
    parent = place_one(customer, service, quantity=100, runs=1, interval=5)
    release_due()
    run = Order.objects.get(parent=parent)
    apply_reports([Report(order_id=run.pk, status=Status.COMPLETED)])
    assert [(about, data["status"], data["parent"]) for _, about, _, data in told("order.status")] == [
        (f"order:{run.pk}", "Completed", parent.pk),
        (f"order:{parent.pk}", "Completed", None),
    ]


def test_a_drip_feed_that_is_canceled_tells_what_goes_back(customer: Customer, service: Service) -> None:
    parent = place_one(customer, service, quantity=100, runs=5, interval=5)
    request_cancels([(customer.pk, parent.pk)])
    money = {"amount": "5.00000000", "refunded": "5.00000000"}
    about = f"order:{parent.pk}"
    assert told("order.refunded") == [("order.refunded", about, customer.pk, money)]
    assert told("cancel.answered") == [("cancel.answered", about, customer.pk, {"status": "done"})]


def test_a_subscription_tells_its_status(customer: Customer) -> None:
    service = make_service(OrderType.SUBSCRIPTIONS, rate="10.00", cancel=True)
    order = place_one(customer, service, username="someone", min=10, max=20, posts=3, delay=0)
    update_subscription(order_id=order.pk, status=Status.PAUSED)
    update_subscription(order_id=order.pk, status=Status.PAUSED)
    ((kind, about, whose, data),) = told()
    assert (kind, about, whose) == ("order.status", f"order:{order.pk}", customer.pk)
    assert (data["before"], data["status"]) == ("Active", "Paused")


def test_refills_tell_their_beginning_and_each_status(customer: Customer, service: Service) -> None:
    orders = [handed(customer, service) for _ in range(2)]
    apply_reports([Report(order_id=order.pk, status=Status.COMPLETED) for order in orders])
    Order.objects.update(status_at="2026-01-01T00:00:00Z")
    answers = request_refills([(customer.pk, order.pk) for order in orders])
    first = answers[0]
    assert isinstance(first, int)
    settle_refill(refill_id=first, status=RefillStatus.REJECTED, reason="ask cheap-upstream.example")
    settle_refill(refill_id=first, status=RefillStatus.REJECTED)
    assert told("refill.created", "refill.status") == [
        *(
            ("refill.created", f"refill:{refill}", customer.pk, {"order": order.pk})
            for refill, order in zip(answers, orders, strict=True)
        ),
        (
            "refill.status",
            f"refill:{first}",
            customer.pk,
            {"order": orders[0].pk, "before": "Pending", "status": "Rejected"},
        ),
    ]
    assert statements()["refill.created"] == 1
