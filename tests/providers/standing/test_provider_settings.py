"""What a person may set of a provider, and what is refused with nothing changed."""

from decimal import Decimal
from typing import Any

import pytest

from purveyor.money.models import WalletKind
from purveyor.providers.models import Provider
from purveyor.providers.standing.provider_settings import (
    SETTINGS,
    ProviderSettingError,
    change_provider,
    create_provider,
)
from purveyor.providers.standing.standing import standings
from purveyor.providers.testing import make_provider

pytestmark = pytest.mark.django_db
URL = "https://panel.example.com/api/v2"


def test_a_provider_is_made_with_its_wallet() -> None:
    made = create_provider(
        name="Upstream", url=f" {URL} ", key="a-key\n", currency="EUR", fx_rate=Decimal("1.1")
    )
    assert (made.url, made.key, made.currency, made.fx_rate) == (URL, "a-key", "EUR", Decimal("1.1"))
    assert (made.wallet.kind, made.wallet.name) == (WalletKind.PROVIDER, "Upstream")
    assert standings()[made.pk].sendable
    with pytest.raises(ProviderSettingError, match="already"):
        create_provider(name="Upstream", url=URL, key="another")


CHANGES: dict[str, Any] = {
    "url": "http://panel:8000/api/v1",
    "key": "new",
    "currency": "EUR",
    "fx_rate": Decimal("1.25"),
    "top_up_bonus_percent": Decimal(10),
    "fee_percent": Decimal("2.5"),
    "enabled": False,
    "method": "get",
    "field_names": {"key": "token"},
    "action_names": {"services": "packages"},
    "extra_fields": {"lang": "en"},
    "user_agent": "Purveyor/1",
    "timeout_seconds": 10,
    "services_timeout_seconds": 120,
    "parallel_calls": 3,
    "calls_per_minute": 90,
    "status_calls_per_minute": None,
    "allow_private_address": False,
    "takes_idempotency_key": True,
}


def test_every_setting_can_be_changed_and_reaches_the_worker() -> None:
    assert set(CHANGES) == SETTINGS
    provider = make_provider(status_calls_per_minute=60)
    change_provider(provider, CHANGES)
    stored = Provider.objects.values(*CHANGES).get()
    assert stored == CHANGES
    now = standings()[provider.pk]
    assert (now.access.url, now.access.key, now.sendable) == (CHANGES["url"], "new", False)
    assert (now.access.dialect.method, now.access.dialect.field_names) == ("get", {"key": "token"})
    assert (now.calls_per_minute, now.status_calls_per_minute, now.parallel_calls) == (90, None, 3)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"url": "panel.example.com"}, "no address"),
        ({"url": "ftp://panel.example.com"}, "no address"),
        ({"url": "https://"}, "no address"),
        ({"url": "https://panel.example.com:0/"}, "no address"),
        ({"url": "https://panel.example.com:port/"}, "no address"),
        ({"url": "https://me:secret@panel.example.com/"}, "user name"),
        ({"url": f"{URL}#there"}, "after #"),
        ({"url": f"{URL}?key=a-key-of-a-test"}, "must not hold the key"),
        ({"url": URL + "x" * 500}, "longer than 500"),
        ({"key": " "}, "key is empty"),
        ({"key": "ключ"}, "printable ASCII"),
        ({"key": "x" * 501}, "at most 500"),
        ({"currency": "usd"}, "three capital letters"),
        ({"fx_rate": Decimal(0)}, "above 0"),
        ({"fx_rate": Decimal("NaN")}, "fx rate"),
        ({"top_up_bonus_percent": Decimal(-1)}, "from 0 to 100"),
        ({"fee_percent": Decimal(101)}, "from 0 to 100"),
        ({"timeout_seconds": 0}, "from 1 to 600"),
        ({"parallel_calls": 0}, "from 1 to 1000"),
        ({"calls_per_minute": 1}, "from 2 to 100000"),
        ({"status_calls_per_minute": 0}, "from 1 to 100000"),
        ({"method": "put"}, "put"),
        ({"field_names": {"link": "quantity"}}, "both 'link' and 'quantity'"),
        ({"user_agent": "a\nb"}, "printable"),
        ({"balance": 5}, "no setting"),
    ],
)
def test_what_cannot_be_meant_changes_nothing(change: dict[str, Any], why: str) -> None:
    provider = make_provider()
    before = Provider.objects.values().get()
    with pytest.raises(ProviderSettingError, match=why):
        change_provider(provider, {"enabled": False, **change})
    assert Provider.objects.values().get() == before
