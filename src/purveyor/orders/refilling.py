"""Refills: asked for by the customer, forwarded by whoever fulfils, told by their status (protocol §7.1)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from purveyor import configuration
from purveyor.database import fetch_all, id_array, load_sql
from purveyor.exchanges import fetch_hot
from purveyor.orders.announcing import announce_refill_status, announce_refills
from purveyor.orders.eligibility import refill_eligibility
from purveyor.orders.models import OPEN_REFILLS, EventKind, OrderEvent, Refill, RefillStatus
from purveyor.orders.refusals import IncorrectOrderId, RefillTooSoon, Refusal

_SQL: Final = load_sql(__file__, "refilling.sql")


def request_refills(wanted: Sequence[tuple[int, int]]) -> list[int | Refusal]:
    """Ask for refills of (customer id, order id) pairs; answers each with the refill's id or why not."""
    ids = {"ids": id_array(order_id for _, order_id in wanted)}
    wait = timedelta(hours=configuration.current().refill_wait_hours)
    answers: list[int | Refusal] = []
    asked: set[int] = set()
    created: list[tuple[int, int, int]] = []
    with transaction.atomic():
        orders = {row.id: row for row in fetch_all(_SQL["lock_orders"], ids)}
        last = {row.order_id: row for row in fetch_all(_SQL["last_refills"], ids)}
        for customer_id, order_id in wanted:
            order, before = orders.get(order_id), last.get(order_id)
            if order is None or order.customer_id != customer_id:
                answers.append(IncorrectOrderId())
                continue
            refusal = refill_eligibility(
                offered=order.refill,
                days=order.refill_days,
                kind=order.kind,
                status=order.status,
                completed_at=order.status_at,
                last_asked_at=before.created_at if before else None,
                is_running=before.is_running if before else False,
                now=timezone.now(),
                wait=wait,
            ).refusal
            if refusal is None and order_id in asked:
                refusal = RefillTooSoon()
            if refusal is not None:
                answers.append(refusal)
                continue
            asked.add(order_id)
            refill_id = Refill.objects.create(order_id=order_id).pk
            created.append((refill_id, order_id, customer_id))
            answers.append(refill_id)
        announce_refills(created)
    return answers


def refill_statuses(wanted: Sequence[tuple[int, int]]) -> list[str | None]:
    """The statuses of (customer id, refill id) pairs; somebody else's refill looks absent: None."""
    rows = fetch_hot(_SQL["statuses"], {"ids": id_array(refill_id for _, refill_id in wanted)})
    found = {(row.customer_id, row.id): row.status for row in rows}
    return [found.get(pair) for pair in wanted]


@transaction.atomic
def settle_refill(*, refill_id: int, status: RefillStatus, reason: str = "", actor: str = "") -> bool:
    """Give an open refill its new status; returns False when it had ended before, or has that status.

    `actor` is the person who decided it, where one did.
    """
    refill = (
        Refill.objects.select_for_update(of=("self",), no_key=True)
        .select_related("order")
        .filter(pk=refill_id, status__in=OPEN_REFILLS)
        .exclude(status=status)
        .first()
    )
    if refill is None:
        return False
    Refill.objects.filter(pk=refill_id).update(status=status, reason=reason[:200], status_at=timezone.now())
    OrderEvent.objects.create(
        order_id=refill.order_id,
        kind=EventKind.REFILL,
        data={"refill": refill_id, "status": status.value, "reason": reason}
        | ({"actor": actor} if actor else {}),
    )
    announce_refill_status(
        refill_id=refill_id,
        order_id=refill.order_id,
        customer_id=refill.order.customer_id,
        before=refill.status,
        status=status,
    )
    return True
