"""Hand-overs of unknown outcome, as whoever looks into them needs them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.catalog.prices import charge
from purveyor.database import fetch_all, id_array, load_sql
from purveyor.providers.outcomes.evidence import Unsettled
from purveyor.providers.standing.standing import Standing

_SQL: Final = load_sql(__file__, "cases.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A hand-over of unknown outcome that is to be looked into."""

    fulfilment_id: int
    provider: Standing
    request: Mapping[str, str]
    unsettled: Unsettled
    age: timedelta
    as_cheap: bool
    """Whether the provider still sells it at the rate of the hand-over, or below."""
    is_wanted: bool
    """Whether its customer has not asked to cancel it, and nobody else has delivered it meanwhile."""


def cases(fulfilment_ids: Collection[int], providers: Mapping[int, Standing]) -> list[Case]:
    """Those of these hand-overs that are unknown, as they stand now, in order of id."""
    return [
        Case(
            fulfilment_id=row.id,
            provider=providers[row.provider_id],
            request=row.request,
            unsettled=Unsettled(
                sent_at=row.sent_at,
                over_at=row.over_at,
                lease_until=row.lease_until,
                quantity=row.quantity,
                charge=expected_charge(row),
            ),
            age=row.age,
            as_cheap=row.as_cheap,
            is_wanted=row.is_wanted,
        )
        for row in fetch_all(_SQL["cases"], {"ids": id_array(fulfilment_ids)})
    ]


def expected_charge(row: Any) -> Decimal:
    """What the provider should have charged for a hand-over, in its currency."""
    is_package = FORMS[OrderType(row.type)].is_package
    return charge(unit_price=row.provider_rate, quantity=row.quantity, is_package=is_package)
