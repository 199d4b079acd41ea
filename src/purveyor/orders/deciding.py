"""Which orders of a batch are made: pure rules, with the meaning of one order after the other."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from purveyor.accounts.models import CustomerStatus
from purveyor.catalog.prices import charge
from purveyor.catalog.snapshot import Snapshot, SnapshotService
from purveyor.orders.models import OrderKind
from purveyor.orders.refusals import (
    AccountSuspended,
    DuplicateLink,
    IdempotencyKeyReused,
    IncorrectRequest,
    NotEnoughFunds,
    Refusal,
)
from purveyor.orders.requests import OrderRequest, PartRequest, Placed
from purveyor.orders.validation import ValidOrder


@dataclass(frozen=True, slots=True)
class Draft:
    """A request whose service and fields are valid; `place` in the batch is its index."""

    request: OrderRequest
    service: SnapshotService
    order: ValidOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """A customer with their wallet, as locked."""

    customer_id: int
    group_id: int | None
    status: str
    wallet_id: int
    balance: Decimal
    floor: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """An order that an idempotency key of the batch names already."""

    order_id: int
    service_id: int
    link_key: int
    quantity: int
    fields: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """An order to be written, with its price."""

    item: Draft | PartRequest
    wallet_id: int
    unit_price: Decimal
    price_rule: str
    charge: Decimal
    """As frozen on the order, in panel currency."""
    debit: Decimal
    """What leaves the customer's wallet for it."""


@dataclass(frozen=True, slots=True)
class SameAs:
    """The order that another place of the same batch makes: same customer, same idempotency key."""

    index: int


Decision = Sale | SameAs | Placed | Refusal


@dataclass(slots=True)
class Circumstances:
    """What the database knew when the wallets had been locked. `decide` writes its own decisions into it."""

    buyers: Mapping[int, Buyer]
    open_links: set[tuple[int, ...]] = field(default_factory=set)
    earlier: dict[tuple[int, str], Earlier] = field(default_factory=dict)


def decide(
    items: Sequence[Draft | PartRequest | Refusal],
    circumstances: Circumstances,
    *,
    snapshot: Snapshot,
    duplicates: str,
) -> list[Decision]:
    """Decide each item in order of arrival: a refused one takes no money from those after it.

    `duplicates` is the setting: "link_and_service", "link" or "off" (protocol §6.4).
    """
    left = {buyer.customer_id: buyer.balance - buyer.floor for buyer in circumstances.buyers.values()}
    keys_of_batch: dict[tuple[int, str], int] = {}
    decisions: list[Decision] = []
    for index, item in enumerate(items):
        if isinstance(item, Refusal):
            decisions.append(item)
            continue
        decision = _decide_one(
            item,
            circumstances,
            left,
            keys_of_batch,
            snapshot=snapshot,
            duplicates=duplicates,
            sofar=decisions,
        )
        decisions.append(decision)
        if isinstance(decision, Sale):
            _remember(decision, index, circumstances, left, keys_of_batch, duplicates=duplicates)
    return decisions


def _decide_one(
    item: Draft | PartRequest,
    circumstances: Circumstances,
    left: Mapping[int, Decimal],
    keys_of_batch: Mapping[tuple[int, str], int],
    *,
    snapshot: Snapshot,
    duplicates: str,
    sofar: Sequence[Decision],
) -> Decision:
    if isinstance(item, PartRequest):
        return _decide_part(item, circumstances.buyers[item.customer_id], left)
    buyer = circumstances.buyers.get(item.request.customer_id)
    if buyer is None:
        return IncorrectRequest()
    if buyer.status != CustomerStatus.ACTIVE:
        return AccountSuspended()
    repeated = _repeated(item, circumstances.earlier, keys_of_batch, sofar)
    if repeated is not None:
        return repeated
    if link_mark(item, duplicates) in circumstances.open_links:
        return DuplicateLink()
    sale = _priced(item, buyer, snapshot)
    needed = sale.debit if item.order.subscription is None else _cost_of_one_post(item, sale)
    return sale if needed <= left[buyer.customer_id] else NotEnoughFunds()


