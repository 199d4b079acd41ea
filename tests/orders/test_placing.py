"""Placing: one after the other in meaning, together in fact."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, OperationalError, connection

from purveyor import configuration
from purveyor.accounts.models import CustomerGroup, CustomerStatus
from purveyor.accounts.people import suspend
from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import OwnRate
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.snapshot import forget
from purveyor.catalog.testing import make_service
from purveyor.money.models import Transfer, TransferKind
from purveyor.money.moving import move
from purveyor.orders import placing, refusals
from purveyor.orders.models import Dispatch, Order, OrderKind, Status
from purveyor.orders.placing import PlacingInterrupted, place
from purveyor.orders.requests import OrderRequest, Placed
from purveyor.orders.testing import place_one, request, try_one
from tests.audited import FULFILMENT, violations
from tests.committed import break_connection, committed

pytestmark = pytest.mark.django_db


@pytest.fixture
def duplicates(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets what makes a duplicate, for one test."""

    def choose(choice: str) -> None:
        environment = {"PURVEYOR_DUPLICATES": choice}
        chosen = configuration.load(environment)
        monkeypatch.setattr(configuration, "current", lambda: chosen)

    return choose


def test_an_order_is_charged_and_queued() -> None:
    customer = make_customer("10")
    service = make_service(rate="2.5")
    order = place_one(customer, service, quantity=1000, link=" https://example.com/a ")
    assert (order.status, order.dispatch, order.kind) == (Status.PENDING, Dispatch.QUEUED, OrderKind.ORDER)
    assert (order.charge, order.refunded, order.unit_price) == (Decimal("2.5"), 0, Decimal("2.5"))
    assert (order.price_rule, order.service_version, order.currency) == ("list price", 1, "USD")
    assert (order.quantity, order.remains, order.start_count) == (1000, 1000, None)
    assert order.link == "https://example.com/a"
    assert balance_of(customer) == Decimal("7.5")
    assert violations(but=FULFILMENT) == {}


def test_the_rule_that_gave_the_price_is_kept() -> None:
    group = CustomerGroup.objects.create(name="Gold", discount_percent=10)
    discounted, special = make_customer(group=group), make_customer(group=group)
    service = make_service(rate="10")
    OwnRate.objects.create(customer=special, service=service, rate=Decimal(3))
    forget()
    orders = [place_one(customer, service, quantity=1000) for customer in (discounted, special)]
    assert [(order.charge, order.price_rule) for order in orders] == [
        (9, "group discount 10%"),
        (3, "own rate"),
    ]


@pytest.mark.parametrize("service_id", ["0", "999999999", "abc", "-1", "", "9" * 40])
def test_an_unknown_service(service_id: str) -> None:
    answer = place([OrderRequest(customer_id=make_customer().pk, source="api", service=service_id)])  # type: ignore[arg-type]
    assert answer == [refusals.IncorrectServiceId()]


def test_a_service_that_is_off() -> None:
    service = make_service(enabled=False)
    assert try_one(make_customer(), service, quantity=10) == refusals.IncorrectServiceId()


def test_a_refused_order_leaves_nothing_behind() -> None:
    customer = make_customer("0.5")
    assert try_one(customer, make_service(), quantity=1000) == refusals.NotEnoughFunds()
    assert not Order.objects.exists()
    assert not Transfer.objects.filter(kind=TransferKind.CHARGE).exists()
    assert balance_of(customer) == Decimal("0.5")


def test_a_balance_can_be_spent_to_the_last_cent_and_down_to_an_agreed_floor() -> None:
    customer = make_customer("1")
    service = make_service()
    place_one(customer, service, quantity=1000)
    assert try_one(customer, service, quantity=1) == refusals.NotEnoughFunds()
    customer.wallet.floor = Decimal(-1)
    customer.wallet.save(update_fields=["floor"])
    place_one(customer, service, quantity=1000)
    assert try_one(customer, service, quantity=1) == refusals.NotEnoughFunds()
    assert balance_of(customer) == -1


def test_in_a_batch_a_refused_order_never_fails_a_later_affordable_one() -> None:
    rich, poor = make_customer("5"), make_customer("1")
    service = make_service(rate="1")
    batch = [
        request(poor, service, quantity=600),
        request(poor, service, quantity=600),
        request(rich, service, quantity=5000),
        request(poor, service, quantity=400),
        request(rich, service, quantity=1),
        request(poor, service, quantity=1),
    ]
    answers = place(batch)
    assert [type(answer) for answer in answers] == [
        Placed,
        refusals.NotEnoughFunds,
        Placed,
        Placed,
        refusals.NotEnoughFunds,
        refusals.NotEnoughFunds,
    ]
    assert balance_of(rich) == 0
    assert balance_of(poor) == 0
    placed = [answer.order_id for answer in answers if isinstance(answer, Placed)]
    assert placed == sorted(placed)
    assert list(Order.objects.order_by("id").values_list("quantity", flat=True)) == [600, 5000, 400]
    assert violations(but=FULFILMENT) == {}


