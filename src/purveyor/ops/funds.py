"""For how long our balances with providers last, as an operator reads it on the command line."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from django.utils import timezone

from purveyor.ops import provider_lines
from purveyor.ops.terminal import in_one_line
from purveyor.ops.trouble import Trouble
from purveyor.orders.durations import in_words
from purveyor.providers.models import BalanceForecast, ProviderKind
from purveyor.providers.standing import balances
from purveyor.providers.standing.balances import HeldForFunds
from purveyor.providers.standing.forecast import Limits

MOST_HOURS: Final = 10_000
MOST_AMOUNT: Final = 10**12


def lines() -> Iterator[str]:
    """Each provider: balance, spending, until when it lasts, and what held orders need."""
    held = balances.held_for_funds()
    nothing = True
    # Nobody asks a desk how much money of ours it has.
    providers = BalanceForecast.objects.filter(provider__kind=ProviderKind.API).select_related("provider")
    for forecast in providers.order_by("provider__name"):
        nothing = False
        provider = forecast.provider
        low = "  LOW" if forecast.low_since else ""
        yield f"{in_one_line(provider.name)}: {_expected(forecast)}{low}"
        waiting = held.get(provider.pk, HeldForFunds())
        if waiting.orders:
            missing = waiting.needed - (forecast.balance or Decimal(0))
            told = f"{_amount(missing)} more than is there" if missing > 0 else "and are refused all the same"
            yield (
                f"    {waiting.orders} held for want of funds: they need {_amount(waiting.needed)} "
                f"{provider.currency}, {told}"
            )
    if nothing:
        yield "No provider was looked at yet; a worker does so every other minute."


def set_limits(name: str, *, hours: Decimal | None, amount: Decimal | None) -> str:
    """Set from when on the balance with a provider is low, and say so. Raises `Trouble`."""
    provider = provider_lines.find(name)
    if not (_is_sane(hours, MOST_HOURS) and _is_sane(amount, MOST_AMOUNT)):
        raise Trouble(f"a limit is between 0 and {MOST_HOURS} hours, or {MOST_AMOUNT} {provider.currency}")
    balances.set_limits(provider=provider, limits=Limits(hours=hours, amount=amount))
    limits = [f"it lasts for less than {hours} h"] if hours is not None else []
    limits += [f"it is below {amount} {provider.currency}"] if amount is not None else []
    return (
        f"The balance with {provider.name} is low when {' or '.join(limits) or 'an order is refused for it'}"
    )


def _expected(forecast: BalanceForecast) -> str:
    provider = forecast.provider
    if forecast.balance is None or provider.balance_at is None:
        return "it never told a balance"
    spending = f"{_amount(forecast.per_hour)} an hour"
    if forecast.empty_at is None:
        lasts = "no end in sight"
    elif forecast.empty_at <= timezone.now():
        lasts = "empty"
    else:
        lasts = f"empty in {in_words(forecast.empty_at - timezone.now())}"
    return (
        f"{_amount(forecast.balance)} {provider.currency} (told {provider.balance_at:%Y-%m-%d %H:%M} UTC), "
        f"{spending}, {lasts}"
    )


def _is_sane(limit: Decimal | None, most: int) -> bool:
    return limit is None or (limit.is_finite() and 0 <= limit <= most)


def _amount(amount: Decimal) -> str:
    return f"{amount.quantize(Decimal('0.01')):f}"
