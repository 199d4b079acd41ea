"""A provider's catalogue as ours: what is kept, what is sold, and what is passed over."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from purveyor.catalog.models import Category, Service
from purveyor.catalog.order_types import OrderType
from purveyor.providers.importing import (
    ImportTrouble,
    import_services,
    keep_balance,
    keep_services,
    order_type_named,
    sync_provider,
)
from purveyor.providers.models import Provider, ProviderService, Route
from purveyor.providers.replies import Answer
from purveyor.providers.testing import make_provider
from purveyor.simulator.behaviours import Behaviour, Fault
from purveyor.simulator.testing import TEST_KEY, Simulator

pytestmark = pytest.mark.django_db

MARKUP = Decimal(20)


def row(external_id: int = 1, **others: Any) -> dict[str, Any]:
    return {
        "service": external_id,
        "name": f"Survey answers {external_id}",
        "type": "Default",
        "category": "Surveys",
        "rate": "0.90",
        "min": "10",
        "max": "1000",
        "refill": True,
        "cancel": False,
        "dripfeed": False,
    } | others


def told(*rows: object) -> Answer:
    return Answer(200, json.dumps(list(rows)).encode())


def keep(provider: Provider, *rows: object) -> None:
    keep_services(provider_id=provider.pk, answer=told(*rows))


def sell(provider: Provider, markup: Decimal = MARKUP) -> int:
    return import_services(provider=provider, markup_percent=markup)


def test_a_real_catalogue_is_read_and_sold(simulator: Simulator) -> None:
    provider = make_provider(simulator.url, key=TEST_KEY)
    synced = sync_provider(provider)
    assert synced.listed == synced.added == ProviderService.objects.count()
    assert provider.balance == simulator.balance
    assert sell(provider) == synced.listed
    assert set(Service.objects.values_list("type", flat=True)) == {item.value for item in OrderType}
    for route in Route.objects.select_related("service", "provider_service"):
        service, offer = route.service, route.provider_service
        assert service.rate == offer.rate * Decimal("1.2")
        assert (service.name, service.refill, service.cancel) == (offer.name, offer.refill, offer.cancel)
        assert service.category.name == offer.category


def test_importing_again_adds_only_what_is_new_and_changes_nothing_of_ours() -> None:
    provider = make_provider()
    keep(provider, row(1))
    assert sell(provider) == 1
    Service.objects.update(rate="7.77", name="Our own name")
    keep(provider, row(1, rate="5"), row(2))
    assert sell(provider, Decimal(50)) == 1
    assert sell(provider, Decimal(50)) == 0
    ours = Service.objects.order_by("pk")
    assert [(service.name, service.rate) for service in ours] == [
        ("Our own name", Decimal("7.77")),
        ("Survey answers 2", Decimal("1.35")),
    ]
    assert Category.objects.count() == 1


def test_a_sync_follows_the_provider_and_leaves_our_services() -> None:
    provider = make_provider()
    keep(provider, row(1), row(2), row(3))
    sell(provider)
    before = list(Service.objects.order_by("pk").values())
    synced = keep_services(
        provider_id=provider.pk, answer=told(row(1), row(2, rate="1.10", max=50, refill=False), row(4))
    )
    assert (synced.listed, synced.added, synced.changed, synced.gone) == (3, 1, 1, 1)
    rows = {item.external_id: item for item in ProviderService.objects.all()}
    assert (rows["2"].rate, rows["2"].max, rows["2"].refill) == (Decimal("1.10"), 50, False)
    assert rows["3"].gone_at is not None
    assert rows["1"].gone_at is None
    assert list(Service.objects.order_by("pk").values()) == before
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


PASSED_OVER = [
    {"type": "Something Else"},
    {"rate": "0"},
    {"rate": "1000000000000"},
    {"min": "10", "max": "5"},
    {"min": "0"},
    {"min": ""},
    {"max": None},
]


@pytest.mark.parametrize("odd", PASSED_OVER)
def test_rows_that_cannot_be_sold_are_passed_over(odd: dict[str, Any]) -> None:
    provider = make_provider()
    keep(provider, row(1, **odd), row(2))
    assert sell(provider) == 1
    assert Service.objects.get().name == "Survey answers 2"


def test_a_price_that_is_too_high_only_in_our_currency_is_passed_over() -> None:
    provider = make_provider(fx_rate=Decimal(100_000))
    keep(provider, row(1, rate="999999999"), row(2))
    assert sell(provider) == 1
    assert Service.objects.get().name == "Survey answers 2"


def test_odd_rows_that_can_be_sold() -> None:
    provider = make_provider()
    keep(
        provider,
        row(1, type="custom_comments", name="x" * 300, category=""),
        row(2, type="Package", min="1000", max="1000", rate="18.5"),
        row(3, max="99999999999", dripfeed=True),
        row(4, type="Poll", dripfeed=True),
    )
    assert sell(provider) == 4
    comments, package, large, poll = Service.objects.order_by("pk")
    assert (comments.type, len(comments.name), comments.category.name) == ("Custom Comments", 255, "Other")
    assert (package.min, package.max, package.rate) == (1, 1, Decimal("22.2"))
    assert (large.max, large.dripfeed) == (2**31 - 1, True)
    assert poll.dripfeed is False


@pytest.mark.parametrize(
    ("rate", "fx_rate", "markup", "price"),
    [
        ("0.90", "1", "20", "1.08"),
        ("0.90", "1.1", "0", "0.99"),
        ("0.0001", "1", "20", "0.00012"),
        ("0.00001", "1", "1", "0.00002"),
        ("0.00000001", "1", "0", "0.00001"),
    ],
)
def test_prices_are_the_providers_in_our_currency_with_the_markup_rounded_up(
    rate: str, fx_rate: str, markup: str, price: str
) -> None:
    provider = make_provider(fx_rate=Decimal(fx_rate))
    keep(provider, row(1, rate=rate))
    sell(provider, Decimal(markup))
    assert Service.objects.get().rate == Decimal(price)


def test_a_foreign_currency_needs_its_rate_first() -> None:
    provider = make_provider(currency="NGN")
    keep(provider, row(1))
    with pytest.raises(ImportTrouble, match="NGN"):
        sell(provider)
    provider.fx_rate = Decimal("0.00065")
    assert sell(provider) == 1


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


@pytest.mark.parametrize("order_type", list(OrderType))
def test_types_are_known_by_every_spelling(order_type: OrderType) -> None:
    identifier = order_type.value.lower().replace(" ", "_")
    assert order_type_named(order_type.value) is order_type
    assert order_type_named(identifier) is order_type
    assert order_type_named(f" {order_type.value.upper()} ") is order_type


def test_an_import_ends_the_doubt_about_prices_and_forgets_it_where_the_list_has_changed() -> None:
    provider = make_provider()
    keep(provider, row(1), row(2))
    doubted_at = timezone.now()
    ProviderService.objects.update(price_in_doubt=True, price_doubted_at=doubted_at)
    keep(provider, row(1, rate="1.17"), row(2))
    dearer, same = ProviderService.objects.order_by("external_id")
    assert (dearer.price_in_doubt, dearer.price_doubted_at) == (False, None)
    assert (same.price_in_doubt, same.price_doubted_at) == (False, doubted_at)
