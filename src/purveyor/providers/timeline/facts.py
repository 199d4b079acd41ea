"""Everything that is known of one order, read in a fixed number of queries, each by an index."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.money.models import Transfer, TransferKind
from purveyor.orders.models import Order, OrderEvent, Refill
from purveyor.providers.models import Attempt, CancelTask, DeskJob, Fulfilment, HandoverEvidence, RefillTask

MOST_CHILDREN: Final = 100
MOST_EVENTS: Final = 1_000
"""Of one order. A provider whose words alternate for weeks must not make its page endless."""
OF_THE_ORDER: Final = (TransferKind.CHARGE, TransferKind.REFUND, TransferKind.RECHARGE)
"""Transfers with the customer; their cause is the order."""
OF_A_FULFILMENT: Final = (
    TransferKind.PROVIDER_COST,
    TransferKind.PROVIDER_REFUND,
    TransferKind.PROVIDER_RECOST,
)
"""Transfers with a provider; their cause is the fulfilment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of an order, each part in the order in which it came about."""

    order: Order
    """With its service."""
    is_package: bool = False
    """Whether its unit price is per order, not per 1000."""
    events: Sequence[OrderEvent] = ()
    more_events: bool = False
    """Whether there are more than these."""
    transfers: Sequence[Transfer] = ()
    """With the customer."""
    refills: Sequence[Refill] = ()
    children: Sequence[Order] = ()
    """The first orders that a drip-feed or subscription has made."""
    more_children: bool = False
    """Whether there are more than these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanges:
    """What went between the panel and providers about an order; customers are shown none of it."""

    fulfilments: Sequence[Fulfilment] = ()
    """With their providers."""
    attempts: Sequence[Attempt] = ()
    evidence: Sequence[HandoverEvidence] = ()
    costs: Sequence[Transfer] = ()
    refill_tasks: Sequence[RefillTask] = ()
    """With the providers of their fulfilments."""
    cancel_tasks: Sequence[CancelTask] = ()
    """As refill tasks."""
    jobs: Sequence[DeskJob] = ()
    """On desks, with their desks."""


def facts_of(order_id: int) -> Facts | None:
    """What is known of an order; None where there is none of this id."""
    order = Order.objects.select_related("service").filter(pk=order_id).first()
    if order is None:
        return None
    events = list(OrderEvent.objects.filter(order=order).order_by("pk")[: MOST_EVENTS + 1])
    children = list(Order.objects.filter(parent=order).order_by("part")[: MOST_CHILDREN + 1])
    return Facts(
        order=order,
        is_package=FORMS[OrderType(order.service.type)].is_package,
        events=events[:MOST_EVENTS],
        more_events=len(events) > MOST_EVENTS,
        transfers=_transfers(OF_THE_ORDER, [order_id]),
        refills=list(Refill.objects.filter(order=order).order_by("pk")),
        children=children[:MOST_CHILDREN],
        more_children=len(children) > MOST_CHILDREN,
    )


def exchanges_of(order_id: int) -> Exchanges:
    """What went between the panel and providers about an order."""
    fulfilments = list(
        Fulfilment.objects.filter(order_id=order_id).select_related("provider").order_by("number")
    )
    ids = [fulfilment.pk for fulfilment in fulfilments]
    return Exchanges(
        fulfilments=fulfilments,
        attempts=list(Attempt.objects.filter(fulfilment_id__in=ids).order_by("pk")),
        evidence=list(HandoverEvidence.objects.filter(fulfilment_id__in=ids).order_by("at", "pk")),
        costs=_transfers(OF_A_FULFILMENT, ids),
        refill_tasks=list(
            RefillTask.objects.filter(refill__order_id=order_id)
            .select_related("fulfilment__provider")
            .order_by("pk")
        ),
        cancel_tasks=list(
            CancelTask.objects.filter(fulfilment_id__in=ids)
            .select_related("fulfilment__provider")
            .order_by("pk")
        ),
        jobs=list(DeskJob.objects.filter(fulfilment_id__in=ids).select_related("desk").order_by("pk")),
    )


def _transfers(kinds: Sequence[TransferKind], causes: Sequence[int]) -> list[Transfer]:
    """By the unique index on kind and cause."""
    return list(Transfer.objects.filter(kind__in=kinds, cause_id__in=causes).order_by("pk"))
