"""Drip-feeds: one charge, released run by run (protocol §3.3)."""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from purveyor.catalog.prices import charge
from purveyor.money.models import House, TransferKind
from purveyor.money.moving import Movement, move
from purveyor.orders.announcing import MoneyBack, announce_money
from purveyor.orders.following import finish_parents
from purveyor.orders.models import DripFeed, EventKind, Order, OrderEvent, Source
from purveyor.orders.placing import place
from purveyor.orders.requests import PartRequest, Placed

MOST_RUNS_AT_ONCE: Final = 100


def release_due(limit: int = MOST_RUNS_AT_ONCE) -> int:
    """Place the runs whose time has come, at most one of each drip-feed, and return how many were placed."""
    with transaction.atomic():
        due = list(
            DripFeed.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
            .filter(next_run_at__lte=timezone.now())
            .select_related("order")
            .order_by("next_run_at")[:limit]
        )
        answers = place([_run(drip_feed) for drip_feed in due])
        for drip_feed, answer in zip(due, answers, strict=True):
            if isinstance(answer, Placed):
                _schedule_next(drip_feed)
    return sum(isinstance(answer, Placed) for answer in answers)


def stop_runs(order_id: int) -> None:
    """Release no further run of a drip-feed, whose row the caller holds, and refund the rest."""
    drip_feed = DripFeed.objects.get(pk=order_id)
    order = Order.objects.select_related("customer").get(pk=order_id)
    if drip_feed.next_run_at is None:
        return
    drip_feed.next_run_at = None
    drip_feed.save(update_fields=["next_run_at"])
    released = order.children.aggregate(total=Sum("charge", default=Decimal(0)))["total"]
    unused = order.charge - released
    if unused:
        refund = Movement(
            kind=TransferKind.REFUND,
            cause_id=order_id,
            source_id=House.REVENUE,
            destination_id=order.customer.wallet_id,
            amount=unused,
            part=1,
        )
        move([refund])
        announce_money([MoneyBack(movement=refund, customer_id=order.customer_id, refunded=unused)])
        Order.objects.filter(pk=order_id).update(refunded=unused)
        OrderEvent.objects.create(order_id=order_id, kind=EventKind.REFUND, data={"amount": str(unused)})
    finish_parents({order_id})


def _run(drip_feed: DripFeed) -> PartRequest:
    order = drip_feed.order
    return PartRequest(
        parent_id=order.pk,
        part=drip_feed.runs_released + 1,
        customer_id=order.customer_id,
        service_id=order.service_id,
        source=Source.DRIP_FEED,
        link=order.link,
        link_key=order.link_key,
        quantity=drip_feed.quantity_per_run,
        fields=order.fields,
        unit_price=order.unit_price,
        price_rule=order.price_rule,
        service_version=order.service_version,
        charge=charge(unit_price=order.unit_price, quantity=drip_feed.quantity_per_run, is_package=False),
        paid_by_parent=True,
    )


def _schedule_next(drip_feed: DripFeed) -> None:
    drip_feed.runs_released += 1
    finished = drip_feed.runs_released == drip_feed.runs
    # Counted from now: after an outage, the runs that were missed do not all start at once.
    next_run_at = timezone.now() + timedelta(minutes=drip_feed.interval_minutes)
    drip_feed.next_run_at = None if finished else next_run_at
    drip_feed.save(update_fields=["runs_released", "next_run_at"])
