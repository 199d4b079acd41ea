"""Changes of providers' lists, applied or ignored by a person."""

from decimal import Decimal

import pytest

from purveyor.catalog.models import Service
from purveyor.providers.models import Change, ChangeDecision, ChangeKind, ChangeSet, Provider, Verdict
from purveyor.providers.sync.change_rules import set_rule
from purveyor.providers.sync.changing import WrongChange, apply_changes, ignore_changes, roll_back
from purveyor.providers.testing import make_provider
from tests.committed import committed
from tests.providers.lists import keep, row, sell, states
from tests.racing import Second, until_somebody_waits

pytestmark = pytest.mark.django_db

ACTOR = "somebody"


@pytest.fixture
def provider() -> Provider:
    return make_provider()


@pytest.fixture
def service(provider: Provider) -> Service:
    """One of three that the provider lists, sold at a markup of 20 %."""
    keep(provider, row(1), row(2), row(3))
    return sell(provider)[0]


def change_set() -> int:
    return ChangeSet.objects.latest("pk").pk


def change(kind: ChangeKind) -> int:
    return Change.objects.filter(kind=kind).latest("pk").pk


def after(service: Service) -> Service:
    service.refresh_from_db()
    return service


def test_a_whole_set_is_applied(provider: Provider, service: Service) -> None:
    keep(provider, row(1, rate="0.50", name="Answers"), row(2, rate="0.60"), row(3))
    decided = apply_changes(change_set=change_set(), actor=ACTOR, reason="a good price")
    assert (decided.changes, decided.left) == (3, [])
    assert (after(service).rate, service.name) == (Decimal("0.6"), "Answers")
    assert {state for _, state in states()} == {"applied"}
    decision = ChangeDecision.objects.get()
    assert (decision.verdict, decision.actor, decision.reason, decision.changes) == (
        "apply",
        ACTOR,
        "a good price",
        3,
    )
    assert apply_changes(change_set=change_set(), actor=ACTOR).changes == 0


def test_a_single_change_is_applied(provider: Provider, service: Service) -> None:
    keep(provider, row(1, rate="0.50", name="Answers"), row(2), row(3))
    assert apply_changes(change=change(ChangeKind.CHEAPER), actor=ACTOR).changes == 1
    assert (after(service).rate, service.name) == (Decimal("0.6"), "Survey answers 1")
    assert states() == [("cheaper", "applied"), ("renamed", "waiting")]


def test_a_price_of_a_persons_own_gives_way_when_a_person_says_so(
    provider: Provider, service: Service
) -> None:
    Service.objects.filter(pk=service.pk).update(rate="7")
    keep(provider, row(1, rate="1"), row(2), row(3))
    assert after(service).rate == 7
    apply_changes(change=change(ChangeKind.DEARER), actor=ACTOR)
    assert after(service).rate == Decimal("1.2")
    keep(provider, row(1, rate="2"), row(2), row(3))
    assert after(service).rate == Decimal("2.4"), "and is followed by itself from then on"


def test_what_is_applied_late_follows_the_list_as_it_is_by_then(provider: Provider, service: Service) -> None:
    keep(provider, row(1, rate="0.50"), row(2), row(3))
    first = change(ChangeKind.CHEAPER)
    keep(provider, row(1, rate="0.40"), row(2), row(3))
    with pytest.raises(WrongChange, match=f"change {first} is overtaken"):
        apply_changes(change=first, actor=ACTOR)
    assert apply_changes(change_set=change_set(), actor=ACTOR).changes == 1
    assert after(service).rate == Decimal("0.48")


def test_a_change_that_was_ignored_may_still_be_applied_unless_a_later_one_came(
    provider: Provider, service: Service
) -> None:
    keep(provider, row(1, rate="0.50"), row(2), row(3))
    first = change(ChangeKind.CHEAPER)
    assert ignore_changes(change_set=change_set(), actor=ACTOR).changes == 1
    assert after(service).rate == Decimal("1.08")
    assert apply_changes(change_set=change_set(), actor=ACTOR).changes == 0, "the set was ignored"
    keep(provider, row(1, rate="0.40"), row(2), row(3))
    decided = apply_changes(change=first, actor=ACTOR)
    assert decided.changes == 0
    assert decided.left == [
        f"change {first} (cheaper of 1): overtaken by {change(ChangeKind.CHEAPER)}",
    ]
    assert after(service).rate == Decimal("1.08")


def test_new_services_and_senseless_values_are_left_and_reported(
    provider: Provider, service: Service
) -> None:
    keep(provider, row(1, rate="999999999999", max=1), row(2), row(3), row(4))
    decided = apply_changes(change_set=change_set(), actor=ACTOR)
    assert decided.changes == 0
    assert [line.partition(": ")[2] for line in decided.left] == [
        "no price is meant by the provider's rate",
        "the provider's limits make no sense",
        "a new service is imported, not applied",
    ]
    assert after(service).rate == Decimal("1.08")
    assert ignore_changes(change_set=change_set(), actor=ACTOR).changes == 3


def test_ignoring_another_type_takes_the_precaution_back(provider: Provider, service: Service) -> None:
    keep(provider, row(1, type="Poll"), row(2), row(3))
    assert not after(service).enabled
    assert ignore_changes(change_set=change_set(), actor=ACTOR).changes == 1
    assert after(service).enabled
    assert states() == [("type", "ignored")]


def test_a_type_that_is_as_it_was_switches_on_when_a_person_says_so(
    provider: Provider, service: Service
) -> None:
    keep(provider, row(1, type="Poll"), row(2), row(3))
    keep(provider, row(1), row(2), row(3))
    apply_changes(change_set=change_set(), actor=ACTOR)
    assert after(service).enabled


def test_a_shrunken_list_is_applied_by_a_person(provider: Provider, service: Service) -> None:
    keep(provider, row(3))
    assert after(service).enabled
    assert apply_changes(change_set=change_set(), actor=ACTOR, reason="they said so").changes == 2
    assert not after(service).enabled


@pytest.mark.parametrize("decide", [apply_changes, ignore_changes, roll_back])
def test_what_is_not_there_is_said(decide: object) -> None:
    for what in ({"change": 404}, {"change_set": 404}):
        with pytest.raises(WrongChange, match="404"):
            decide(actor=ACTOR, **what)  # type: ignore[operator]


@committed
def test_a_sync_waits_for_a_person_who_decides() -> None:
    from django.db import transaction

    provider = make_provider()
    keep(provider, row(1), row(2), row(3))
    service = sell(provider)[0]
    set_rule(provider=None, kind=ChangeKind.CHEAPER, verdict=Verdict.WAIT)
    keep(provider, row(1, rate="0.50"), row(2), row(3))
    with transaction.atomic():
        apply_changes(change_set=change_set(), actor=ACTOR)
        second = Second(lambda: keep(provider, row(1, rate="2"), row(2), row(3)))
        until_somebody_waits()
    second.finish()
    assert after(service).rate == Decimal("2.4")
    assert states() == [("cheaper", "applied"), ("dearer", "applied")]
