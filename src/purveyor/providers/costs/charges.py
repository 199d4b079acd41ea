"""What a provider charged for orders, compared with what its list made us expect.

The answer to `add` tells no price, so an order may be charged at one that rose since the list was read. That
is an alarm, and the list is read again early. Where an order was sold at a loss by it, nothing more goes that
way before the list has been read; where the charge exceeds even the list that was read anew, the list cannot
be trusted, and the route closes until a person opens it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import structlog

from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.database import fetch_all, hot_cursor, id_array, load_sql
from purveyor.providers.announcing import ChargeDrifted, announce_closed, announce_drifts
from purveyor.providers.costs.costing import AbsurdCost, expected_cost
from purveyor.providers.costs.margin import Terms, charge_drift, keeps_margin, true_cost
from purveyor.providers.metrics import CHARGES_DRIFTED

_SQL: Final = load_sql(__file__, "charges.sql")
_log = structlog.get_logger(__name__)

LIST_STAYS_FRESH_SECONDS: Final = 60
"""After a list was read, before it is read again for the sake of a charge."""
DOUBT_REMEMBERED_SECONDS: Final = 24 * 3600
"""An order sent within this time of a doubt about its price, and charged too much again, closes the route."""
CLOSED: Final = "It charges more than it lists, at a loss"


class Consequence(StrEnum):
    """What is done about a charge that is not the expected one, from mild to severe."""

    KNOWN = "known"
    """The list that was read meanwhile says the same."""
    LIST_READ_EARLY = "list_read_early"
    PRICE_DOUBTED = "price_doubted"
    ROUTE_CLOSED = "route_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """What a provider told that it charged for a hand-over, in its currency, and what we booked."""

    fulfilment_id: int
    charge: Decimal
    terms: Terms
    expected: Decimal
    """Of the whole order, in panel currency."""
    due: Decimal
    """Of what was delivered, as booked."""
    ended: bool

    def drift(self, expected: Decimal) -> Decimal:
        """By how much the charge differs from what it should be if the whole order costs `expected`.

        Before the end only upward: some panels charge as they deliver.
        """
        due = self.due * expected / self.expected if self.expected else expected
        drift = charge_drift(self.charge, terms=self.terms, expected=(due, expected))
        return drift if self.ended else max(drift, Decimal(0))


def note_charges(charged: Iterable[Charged]) -> None:
    """Raise an alarm about charges that are not the expected ones, and see to it that they do not go on.

    In a transaction that holds the orders and their hand-overs. A charge of zero or less tells nothing.
    """
    drifted = {
        item.fulfilment_id: (item, drift)
        for item in charged
        if item.charge > 0 and (drift := item.drift(item.expected))
    }
    if not drifted:
        return
    fetch_all(_SQL["lock_providers"], {"fulfilments": id_array(drifted)})
    alarms: dict[tuple[Any, Consequence], list[tuple[Any, Decimal]]] = defaultdict(list)
    for row in fetch_all(
        _SQL["offers"], {"fulfilments": id_array(drifted), "remembered": DOUBT_REMEMBERED_SECONDS}
    ):
        item, drift = drifted[row.fulfilment_id]
        alarms[row.offer_id, _consequence(row, item, drift)].append((row, drift))
    told = []
    for (_, consequence), found in alarms.items():
        _act(consequence, [row for row, _ in found])
        CHARGES_DRIFTED.labels(consequence=consequence.value).inc(len(found))
        row, drift = max(found, key=lambda one: abs(one[1]))
        _log.error(
            "provider_charge_unexpected",
            provider_id=row.provider_id,
            service=row.external_id,
            orders=len(found),
            order_id=row.order_id,
            drift=str(drift),
            consequence=consequence.value,
        )
        told.append(
            ChargeDrifted(
                provider_id=row.provider_id,
                provider_service=row.external_id,
                orders=len(found),
                order_id=row.order_id,
                drift=drift,
                consequence=consequence.value,
            )
        )
    announce_drifts(told)


def _consequence(row: Any, item: Charged, drift: Decimal) -> Consequence:
    if row.offer_id is None:
        return Consequence.KNOWN  # it is listed no more, so nothing is sent that way
    try:
        listed = expected_cost(
            rate=row.rate,
            terms=item.terms,
            quantity=row.quantity,
            is_package=FORMS[OrderType(row.type)].is_package,
        )
    except AbsurdCost:
        return Consequence.KNOWN
    if not item.drift(listed):
        return Consequence.KNOWN
    loss = (
        drift > 0
        and row.route_id is not None
        and not row.is_post
        and not keeps_margin(
            cost=true_cost(item.charge, terms=item.terms),
            charge=row.charge,
            floor_percent=row.margin_floor_percent,
        )
    )
    if not loss:
        return Consequence.LIST_READ_EARLY
    return Consequence.ROUTE_CLOSED if row.sent_after_doubt else Consequence.PRICE_DOUBTED


def _act(consequence: Consequence, rows: list[Any]) -> None:
    row = rows[0]
    if consequence is Consequence.KNOWN:
        return
    with hot_cursor() as cursor:
        cursor.execute(
            _SQL["read_list_early"].encode(),
            {"provider": row.provider_id, "fresh": LIST_STAYS_FRESH_SECONDS},
        )
        if consequence is Consequence.PRICE_DOUBTED:
            cursor.execute(
                _SQL["doubt_price"].encode(), {"offer": row.offer_id, "remembered": DOUBT_REMEMBERED_SECONDS}
            )
        elif consequence is Consequence.ROUTE_CLOSED:
            wanted = {each.route_id for each in rows}
            closed = sorted(
                each.id
                for each in fetch_all(_SQL["close_routes"], {"routes": id_array(wanted), "reason": CLOSED})
            )
            announce_closed(closed, reason=CLOSED)
            _log.error("routes_closed", route_ids=closed, text=CLOSED)
