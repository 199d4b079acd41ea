"""Setting up providers: new ones with their wallets, and every setting that a person may change."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import transaction

from purveyor.money.models import Wallet, WalletKind
from purveyor.providers.models import Provider
from purveyor.providers.protocol.client import Access
from purveyor.providers.protocol.dialect import WrongDialect, check
from purveyor.providers.standing.call_budget import FEWEST_CALLS_PER_MINUTE
from purveyor.providers.standing.standing import access_of

LONGEST_URL_CHARACTERS: Final = 500
LONGEST_KEY_CHARACTERS: Final = 500
LONGEST_TIMEOUT_SECONDS: Final = 600
MOST_PARALLEL_CALLS: Final = 1000
MOST_CALLS_PER_MINUTE: Final = 100_000
SETTINGS: Final = frozenset(
    {
        *("url", "key", "currency", "fx_rate", "top_up_bonus_percent", "fee_percent", "enabled"),
        *("method", "field_names", "action_names", "extra_fields", "user_agent"),
        *("timeout_seconds", "services_timeout_seconds", "parallel_calls"),
        *("calls_per_minute", "status_calls_per_minute", "allow_private_address", "takes_idempotency_key"),
    }
)
"""What `change_provider` takes; all else on its row is found out or follows from that."""
_RANGES: Final = {
    "timeout_seconds": (1, LONGEST_TIMEOUT_SECONDS),
    "services_timeout_seconds": (1, LONGEST_TIMEOUT_SECONDS),
    "parallel_calls": (1, MOST_PARALLEL_CALLS),
    "calls_per_minute": (FEWEST_CALLS_PER_MINUTE, MOST_CALLS_PER_MINUTE),
    "status_calls_per_minute": (1, MOST_CALLS_PER_MINUTE),
    "top_up_bonus_percent": (0, 100),
    "fee_percent": (0, 100),
}
_CHECKED_ELSEWHERE: Final = {field.name for field in Provider._meta.get_fields()} - (
    SETTINGS - {"url", "key"} | {"name"}
)
_CURRENCY_LETTERS: Final = 3


class ProviderSettingError(Exception):
    """A provider cannot be set up so; the text says why."""


@transaction.atomic
def create_provider(*, name: str, url: str, key: str, **settings: Any) -> Provider:
    """Make a provider and the wallet that is our deposit with it. Raises `ProviderSettingError`."""
    if Provider.objects.filter(name=name).exists():
        raise ProviderSettingError(f"there is a provider {name!r} already")
    wallet = Wallet.objects.create(kind=WalletKind.PROVIDER, name=name)
    provider = Provider(name=name, wallet=wallet)
    _set(provider, {"url": url, "key": key, **settings})
    provider.save()
    provider.refresh_from_db()
    return provider


@transaction.atomic
def change_provider(provider: Provider, changes: Mapping[str, Any]) -> Provider:
    """Set what `changes` names, or nothing of it; returns the provider as it is then.

    What is under way goes on as it was begun. Raises `ProviderSettingError`.
    """
    locked = Provider.objects.select_for_update(no_key=True, of=("self",)).get(pk=provider.pk)
    _set(locked, changes)
    locked.save(update_fields=list(changes))
    return locked


def _set(provider: Provider, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if name not in SETTINGS:
            raise ProviderSettingError(f"a provider has no setting {name!r}")
        setattr(provider, name, value.strip() if isinstance(value, str) else value)
    _check_ranges(provider)
    try:
        provider.clean_fields(exclude=_CHECKED_ELSEWHERE)
        check(access_of(provider).dialect)
    except ValidationError as wrong:
        raise ProviderSettingError(_in_words(wrong)) from wrong
    except WrongDialect as wrong:
        raise ProviderSettingError(str(wrong)) from wrong
    _check_address(access_of(provider))
    _check_numbers(provider)


def _check_address(access: Access) -> None:
    if not access.key:
        raise ProviderSettingError("the API key is empty")
    if not (access.key.isascii() and access.key.isprintable() and len(access.key) <= LONGEST_KEY_CHARACTERS):
        raise ProviderSettingError(
            f"the API key must be at most {LONGEST_KEY_CHARACTERS} printable ASCII characters"
        )
    no_address = f"{access.url!r} is no address such as https://panel.example.com/api/v2"
    try:
        parts = urlsplit(access.url)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        raise ProviderSettingError(no_address) from None
    if not port_is_right or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ProviderSettingError(no_address)
    if len(access.url) > LONGEST_URL_CHARACTERS:
        raise ProviderSettingError(f"the address is longer than {LONGEST_URL_CHARACTERS} characters")
    if parts.username is not None or parts.fragment:
        raise ProviderSettingError("the address must not hold a user name or a part after #")
    if access.key in access.url:
        raise ProviderSettingError("the address must not hold the key: it is sent as a field")


def _check_ranges(provider: Provider) -> None:
    for name, (least, most) in _RANGES.items():
        value = getattr(provider, name)
        if value is not None and not least <= value <= most:
            raise ProviderSettingError(
                f"{name.replace('_', ' ')} must be from {least} to {most}, not {value}"
            )


def _check_numbers(provider: Provider) -> None:
    if not provider.fx_rate > 0:
        raise ProviderSettingError(f"the exchange rate must be above 0, not {provider.fx_rate}")
    code = provider.currency
    if not (len(code) == _CURRENCY_LETTERS and code.isascii() and code.isalpha() and code.isupper()):
        raise ProviderSettingError(f"a currency is three capital letters such as USD, not {code!r}")


def _in_words(wrong: ValidationError) -> str:
    return "; ".join(
        f"{name.replace('_', ' ')}: {' '.join(texts)}" for name, texts in wrong.message_dict.items()
    )
