"""What customers are told of changes of the catalogue: new, dearer, cheaper, on and off."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.db.models import Q

from purveyor.catalog.models import Service, ServiceUpdate, UpdateKind
from purveyor.database import as_json, hot_cursor, load_sql
from purveyor.outbox.announcing import Event, announce

_SQL: Final = load_sql(__file__, "updates.sql")
LARGEST_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Shown:
    """What the public price list tells of a service."""

    rate: Decimal
    """The list price; own rates and discounts of customers are nobody else's business."""
    enabled: bool


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """A service before and after an edit. There is nothing before a new one."""

    service_id: int
    before: Shown | None
    after: Shown


def note_changes(changes: Iterable[ServiceChange]) -> None:
    """Tell customers of edits of services, in the transaction that makes them; whoever edits calls this.

    What nobody could order before nor after is not told.
    """
    told = [
        (change.service_id, kind, None if change.before is None else change.before.rate, change.after.rate)
        for change in changes
        for kind in kinds_of(change.before, change.after)
    ]
    if not told:
        return
    rows = [
        {"place": place, "service_id": service_id, "kind": kind, "old_rate": old, "new_rate": new}
        for place, (service_id, kind, old, new) in enumerate(told)
    ]
    with hot_cursor() as cursor:
        cursor.execute(_SQL["write"].encode(), {"updates": as_json(rows)})
    announce(
        [
            Event(
                kind="service.changed",
                about=f"service:{service_id}",
                data={"change": kind, "old_rate": old, "new_rate": new},
            )
            for service_id, kind, old, new in told
        ]
    )


def kinds_of(before: Shown | None, after: Shown) -> Iterator[UpdateKind]:
    """What an edit is to a customer who reads the price list."""
    if before is None or not before.enabled:
        if after.enabled:
            yield UpdateKind.NEW if before is None else UpdateKind.ENABLED
    elif not after.enabled:
        yield UpdateKind.DISABLED
    elif after.rate != before.rate:
        yield UpdateKind.INCREASED if after.rate > before.rate else UpdateKind.DECREASED


def newest(
    *, number: int, kind: UpdateKind | None = None, search: str = "", before_id: int = LARGEST_ID
) -> list[ServiceUpdate]:
    """The newest updates, at most `number`, of one kind or all, older than the update `before_id`.

    `search` is a part of a service's name, or its id. Services of hidden categories are left out. The rows
    come with service and category.
    """
    updates = ServiceUpdate.objects.filter(pk__lt=before_id, service__category__enabled=True)
    if kind is not None:
        updates = updates.filter(kind=kind)
    if search:
        named = Q(name__icontains=search)
        if search.isdecimal() and int(search) <= LARGEST_ID:
            named |= Q(pk=int(search))
        # Found first and by themselves: then the updates of a few services are read by their index.
        updates = updates.filter(
            service_id__in=list(Service.objects.filter(named).values_list("pk", flat=True))
        )
    return list(updates.select_related("service__category").order_by("-pk")[:number])
