"""Giving what one provider left of an order to the next, and following an order that several deliver.

While its rest waits in the queue or is being delivered, the order is In progress and nothing is refunded.
What an earlier provider tells later counts for what it delivered itself. Where it goes on with what
somebody else was asked to deliver, that is an event on the order and an alarm, and its cost is booked as
charged; while the rest is only waiting, it is taken back instead.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
from django.db import transaction

from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.database import fetch_all, hot_cursor, id_array, load_sql
from purveyor.orders.finishing import reopen_rest
from purveyor.orders.following import Report
from purveyor.orders.models import Dispatch, EventKind, OrderEvent, Status
from purveyor.orders.queue import mark_handed, requeue
from purveyor.orders.refunds import final_status
from purveyor.orders.refusals import NobodyFinishes, Refusal
from purveyor.providers.announcing import Overlap, announce_overlaps
from purveyor.providers.costs.margin import Sale
from purveyor.providers.metrics import RESTS
from purveyor.providers.routes.planning import route_options
from purveyor.providers.routes.rest import (
    MOST_FULFILMENTS,
    remains_of,
    routes_for_rest,
    share_of,
    surplus_of,
)
from purveyor.providers.standing.standing import standings

_SQL: Final = load_sql(__file__, "finishing.sql")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a fulfilment of an order tells now, and what was known of it before."""

    fulfilment_id: int
    report: Report
    delivered: int | None
    delivered_before: int | None
    ended: bool
    ended_before: bool
    one_of_several: bool
    """Whether others deliver, or delivered, parts of the same order."""

    @property
    def leaves_a_rest(self) -> bool:
        """Whether a provider ended it without delivering all, and tells how much that is."""
        told = self.report.status is Status.PARTIAL and bool(self.report.remains)
        return self.ended and (told or self.report.status is Status.CANCELED)

    @property
    def delivers_otherwise(self) -> bool:
        """Whether what it has delivered is not what was known."""
        return (self.delivered or 0) != (self.delivered_before or 0)

    @property
    def goes_on(self) -> bool:
        """Whether it delivers more or less than was known, or is at work again."""
        return self.delivers_otherwise or self.ended is not self.ended_before


@dataclass(slots=True, kw_only=True)
class _Part:
    """A part of an order, with the news applied."""

    fulfilment_id: int
    delivered: int
    ended: bool
    """False also while it is being handed over."""


def reports_of(news: Sequence[News]) -> list[Report]:
    """What the orders hear of the news: of an order that several deliver, how it stands in all.

    Rests that go elsewhere by rule are queued here. In a transaction that holds the orders.
    """
    told: dict[int, list[News]] = defaultdict(list)
    plain: list[Report] = []
    for item in news:
        # A status that nobody can read, or a Partial that does not tell what remains, changes nothing.
        untold = item.report.status is Status.PARTIAL and item.report.remains is None
        known = item.report.status is not None and not untold
        if known and (item.one_of_several or item.leaves_a_rest):
            told[item.report.order_id].append(item)
        elif item.one_of_several:
            plain.append(replace(item.report, start_count=None, remains=None))
        else:
            plain.append(item.report)
    if not told:
        return plain
    rows: dict[int, list[Any]] = defaultdict(list)
    for row in fetch_all(_SQL["parts"], {"orders": id_array(told)}):
        rows[row.order_id].append(row)
    standings_of = {
        order_id: _Order(rows=rows[order_id], news={item.fulfilment_id: item for item in items})
        for order_id, items in told.items()
    }
    passed_on = _pass_on([order for order in standings_of.values() if order.left_a_rest])
    return plain + [order.report(passed_on=order_id in passed_on) for order_id, order in standings_of.items()]


