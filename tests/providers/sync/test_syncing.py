"""A provider's list read again: kept as it is, and what differs becomes a change set."""

from decimal import Decimal

import pytest
from django.utils import timezone

from purveyor.providers.models import ProviderService
from purveyor.providers.protocol.replies import Answer
from purveyor.providers.sync.importing import ImportTrouble
from purveyor.providers.sync.syncing import keep_balance, keep_services, sync_provider
from purveyor.providers.testing import make_provider
from purveyor.simulator.behaviours import Behaviour, Fault
from purveyor.simulator.testing import TEST_KEY, Simulator
from tests.providers.lists import keep, row, told

pytestmark = pytest.mark.django_db


def test_the_providers_services_follow_its_list_at_once() -> None:
    provider = make_provider()
    keep(provider, row(1), row(2), row(3))
    synced = keep(provider, row(1), row(2, rate="1.10", max=50, refill=False), row(4))
    assert (synced.listed, synced.added, synced.changed, synced.gone) == (3, 1, 1, 1)
    rows = {item.external_id: item for item in ProviderService.objects.all()}
    assert (rows["2"].rate, rows["2"].max, rows["2"].refill) == (Decimal("1.10"), 50, False)
    assert rows["3"].gone_at is not None
    assert rows["1"].gone_at is None
    keep(provider, row(3))
    assert ProviderService.objects.get(external_id="3").gone_at is None


def test_the_same_catalogue_again_is_no_change() -> None:
    provider = make_provider()
    keep(provider, row(1, rate="0.123456789"))
    synced = keep_services(provider_id=provider.pk, answer=told(row(1, rate="0.123456789")))
    assert (synced.added, synced.changed, synced.gone) == (0, 0, 0)


@pytest.mark.parametrize(
    "answer",
    [
        told(),
        Answer(200, b'{"error":"Invalid API key"}'),
        Answer(200, b"<html>"),
        Answer(500, b"[]"),
        Answer(200, b'[{"name":"no id"}]'),
    ],
)
def test_an_answer_without_services_removes_none(answer: Answer) -> None:
    provider = make_provider()
    keep(provider, row(1))
    with pytest.raises(ImportTrouble):
        keep_services(provider_id=provider.pk, answer=answer)
    assert ProviderService.objects.get().gone_at is None


def test_the_balance_is_noted_with_its_currency() -> None:
    provider = make_provider()
    keep_balance(
        provider_id=provider.pk, answer=Answer(200, b'{"balance":"1,234.567890123","currency":"eur"}')
    )
    provider.refresh_from_db()
    assert (provider.balance, provider.currency) == (Decimal("1234.56789012"), "EUR")
    keep_balance(provider_id=provider.pk, answer=Answer(200, b"<html>"))
    provider.refresh_from_db()
    assert provider.balance == Decimal("1234.56789012")


def test_a_provider_that_does_not_answer_is_one_clear_line(simulator: Simulator) -> None:
    with pytest.raises(ImportTrouble, match="does not answer"):
        sync_provider(make_provider())
    provider = make_provider(simulator.url, key="a wrong key")
    with pytest.raises(ImportTrouble, match="Invalid API key"):
        sync_provider(provider)
    simulator.script.always("services", Behaviour(fault=Fault.HTML_PAGE))
    with pytest.raises(ImportTrouble):
        sync_provider(make_provider(simulator.url, key=TEST_KEY))


def test_an_import_ends_the_doubt_about_prices_and_forgets_it_where_the_list_has_changed() -> None:
    provider = make_provider()
    keep(provider, row(1), row(2))
    doubted_at = timezone.now()
    ProviderService.objects.update(price_in_doubt=True, price_doubted_at=doubted_at)
    keep(provider, row(1, rate="1.17"), row(2))
    dearer, same = ProviderService.objects.order_by("external_id")
    assert (dearer.price_in_doubt, dearer.price_doubted_at) == (False, None)
    assert (same.price_in_doubt, same.price_doubted_at) == (False, doubted_at)
