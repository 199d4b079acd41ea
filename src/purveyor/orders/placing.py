"""Placing orders: the one way in, whichever door they come through."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import structlog
from django.db import DataError, Error, IntegrityError, InterfaceError, OperationalError
from django.utils import timezone
from msgspec.structs import asdict, replace

from purveyor import configuration
from purveyor.catalog.snapshot import Snapshot, current
from purveyor.database import as_json, id_array, load_sql, violated_constraint
from purveyor.exchanges import Answer, hot_transaction, queue_hot
from purveyor.money.models import House, TransferKind
from purveyor.money.moving import Movement, move
from purveyor.orders.deciding import (
    Buyer,
    Circumstances,
    Decision,
    Draft,
    Earlier,
    Invalid,
    Item,
    Sale,
    SameAs,
    decide,
    marks_of_rows,
)
from purveyor.orders.links import username_key
from purveyor.orders.models import (
    LONGEST_IDEMPOTENCY_KEY,
    Dispatch,
    DripFeed,
    Order,
    OrderKind,
    Status,
    Subscription,
)
from purveyor.orders.refusals import IncorrectRequest, IncorrectServiceId, Refusal, SomethingWentWrong
from purveyor.orders.requests import OrderRequest, PartRequest, Placed
from purveyor.orders.validation import is_storable, validate, whole_number

_SQL: Final = load_sql(__file__, "placing.sql")
_log = structlog.get_logger(__name__)


class PlacingInterrupted(Exception):
    """The database went away; `may_have_been_placed` tells whether the orders may exist all the same."""

    def __init__(self, *, may_have_been_placed: bool) -> None:
        super().__init__("the database went away while placing orders")
        self.may_have_been_placed = may_have_been_placed


def place(requests: Sequence[OrderRequest | PartRequest]) -> list[Placed | Refusal]:
    """Place orders in one transaction and answer each with its id or with why not.

    The meaning is that of one after the other: orders of one customer are decided in the order given, a
    refused one never makes a later, affordable one fail, and a row that the database rejects never fails its
    neighbours. Raises `PlacingInterrupted` when the database goes away.
    """
    written = False
    try:
        snapshot = current()
        items = _checked(requests, snapshot)
        with hot_transaction():
            circumstances, free_ids = _look_around(items)
            decisions = decide(
                items, circumstances, snapshot=snapshot, duplicates=configuration.current().duplicates
            )
            sales = [decision for decision in decisions if isinstance(decision, Sale)]
            order_ids = free_ids[: len(sales)]
            _write(sales, order_ids)
            written = bool(sales)
    except (InterfaceError, OperationalError) as error:
        # Orders go out together with their commit: whether they arrived, only the database knows.
        raise PlacingInterrupted(may_have_been_placed=written) from error
    except (DataError, IntegrityError) as error:
        if len(requests) == 1:
            return [_answer_alone(requests[0], error)]
        return _place_halves(requests)
    return _answers(decisions, order_ids)


def _place_halves(requests: Sequence[OrderRequest | PartRequest]) -> list[Placed | Refusal]:
    """Place a batch with a row that is poison: halve it until that row is alone. The order is kept."""
    middle = len(requests) // 2
    first = place(requests[:middle])
    try:
        return first + place(requests[middle:])
    except PlacingInterrupted as interruption:
        # The first half is committed by now: who repeats the whole batch would double it.
        made = any(isinstance(answer, Placed) for answer in first)
        raise PlacingInterrupted(
            may_have_been_placed=made or interruption.may_have_been_placed
        ) from interruption


def _checked(requests: Sequence[OrderRequest | PartRequest], snapshot: Snapshot) -> list[Item]:
    today = timezone.localdate()
    return [
        request if isinstance(request, PartRequest) else _draft(request, snapshot, today)
        for request in requests
    ]


def _draft(request: OrderRequest, snapshot: Snapshot, today: date) -> Draft | Invalid:
    key = request.idempotency_key
    if key is not None and (len(key) > LONGEST_IDEMPOTENCY_KEY or not is_storable(key)):
        return Invalid(replace(request, idempotency_key=None), IncorrectRequest())
    service_id = whole_number(request.service)
    service = None if service_id is None else snapshot.services.get(service_id)
    if service is None:
        return Invalid(request, IncorrectServiceId())
    try:
        return Draft(request, service, validate(service, request.fields, today=today))
    except Refusal as refusal:
        return Invalid(request, refusal)


def _look_around(items: Sequence[Item]) -> tuple[Circumstances, list[int]]:
    """Hold the wallets of everyone in the batch, then see what is there already; and ids for new orders."""
    drafts = [item for item in items if isinstance(item, Draft)]
    keyed = [
        item.request
        for item in items
        if not isinstance(item, PartRequest) and item.request.idempotency_key is not None
    ]
    customers = {
        item.customer_id if isinstance(item, PartRequest) else item.request.customer_id for item in items
    }
    valid = sum(not isinstance(item, Invalid) for item in items)
    subscribers = {item.request.customer_id for item in drafts if item.order.subscription}
    duplicates = configuration.current().duplicates
    # In this order: what is looked up after the lock sees what the transaction before us committed.
    buyers = queue_hot(_SQL["lock_customers"], {"customers": id_array(customers)})
    free_ids = queue_hot(_SQL["take_order_ids"], {"count": str(valid)})
    open_links = _open_links(drafts) if drafts and duplicates != "off" else None
    earlier = _earlier(keyed) if keyed else None
    promised = (
        queue_hot(_SQL["promised_to_subscriptions"], {"customers": id_array(subscribers)})
        if subscribers
        else None
    )
    circumstances = Circumstances(
        open_links=marks_of_rows(_rows(open_links), duplicates),
        earlier={
            (row.customer_id, row.idempotency_key): Earlier(row.id, row.idempotency_digest)
            for row in _rows(earlier)
        },
        promised={row.customer_id: row.amount for row in _rows(promised)},
        buyers={row.customer_id: Buyer(*row) for row in buyers.rows()},
    )
    return circumstances, [row.id for row in free_ids.rows()]


def _rows(answer: Answer | None) -> list[Any]:
    return [] if answer is None else answer.rows()


def _open_links(drafts: Sequence[Draft]) -> Answer:
    # Each once, or its orders would be counted again.
    marks = {(item.request.customer_id, item.order.link_key) for item in drafts}
    links = [{"customer_id": customer_id, "link_key": link_key} for customer_id, link_key in marks]
    return queue_hot(_SQL["open_links"], {"links": as_json(links)})


def _earlier(requests: Sequence[OrderRequest]) -> Answer:
    keys = [
        {"customer_id": request.customer_id, "idempotency_key": request.idempotency_key}
        for request in requests
    ]
    return queue_hot(_SQL["earlier_by_idempotency_key"], {"keys": as_json(keys)})


def _write(sales: Sequence[Sale], order_ids: Sequence[int]) -> None:
    """Write the orders, their schedules and their charges, at the latest with the commit."""
    if not sales:
        return
    rows = [_row(sale, order_id) for sale, order_id in zip(sales, order_ids, strict=True)]
    orders = queue_hot(
        _SQL["insert_orders"], {"orders": as_json(rows), "currency": configuration.current().currency}
    )
    _write_schedules(sales, order_ids, orders)
    move(
        [
            Movement(
                kind=TransferKind.CHARGE,
                cause_id=order_id,
                source_id=sale.wallet_id,
                destination_id=House.REVENUE,
                amount=sale.debit,
            )
            for sale, order_id in zip(sales, order_ids, strict=True)
            if sale.debit
        ],
        wallets_are_locked=True,
        are_new=True,
    )


_STATUS_AT_START: Final = {
    OrderKind.ORDER: Status.PENDING,
    OrderKind.DRIP_FEED: Status.IN_PROGRESS,
    OrderKind.SUBSCRIPTION: Status.ACTIVE,
}
_DISPATCH_AT_START: Final = {
    OrderKind.ORDER: Dispatch.QUEUED,
    OrderKind.DRIP_FEED: Dispatch.SCHEDULED,
    OrderKind.SUBSCRIPTION: Dispatch.QUEUED,
}


def _row(sale: Sale, order_id: int) -> dict[str, Any]:
    """The columns of one order."""
    price = {
        "id": order_id,
        "unit_price": sale.unit_price,
        "price_rule": sale.price_rule,
        "charge": sale.charge,
    }
    item = sale.item
    if isinstance(item, PartRequest):
        return price | {
            "kind": OrderKind.ORDER,
            "source": item.source,
            "customer_id": item.customer_id,
            "service_id": item.service_id,
            "parent_id": item.parent_id,
            "part": item.part,
            "link": item.link,
            "link_key": item.link_key,
            "quantity": item.quantity,
            "fields": item.fields or None,
            "service_version": item.service_version,
            "status": Status.PENDING,
            "dispatch": item.dispatch,
            "idempotency_key": None,
            "idempotency_digest": None,
        }
    order = item.order
    return price | {
        "kind": order.kind,
        "source": item.request.source,
        "customer_id": item.request.customer_id,
        "service_id": item.service.id,
        "parent_id": None,
        "part": None,
        "link": order.link,
        "link_key": order.link_key,
        "quantity": order.quantity,
        "fields": order.fields or None,
        "service_version": item.service.version,
        "status": _STATUS_AT_START[order.kind],
        "dispatch": Dispatch.SCHEDULED if _is_fed(item) else _DISPATCH_AT_START[order.kind],
        "idempotency_key": item.request.idempotency_key,
        "idempotency_digest": item.request.content_digest if item.request.idempotency_key else None,
    }


def _is_fed(item: Draft) -> bool:
    """Whether post events make the orders of a subscription, instead of a provider."""
    return item.order.subscription is not None and item.service.posts_service_id is not None


def _write_schedules(sales: Sequence[Sale], order_ids: Sequence[int], orders: Answer) -> None:
    """Write the rows that only drip-feeds and subscriptions have, after their orders."""
    drip_feeds, subscriptions = [], []
    for sale, order_id in zip(sales, order_ids, strict=True):
        if isinstance(sale.item, PartRequest):
            continue
        drip_feed, subscription = sale.item.order.drip_feed, sale.item.order.subscription
        if drip_feed is not None:
            drip_feeds.append(DripFeed(order_id=order_id, next_run_at=timezone.now(), **asdict(drip_feed)))
        if subscription is not None:
            subscriptions.append(
                Subscription(
                    order_id=order_id,
                    live=_is_fed(sale.item),
                    username_key=username_key(subscription.username),
                    **asdict(subscription),
                )
            )
    if drip_feeds or subscriptions:
        orders.rows()
    if drip_feeds:
        DripFeed.objects.bulk_create(drip_feeds)
    if subscriptions:
        Subscription.objects.bulk_create(subscriptions)


def _answers(decisions: Sequence[Decision], order_ids: Sequence[int]) -> list[Placed | Refusal]:
    ids = iter(order_ids)
    answers: list[Placed | Refusal] = []
    for decision in decisions:
        if isinstance(decision, Sale):
            answers.append(Placed(next(ids)))
        elif isinstance(decision, SameAs):
            first = answers[decision.index]
            answers.append(Placed(first.order_id, is_new=False) if isinstance(first, Placed) else first)
        else:
            answers.append(decision)
    return answers


def _answer_alone(request: OrderRequest | PartRequest, error: Error) -> Placed | Refusal:
    """The answer to a lone request that the database rejected."""
    if isinstance(request, PartRequest) and violated_constraint(error) == "a_parent_makes_each_part_once":
        made = Order.objects.get(parent_id=request.parent_id, part=request.part)
        return Placed(made.pk, is_new=False)
    _log.error("order_rejected_by_database", error=str(error), customer_id=request.customer_id)
    return SomethingWentWrong()