class _Order:
    """An order with all its parts, as they stand with the news."""

    def __init__(self, *, rows: Sequence[Any], news: Mapping[int, News]) -> None:
        self.id: int = rows[0].order_id
        self.ordered: int = rows[0].ordered
        self._dispatch = Dispatch(rows[0].dispatch)
        self._is_open: bool = rows[0].is_open
        self._news = news
        self._parts = [_part(row, news.get(row.id)) for row in rows]

    @property
    def remains(self) -> int:
        return remains_of(ordered=self.ordered, delivered=self._delivered)

    @property
    def current(self) -> _Part:
        """Whoever was asked last."""
        return self._parts[-1]

    @property
    def left_a_rest(self) -> bool:
        """Whether the last who was at work on it has just ended without delivering all."""
        left = any(item.leaves_a_rest for item in self._news.values())
        return self._dispatch is Dispatch.HANDED and left and not self._at_work and self.remains > 0

    @property
    def _at_work(self) -> bool:
        """Whether somebody delivers a part of it, or may be asked to just now."""
        return any(not part.ended for part in self._parts)

    @property
    def _delivered(self) -> list[int]:
        return [part.delivered for part in self._parts]

    def report(self, *, passed_on: bool) -> Report:
        """How the order stands in all; what is delivered twice is noted, what need not wait is taken back."""
        single = len(self._parts) == 1
        if single and not passed_on and self._dispatch is Dispatch.HANDED:
            return next(iter(self._news.values())).report
        first = self._parts[0].fulfilment_id
        start_count = self._news[first].report.start_count if first in self._news else None
        self._note_overlaps()
        return Report(
            order_id=self.id,
            status=self._status(passed_on=passed_on),
            start_count=start_count,
            remains=self.remains,
        )

    def _status(self, *, passed_on: bool) -> Status:
        if passed_on:
            return Status.IN_PROGRESS
        final = final_status(ordered=self.ordered, remains=self.remains)
        if self._dispatch is Dispatch.HANDED:
            # One who left a rest may be at work again: before that ends, nothing is refunded or passed on.
            goes_on = self._at_work and self._is_open and final is not Status.COMPLETED
            return final if self.current.ended and not goes_on else Status.IN_PROGRESS
        if not self.current.ended:
            self._take_back()
            return Status.IN_PROGRESS
        if self._dispatch is Dispatch.NEVER:
            return final
        if self._at_work:
            self._take_back()
            return Status.IN_PROGRESS
        if final is Status.COMPLETED:
            self._take_back()
            return final
        return Status.IN_PROGRESS

    def _take_back(self) -> None:
        """Nobody else was asked yet: those who were asked deliver it after all."""
        mark_handed([self.id])
        with hot_cursor() as cursor:
            cursor.execute(_SQL["take_back"].encode(), {"ids": id_array([self.current.fulfilment_id])})

    def _note_overlaps(self) -> None:
        """Tell of what may have been delivered twice: by one that goes on, or by one that comes second."""
        surplus = surplus_of(ordered=self.ordered, delivered=self._delivered)
        overlaps = [
            item
            for item in self._news.values()
            if (item.delivers_otherwise and surplus)
            or (item.goes_on and item.fulfilment_id != self.current.fulfilment_id)
        ]
        if not overlaps:
            return
        OrderEvent.objects.bulk_create(
            OrderEvent(
                order_id=self.id,
                kind=EventKind.OVERLAP,
                data={
                    "fulfilment": item.fulfilment_id,
                    "status": item.report.status,
                    "delivered": item.delivered,
                    "delivered_before": item.delivered_before,
                    "surplus": surplus,
                },
            )
            for item in overlaps
        )
        announce_overlaps(
            Overlap(
                order_id=self.id, fulfilment_id=item.fulfilment_id, delivered=item.delivered, surplus=surplus
            )
            for item in overlaps
        )
        RESTS.labels(outcome="overlap").inc(len(overlaps))
        _log.error("delivered_by_two", order_id=self.id, surplus=surplus)


def _part(row: Any, item: News | None) -> _Part:
    return _Part(
        fulfilment_id=row.id,
        delivered=row.delivered if item is None else item.delivered or 0,
        ended=row.ended if item is None else item.ended,
    )


