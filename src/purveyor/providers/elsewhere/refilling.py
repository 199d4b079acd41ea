"""Refills that another provider delivers, at our cost, and those that staff settle by hand.

A refill that its provider refuses is not refused to the customer where the service says that another may
deliver it: it stays open, and staff say how much was lost, which no provider tells, and who delivers it. Then
it is a fulfilment of its order like any other, and the refill follows it. What that one leaves is for staff
again.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models.functions import Now

from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.database import fetch_all, hot_cursor, id_array, load_sql
from purveyor.orders.models import EventKind, OrderEvent, Refill, RefillStatus, Status
from purveyor.orders.refilling import settle_refill
from purveyor.providers.costs.margin import Sale
from purveyor.providers.locking import lock_order
from purveyor.providers.models import RefillElsewhere
from purveyor.providers.protocol.add_fields import add_fields
from purveyor.providers.protocol.idempotency import with_key
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Refused
from purveyor.providers.routes.planning import Planned, route_options
from purveyor.providers.routes.rest import share_of
from purveyor.providers.routes.routing import RouteOption, cost_of, fits, leaves_floor
from purveyor.providers.standing.holds import (
    ABSURD_COST,
    LONGEST_REASON_CHARACTERS,
    REFUSED,
    SAME_LINK_WAIT_SECONDS,
    Hold,
)
from purveyor.providers.standing.standing import Standing, standings

_SQL: Final = load_sql(__file__, "refilling.sql")
_log = structlog.get_logger(__name__)

MOST_AT_ONCE: Final = 32
WAIT_SECONDS: Final = 10.0
"""Until a refill is looked at again whose provider takes no orders now."""
CLOSED: Final = "The route is closed"
LEFT: Final = "Another provider left {left} of it"
_AGAIN: Final = frozenset(
    {
        RefusalClass.FUNDS,
        RefusalClass.KEY,
        RefusalClass.RATE,
        RefusalClass.NOT_SENT,
        RefusalClass.GIVEN_BACK,
        RefusalClass.NOT_PLACED,
    }
)
"""Refusals that say nothing about the refill."""


class CannotRefill(Exception):
    """The refill cannot be settled or given away so; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRefill:
    """A refill that has not ended, and who has it now."""

    id: int
    order_id: int
    ordered: int
    link: str
    service: str
    asked_at: datetime
    holder: str
    """Empty when it waits for staff."""
    reason: str
    """Why it waits, or what its provider said."""


def open_refills() -> list[OpenRefill]:
    """Every refill that has not ended, oldest first."""
    return [
        OpenRefill(
            id=row.id,
            order_id=row.order_id,
            ordered=row.ordered,
            link=row.link,
            service=f"{row.service_id} {row.service_name}",
            asked_at=row.created_at,
            holder=row.holder,
            reason=row.reason,
        )
        for row in fetch_all(_SQL["holders"], {"refill": None})
    ]


@transaction.atomic
def settle_by_hand(*, refill_id: int, status: RefillStatus, reason: str = "", actor: str) -> None:
    """Tell the customer what became of a refill that nobody has. Raises `CannotRefill`."""
    _take(refill_id)
    RefillElsewhere.objects.filter(pk=refill_id).update(next_at=None)
    settle_refill(refill_id=refill_id, status=status, reason=reason, actor=actor)
    _log.info("refill_settled_by_hand", refill_id=refill_id, status=status, actor=actor)


@transaction.atomic
def send_elsewhere(*, refill_id: int, quantity: int, route_id: int | None = None, actor: str) -> RouteOption:
    """Queue `quantity` of a refill that nobody has for a provider, and return the route that it takes.

    Without a route the cheapest takes it that delivered nothing of the order yet and can take it now. The
    margin floor does not hold it back, for nobody pays for it; the order's timeline tells the cost. Raises
    `CannotRefill`.
    """
    refill = _take(refill_id)
    if not 1 <= quantity <= refill.ordered:
        raise CannotRefill(f"the order is of {refill.ordered}: a refill is of 1 to so many")
    if not FORMS[OrderType(refill.type)].is_divisible:
        raise CannotRefill(f"orders of type {refill.type} cannot be ordered again in part")
    whole = Sale(charge=refill.charge, quantity=refill.ordered, is_package=False)
    sale = share_of(whole, quantity=quantity)
    option = _route(refill, sale, route_id=route_id)
    cost = cost_of(option, sale)
    if cost is None:
        raise CannotRefill(ABSURD_COST)
    RefillElsewhere.objects.update_or_create(
        refill_id=refill_id,
        defaults={
            "quantity": quantity,
            "route_id": option.route_id,
            "actor": actor,
            "next_at": Now(),
            "reason": "",
        },
    )
    OrderEvent.objects.create(
        order_id=refill.order_id,
        kind=EventKind.REFILL_ELSEWHERE,
        data={
            "refill": refill_id,
            "quantity": quantity,
            "provider": option.provider,
            "cost": str(cost),
            "keeps_margin": leaves_floor(option, sale, cost),
            "actor": actor,
        },
    )
    return option


