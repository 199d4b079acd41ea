"""The catalogue in memory: one immutable snapshot per process, replaced when its version grows."""

import threading
import time
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import structlog
from django.db import transaction

from purveyor.catalog.order_types import FORMS, OrderForm, OrderType
from purveyor.catalog.prices import UnitPrice, unit_price
from purveyor.database import fetch_all, load_sql

FRESH_SECONDS: Final = 0.5
"""How long a snapshot is used without asking for the version; an edit shows everywhere within a second."""

_SQL = load_sql(__file__, "snapshot.sql")
_TYPES: Final = {kind.value: kind for kind in OrderType}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SnapshotService:
    """A service that can be ordered, as it was when the snapshot was taken."""

    id: int
    name: str
    description: str
    type: OrderType
    category: str
    rate: Decimal
    min: int
    max: int
    refill: bool
    refill_days: int | None
    cancel: bool
    dripfeed: bool
    version: int
    queue_same_link: bool = False
    """Whether a second order for a link waits instead of being refused."""
    posts_service_id: int | None = None
    """Of subscriptions that post events feed: the service that delivers the posts."""

    @property
    def form(self) -> OrderForm:
        """What an order of it consists of."""
        return FORMS[self.type]

    @property
    def is_package(self) -> bool:
        """Whether its rate is the price of one order instead of a thousand."""
        return self.form.is_package


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that `services` and prices need, of one version."""

    version: int
    services: dict[int, SnapshotService]
    """The services that are on, in the order of display."""
    discounts: dict[int, Decimal] = field(default_factory=dict)
    own_rates: dict[int, dict[int, Decimal]] = field(default_factory=dict)

    def unit_price(self, service: SnapshotService, *, customer_id: int, group_id: int | None) -> UnitPrice:
        """What a service costs this customer: own rate before group discount before list price."""
        own = self.own_rates.get(customer_id)
        return unit_price(
            service.rate,
            own_rate=own.get(service.id) if own else None,
            discount_percent=self.discounts.get(group_id, Decimal(0)) if group_id else Decimal(0),
        )

    def price_list_key(self, *, customer_id: int, group_id: int | None) -> Hashable:
        """Names the customer's price list: customers with equal keys see equal prices."""
        group = group_id if group_id in self.discounts else None
        return (group, customer_id if customer_id in self.own_rates else None)


class _Kept:
    """The snapshot of this process and when its version was last compared."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.snapshot: Snapshot | None = None
        self.compared_at = 0.0


_kept = _Kept()


def current() -> Snapshot:
    """The catalogue as it is now, or was at most half a second ago.

    Asks the database: call it where one may block.
    """
    snapshot = _kept.snapshot
    if snapshot is not None and time.monotonic() - _kept.compared_at < FRESH_SECONDS:
        return snapshot
    with _kept.lock:
        started = time.monotonic()
        if _kept.snapshot is None or _version() != _kept.snapshot.version:
            _kept.snapshot = _read()
        _kept.compared_at = started
        return _kept.snapshot


def forget() -> None:
    """Make the next `current` read the catalogue again, whatever its version."""
    with _kept.lock:
        _kept.snapshot = None


def _version() -> int:
    return int(fetch_all(_SQL["version"])[0].version)


def _read() -> Snapshot:
    # The version is read first: an edit between the reads makes the snapshot newer than its number says,
    # which costs one needless refresh. The other order would miss that edit for good.
    with transaction.atomic():
        version = _version()
        services = {}
        for row in fetch_all(_SQL["services"]):
            kind = _TYPES.get(row.type)
            if kind is None:  # one service that nobody can order must not keep the others from being sold
                _log.error("service_type_unknown", service=row.id, type=row.type)
                continue
            services[row.id] = SnapshotService(row.id, row.name, row.description, kind, *row[4:])
        own_rates: dict[int, dict[int, Decimal]] = defaultdict(dict)
        for row in fetch_all(_SQL["own_rates"]):
            own_rates[row.customer_id][row.service_id] = row.rate
        discounts = {row.id: row.discount_percent for row in fetch_all(_SQL["discounts"])}
    return Snapshot(version=version, services=services, discounts=discounts, own_rates=dict(own_rates))
