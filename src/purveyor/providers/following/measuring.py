"""Measuring how long services and routes take, from the latest orders that were completed.

Each is looked at every few minutes, but measured only when something of it has ended since.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

from django.db import transaction

from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.database import as_json, fetch_all, hot_cursor, load_sql
from purveyor.orders.times import Delivery, average_time, percentile

_SQL: Final = load_sql(__file__, "measuring.sql")

MOST_MEASURED: Final = 200
"""Orders that the percentiles of one service or route are from: the latest."""
MOST_AT_ONCE: Final = 100
"""Services or routes per round."""
MOST_ADOPTED: Final = 2000
LOOK_EVERY_SECONDS: Final = 300
OVERLAP_SECONDS: Final = 60
"""By which news reaches back before the last look: longer than a transaction lasts."""
IDLE_SECONDS: Final = 15.0


@transaction.atomic
def measure_services() -> int:
    """Measure the services whose turn it is, as far as there is news; returns how many were looked at."""
    looked_at, ids = _claim("services")
    if ids:
        by_service = _deliveries("services", ids)
        _write("services", [{"average": _average(rows), **_summary(rows, id)} for id, rows in by_service])
    return looked_at


@transaction.atomic
def measure_routes() -> int:
    """Measure the routes whose turn it is, as far as there is news; returns how many were looked at."""
    looked_at, ids = _claim("routes")
    if ids:
        _write("routes", [_summary(rows, id) for id, rows in _deliveries("routes", ids)])
    return looked_at


def _claim(what: str) -> tuple[int, list[int]]:
    """How many are due, and which of them have news."""
    rows = _due(what, MOST_AT_ONCE)
    # All of them are gone through for it, so not in every round of many.
    if len(rows) < MOST_AT_ONCE and _adopt(what):
        rows += _due(what, MOST_AT_ONCE - len(rows))
    return len(rows), [row.id for row in rows if row.has_news]


def _due(what: str, limit: int) -> list[Any]:
    parameters = {"limit": limit, "every": LOOK_EVERY_SECONDS, "overlap": OVERLAP_SECONDS}
    return fetch_all(_SQL[f"claim_{what}"], parameters)


def _adopt(what: str) -> int:
    """How many will be measured from now on, because they are new."""
    with hot_cursor() as cursor:
        return cursor.execute(_SQL[f"adopt_{what}"].encode(), {"limit": MOST_ADOPTED}).rowcount


def _deliveries(what: str, ids: Sequence[int]) -> Iterable[tuple[int, list[Any]]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in fetch_all(_SQL[f"deliveries_of_{what}"], {"ids": list(ids), "most": MOST_MEASURED}):
        found[row.id].append(row)
    return [(id, found[id]) for id in ids]


def _average(rows: Sequence[Any]) -> float | None:
    deliveries = [
        Delivery(
            took=row.finished_after,
            quantity=row.quantity,
            is_package=FORMS[OrderType(row.type)].is_package,
        )
        for row in rows
    ]
    return _seconds(average_time(deliveries))


def _summary(rows: Sequence[Any], measured_id: int) -> dict[str, object]:
    started = [row.started_after for row in rows if row.started_after is not None]
    finished = [row.finished_after for row in rows]
    return {
        "id": measured_id,
        "start_p50": _seconds(percentile(started, 0.5)),
        "start_p90": _seconds(percentile(started, 0.9)),
        "finish_p50": _seconds(percentile(finished, 0.5)),
        "finish_p90": _seconds(percentile(finished, 0.9)),
        "measured": len(rows),
    }


def _seconds(time: timedelta | None) -> float | None:
    return None if time is None else time.total_seconds()


def _write(what: str, told: Sequence[dict[str, object]]) -> None:
    with hot_cursor() as cursor:
        cursor.execute(_SQL[f"write_{what}"].encode(), {"told": as_json(told)})