def test_each_answer_belongs_to_its_request() -> None:
    customers = [make_customer() for _ in range(3)]
    services = [make_service(), make_service(OrderType.CUSTOM_COMMENTS), make_service(OrderType.PACKAGE)]
    batch = [
        request(customers[number % 3], services[number % 2], quantity=number, comments="x\n" * number)
        for number in range(1, 60)
    ]
    for asked, answer in zip(batch, place(batch), strict=True):
        assert isinstance(answer, Placed)
        order = Order.objects.get(pk=answer.order_id)
        assert (order.customer_id, str(order.service_id)) == (asked.customer_id, asked.service)
        assert (order.link, str(order.quantity)) == (asked.fields["link"], asked.fields["quantity"])


def test_one_poison_row_hurts_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    customer = make_customer()
    service = make_service()
    original = placing._row  # noqa: SLF001  (a row that the database rejects cannot come through validation)

    def poisoned(sale: Any, order_id: int) -> dict[str, Any]:
        row = original(sale, order_id)
        return {**row, "charge": Decimal(-1)} if "poison" in row["link"] else row

    monkeypatch.setattr(placing, "_row", poisoned)
    batch = [request(customer, service, quantity=10, link=f"https://e.com/{n}") for n in range(20)]
    batch[7] = request(customer, service, quantity=10, link="https://e.com/poison")
    answers = place(batch)
    assert answers[7] == refusals.SomethingWentWrong()
    assert sum(isinstance(answer, Placed) for answer in answers) == 19
    assert list(Order.objects.order_by("id").values_list("link", flat=True)) == [
        item.fields["link"] for index, item in enumerate(batch) if index != 7
    ]
    assert balance_of(customer) == 100 - 19 * Decimal("0.01")
    assert violations(but=FULFILMENT) == {}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("link_and_service", [True, False, True, True, True]),
        ("link", [True, False, False, True, True]),
        ("off", [True, True, True, True, True]),
    ],
)
def test_duplicates(
    choice: str,
    expected: list[bool],
    together: bool,  # noqa: FBT001
    duplicates: Callable[[str], None],
) -> None:
    duplicates(choice)
    one, other = make_customer(), make_customer()
    first, second = make_service(), make_service()
    batch = [
        request(one, first, quantity=10, link="https://example.com/a"),
        request(one, first, quantity=20, link="http://www.example.com/a/"),
        request(one, second, quantity=10, link="https://example.com/a"),
        request(other, first, quantity=10, link="https://example.com/a"),
        request(one, first, quantity=10, link="https://example.com/b"),
    ]
    answers = place(batch) if together else [place([item])[0] for item in batch]
    assert [isinstance(answer, Placed) for answer in answers] == expected
    refused = {type(answer) for answer in answers if not isinstance(answer, Placed)}
    assert refused <= {refusals.DuplicateLink}


def test_a_finished_order_frees_its_link() -> None:
    customer, service = make_customer(), make_service()
    order = place_one(customer, service, quantity=10, link="https://example.com/a")
    again = {"quantity": 10, "link": "https://example.com/a"}
    assert try_one(customer, service, **again) == refusals.DuplicateLink()
    Order.objects.filter(pk=order.pk).update(status=Status.COMPLETED)
    assert isinstance(try_one(customer, service, **again), Placed)


def test_the_duplicate_comes_before_the_funds() -> None:
    customer, service = make_customer("0.01"), make_service()
    place_one(customer, service, quantity=10, link="https://example.com/a")
    assert try_one(customer, service, quantity=10, link="https://example.com/a") == refusals.DuplicateLink()


def test_subscriptions_never_promise_more_posts_than_the_balance_pays() -> None:
    customer = make_customer("10")
    service = make_service(OrderType.SUBSCRIPTIONS, rate="10", max=100)
    post: dict[str, Any] = {"username": "someone", "min": 10, "max": 100, "delay": 0, "link": ""}
    answers = [
        try_one(customer, service, **post, posts=11),
        try_one(customer, service, **post, old_posts=4, posts=0),
        try_one(customer, service, **post, posts=7),
        try_one(customer, service, **post, posts=6),
        try_one(customer, service, **post),
    ]
    assert [type(answer) for answer in answers] == [
        refusals.NotEnoughFunds,
        Placed,
        refusals.NotEnoughFunds,
        Placed,
        refusals.NotEnoughFunds,
    ]


