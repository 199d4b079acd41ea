"""What becomes of our services by itself when a provider's list changes."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from purveyor.catalog.models import Category, Service, ServiceUpdate
from purveyor.catalog.testing import make_service
from purveyor.providers.models import (
    Change,
    ChangeDecision,
    ChangeKind,
    ChangeSet,
    Provider,
    ProviderService,
    Route,
    ServiceEdit,
    Verdict,
)
from purveyor.providers.sync.change_rules import set_rule
from purveyor.providers.sync.changing import Decided, apply_changes, ignore_changes, roll_back
from purveyor.providers.testing import make_provider
from tests.providers.lists import keep, row, sell, states

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider() -> Provider:
    return make_provider()


def sold(provider: Provider, *rows: dict[str, Any]) -> Service:
    """Services of ours made of this list; returns the first."""
    keep(provider, *rows)
    return sell(provider)[0]


def always(provider: Provider, kind: ChangeKind, verdict: Verdict) -> None:
    set_rule(provider=provider, kind=kind, verdict=verdict)


def after(service: Service) -> Service:
    service.refresh_from_db()
    return service


def test_the_first_list_and_an_unchanged_one_make_no_change_set(provider: Provider) -> None:
    assert keep(provider, row(1)).change_set is None
    assert keep(provider, row(1)).change_set is None
    assert ChangeSet.objects.count() == 0


def test_a_dearer_service_costs_more_at_once_by_the_rule_it_was_priced_by(provider: Provider) -> None:
    service = sold(provider, row(1, rate="0.90"), row(2, rate="0.90"))
    keep(provider, row(1, rate="1.17"), row(2, rate="0.90"))
    assert after(service).rate == Decimal("1.404")
    assert Service.objects.exclude(pk=service.pk).get().rate == Decimal("1.08")
    assert states() == [("dearer", "applied")]
    change = Change.objects.get()
    assert (change.before, change.after) == ({"rate": "0.9"}, {"rate": "1.17"})
    assert change.decision is not None
    assert (change.decision.actor, change.decision.changes) == ("rule", 1)
    edit = ServiceEdit.objects.get()
    assert (edit.field, edit.before, edit.after, edit.over_hand) == ("rate", "1.08", "1.404", False)


def test_a_cheaper_service_waits(provider: Provider) -> None:
    service = sold(provider, row(1))
    keep(provider, row(1, rate="0.50"))
    assert after(service).rate == Decimal("1.08")
    assert states() == [("cheaper", "waiting")]
    assert ServiceEdit.objects.count() == ServiceUpdate.objects.exclude(kind="new").count() == 0


def test_a_price_that_a_person_set_waits_for_a_person(provider: Provider) -> None:
    service = sold(provider, row(1))
    Service.objects.update(rate="2.50")
    keep(provider, row(1, rate="3"))
    assert after(service).rate == Decimal("2.50")
    assert states() == [("dearer", "waiting")]


def test_a_fall_after_a_rise_that_was_not_followed_is_a_rise_of_ours(provider: Provider) -> None:
    service = sold(provider, row(1, rate="1"))
    always(provider, ChangeKind.DEARER, Verdict.IGNORE)
    keep(provider, row(1, rate="3"))
    always(provider, ChangeKind.DEARER, Verdict.APPLY)
    always(provider, ChangeKind.CHEAPER, Verdict.IGNORE)
    keep(provider, row(1, rate="2"))
    assert after(service).rate == Decimal("2.4")
    assert states() == [("dearer", "ignored"), ("cheaper", "applied")]


def test_a_rise_within_one_step_of_rounding_changes_nothing_of_ours(provider: Provider) -> None:
    keep(provider, row(1, rate="0.90"))
    (service,) = sell(provider, step="0.5")
    keep(provider, row(1, rate="0.95"))
    assert after(service).rate == Decimal("1.5")
    assert states() == [("dearer", "noted")]


@pytest.mark.parametrize("decision", [apply_changes, ignore_changes, roll_back])
def test_decimals_that_jitter_leave_what_waits_and_what_was_decided(
    provider: Provider, decision: Callable[..., Decided]
) -> None:
    keep(provider, row(1), row(2))
    service, _ = sell(provider, step="0.01")
    always(provider, ChangeKind.CHEAPER, Verdict.WAIT)
    keep(provider, row(1, rate="0.4999"), row(2, rate="3"))
    first, updates = ChangeSet.objects.get(), ServiceUpdate.objects.count()
    for told in ("0.49990", "0.49990001", "0.4995"):
        keep(provider, row(1, rate=told), row(2, rate="3.0"))
    assert states() == [
        ("cheaper", "waiting"),
        ("dearer", "applied"),
        ("dearer", "noted"),
        ("cheaper", "noted"),
    ]
    assert ServiceUpdate.objects.count() == updates
    decided = decision(change_set=first.pk, actor="somebody")
    assert decided.left == []
    before = states()
    keep(provider, row(1, rate="0.49990001"), row(2, rate="3"))
    assert states() == [*before, ("dearer", "noted")]
    assert after(service).rate == (Decimal("0.6") if decision is apply_changes else Decimal("1.08"))


def test_a_price_by_which_none_is_meant_waits(provider: Provider) -> None:
    service = sold(provider, row(1))
    keep(provider, row(1, rate="999999999999"))
    assert after(service).rate == Decimal("1.08")
    assert states() == [("dearer", "waiting")]


@pytest.mark.parametrize(
    ("listed", "ours", "become"),
    [
        ({"min": 20}, {}, (20, 1000)),
        ({"max": 5000}, {}, (10, 5000)),
        ({"min": 2000, "max": 5000}, {}, (2000, 5000)),
        ({"min": 1, "max": 5}, {}, (1, 5)),
        ({"max": "99999999999"}, {}, (10, 2**31 - 1)),
        ({"min": 20}, {"min": 100}, (100, 1000)),
        ({"min": 200}, {"min": 100}, (200, 1000)),
        ({"max": 500}, {"max": 400}, (10, 400)),
        ({"max": 300}, {"max": 400}, (10, 300)),
        ({"min": 2000, "max": 5000}, {"max": 400}, (2000, 5000)),
    ],
)
def test_limits_follow_and_limits_of_ours_stay_as_far_as_they_can(
    provider: Provider, listed: dict[str, Any], ours: dict[str, int], become: tuple[int, int]
) -> None:
    service = sold(provider, row(1))
    Service.objects.update(**ours)
    keep(provider, row(1, **listed))
    assert (after(service).min, service.max) == become


@pytest.mark.parametrize("listed", [{"min": 0}, {"min": None}, {"max": 5}, {"min": 6000, "max": 5000}])
def test_limits_that_make_no_sense_wait(provider: Provider, listed: dict[str, Any]) -> None:
    service = sold(provider, row(1))
    keep(provider, row(1, **listed))
    assert (after(service).min, service.max) == (10, 1000)
    assert {state for _, state in states()} == {"waiting"}


def test_packages_have_no_limits_to_follow(provider: Provider) -> None:
    service = sold(provider, row(1, type="Package", min=1, max=1))
    keep(provider, row(1, type="Package", min=1000, max=1000))
    assert (after(service).min, service.max) == (1, 1)
    assert states() == [("min", "noted"), ("max", "noted")]


def test_flags_follow(provider: Provider) -> None:
    service = sold(provider, row(1))
    keep(provider, row(1, refill=False, cancel=True, dripfeed=True))
    assert (after(service).refill, service.cancel, service.dripfeed) == (False, True, True)
    assert states() == [("refill", "applied"), ("cancel", "applied"), ("dripfeed", "applied")]


def test_texts_wait_and_where_they_may_they_replace_what_the_provider_wrote_only(provider: Provider) -> None:
    service = sold(provider, row(1))
    keep(provider, row(1, name="Buy at panel.example", description="cheap"))
    assert (after(service).name, service.description) == ("Survey answers 1", "")
    assert states() == [("renamed", "waiting"), ("description", "waiting")]
    always(provider, ChangeKind.RENAMED, Verdict.APPLY)
    Service.objects.update(name="Buy at panel.example")
    keep(provider, row(1, name="Answers", description="cheap"))
    assert after(service).name == "Answers"
    Service.objects.update(name="Ours")
    keep(provider, row(1, name="More answers", description="cheap"))
    assert after(service).name == "Ours"
    assert states()[-1] == ("renamed", "noted")


def test_a_category_stays_unless_a_rule_says_otherwise(provider: Provider) -> None:
    service = sold(provider, row(1))
    keep(provider, row(1, category="Polls"))
    assert after(service).category.name == "Surveys"
    assert states() == [("category", "ignored")]
    always(provider, ChangeKind.CATEGORY, Verdict.APPLY)
    Category.objects.update(name="Polls")
    keep(provider, row(1, category="Quizzes"))
    assert after(service).category.name == "Quizzes"
    assert Category.objects.count() == 2


def test_a_service_that_is_gone_is_switched_off_and_on_again_when_it_is_back(provider: Provider) -> None:
    service = sold(provider, row(1), row(2), row(3))
    keep(provider, row(2), row(3))
    assert not after(service).enabled
    keep(provider, row(1, rate="1"), row(2), row(3))
    assert after(service).enabled
    assert service.rate == Decimal("1.2")
    assert states() == [("gone", "applied"), ("back", "applied"), ("dearer", "applied")]
    told = ServiceUpdate.objects.filter(service=service).order_by("pk").values_list("kind", "new_rate")
    assert list(told) == [
        ("new", Decimal("1.08")),
        ("disabled", Decimal("1.08")),
        ("enabled", Decimal("1.2")),
    ]


def test_what_a_person_switched_off_stays_off(provider: Provider) -> None:
    service = sold(provider, row(1), row(2), row(3))
    Service.objects.filter(pk=service.pk).update(enabled=False)
    keep(provider, row(2), row(3))
    keep(provider, row(1), row(2), row(3))
    assert not after(service).enabled
    assert states() == [("gone", "noted"), ("back", "noted")]


def test_a_service_with_another_route_stays_on(provider: Provider) -> None:
    service = sold(provider, row(1), row(2), row(3))
    Route.objects.create(
        service=service, provider_service=ProviderService.objects.get(external_id="2"), position=1
    )
    keep(provider, row(2), row(3))
    assert after(service).enabled
    keep(provider, row(3), row(4))
    assert not after(service).enabled


def test_services_that_a_person_routed_follow_in_nothing_but_being_there(provider: Provider) -> None:
    keep(provider, row(1), row(2), row(3))
    service = make_service(rate="9")
    Route.objects.create(service=service, provider_service=ProviderService.objects.get(external_id="1"))
    keep(provider, row(1, rate="50", min=20, refill=False, name="Other"), row(2), row(3))
    assert {state for _, state in states()} == {"noted"}
    keep(provider, row(2), row(3))
    assert not after(service).enabled
    assert (service.rate, service.min) == (Decimal(9), 1)


def test_another_order_type_switches_off_and_waits_and_never_changes_ours(provider: Provider) -> None:
    service = sold(provider, row(1))
    keep(provider, row(1, type="Package"))
    assert (after(service).enabled, service.type) == (False, "Default")
    assert states() == [("type", "waiting")]
    assert len(sell(provider)) == 2, "the offer can be imported as what it is now"
    keep(provider, row(1))
    assert states() == [("type", "overtaken"), ("type", "waiting")]
    assert not after(service).enabled


def test_what_comes_back_as_another_type_stays_off(provider: Provider) -> None:
    service = sold(provider, row(1), row(2), row(3))
    keep(provider, row(2), row(3))
    keep(provider, row(1, type="Poll"), row(2), row(3))
    assert not after(service).enabled


def test_a_list_that_lost_more_than_half_waits_altogether(provider: Provider) -> None:
    keep(provider, *(row(number) for number in range(1, 6)))
    services = sell(provider)
    keep(provider, row(1, rate="5"), row(2))
    assert ChangeSet.objects.get().shrunk
    assert {state for _, state in states()} == {"waiting"}
    assert all(after(service).enabled for service in services)
    assert ProviderService.objects.filter(gone_at=None).count() == 2, (
        "nothing is sent where nothing is listed"
    )
    keep(provider, *(row(number) for number in range(1, 6)))
    assert {state for _, state in states()} == {"overtaken", "noted"}


def test_a_list_that_lost_half_does_not(provider: Provider) -> None:
    keep(provider, *(row(number) for number in range(1, 5)))
    sell(provider)
    keep(provider, row(1), row(2))
    assert not ChangeSet.objects.get().shrunk
    assert Service.objects.filter(enabled=True).count() == 2


def test_a_list_renumbered_throughout_waits(provider: Provider) -> None:
    sold(provider, row(1), row(2))
    keep(provider, row(11), row(12))
    assert ChangeSet.objects.get().shrunk
    assert Service.objects.filter(enabled=True).count() == 2


def test_new_services_wait_until_they_are_imported(provider: Provider) -> None:
    sold(provider, row(1))
    keep(provider, row(1), row(2), row(3))
    assert states() == [("new", "waiting"), ("new", "waiting")]
    sell(provider, services=["3"])
    assert states() == [("new", "waiting"), ("new", "applied")]


def test_what_nothing_of_ours_hangs_on_is_only_noted(provider: Provider) -> None:
    keep(provider, row(1), row(2))
    keep(provider, row(1, rate="5"))
    assert states() == [("dearer", "noted"), ("gone", "noted")]
    assert ChangeDecision.objects.count() == 0