def _pass_on(orders: Collection[_Order]) -> set[int]:
    """Queue the rests of these orders where a rule says so and a route takes them; tell which."""
    if not orders:
        return set()
    rests = {order.id: order.remains for order in orders}
    takers = _takers(_to_finish(rests, anyway=False), rests)
    RESTS.labels(outcome="no_route").inc(sum(not taken for taken in takers.values()))
    passed = [order for order in orders if takers.get(order.id)]
    _queue(passed)
    return {order.id for order in passed}


def could_go_elsewhere(order_ids: Collection[int]) -> set[int]:
    """The orders of which another route would take what remains now, rule or not.

    In a transaction that holds the orders.
    """
    rows = _to_finish(order_ids, anyway=True)
    takers = _takers(rows, {row.id: row.remains for row in rows if row.remains})
    return {order_id for order_id, taken in takers.items() if taken}


def _to_finish(order_ids: Collection[int], *, anyway: bool) -> list[Any]:
    """The orders that another provider may finish, with what was tried before."""
    rows = fetch_all(_SQL["to_finish"], {"orders": id_array(order_ids), "anyway": anyway})
    return [
        row for row in rows if FORMS[OrderType(row.type)].is_divisible and row.accepted < MOST_FULFILMENTS
    ]


def _takers(rows: Sequence[Any], rests: Mapping[int, int]) -> dict[int, bool]:
    """Of each of these orders that has a rest: whether a route takes it now."""
    options = route_options({row.service_id for row in rows}, standings()) if rows else {}
    takers = {}
    for row in rows:
        if row.id in rests:
            whole = Sale(charge=row.charge, quantity=row.quantity, is_package=False)
            sale = share_of(whole, quantity=rests[row.id])
            takers[row.id] = bool(routes_for_rest(options[row.service_id], used=row.used, sale=sale))
    return takers


def _queue(orders: Sequence[_Order]) -> None:
    if not orders:
        return
    with hot_cursor() as cursor:
        cursor.execute(
            _SQL["pass_on"].encode(), {"ids": id_array(order.current.fulfilment_id for order in orders)}
        )
    requeue([order.id for order in orders])
    OrderEvent.objects.bulk_create(
        OrderEvent(
            order_id=order.id,
            kind=EventKind.ELSEWHERE,
            data={
                "fulfilment": order.current.fulfilment_id,
                "delivered": order.current.delivered,
                "rest": order.remains,
            },
        )
        for order in orders
    )
    RESTS.labels(outcome="passed_on").inc(len(orders))


@transaction.atomic
def finish_elsewhere(*, order_id: int, customer_id: int | None = None, actor: str = "") -> Refusal | None:
    """Have what remains of a Partial order delivered by another provider: charged again, at its frozen price.

    None means that it is done: the order is In progress, its rest queued, or left to an earlier provider that
    is at work on it again. Refused also where no route takes the rest now. Somebody else's order looks absent
    to `customer_id`; None is staff, and `actor` who of them.
    """
    with transaction.atomic():
        refusal = reopen_rest(order_id=order_id, customer_id=customer_id, actor=actor)
        if refusal is None and leave_to_earlier(order_id):
            mark_handed([order_id])
        elif refusal is None and not could_go_elsewhere([order_id]):
            refusal = NobodyFinishes()
            transaction.set_rollback(True)
    if refusal is None:
        RESTS.labels(outcome="chosen").inc()
    return refusal


def leave_to_earlier(order_id: int) -> bool:
    """Leave an order whose rest nobody has taken to whoever is at work on it again, if anybody is.

    In a transaction that holds the order.
    """
    return bool(fetch_all(_SQL["leave_to_earlier"], {"order": order_id}))


def supersede(order_ids: Collection[int]) -> None:
    """Note that what earlier fulfilments of these orders left is being handed over to others.

    Before the new ones are written, in a transaction that holds the orders.
    """
    with hot_cursor() as cursor:
        cursor.execute(_SQL["supersede"].encode(), {"orders": id_array(order_ids)})
