"""A provider's catalogue as ours: what is kept, what is sold, and what is passed over."""

from decimal import Decimal
from typing import Any

import pytest

from purveyor.catalog.models import Category, Service, ServiceUpdate
from purveyor.catalog.order_types import OrderType
from purveyor.providers.models import ImportedService, Provider, ProviderService, Rounding, Route
from purveyor.providers.sync.effects import rule_of
from purveyor.providers.sync.importing import Choice, ImportTrouble, import_services, preview
from purveyor.providers.sync.offers import order_type_named
from purveyor.providers.sync.pricing import PricingRule
from purveyor.providers.sync.syncing import sync_provider
from purveyor.providers.testing import make_provider
from purveyor.simulator.testing import TEST_KEY, Simulator
from tests.providers.lists import keep, row

pytestmark = pytest.mark.django_db

MARKUP = Decimal(20)


def sell(provider: Provider, markup: Decimal = MARKUP, **chosen: Any) -> int:
    choice = Choice(pricing=PricingRule(markup_percent=markup), **chosen)
    return len(import_services(provider=provider, choice=choice))


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


@pytest.mark.parametrize("order_type", list(OrderType))
def test_types_are_known_by_every_spelling(order_type: OrderType) -> None:
    identifier = order_type.value.lower().replace(" ", "_")
    assert order_type_named(order_type.value) is order_type
    assert order_type_named(identifier) is order_type
    assert order_type_named(f" {order_type.value.upper()} ") is order_type


def test_categories_and_services_are_chosen_and_go_where_they_are_told() -> None:
    provider = make_provider()
    keep(provider, row(1), row(2, category="Polls"), row(3, category="Polls"), row(4, category="Quizzes"))
    Category.objects.create(name="Ours", position=7)
    assert sell(provider, categories=["Polls"], services=["1"], into="Ours") == 3
    assert list(Service.objects.order_by("position").values_list("name", "category__name")) == [
        (f"Survey answers {number}", "Ours") for number in (1, 2, 3)
    ]
    assert sell(provider, services=["4"], into="New") == 1
    assert Category.objects.get(services__name="Survey answers 4").position == 8


def test_a_choice_of_what_is_not_listed_makes_nothing() -> None:
    provider = make_provider()
    keep(provider, row(1), row(2))
    keep(provider, row(1))
    with pytest.raises(ImportTrouble, match="does not list Polls, 2, 9"):
        sell(provider, categories=["Polls"], services=["9", "1", "2"])
    assert not Service.objects.exists()


def test_a_preview_tells_what_is_made_and_what_is_passed_over_and_writes_nothing() -> None:
    provider = make_provider(fx_rate=Decimal(2), top_up_bonus_percent=Decimal(25), fee_percent=Decimal(5))
    keep(provider, row(1))
    sell(provider)
    keep(provider, row(1), row(2, rate="1"), row(3, type="Riddle"), row(4, rate="0"), row(5, min=0))
    pricing = PricingRule(markup_percent=MARKUP, fixed=Decimal("0.01"), step=Decimal("0.05"))
    found = preview(provider=provider, choice=Choice(pricing=pricing))
    assert [(item.offer.external_id, item.skipped) for item in found] == [
        ("1", "exists"),
        ("2", ""),
        ("3", "unknown type"),
        ("4", "price"),
        ("5", "limits"),
    ]
    assert (found[1].cost, found[1].rate, found[1].category) == (Decimal("1.68"), Decimal("2.05"), "Surveys")
    assert Service.objects.count() == 1
    import_services(provider=provider, choice=Choice(pricing=pricing))
    assert Service.objects.latest("pk").rate == Decimal("2.05")


def test_the_rule_of_the_price_is_remembered_with_each_service() -> None:
    provider = make_provider()
    keep(provider, row(1))
    rule = PricingRule(
        markup_percent=Decimal("12.5"),
        fixed=Decimal("0.30"),
        step=Decimal("0.25"),
        rounding=Rounding.NEAREST,
        below_cost=True,
    )
    import_services(provider=provider, choice=Choice(pricing=rule))
    imported = ImportedService.objects.get()
    assert rule_of(imported) == rule
    assert imported.rate == imported.service.rate == Decimal("1.25")


def test_new_services_are_told_to_customers() -> None:
    provider = make_provider()
    keep(provider, row(1))
    sell(provider)
    update = ServiceUpdate.objects.get()
    assert (update.kind, update.old_rate, update.new_rate) == ("new", None, Decimal("1.08"))


def test_an_import_that_fails_half_way_makes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError

    provider = make_provider()
    keep(provider, row(1))
    monkeypatch.setattr("purveyor.providers.sync.importing.note_changes", fail)
    with pytest.raises(RuntimeError):
        sell(provider)
    assert not Service.objects.exists()
    assert not Category.objects.exists()
