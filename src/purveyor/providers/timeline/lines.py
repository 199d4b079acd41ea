"""The lines of an order's story that its customer may read too. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from purveyor.money.models import Transfer, TransferKind
from purveyor.orders.models import EventKind, Order, OrderEvent
from purveyor.providers.routes.decisions import sentences
from purveyor.providers.timeline.facts import Facts

PANEL: Final = "panel"
CUSTOMER: Final = "customer"


class LineKind(StrEnum):
    """What a line tells."""

    PLACED = "placed"
    TRANSFER = "transfer"
    PART = "part"
    DECIDED = "decided"
    HANDED_OVER = "handed over"
    SENT = "sent"
    DESK = "desk"
    ANSWERED = "answered"
    EVIDENCE = "evidence"
    SETTLED = "settled"
    PROGRESS = "progress"
    STATUS = "status"
    REST = "rest"
    LATE = "late"
    PROPOSED = "proposed"
    ALARM = "alarm"
    HELD = "held"
    REFILL = "refill"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of an order's story."""

    at: datetime
    kind: LineKind
    who: str
    """Who did it: the customer, the panel, a provider by name, or a member of staff."""
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


def shown(amount: Decimal) -> str:
    """An amount without zeros at its end."""
    return f"{amount.normalize():f}"


def lines_for_everybody(facts: Facts, *, for_customer: bool) -> Iterator[Line]:
    """What happened between the customer and the panel.

    For the customer without the panel's own reasons and alarms, and without the words of providers.
    """
    yield _placing(facts, for_customer=for_customer)
    for transfer in facts.transfers:
        yield _transfer(transfer, currency=facts.order.currency, for_customer=for_customer)
    for event in facts.events:
        line = _event(event, for_customer=for_customer)
        if line is not None:
            yield line
    if facts.more_events:
        last = facts.events[-1].created_at
        yield Line(at=last, kind=LineKind.STATUS, who=PANEL, text=_("and more that is not shown here"))
    for refill in facts.refills:
        text = _("Asked for refill %(refill)s") % {"refill": refill.pk}
        yield Line(at=refill.created_at, kind=LineKind.REFILL, who=CUSTOMER, text=text)
    for child in facts.children:
        yield _part(child)
    if facts.more_children:
        last = facts.children[-1].created_at
        yield Line(at=last, kind=LineKind.PART, who=PANEL, text=_("and more that are not shown here"))


def _placing(facts: Facts, *, for_customer: bool) -> Line:
    order = facts.order
    if order.quantity == 0:  # a subscription, whose posts are orders of their own
        product = _("each post at %(price)s %(currency)s per 1000")
    elif facts.is_package:
        product = _("%(price)s for one = %(charge)s %(currency)s")
    else:
        product = _("%(quantity)s × %(price)s per 1000 = %(charge)s %(currency)s")
    price = product % {
        "quantity": order.quantity,
        "price": shown(order.unit_price),
        "charge": shown(order.charge),
        "currency": order.currency,
    }
    text = _("Ordered “%(service)s”: %(price)s") % {"service": order.service.name, "price": price}
    if order.parent_id is not None:
        text += _(", number %(part)s of order %(parent)s") % {"part": order.part, "parent": order.parent_id}
    if not for_customer:
        text += _("; price by %(rule)s, service version %(version)s, through %(source)s") % {
            "rule": order.price_rule,
            "version": order.service_version,
            "source": order.source,
        }
    return Line(
        at=order.created_at,
        kind=LineKind.PLACED,
        who=CUSTOMER if order.parent_id is None else PANEL,
        text=text,
        data={"quantity": order.quantity, "unit_price": order.unit_price, "charge": order.charge},
    )


def _transfer(transfer: Transfer, *, currency: str, for_customer: bool) -> Line:
    match TransferKind(transfer.kind):
        case TransferKind.CHARGE:
            text = _("Charged %(amount)s %(currency)s")
        case TransferKind.REFUND:
            text = _("Refunded %(amount)s %(currency)s")
        case _:
            text = _("Took %(amount)s %(currency)s of the refund back")
    text %= {"amount": shown(transfer.amount), "currency": currency}
    return Line(
        at=transfer.created_at,
        kind=LineKind.TRANSFER,
        who=PANEL,
        text=text if for_customer else numbered(text, transfer),
        data={"kind": transfer.kind, "amount": transfer.amount},
    )


def numbered(text: str, transfer: Transfer) -> str:
    """What a transfer did, with its number in the books."""
    return _("%(text)s (transfer %(number)s)") % {"text": text, "number": transfer.pk}


def _part(child: Order) -> Line:
    text = _("Number %(part)s is order %(order)s of %(quantity)s") % {
        "part": child.part,
        "order": child.pk,
        "quantity": child.quantity,
    }
    return Line(at=child.created_at, kind=LineKind.PART, who=PANEL, text=text, data={"order": child.pk})


_FOR_STAFF: Final = {
    EventKind.HELD: (LineKind.HELD, gettext_noop("Held")),
    EventKind.UNKNOWN_STATUS: (
        LineKind.ALARM,
        gettext_noop("The provider’s word “%(word)s” means nothing to us"),
    ),
    EventKind.ELSEWHERE: (
        LineKind.REST,
        gettext_noop("%(delivered)s were delivered; %(rest)s go to another provider"),
    ),
    EventKind.PROMISE: (
        LineKind.LATE,
        gettext_noop("Not complete by %(promised_until)s, as was promised: %(outcome)s"),
    ),
    EventKind.REFILL_ELSEWHERE: (
        LineKind.REFILL,
        gettext_noop("Refill %(refill)s: %(quantity)s go to %(provider)s for %(cost)s, at our cost"),
    ),
    EventKind.OVERLAP: (
        LineKind.ALARM,
        gettext_noop(
            "Hand-over %(fulfilment)s went on after its rest was given to another: it has delivered "
            "%(delivered)s; in all %(surplus)s more than ordered"
        ),
    ),
}


def _event(event: OrderEvent, *, for_customer: bool) -> Line | None:
    """What a kept event says; None where transfers tell it, or where it is no customer's business."""
    data = event.data
    reason = data.get("reason", "")
    match EventKind(event.kind):
        case EventKind.STATUS | EventKind.BACKWARD as kind:
            line = LineKind.STATUS
            text = _("%(before)s → %(status)s") if data.get("before") else _("→ %(status)s")
            if kind is EventKind.BACKWARD and not for_customer:
                text += _(", which is backwards")
        case EventKind.REFILL:
            line, text = LineKind.REFILL, _("Refill %(refill)s: %(status)s")
            reason = "" if for_customer else reason
        case EventKind.CANCEL:
            line = LineKind.CANCEL
            text = _("Wish to cancel: %(status)s") if "status" in data else _("Told to stop")
            reason = "" if for_customer else reason
        case _ if for_customer:
            return None
        case EventKind() as kind if kind in _FOR_STAFF:
            line, told = _FOR_STAFF[kind]
            text = _(told)
        case EventKind.CORRECTION if not data["done"]:
            line = LineKind.PROPOSED
            text = _("%(amount)s was refunded too much and is not there any more: for staff to decide")
        case _:
            return None
    text %= data
    if reason:
        text = _("%(text)s: %(reason)s") % {"text": text, "reason": reason}
    if not for_customer and (decision := data.get("decision")):
        text = " ".join([f"{text}.", *sentences(decision)])
    who = PANEL if for_customer else data.get("actor", PANEL)
    return Line(at=event.created_at, kind=line, who=who, text=text, data={} if for_customer else data)