def test_a_suspended_customer() -> None:
    customer = make_customer()
    suspend(customer=customer)
    customer.refresh_from_db()
    assert customer.status == CustomerStatus.SUSPENDED
    assert try_one(customer, make_service(), quantity=10) == refusals.AccountSuspended()


def test_a_drip_feed_is_charged_whole_and_waits_for_its_schedule() -> None:
    customer, service = make_customer(), make_service(dripfeed=True)
    order = place_one(customer, service, quantity=100, runs=5, interval=30)
    assert (order.kind, order.status, order.dispatch) == (
        OrderKind.DRIP_FEED,
        Status.IN_PROGRESS,
        Dispatch.SCHEDULED,
    )
    assert (order.quantity, order.charge) == (500, Decimal("0.5"))
    terms = order.drip_feed
    assert (terms.runs, terms.interval_minutes, terms.quantity_per_run) == (5, 30, 100)
    assert balance_of(customer) == Decimal("99.5")


def test_a_subscription_costs_nothing_to_begin_but_needs_one_post() -> None:
    service = make_service(OrderType.SUBSCRIPTIONS, rate="10")
    terms = {"username": "someone", "min": 10, "max": 100, "delay": 0, "link": ""}
    order = place_one(make_customer("1"), service, **terms)
    assert (order.kind, order.status, order.charge) == (OrderKind.SUBSCRIPTION, Status.ACTIVE, 0)
    assert order.dispatch == Dispatch.QUEUED
    assert try_one(make_customer("0.99"), service, **terms) == refusals.NotEnoughFunds()


def test_trouble_before_the_commit_says_that_nothing_was_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    customer, service = make_customer(), make_service()

    def fail(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(placing, "_write", fail)
    with pytest.raises(PlacingInterrupted) as caught:
        place([request(customer, service, quantity=10)])
    assert not caught.value.may_have_been_placed


@committed
def test_trouble_at_the_commit_says_that_it_may_have_been_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    customer, service = make_customer(), make_service()

    def move_and_break(*args: Any, **options: Any) -> list[bool]:
        made = move(*args, **options)
        break_connection()
        return made

    monkeypatch.setattr(placing, "move", move_and_break)
    with pytest.raises(PlacingInterrupted) as caught:
        place([request(customer, service, quantity=10)])
    assert caught.value.may_have_been_placed
    connection.close()
    assert Order.objects.count() == 0


def test_trouble_after_half_a_poisoned_batch_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who repeats the batch would double the half that is committed."""
    customer, service = make_customer(), make_service()
    write = placing._write  # noqa: SLF001  (the database's part, which breaks here at will)
    troubles: list[Exception | None] = [DataError("poison"), None, OperationalError("gone")]

    def fail_in_turn(sales: Any, order_ids: Any) -> None:
        trouble = troubles.pop(0)
        if trouble is not None:
            raise trouble
        write(sales, order_ids)

    monkeypatch.setattr(placing, "_write", fail_in_turn)
    with pytest.raises(PlacingInterrupted) as caught:
        place([request(customer, service, quantity=10) for _ in range(4)])
    assert caught.value.may_have_been_placed
    assert Order.objects.count() == 2


@committed
def test_500_concurrent_adds_on_a_balance_for_100_place_exactly_100() -> None:
    customer, service = make_customer("100"), make_service(rate="1000")
    requests = [request(customer, service, quantity=1) for _ in range(500)]
    answers: list[object] = []

    def worker(mine: list[OrderRequest]) -> None:
        try:
            for start in range(0, len(mine), 5):
                answers.extend(place(mine[start : start + 5]))
        finally:
            connection.close()

    threads = [threading.Thread(target=worker, args=(requests[part::10],)) for part in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(answers) == 500
    assert sum(isinstance(answer, Placed) for answer in answers) == 100
    assert balance_of(customer) == 0
    assert Order.objects.count() == 100
    assert violations(but=FULFILMENT) == {}


@committed
def test_concurrent_adds_of_the_same_link_make_one_order() -> None:
    customer, service = make_customer(), make_service()
    start = threading.Barrier(8)
    answers: list[object] = []

    def worker() -> None:
        try:
            start.wait(timeout=10)
            answers.append(try_one(customer, service, quantity=10, link="https://example.com/a"))
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sum(isinstance(answer, Placed) for answer in answers) == 1
    assert answers.count(refusals.DuplicateLink()) == 7
