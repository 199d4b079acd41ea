"""Reading orders as their owner sees them, many at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from purveyor.database import id_array, load_sql
from purveyor.exchanges import fetch_hot
from purveyor.orders.models import OrderKind

_SQL: Final = load_sql(__file__, "reading.sql")


@dataclass(slots=True, kw_only=True)
class OrderView:
    """An order as the protocol tells it (§4.3, §4.5, §4.6)."""

    order_id: int
    kind: str
    status: str
    charge: Decimal
    """Net of refunds, in panel currency."""
    start_count: int | None
    remains: int
    currency: str
    runs_done: int = 0
    posts_done: int = 0
    expiry: date | None = None
    children: list[int] = field(default_factory=list)
    old_children: list[int] = field(default_factory=list)


def order_views(wanted: Sequence[tuple[int, int]]) -> list[OrderView | None]:
    """The orders of (customer id, order id) pairs. Somebody else's order looks absent: None."""
    owners: dict[int, int] = {}
    views: dict[int, OrderView] = {}
    special: dict[str, list[int]] = {OrderKind.DRIP_FEED: [], OrderKind.SUBSCRIPTION: []}
    for row in fetch_hot(_SQL["orders"], {"ids": id_array(order_id for _, order_id in wanted)}):
        order_id, owners[row.id], kind, *rest = row
        status, charge, start_count, remains, currency = rest
        views[order_id] = OrderView(
            order_id=order_id,
            kind=kind,
            status=status,
            charge=charge,
            start_count=start_count,
            remains=remains,
            currency=currency,
        )
        if kind in special:
            special[kind].append(order_id)
    if special[OrderKind.DRIP_FEED]:
        _add_runs(views, special[OrderKind.DRIP_FEED])
    if special[OrderKind.SUBSCRIPTION]:
        _add_posts(views, special[OrderKind.SUBSCRIPTION])
    return [
        views[order_id] if owners.get(order_id) == customer_id else None for customer_id, order_id in wanted
    ]


def _add_runs(views: dict[int, OrderView], ids: Sequence[int]) -> None:
    for row in fetch_hot(_SQL["drip_feeds"], {"ids": id_array(ids)}):
        views[row.id].runs_done = row.runs_done
        views[row.id].children = row.children


def _add_posts(views: dict[int, OrderView], ids: Sequence[int]) -> None:
    for row in fetch_hot(_SQL["subscriptions"], {"ids": id_array(ids)}):
        view = views[row.id]
        view.expiry, view.posts_done = row.expiry, row.posts_done
        view.children, view.old_children = row.children, row.old_children
