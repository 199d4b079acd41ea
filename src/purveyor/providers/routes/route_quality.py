"""Measuring how well routes work, from our own orders: what `scoring` makes a score of.

Measured are the latest ended hand-overs of a route within a month, and those since the first of them that
brought no definite answer. Every route is looked at every few minutes, but measured only when there is news.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.catalog.prices import PER_THOUSAND
from purveyor.database import as_json, fetch_all, hot_cursor, load_sql
from purveyor.orders.models import Status
from purveyor.providers.costs.margin import Terms, charge_drift
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.words import order_status
from purveyor.providers.routes.scoring import Quality, score

_SQL: Final = load_sql(__file__, "route_quality.sql")

MOST_MEASURED: Final = 200
"""Ended hand-overs that a route is measured from: the latest."""
WINDOW_DAYS: Final = 30
MOST_AT_ONCE: Final = 20
"""Routes per round."""
MOST_ADOPTED: Final = 2000
MEASURE_EVERY_SECONDS: Final = 600
STALE_SECONDS: Final = 24 * 3600
"""Without news a route is measured again all the same: what it did a month ago counts no more."""
OVERLAP_SECONDS: Final = 60
IDLE_SECONDS: Final = 15.0
DOWN: Final = (RefusalClass.NOT_SENT, RefusalClass.NOT_PLACED, RefusalClass.RATE)
"""Refusals that show that a provider could not be reached, or was too busy for us."""
_STOPPED: Final = (Status.CANCELED, Status.PARTIAL)
_HUNDRED: Final = 100.0


@transaction.atomic
def measure_quality() -> int:
    """Measure the routes whose turn it is, as far as there is news; returns how many were looked at."""
    claimed = _claim(MOST_AT_ONCE)
    # All routes are gone through for it, so not in every round of many.
    if len(claimed) < MOST_AT_ONCE and _adopt():
        claimed += _claim(MOST_AT_ONCE - len(claimed))
    if routes := [row.route_id for row in claimed if row.has_news]:
        _measure(routes)
    return len(claimed)


def _claim(limit: int) -> list[Any]:
    claim = {
        "limit": limit,
        "every": MEASURE_EVERY_SECONDS,
        "stale": STALE_SECONDS,
        "overlap": OVERLAP_SECONDS,
    }
    return fetch_all(_SQL["claim"], claim)


def _adopt() -> int:
    """Routes that will be measured from now on, because they are new."""
    with hot_cursor() as cursor:
        return cursor.execute(_SQL["adopt"].encode(), {"limit": MOST_ADOPTED}).rowcount


def _measure(routes: Sequence[int]) -> None:
    ended: dict[int, list[Any]] = defaultdict(list)
    window = {"routes": list(routes), "days": WINDOW_DAYS, "most": MOST_MEASURED}
    for row in fetch_all(_SQL["ended"], window):
        ended[row.route_id].append(row)
    since = [{"route_id": route, "since": _since(ended[route])} for route in routes]
    down = [refusal.value for refusal in DOWN]
    parameters = {"since": as_json(since), "most": MOST_MEASURED, "down": down}
    troubled = {row.route_id: row.number for row in fetch_all(_SQL["troubled"], parameters)}
    told = []
    for route in routes:
        quality = quality_of(ended[route], troubled=troubled.get(route, 0))
        told.append({"route_id": route, "score": score(quality), **asdict(quality)})
    with hot_cursor() as cursor:
        cursor.execute(_SQL["write"].encode(), {"told": as_json(told)})


def _since(ended: Sequence[Any]) -> datetime:
    """From when on troubles count: the same time that the ended hand-overs are from."""
    if len(ended) < MOST_MEASURED:
        return timezone.now() - timedelta(days=WINDOW_DAYS)
    first: datetime = min(row.created_at for row in ended)
    return first


def quality_of(ended: Sequence[Any], *, troubled: int) -> Quality:
    """What a route's hand-overs tell of it: those that ended, and how many brought no definite answer.

    A cancel that somebody asked for is nobody's fault, whether all or a part was delivered by then: such an
    order counts for nothing but uptime.
    """
    told = [(row, order_status(row.provider_status)) for row in ended if row.quantity > 0]
    told = [(row, status) for row, status in told if not (row.cancel_asked and status in _STOPPED)]
    completed = [row for row, status in told if status is Status.COMPLETED and row.ended_after is not None]
    refills = sum(row.refills_done + row.refills_rejected for row in ended)
    answered = sum(not row.was_unknown for row in ended)  # the others are among the troubled
    return Quality(
        orders=answered + troubled,
        start_seconds=_median([row.started_after for row, _ in told if row.started_after is not None]),
        finish_seconds_per_1000=_median([_per_thousand(row) for row in completed]),
        partial_percent=_percent(sum(status is Status.PARTIAL for _, status in told), of=len(told)),
        cancel_percent=_percent(sum(status is Status.CANCELED for _, status in told), of=len(told)),
        refill_success_percent=_percent(sum(row.refills_done for row in ended), of=refills),
        cost_drift_percent=_drift_percent([row for row in completed if row.provider_charge is not None]),
        uptime_percent=_percent(answered, of=answered + troubled),
    )


def _median(found: Sequence[float]) -> float | None:
    return max(median(found), 0.0) if found else None


def _percent(part: int, *, of: int) -> float | None:
    return _HUNDRED * part / of if of else None


def _per_thousand(row: Any) -> float:
    """Seconds to completion, scaled to a quantity of 1000; a package is told as it is."""
    seconds = float(row.ended_after)
    is_package = FORMS[OrderType(row.type)].is_package
    return seconds if is_package else seconds * int(PER_THOUSAND) / int(row.quantity)


def _drift_percent(charged: Sequence[Any]) -> float | None:
    """By how much the provider charged more than its list said, in all; never less than nothing."""
    expected = sum((row.expected_cost for row in charged), Decimal(0))
    if not expected:
        return None
    drift = sum((_drift(row) for row in charged), Decimal(0))
    return float(max(drift / expected, Decimal(0))) * _HUNDRED


def _drift(row: Any) -> Decimal:
    terms = Terms(
        fx_rate=row.fx_rate, top_up_bonus_percent=row.top_up_bonus_percent, fee_percent=row.fee_percent
    )
    return charge_drift(row.provider_charge, terms=terms, expected=(row.expected_cost,))
