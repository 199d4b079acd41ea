"""Watching our balances with providers: when each will be empty, and an event when one becomes low."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models.functions import Now

from purveyor.catalog.order_types import FORMS
from purveyor.database import as_json, fetch_all, hot_cursor, load_sql
from purveyor.money.models import LEDGER_UNIT
from purveyor.outbox.announcing import Event, announce
from purveyor.providers.models import BalanceForecast, Provider
from purveyor.providers.standing.forecast import Forecast, Limits, Spending, forecast, is_low
from purveyor.providers.standing.holds import Hold

_SQL: Final = load_sql(__file__, "balances.sql")
_PACKAGES: Final = [order_type.value for order_type, form in FORMS.items() if form.is_package]
_log = structlog.get_logger(__name__)

MOST_AT_ONCE: Final = 50
LOOK_EVERY_SECONDS: Final = 120
IDLE_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldForFunds:
    """Orders that wait for a top-up."""

    orders: int = 0
    needed: Decimal = Decimal(0)
    """To release them all, in the provider's currency, by its list."""


@transaction.atomic
def watch_balances() -> int:
    """Forecast the balances whose turn it is, and tell once of each that becomes low; returns how many."""
    with hot_cursor() as cursor:
        cursor.execute(_SQL["adopt"].encode())
    claim = {"limit": MOST_AT_ONCE, "every": LOOK_EVERY_SECONDS, "reason": Hold.OUT_OF_FUNDS.value}
    rows = fetch_all(_SQL["claim"], claim)
    if not rows:
        return 0
    providers = [row.provider_id for row in rows]
    spent = {row.provider_id: row for row in fetch_all(_SQL["spending"], {"providers": providers})}
    expected = [(row, _forecast(row, spent[row.provider_id])) for row in rows]
    low = {row.provider_id for row, made in expected if _is_low(row, made)}
    _write(expected, low)
    _tell([(row, made) for row, made in expected if row.provider_id in low and not row.was_low])
    return len(rows)


def held_for_funds() -> Mapping[int, HeldForFunds]:
    """The orders that are held because their provider is out of funds, by provider."""
    parameters = {"reason": Hold.OUT_OF_FUNDS.value, "packages": _PACKAGES}
    return {
        row.provider_id: HeldForFunds(orders=row.orders, needed=row.needed.quantize(LEDGER_UNIT))
        for row in fetch_all(_SQL["held_for_funds"], parameters)
    }


def set_limits(*, provider: Provider, limits: Limits) -> None:
    """Say from when on the balance with a provider is low; it is looked at again soon."""
    BalanceForecast.objects.update_or_create(
        provider=provider,
        defaults={"low_hours": limits.hours, "low_amount": limits.amount, "next_look_at": Now()},
    )


def _forecast(row: Any, spent: Any) -> Forecast | None:
    """What becomes of a balance; None when the provider never told it."""
    if row.balance is None:
        return None
    return forecast(
        told=row.balance,
        spent_since=spent.since_told,
        spending=Spending(
            last_hour=spent.last_hour, last_six_hours=spent.last_six_hours, last_day=spent.last_day
        ),
    )


def _is_low(row: Any, made: Forecast | None) -> bool:
    """Whether a balance is low; one that did not pay for an order is, whatever the provider tells of it."""
    limits = Limits(hours=row.low_hours, amount=row.low_amount)
    return row.out_of_funds or (made is not None and is_low(made, limits=limits, was_low=row.was_low))


def _write(expected: Sequence[tuple[Any, Forecast | None]], low: set[int]) -> None:
    told = [
        {
            "provider_id": row.provider_id,
            "balance": made and made.balance.quantize(LEDGER_UNIT),
            "per_hour": made.per_hour.quantize(LEDGER_UNIT) if made else 0,
            "empty_after": None if made is None else _seconds(made.empty_in),
            "is_low": row.provider_id in low,
        }
        for row, made in expected
    ]
    with hot_cursor() as cursor:
        cursor.execute(_SQL["write"].encode(), {"told": as_json(told)})


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()


def _tell(fallen: Sequence[tuple[Any, Forecast | None]]) -> None:
    if not fallen:
        return
    held = held_for_funds()
    for row, made in fallen:
        _log.warning(
            "provider_balance_low",
            provider_id=row.provider_id,
            balance=None if made is None else str(made.balance),
            empty_in=None if made is None else str(made.empty_in),
        )
    announce(
        [
            Event(
                kind="provider.low_balance",
                about=f"provider:{row.provider_id}",
                data={
                    "provider": row.name,
                    "currency": row.currency,
                    "balance": made and made.balance.quantize(LEDGER_UNIT),
                    "per_hour": made and made.per_hour.quantize(LEDGER_UNIT),
                    "empty_in_seconds": None if made is None else _seconds(made.empty_in),
                    "held_orders": held.get(row.provider_id, HeldForFunds()).orders,
                    "held_orders_need": held.get(row.provider_id, HeldForFunds()).needed,
                },
            )
            for row, made in fallen
        ]
    )
