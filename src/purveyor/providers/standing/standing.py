"""How a provider stands: whether orders go to it, whether it is called at all, and what changes that.

A *pause* stops new orders, *silence* stops every call, a refused key stops both until it is changed. After a
setback the next calls go out one by one until one of them is answered well.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from purveyor.database import fetch_all, id_array, load_sql
from purveyor.providers.announcing import announce_paused, announce_recovered
from purveyor.providers.costs.margin import Terms
from purveyor.providers.metrics import SETBACKS
from purveyor.providers.models import Method, Provider, ProviderKind
from purveyor.providers.protocol.client import Access
from purveyor.providers.protocol.dialect import USER_AGENT, Dialect
from purveyor.providers.standing.holds import Hold

_SQL: Final = load_sql(__file__, "standing.sql")
_log = structlog.get_logger(__name__)

ONE_BY_ONE_FROM: Final = 3
"""Troubles in a row from which a provider is called one by one. Single mishaps slow nothing down."""

FUNDS_PAUSE_SECONDS: Final = 180
FIRST_SILENCE_SECONDS: Final = 5
LONGEST_SILENCE_SECONDS: Final = 600


class Setback(Enum):
    """What went wrong with a provider as a whole, and the reason its orders are held for."""

    OUT_OF_FUNDS = Hold.OUT_OF_FUNDS
    KEY_REFUSED = Hold.KEY_REFUSED
    UNREACHABLE = Hold.UNREACHABLE
    NO_USABLE_ANSWER = Hold.NO_USABLE_ANSWER
    SLOW_DOWN = Hold.SLOW_DOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A provider as the worker needs it, at one moment of the database's clock."""

    id: int
    name: str
    access: Access
    wallet_id: int
    currency: str
    terms: Terms
    """Of buying from it."""
    parallel_calls: int
    calls_per_minute: int | None
    """Of every kind; None is no limit."""
    status_calls_per_minute: int | None
    troubles: int
    sendable: bool
    """Whether orders go to it."""
    callable: bool
    """Whether it is called at all: also for orders that it already has. A desk never is."""
    by_hand: bool
    """Whether it is a desk, where people deliver."""
    paused_reason: str
    takes_idempotency_key: bool
    """Whether the same `add` under the same key is the same order."""

    @property
    def one_by_one(self) -> bool:
        """Whether it has to prove itself before it is called in parallel again."""
        return self.troubles >= ONE_BY_ONE_FROM

    @property
    def hold_reason(self) -> str:
        """Why orders wait for it; empty when they do not."""
        return "" if self.sendable else self.paused_reason or Hold.SWITCHED_OFF


def standings() -> dict[int, Standing]:
    """Every provider as it stands now."""
    return {row.id: _standing(row) for row in fetch_all(_SQL["standings"])}


def access_of(row: Any) -> Access:
    """How to reach a provider, of its row or model."""
    return Access(
        url=row.url,
        key=row.key,
        timeout_seconds=row.timeout_seconds,
        services_timeout_seconds=row.services_timeout_seconds,
        allow_private_address=row.allow_private_address,
        dialect=Dialect(
            method=Method(row.method),
            field_names=row.field_names,
            action_names=row.action_names,
            extra_fields=row.extra_fields,
            user_agent=row.user_agent or USER_AGENT,
        ),
    )


def _standing(row: Any) -> Standing:
    return Standing(
        id=row.id,
        name=row.name,
        access=access_of(row),
        wallet_id=row.wallet_id,
        currency=row.currency,
        terms=Terms(
            fx_rate=row.fx_rate, top_up_bonus_percent=row.top_up_bonus_percent, fee_percent=row.fee_percent
        ),
        parallel_calls=row.parallel_calls,
        calls_per_minute=row.calls_per_minute,
        status_calls_per_minute=row.status_calls_per_minute,
        troubles=row.troubles,
        sendable=row.sendable,
        callable=row.callable,
        by_hand=row.kind == ProviderKind.MANUAL,
        paused_reason=row.paused_reason,
        takes_idempotency_key=row.takes_idempotency_key,
    )


@transaction.atomic
def note_setback(*, provider_id: int, key: str, setback: Setback, text: str = "") -> None:
    """Let a provider's standing suffer from a call that failed, which was made with this `key`.

    Calls that were under way together fail together and count once: a provider that is silent or paused
    already is left as it is. That a key was refused says nothing about another one that took its place.
    """
    (row,) = fetch_all(_SQL["lock_standing"], {"provider": provider_id})
    if row.key_refused or row.silent or (setback is Setback.OUT_OF_FUNDS and row.paused):
        return
    if setback is Setback.KEY_REFUSED and row.key != key:
        return
    troubles = row.troubles + 1
    if setback is not Setback.NO_USABLE_ANSWER:
        troubles = max(troubles, ONE_BY_ONE_FROM)
    changes: dict[str, Any] = {"troubles": troubles}
    if setback is Setback.KEY_REFUSED:
        # Guessing on would get our address blocked (protocol §9). A changed key lifts this by itself.
        changes |= {"refused_key": F("key"), "paused_reason": setback.value.value}
    elif setback is Setback.OUT_OF_FUNDS:
        until = Now() + timedelta(seconds=FUNDS_PAUSE_SECONDS)
        changes |= {"paused_until": until, "paused_reason": setback.value.value}
    elif troubles >= ONE_BY_ONE_FROM:
        until = Now() + silence(troubles=troubles)
        changes |= {"paused_until": until, "silent_until": until, "paused_reason": setback.value.value}
    Provider.objects.filter(pk=provider_id).update(**changes)
    # Told at its beginning: a provider that fails again after each pause is still paused for the same reason.
    if "paused_reason" in changes and row.paused_reason != changes["paused_reason"]:
        announce_paused(provider_id=provider_id, name=row.name, reason=changes["paused_reason"], text=text)
    SETBACKS.labels(setback=setback.name.lower()).inc()
    _log.warning("provider_setback", provider_id=provider_id, setback=setback.name.lower(), text=text)


def silence(*, troubles: int) -> timedelta:
    """How long a provider is left alone after so many troubles in a row: doubling to a limit."""
    doublings = min(max(troubles - ONE_BY_ONE_FROM, 0), 10)
    return timedelta(seconds=min(FIRST_SILENCE_SECONDS * 2**doublings, LONGEST_SILENCE_SECONDS))


@transaction.atomic
def note_success(provider_ids: Iterable[int]) -> None:
    """Forget the troubles of providers that took an order, unless a pause has begun meanwhile."""
    _use(fetch_all(_SQL["recovered"], {"providers": id_array(provider_ids)}))


@transaction.atomic
def use_again(*, provider: Provider) -> None:
    """Let a provider be called again at once: a person has topped it up, or settled the matter."""
    _use(fetch_all(_SQL["to_use_again"], {"provider": provider.pk}))
    Provider.objects.filter(pk=provider.pk).update(refused_key="", next_sync_at=Now())


def _use(rows: Iterable[Any]) -> None:
    """End what keeps these providers, whose rows are held, from being called."""
    found = list(rows)
    Provider.objects.filter(pk__in=[row.id for row in found]).update(
        troubles=0, paused_reason="", paused_until=None, silent_until=None
    )
    announce_recovered([(row.id, row.name) for row in found if row.paused_reason])
