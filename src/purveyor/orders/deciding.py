"""Which orders of a batch are made: pure rules, with the meaning of one order after the other."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import msgspec

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

LONGEST_LINE: Final = 100
"""Open orders of one customer for one link, of a service that lets them wait for each other."""


class Draft(msgspec.Struct, frozen=True):
    """A request whose service and fields are valid."""

    request: OrderRequest
    service: SnapshotService
    order: ValidOrder


class Invalid(msgspec.Struct, frozen=True):
    """A request that breaks a rule of its service. It may still repeat an order that was placed."""

    request: OrderRequest
    refusal: Refusal


Item = Draft | Invalid | PartRequest


class Buyer(msgspec.Struct, frozen=True):
    """A customer with their wallet, as locked."""

    customer_id: int
    group_id: int | None
    status: str
    wallet_id: int
    balance: Decimal
    floor: Decimal


class Earlier(msgspec.Struct, frozen=True):
    """An order that an idempotency key of the batch names already."""

    order_id: int
    content_digest: int


class Sale(msgspec.Struct, frozen=True, kw_only=True):
    """An order to be written, with its price."""

    item: Draft | PartRequest
    wallet_id: int
    unit_price: Decimal
    price_rule: str
    charge: Decimal
    """As frozen on the order, in panel currency."""
    debit: Decimal
    """What leaves the customer's wallet for it."""


class SameAs(msgspec.Struct, frozen=True):
    """The order that another place of the same batch makes: same customer, same idempotency key."""

    index: int


Decision = Sale | SameAs | Placed | Refusal


@dataclass(slots=True)
class Circumstances:
    """What the database knew when the wallets had been locked."""

    buyers: Mapping[int, Buyer]
    open_links: Counter[tuple[int, ...]] = field(default_factory=Counter)
    """How many open orders there are by mark."""
    earlier: dict[tuple[int, str], Earlier] = field(default_factory=dict)
    promised: dict[int, Decimal] = field(default_factory=dict)
    """By customer: what the posts still to come of their live subscriptions may cost."""


def decide(
    items: Sequence[Item], circumstances: Circumstances, *, snapshot: Snapshot, duplicates: str
) -> list[Decision]:
    """Decide each item in order of arrival: a refused one takes no money from those after it.

    `duplicates` is the setting: "link_and_service", "link" or "off" (protocol §6.4).
    """
    batch = _Batch(circumstances, snapshot, duplicates)
    for item in items:
        batch.decisions.append(batch.decide_one(item))
    return batch.decisions


class _Batch:
    """A batch while it is decided: each decision sees those before it as if they had been placed alone."""

    def __init__(self, circumstances: Circumstances, snapshot: Snapshot, duplicates: str) -> None:
        self.decisions: list[Decision] = []
        self._snapshot = snapshot
        self._duplicates = duplicates
        self._buyers = circumstances.buyers
        self._earlier = circumstances.earlier
        self._open_links = Counter(circumstances.open_links)
        self._promised = dict(circumstances.promised)
        self._left = {
            buyer.customer_id: buyer.balance - buyer.floor for buyer in circumstances.buyers.values()
        }
        self._keys: dict[tuple[int, str], tuple[int, int]] = {}

    def decide_one(self, item: Item) -> Decision:
        """Decide the next item."""
        if isinstance(item, PartRequest):
            return self._decide_part(item)
        buyer = self._buyers.get(item.request.customer_id)
        if buyer is None:
            return IncorrectRequest()
        # Before any rule: who repeats an order that was placed gets it, whatever has changed since.
        repeated = self._repeated(item.request)
        if repeated is not None:
            return repeated
        if buyer.status != CustomerStatus.ACTIVE:
            return AccountSuspended()
        if isinstance(item, Invalid):
            return item.refusal
        return self._decide_draft(item, buyer)

    def _decide_part(self, item: PartRequest) -> Decision:
        debit = Decimal(0) if item.paid_by_parent else item.charge
        if debit > self._left[item.customer_id]:
            return NotEnoughFunds()
        self._left[item.customer_id] -= debit
        return Sale(
            item=item,
            wallet_id=self._buyers[item.customer_id].wallet_id,
            unit_price=item.unit_price,
            price_rule=item.price_rule,
            charge=item.charge,
            debit=debit,
        )

    def _decide_draft(self, item: Draft, buyer: Buyer) -> Decision:
        mark = link_mark(item, self._duplicates)
        if mark is not None and self._open_links[mark] >= _most_open(item.service):
            return DuplicateLink()
        customer_id = buyer.customer_id
        sale = _priced(item, buyer, self._snapshot)
        promise = _cost_of_posts(item, sale.unit_price)
        if promise:
            if promise + self._promised.get(customer_id, Decimal(0)) > self._left[customer_id]:
                return NotEnoughFunds()
            self._promised[customer_id] = self._promised.get(customer_id, Decimal(0)) + promise
        if sale.debit > self._left[customer_id]:
            return NotEnoughFunds()
        self._left[customer_id] -= sale.debit
        if mark is not None:
            self._open_links[mark] += 1
        if item.request.idempotency_key is not None:
            place = (len(self.decisions), item.request.content_digest)
            self._keys[customer_id, item.request.idempotency_key] = place
        return sale

    def _repeated(self, request: OrderRequest) -> Decision | None:
        """The answer to an idempotency key seen before, if it was."""
        if request.idempotency_key is None:
            return None
        key = (request.customer_id, request.idempotency_key)
        known = self._earlier.get(key)
        if known is not None:
            is_same = known.content_digest == request.content_digest
            return Placed(known.order_id, is_new=False) if is_same else IdempotencyKeyReused()
        if key not in self._keys:
            return None
        index, digest = self._keys[key]
        return SameAs(index) if digest == request.content_digest else IdempotencyKeyReused()


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


def _cost_of_posts(item: Draft, unit_price: Decimal) -> Decimal:
    """What the posts of a subscription may cost: max × posts × rate (protocol §8); 0 for other orders.

    The provider delivers them before they are charged, so the funds must be there when it begins. Without an
    end, one new post is counted.
    """
    terms = item.order.subscription
    if terms is None:
        return Decimal(0)
    posts = terms.old_posts + (1 if terms.posts is None else terms.posts)
    return charge(unit_price=unit_price, quantity=terms.max, is_package=False) * posts


def _most_open(service: SnapshotService) -> int:
    """How many orders of a mark may be open at a time: one is delivered, the others wait for it."""
    return LONGEST_LINE if service.queue_same_link else 1


def link_mark(item: Draft, duplicates: str) -> tuple[int, ...] | None:
    """What two open orders must not share, by the setting; None where nothing is compared."""
    if duplicates == "off" or item.order.kind is OrderKind.SUBSCRIPTION:
        return None
    mark = (item.request.customer_id, item.order.link_key)
    return mark if duplicates == "link" else (*mark, item.service.id)


def marks_of_rows(rows: Iterable[tuple[int, int, int, int]], duplicates: str) -> Counter[tuple[int, ...]]:
    """The marks of open orders given as (customer, link key, service, number), with how many there are."""
    marks: Counter[tuple[int, ...]] = Counter()
    for *mark, number in rows:
        marks[tuple(mark[:2] if duplicates == "link" else mark)] += number
    return marks
