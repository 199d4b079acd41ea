"""Providers as an operator sees them on the command line."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final

from django.db.models import Max
from django.utils import timezone

from purveyor.ops.terminal import in_one_line
from purveyor.ops.trouble import Trouble
from purveyor.orders.durations import in_words
from purveyor.providers.models import Attempt, Fulfilment, Provider, ProviderKind
from purveyor.providers.standing.standing import Standing, access_of, standings

SHOWN_CHARACTERS: Final = 400
REACH: Final = 20_000
"""Exchanges of the whole panel among which those of a provider are looked for, the last ones first."""


def find(name: str) -> Provider:
    """Return the panel that is called so. Raises `Trouble` where there is none."""
    found = Provider.objects.filter(name=name).first()
    if found is None:
        raise Trouble(f"there is no provider {name!r}: `purveyor provider list` shows their names")
    if found.kind == ProviderKind.MANUAL:
        raise Trouble(f"{name} is a desk: `purveyor desk` has its commands")
    return found


def lines() -> Iterator[str]:
    """Describe every provider: name and address, then balance and state."""
    standing = standings()
    now = timezone.now()
    nothing = True
    for provider in Provider.objects.select_related("balance_forecast").order_by("name"):
        nothing = False
        if provider.kind == ProviderKind.MANUAL:
            yield f"{provider.name}  a desk: people deliver"
            yield f"    {'takes orders' if provider.enabled else 'switched off'}"
            continue
        yield f"{provider.name}  {provider.url}"
        yield f"    {_balance(provider, now)}; {_state(provider, standing[provider.pk], now)}"
    if nothing:
        yield "There is no provider yet: `purveyor provider add` makes one."


def _balance(provider: Provider, now: datetime) -> str:
    if provider.balance is None or provider.balance_at is None:
        return f"balance unknown, in {provider.currency}"
    forecast = getattr(provider, "balance_forecast", None)
    empty = ""
    if forecast is not None and forecast.empty_at is not None and forecast.empty_at > now:
        empty = f", empty in about {in_words(forecast.empty_at - now)}"
    told = f"{_amount(provider.balance)} {provider.currency}"
    return f"balance {told} at {provider.balance_at:%Y-%m-%d %H:%M} UTC{empty}"


def _state(provider: Provider, standing: Standing, now: datetime) -> str:
    """Whether orders go to it, and why not; how often calls in a row had no usable answer."""
    if not provider.enabled:
        state = "switched off"
    elif provider.key == provider.refused_key:
        state = "not called: it refuses the key (set a new one, or `purveyor provider use-again`)"
    elif standing.sendable:
        state = "takes orders"
    else:
        ends = [moment for moment in (provider.paused_until, provider.silent_until) if moment]
        until = f" until {max(ends):%H:%M:%S} UTC" if ends and max(ends) > now else ""
        state = f"waits{until}: {standing.hold_reason}"
    return f"{state}; {provider.troubles} troubles in a row" if provider.troubles else state


def exchanges(*, provider: Provider | None, order_id: int | None, last: int) -> Iterator[str]:
    """Describe the last exchanges about orders, newest first, without any key."""
    found = Attempt.objects.select_related("fulfilment__provider").order_by("-pk")
    if order_id is not None:
        found = found.filter(fulfilment__order_id=order_id)
    else:
        newest = Attempt.objects.aggregate(newest=Max("pk"))["newest"] or 0
        found = found.filter(pk__gt=newest - REACH)
    if provider is not None:
        found = found.filter(fulfilment__provider=provider)
    nothing = True
    for attempt in found[:last]:
        nothing = False
        yield from _exchange(attempt, attempt.fulfilment)
    if nothing:
        yield "No exchange about an order is kept."


def _exchange(attempt: Attempt, fulfilment: Fulfilment) -> Iterator[str]:
    access = access_of(fulfilment.provider)

    def shown(text: str) -> str:
        return in_one_line(access.without_key(text))[:SHOWN_CHARACTERS]

    yield (
        f"{attempt.created_at:%Y-%m-%d %H:%M:%S} UTC  order {fulfilment.order_id}  {fulfilment.provider}  "
        f"{attempt.outcome}"
    )
    if attempt.request is None:
        yield "    what was said is forgotten"
        return
    yield f"    > {shown(' '.join(f'{name}={value}' for name, value in attempt.request.items()))}"
    status = "no HTTP status" if attempt.http_status is None else f"HTTP {attempt.http_status}"
    yield f"    < {status}  {shown(attempt.response)}".rstrip()


def _amount(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
