"""Promising when orders will be complete."""

from collections.abc import Iterable
from typing import Final

from django.db import transaction

from purveyor.catalog.models import Service
from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.database import as_json, fetch_all, hot_cursor, id_array, load_sql
from purveyor.orders.models import PastPromise, ServicePromise
from purveyor.orders.promises import promised_until
from purveyor.orders.queue import Round

_SQL: Final = load_sql(__file__, "promising.sql")

QUEUED_LONG_SECONDS: Final = 60
"""After which an order counts as waiting in the queue: most are handed over, and promised, long before."""


def note_promises(order_ids: Iterable[int]) -> None:
    """Write down until when these orders are promised, as far as anything is promised of their services.

    In the transaction that accepts their hand-over or leaves its outcome unknown. The placing of orders knows
    nothing of promises.
    """
    rows = fetch_all(_SQL["promised"], {"ids": id_array(order_ids)})
    if not rows:
        return
    promises = [
        {
            "order_id": row.id,
            "promised_until": promised_until(
                ordered_at=row.ordered_at,
                quantity=row.quantity,
                minutes=row.minutes,
                per_thousand=row.per_thousand,
                is_package=FORMS[OrderType(row.type)].is_package,
            ),
        }
        for row in rows
    ]
    with hot_cursor() as cursor:
        cursor.execute(_SQL["write"].encode(), {"promises": as_json(promises)})


@transaction.atomic
def note_promises_of_waiting(waiting: Round, *, limit: int) -> int:
    """The same of orders that wait, held or in the queue, and so were never accepted; returns how many.

    They are looked for in the next part of the round.
    """
    parameters = {"limit": limit, "queued_for": QUEUED_LONG_SECONDS}
    found = fetch_all(_SQL["waiting_without"], parameters | waiting.next_part(of="waiting"))
    if found:
        note_promises(row.id for row in found)
    return len(found)


def set_promise(*, service: Service, minutes: int, per_thousand: bool, past: PastPromise) -> None:
    """Promise orders of a service from now on; what happens past it holds for earlier orders as well."""
    ServicePromise.objects.update_or_create(
        service=service, defaults={"minutes": minutes, "per_thousand": per_thousand, "past": past}
    )


def clear_promise(*, service: Service) -> bool:
    """Promise nothing of a service any more, also of orders under way; False where nothing was promised."""
    return bool(ServicePromise.objects.filter(service=service).delete()[0])