def _take(refill_id: int) -> Any:
    """An open refill that nobody has, with its order held."""
    found = Refill.objects.filter(pk=refill_id).first()
    if found is None:
        raise CannotRefill(f"there is no refill {refill_id}")
    lock_order(found.order_id)
    rows = fetch_all(_SQL["holders"], {"refill": refill_id})
    if not rows:
        raise CannotRefill(f"refill {refill_id} has ended")
    (row,) = rows
    if row.holder not in ("", "the queue"):
        raise CannotRefill(f"refill {refill_id} is with {row.holder}")
    return row


def _route(refill: Any, sale: Sale, *, route_id: int | None) -> RouteOption:
    options = route_options([refill.service_id], standings())[refill.service_id]
    if route_id is not None:
        chosen = next((option for option in options if option.route_id == route_id), None)
        if chosen is None or chosen.closed:
            raise CannotRefill(f"service {refill.service_id} has no open route {route_id}")
        return chosen
    used = {row.route_id for row in fetch_all(_SQL["used"], {"order": refill.order_id})}
    costs = {
        option.route_id: cost
        for option in options
        if option.route_id not in used
        and not option.closed
        and not option.hold_reason
        and fits(option, sale.quantity)
        and (cost := cost_of(option, sale)) is not None
    }
    if not costs:
        raise CannotRefill("no other route takes so many now")
    return min(
        (option for option in options if option.route_id in costs), key=lambda item: costs[item.route_id]
    )


def claim_refills_elsewhere(
    providers: Mapping[int, Standing], room: Mapping[int, int], *, full: Collection[int]
) -> list[Planned]:
    """Take refills out of their queue whose provider has room, to be handed over in the same transaction.

    `full` are the providers without any: so those that wait for them do not hide the others.
    """
    rows = fetch_all(_SQL["claim"], {"limit": MOST_AT_ONCE, "full": id_array(full)})
    if not rows:
        return []
    earlier = {
        row.order_id: row for row in fetch_all(_SQL["earlier"], {"orders": id_array(row.id for row in rows)})
    }
    options = {
        option.route_id: option
        for choices in route_options({row.service_id for row in rows}, providers).values()
        for option in choices
    }
    left = Counter(room)
    planned: list[Planned] = []
    handed: list[int] = []
    for row in rows:
        option = options.get(row.route_id)
        if option is None or option.closed:
            leave_refill(row.refill_id, CLOSED, seconds=None)
        elif option.hold_reason:
            leave_refill(row.refill_id, option.hold_reason, seconds=WAIT_SECONDS)
        elif (cost := cost_of(option, _gift(row.quantity))) is None:
            leave_refill(row.refill_id, ABSURD_COST, seconds=None)
        elif left[option.provider_id] > 0 and not earlier[row.id].live:
            left[option.provider_id] -= 1
            planned.append(_planned(row, option, cost, providers[option.provider_id], earlier[row.id].last))
            handed.append(row.refill_id)
    with hot_cursor() as cursor:
        cursor.execute(_SQL["handed"].encode(), {"ids": id_array(handed)})
    return planned


def _gift(quantity: int) -> Sale:
    """So much of an order again, for which nobody pays."""
    return Sale(charge=Decimal(0), quantity=quantity, is_package=False)


def _planned(row: Any, option: RouteOption, cost: Decimal, provider: Standing, last: int) -> Planned:
    fields = add_fields(
        external_id=option.external_id,
        type=OrderType(row.type),
        link=row.link,
        quantity=row.quantity,
        fields=row.fields,
    )
    return Planned(
        order=row,
        number=last + 1,
        option=option,
        provider=provider,
        quantity=row.quantity,
        is_rest=False,
        refill_id=row.refill_id,
        fields=with_key(fields, access=provider.access) if provider.takes_idempotency_key else fields,
        cost=cost,
        decision=None,
        link_key=None,
    )


def leave_refill(refill_id: int, reason: str, *, seconds: float | None) -> None:
    """Have a refill wait so long for its provider; None is for staff to decide."""
    with hot_cursor() as cursor:
        cursor.execute(
            _SQL["wait"].encode(),
            {"id": refill_id, "reason": reason[:LONGEST_REASON_CHARACTERS], "seconds": seconds},
        )


def give_refill_back(*, refill_id: int, refused: Refused) -> None:
    """What becomes of a refill whose hand-over surely did not happen: queued again, or left to staff."""
    if refused.refusal in _AGAIN:
        leave_refill(refill_id, refused.text, seconds=WAIT_SECONDS)
    elif refused.refusal is RefusalClass.DUPLICATE:
        leave_refill(refill_id, Hold.SAME_LINK, seconds=SAME_LINK_WAIT_SECONDS)
    else:
        leave_refill(refill_id, REFUSED.format(text=refused.text), seconds=None)


def follow_refill(*, refill_id: int, status: Status | None, remains: int | None, ended: bool) -> None:
    """Bring a refill up to what the provider that delivers it elsewhere told.

    What it leaves undelivered is for staff again: the refill stays open.
    """
    if status is Status.COMPLETED:
        settle_refill(refill_id=refill_id, status=RefillStatus.COMPLETED)
    elif status in (Status.PARTIAL, Status.CANCELED) and ended:
        left = "all" if status is Status.CANCELED or remains is None else str(remains)
        leave_refill(refill_id, LEFT.format(left=left), seconds=None)
    elif status is not None:
        settle_refill(refill_id=refill_id, status=RefillStatus.IN_PROGRESS)
