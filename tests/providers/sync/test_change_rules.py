"""What is done by itself with a change, and that a fall takes back by itself no more than a late rise."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from purveyor.catalog.models import Service
from purveyor.providers.models import ChangeKind, ChangeSet, Provider, ServiceEdit, Verdict
from purveyor.providers.sync.change_rules import (
    DEFAULTS,
    RETRACED_DAYS,
    WrongRule,
    rules_of,
    set_rule,
    verdict_on,
)
from purveyor.providers.sync.changing import apply_changes, roll_back
from purveyor.providers.sync.repricing import change_and_reprice
from purveyor.providers.testing import make_provider
from tests.providers.lists import keep, row, sell, states

ACTOR = "somebody"
RATES = st.decimals(min_value=0, max_value=1000, places=5)


@given(
    kind=st.sampled_from([ChangeKind.DEARER, ChangeKind.CHEAPER]),
    rate=RATES,
    wanted=RATES,
    lowest=RATES | st.none(),
)
def test_a_rise_counts_as_dearer_and_a_fall_retraces_down_to_the_lowest_rate_of_late(
    kind: ChangeKind, rate: Decimal, wanted: Decimal, lowest: Decimal | None
) -> None:
    verdict = verdict_on(kind, DEFAULTS, rate=rate, wanted=wanted, lowest_lately=lowest)
    is_rise = wanted > rate
    assert (verdict is Verdict.APPLY) == (is_rise or (lowest is not None and wanted >= lowest))
    assert verdict in {Verdict.APPLY, Verdict.WAIT}


@pytest.mark.parametrize("verdict", [Verdict.APPLY, Verdict.WAIT, Verdict.IGNORE])
def test_another_rule_for_what_is_cheaper_holds_whatever_the_rate_was(verdict: Verdict) -> None:
    rules = {**DEFAULTS, ChangeKind.CHEAPER: verdict}
    now, less = Decimal(2), Decimal(1)
    told = verdict_on(ChangeKind.CHEAPER, rules, rate=now, wanted=less, lowest_lately=less)
    assert told is verdict


def test_a_price_by_which_none_is_meant_retraces_nothing() -> None:
    told = verdict_on(ChangeKind.CHEAPER, DEFAULTS, rate=Decimal(1), wanted=None, lowest_lately=Decimal(0))
    assert told is Verdict.WAIT


@pytest.fixture
def provider() -> Provider:
    """One that lists a service at 1, which is sold at 1.2."""
    provider = make_provider()
    keep(provider, row(1, rate="1"))
    sell(provider)
    return provider


def listed(provider: Provider, rate: str) -> Decimal:
    """Our rate after the provider lists this one."""
    keep(provider, row(1, rate=rate))
    return Service.objects.get().rate


@pytest.mark.django_db
def test_a_price_that_goes_up_and_down_does_not_leave_ours_up(provider: Provider) -> None:
    for up in ("1.1", "1.03", "1.25"):
        assert listed(provider, up) == Decimal(up) * Decimal("1.2")
        assert listed(provider, "1") == Decimal("1.2")
    assert {state for _, state in states()} == {"applied"}


@pytest.mark.django_db
def test_what_goes_lower_than_before_the_rise_waits_as_a_whole(provider: Provider) -> None:
    listed(provider, "1.5")
    assert listed(provider, "0.9") == Decimal("1.8")
    assert listed(provider, "1.25") == Decimal("1.5")
    assert states() == [
        ("dearer", "applied"),
        ("cheaper", "overtaken"),
        ("dearer", "applied"),
    ]


@pytest.mark.django_db
def test_a_fall_that_a_person_agreed_to_may_be_fallen_to_again(provider: Provider) -> None:
    listed(provider, "0.5")
    apply_changes(change_set=ChangeSet.objects.latest("pk").pk, actor=ACTOR)
    assert listed(provider, "2") == Decimal("2.4")
    assert listed(provider, "0.5") == Decimal("0.6")


@pytest.mark.django_db
@pytest.mark.parametrize(("days", "rate"), [(RETRACED_DAYS - 1, "1.2"), (RETRACED_DAYS + 1, "1.8")])
def test_a_rise_of_long_ago_stays(provider: Provider, days: int, rate: str) -> None:
    listed(provider, "1.5")
    ServiceEdit.objects.update(at=timezone.now() - timedelta(days=days))
    assert listed(provider, "1") == Decimal(rate)


@pytest.mark.django_db
def test_a_rise_that_was_rolled_back_is_no_ground_to_fall(provider: Provider) -> None:
    listed(provider, "0.5")
    apply_changes(change_set=ChangeSet.objects.latest("pk").pk, actor=ACTOR)
    listed(provider, "1")
    for change_set in ChangeSet.objects.order_by("-pk"):
        roll_back(change_set=change_set.pk, actor=ACTOR)
    assert Service.objects.get().rate == Decimal("1.2")
    assert listed(provider, "0.6") == Decimal("1.2")


@pytest.mark.django_db
def test_the_rate_that_a_person_set_stays_and_is_no_rate_from_before_a_rise(provider: Provider) -> None:
    listed(provider, "1.5")
    Service.objects.update(rate="1.3")
    assert listed(provider, "1.2") == Decimal("1.3")
    apply_changes(change_set=ChangeSet.objects.latest("pk").pk, actor=ACTOR)
    assert Service.objects.get().rate == Decimal("1.44")
    ServiceEdit.objects.filter(over_hand=False).delete()
    assert listed(provider, "1.1") == Decimal("1.44")


@pytest.mark.django_db
def test_terms_that_are_as_they_were_take_back_what_they_raised(provider: Provider) -> None:
    for fx_rate, rate in (("1.5", "1.8"), ("1", "1.2"), ("0.9", "1.2")):
        change_and_reprice(provider, {"fx_rate": Decimal(fx_rate)})
        assert Service.objects.get().rate == Decimal(rate)
    assert states() == [("dearer", "applied"), ("cheaper", "applied"), ("cheaper", "waiting")]


@pytest.mark.django_db
def test_rules_are_the_providers_own_else_the_common_ones_else_the_defaults() -> None:
    provider, other = make_provider(), make_provider()
    assert rules_of(provider.pk) == DEFAULTS
    set_rule(provider=None, kind=ChangeKind.CHEAPER, verdict=Verdict.APPLY)
    set_rule(provider=provider, kind=ChangeKind.CHEAPER, verdict=Verdict.IGNORE)
    set_rule(provider=provider, kind=ChangeKind.CHEAPER, verdict=Verdict.WAIT)
    assert rules_of(provider.pk)[ChangeKind.CHEAPER] is Verdict.WAIT
    assert rules_of(other.pk)[ChangeKind.CHEAPER] is Verdict.APPLY


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        (ChangeKind.NEW, Verdict.APPLY),
        (ChangeKind.GONE, Verdict.ROLL_BACK),
        (ChangeKind.DEARER, Verdict.RETRACE),
    ],
)
def test_rules_that_cannot_be_are_refused(kind: ChangeKind, verdict: Verdict) -> None:
    with pytest.raises(WrongRule):
        set_rule(provider=None, kind=kind, verdict=verdict)


def test_every_kind_has_a_default() -> None:
    assert set(DEFAULTS) == set(ChangeKind)
