"""Our terms with a provider changed: rates follow its cost by the same rules as they follow its list."""

from decimal import Decimal
from typing import Any

import pytest

from purveyor.catalog.models import Service, ServiceUpdate
from purveyor.catalog.testing import make_service
from purveyor.providers.models import (
    Change,
    ChangeKind,
    ChangeSet,
    Provider,
    ProviderService,
    Route,
    ServiceEdit,
    Verdict,
)
from purveyor.providers.standing.provider_settings import ProviderSettingError
from purveyor.providers.sync.change_rules import set_rule
from purveyor.providers.sync.changing import apply_changes, roll_back
from purveyor.providers.sync.repricing import change_and_reprice
from purveyor.providers.testing import make_provider
from tests.committed import committed
from tests.providers.lists import keep, row, sell, states
from tests.racing import Second, until_somebody_waits

pytestmark = pytest.mark.django_db

ACTOR = "somebody"
LIST = [row(1, rate="1"), row(2, rate="2"), row(3, rate="3")]


@pytest.fixture
def provider() -> Provider:
    """One whose whole list is sold at a markup of 20 %."""
    provider = make_provider()
    keep(provider, *LIST)
    sell(provider)
    return provider


def change(provider: Provider, **terms: str) -> ChangeSet | None:
    return change_and_reprice(provider, {name: Decimal(value) for name, value in terms.items()})


def rates() -> list[Decimal]:
    return list(Service.objects.order_by("pk").values_list("rate", flat=True))


def in_decimals(*amounts: str) -> list[Decimal]:
    return [Decimal(amount) for amount in amounts]


@pytest.mark.parametrize(
    ("terms", "become"),
    [
        ({"fx_rate": "1.5"}, ["1.8", "3.6", "5.4"]),
        ({"fee_percent": "10"}, ["1.32", "2.64", "3.96"]),
        ({"fx_rate": "2", "top_up_bonus_percent": "25", "fee_percent": "10"}, ["2.112", "4.224", "6.336"]),
    ],
)
def test_dearer_terms_raise_every_rate_at_once(
    provider: Provider, terms: dict[str, str], become: list[str]
) -> None:
    change_set = change(provider, **terms)
    assert rates() == in_decimals(*become)
    assert states() == [("dearer", "applied")] * 3
    assert ServiceUpdate.objects.filter(kind="increased").count() == 3
    assert change_set == ChangeSet.objects.get()
    provider.refresh_from_db()
    assert {name: getattr(provider, name) for name in terms} == {
        name: Decimal(value) for name, value in terms.items()
    }


def test_a_change_tells_the_true_cost_and_its_set_which_terms(provider: Provider) -> None:
    change_set = change(provider, fx_rate="1.5", fee_percent="0")
    assert change_set is not None
    assert change_set.terms == {"fx_rate": ["1", "1.5"]}
    told = Change.objects.order_by("pk").values_list("before", "after")
    assert list(told) == [
        ({"cost": "1"}, {"cost": "1.5"}),
        ({"cost": "2"}, {"cost": "3"}),
        ({"cost": "3"}, {"cost": "4.5"}),
    ]


def test_cheaper_terms_wait_and_are_applied_by_a_person(provider: Provider) -> None:
    change_set = change(provider, top_up_bonus_percent="25")
    assert change_set is not None
    assert rates() == in_decimals("1.2", "2.4", "3.6")
    assert states() == [("cheaper", "waiting")] * 3
    assert apply_changes(change_set=change_set.pk, actor=ACTOR).changes == 3
    assert rates() == in_decimals("0.96", "1.92", "2.88")


def test_a_rule_counts_for_terms_as_for_lists(provider: Provider) -> None:
    set_rule(provider=provider, kind=ChangeKind.DEARER, verdict=Verdict.IGNORE)
    change(provider, fx_rate="1.5")
    assert rates() == in_decimals("1.2", "2.4", "3.6")
    assert states() == [("dearer", "ignored")] * 3


def test_a_price_of_a_persons_own_waits_for_a_person(provider: Provider) -> None:
    Service.objects.filter(rate="1.2").update(rate="7")
    change(provider, fx_rate="1.5")
    assert rates() == in_decimals("7", "3.6", "5.4")
    assert states() == [("dearer", "waiting"), ("dearer", "applied"), ("dearer", "applied")]


def test_a_rollback_restores_every_rate_and_leaves_the_terms(provider: Provider) -> None:
    change_set = change(provider, fx_rate="1.5")
    assert change_set is not None
    assert roll_back(change_set=change_set.pk, actor=ACTOR).left == []
    assert rates() == in_decimals("1.2", "2.4", "3.6")
    provider.refresh_from_db()
    assert provider.fx_rate == Decimal("1.5")


def test_terms_overtake_what_waits_of_a_list_and_the_other_way_round(provider: Provider) -> None:
    keep(provider, row(1, rate="0.5"), *LIST[1:])
    change(provider, fx_rate="0.9")
    assert states() == [("cheaper", "overtaken")] + [("cheaper", "waiting")] * 3
    keep(provider, row(1, rate="0.4"), *LIST[1:])
    assert states()[1:] == [("cheaper", "overtaken")] + [("cheaper", "waiting")] * 3
    for change_set in ChangeSet.objects.order_by("pk"):
        apply_changes(change_set=change_set.pk, actor=ACTOR)
    assert rates() == in_decimals("0.432", "2.16", "3.24")


def test_what_is_gone_follows_too_and_customers_are_not_told_before_it_is_back(provider: Provider) -> None:
    keep(provider, *LIST[1:])
    ServiceUpdate.objects.all().delete()
    change(provider, fx_rate="1.5")
    assert rates()[0] == Decimal("1.8")
    assert ServiceUpdate.objects.filter(service__rate="1.8").count() == 0
    keep(provider, *LIST)
    assert ServiceUpdate.objects.get(service__rate="1.8").kind == "enabled"


@pytest.mark.parametrize(
    "settings", [{"parallel_calls": 3}, {"fx_rate": Decimal(1)}, {"url": "http://127.0.0.1:1/other"}]
)
def test_what_moves_no_cost_makes_no_change_set(provider: Provider, settings: dict[str, Any]) -> None:
    assert change_and_reprice(provider, settings) is None
    assert ChangeSet.objects.count() == 0


def test_terms_that_move_no_rate_of_ours_make_no_change_set() -> None:
    provider = make_provider()
    keep(provider, row(1), row(2, rate="999999999999"), row(3))
    sell(provider, step="0.5", services=["1", "2"])
    Route.objects.create(
        service=make_service(rate="9"), provider_service=ProviderService.objects.get(external_id="3")
    )
    assert change(provider, fx_rate="1.1") is None
    assert ChangeSet.objects.count() == ServiceEdit.objects.count() == 0


def test_a_wrong_setting_changes_nothing(provider: Provider) -> None:
    with pytest.raises(ProviderSettingError):
        change(provider, fx_rate="1.5", fee_percent="-1")
    assert rates() == in_decimals("1.2", "2.4", "3.6")
    provider.refresh_from_db()
    assert provider.fx_rate == 1


@committed
def test_a_list_that_is_read_meanwhile_follows_by_the_new_terms() -> None:
    from django.db import transaction

    provider = make_provider()
    keep(provider, *LIST)
    sell(provider)
    with transaction.atomic():
        change(provider, fx_rate="2")
        second = Second(lambda: keep(provider, row(1, rate="3"), *LIST[1:]))
        until_somebody_waits()
    second.finish()
    assert rates() == in_decimals("7.2", "4.8", "7.2")
