"""What the customers of orders can ask for now or later, of many orders in one query: for lists of orders."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from purveyor import configuration
from purveyor.catalog.models import FinishRest
from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.database import fetch_all, id_array, load_sql
from purveyor.orders.eligibility import (
    Eligibility,
    cancel_eligibility,
    finish_eligibility,
    refill_eligibility,
)

_SQL: Final = load_sql(__file__, "askable.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Askable:
    """What can be asked for of one order."""

    refill: Eligibility
    cancel: Eligibility
    finish: Eligibility
    """Whether its rest can be given to another provider; that one takes it is not said."""


def what_can_be_asked(order_ids: Iterable[int]) -> dict[int, Askable]:
    """What can be asked for of each of these orders at this moment; unknown orders are left out."""
    return {row.id: _askable(row) for row in fetch_all(_SQL["facts"], {"ids": id_array(order_ids)})}


def _askable(row: Any) -> Askable:
    return Askable(
        refill=refill_eligibility(
            offered=row.refill,
            days=row.refill_days,
            kind=row.kind,
            status=row.status,
            completed_at=row.status_at,
            last_asked_at=row.last_asked_at,
            is_running=row.is_running,
            now=timezone.now(),
            wait=timedelta(hours=configuration.current().refill_wait_hours),
        ),
        cancel=cancel_eligibility(
            offered=row.cancel,
            status=row.status,
            already_asked=row.cancel_asked,
            ordered_at=row.created_at,
        ),
        finish=finish_eligibility(
            offered=row.finish_rest != FinishRest.NEVER,
            divisible=FORMS[OrderType(row.type)].is_divisible,
            kind=row.kind,
            is_part=row.parent_id is not None,
            status=row.status,
            remains=row.remains,
            ended_at=row.status_at,
        ),
    )