def _decide_part(item: PartRequest, buyer: Buyer, left: Mapping[int, Decimal]) -> Decision:
    debit = Decimal(0) if item.paid_by_parent else item.charge
    if debit > left[buyer.customer_id]:
        return NotEnoughFunds()
    return Sale(
        item=item,
        wallet_id=buyer.wallet_id,
        unit_price=item.unit_price,
        price_rule=item.price_rule,
        charge=item.charge,
        debit=debit,
    )


def _priced(item: Draft, buyer: Buyer, snapshot: Snapshot) -> Sale:
    price = snapshot.unit_price(item.service, customer_id=buyer.customer_id, group_id=buyer.group_id)
    # A subscription's quantity is 0 and so is its charge: each post is charged alone (protocol §3.4).
    cost = charge(unit_price=price.rate, quantity=item.order.quantity, is_package=item.service.is_package)
    return Sale(
        item=item,
        wallet_id=buyer.wallet_id,
        unit_price=price.rate,
        price_rule=price.rule,
        charge=cost,
        debit=cost,
    )


def _cost_of_one_post(item: Draft, sale: Sale) -> Decimal:
    """A subscription needs the funds of its largest single post to begin."""
    terms = item.order.subscription
    return charge(
        unit_price=sale.unit_price, quantity=terms.max if terms else 0, is_package=item.service.is_package
    )


def _repeated(
    item: Draft,
    earlier: Mapping[tuple[int, str], Earlier],
    keys_of_batch: Mapping[tuple[int, str], int],
    sofar: Sequence[Decision],
) -> Decision | None:
    """The answer to an idempotency key seen before, if it was."""
    key = item.request.idempotency_key
    if key is None:
        return None
    known = earlier.get((item.request.customer_id, key))
    if known is not None:
        return Placed(known.order_id, is_new=False) if _is_same(item, known) else IdempotencyKeyReused()
    index = keys_of_batch.get((item.request.customer_id, key))
    if index is None:
        return None
    first = sofar[index]
    same = (
        isinstance(first, Sale) and isinstance(first.item, Draft) and _content(first.item) == _content(item)
    )
    return SameAs(index) if same else IdempotencyKeyReused()


def _content(item: Draft) -> tuple[object, ...]:
    return (item.service.id, item.order)


def _is_same(item: Draft, known: Earlier) -> bool:
    return (item.service.id, item.order.link_key, item.order.quantity, stored_fields(item.order) or {}) == (
        known.service_id,
        known.link_key,
        known.quantity,
        known.fields or {},
    )


def stored_fields(order: ValidOrder) -> dict[str, Any] | None:
    """The fields as kept on the order row: what JSON gives back."""
    return json.loads(json.dumps(order.fields)) if order.fields else None


def link_mark(item: Draft, duplicates: str) -> tuple[int, ...] | None:
    """What two open orders must not share, by the setting; None where nothing is compared."""
    if duplicates == "off" or item.order.kind is OrderKind.SUBSCRIPTION:
        return None
    mark = (item.request.customer_id, item.order.link_key)
    return mark if duplicates == "link" else (*mark, item.service.id)


def marks_of_rows(rows: Iterable[tuple[int, int, int]], duplicates: str) -> set[tuple[int, ...]]:
    """The marks of open orders given as (customer, link key, service)."""
    return {row[:2] if duplicates == "link" else row for row in rows}


def _remember(
    sale: Sale,
    index: int,
    circumstances: Circumstances,
    left: dict[int, Decimal],
    keys_of_batch: dict[tuple[int, str], int],
    *,
    duplicates: str,
) -> None:
    """Let the items after this one see it as if it had been placed alone."""
    item = sale.item
    customer_id = item.customer_id if isinstance(item, PartRequest) else item.request.customer_id
    left[customer_id] -= sale.debit
    if isinstance(item, PartRequest):
        return
    mark = link_mark(item, duplicates)
    if mark is not None:
        circumstances.open_links.add(mark)
    if item.request.idempotency_key is not None:
        keys_of_batch[customer_id, item.request.idempotency_key] = index
