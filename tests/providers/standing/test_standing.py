"""How a provider's standing suffers, and how it recovers."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from purveyor.providers.models import Provider
from purveyor.providers.standing.holds import Hold
from purveyor.providers.standing.standing import (
    FIRST_SILENCE_SECONDS,
    FUNDS_PAUSE_SECONDS,
    LONGEST_SILENCE_SECONDS,
    ONE_BY_ONE_FROM,
    Setback,
    Standing,
    note_setback,
    note_success,
    silence,
    standings,
    use_again,
)
from purveyor.providers.testing import make_provider

pytestmark = pytest.mark.django_db

AWHILE_AGO = timezone.now() - timedelta(hours=1)


def after(provider: Provider, *setbacks: Setback) -> Standing:
    for setback in setbacks:
        note_setback(provider_id=provider.pk, key=provider.key, setback=setback)
    return standings()[provider.pk]


def lasts(until: datetime | None, *, seconds: int, since: datetime) -> bool:
    """Whether what ends at `until` lasts so many seconds from some moment between `since` and now."""
    wait = timedelta(seconds=seconds)
    return until is not None and since + wait <= until <= timezone.now() + wait


def let_time_pass(provider: Provider) -> None:
    Provider.objects.filter(pk=provider.pk).update(paused_until=AWHILE_AGO, silent_until=AWHILE_AGO)


def test_a_provider_in_good_standing() -> None:
    provider = make_provider()
    now = standings()[provider.pk]
    assert (now.sendable, now.callable, now.one_by_one, now.hold_reason) == (True, True, False, "")


@pytest.mark.parametrize(
    ("setback", "callable_still", "reason"),
    [
        (Setback.OUT_OF_FUNDS, True, Hold.OUT_OF_FUNDS),
        (Setback.KEY_REFUSED, False, Hold.KEY_REFUSED),
        (Setback.UNREACHABLE, False, Hold.UNREACHABLE),
        (Setback.SLOW_DOWN, False, Hold.SLOW_DOWN),
    ],
)
def test_setbacks_stop_orders_and_some_stop_every_call(
    setback: Setback, *, callable_still: bool, reason: Hold
) -> None:
    now = after(make_provider(), setback)
    assert (now.sendable, now.callable, now.hold_reason) == (False, callable_still, reason)
    assert now.one_by_one


def test_single_answers_nobody_can_use_stop_nothing_but_three_in_a_row_do() -> None:
    provider = make_provider()
    assert after(provider, *[Setback.NO_USABLE_ANSWER] * (ONE_BY_ONE_FROM - 1)).sendable
    now = after(provider, Setback.NO_USABLE_ANSWER)
    assert (now.sendable, now.hold_reason) == (False, Hold.NO_USABLE_ANSWER)


def test_calls_that_fail_together_count_once() -> None:
    now = after(make_provider(), *[Setback.UNREACHABLE] * 40)
    assert now.troubles == ONE_BY_ONE_FROM
    funds = after(make_provider(), *[Setback.OUT_OF_FUNDS] * 40)
    assert funds.troubles == ONE_BY_ONE_FROM


def test_each_failure_after_a_pause_doubles_the_next_to_a_limit() -> None:
    provider = make_provider()
    silences = [min(FIRST_SILENCE_SECONDS * 2**number, LONGEST_SILENCE_SECONDS) for number in range(10)]
    assert silences[-1] == LONGEST_SILENCE_SECONDS
    for seconds in silences:
        began = timezone.now()
        after(provider, Setback.UNREACHABLE)
        provider.refresh_from_db()
        assert lasts(provider.silent_until, seconds=seconds, since=began)
        let_time_pass(provider)


def test_silence_is_a_pure_function() -> None:
    assert [silence(troubles=troubles).seconds for troubles in (0, 3, 4, 5, 6)] == [5, 5, 10, 20, 40]
    assert silence(troubles=10**6).total_seconds() == LONGEST_SILENCE_SECONDS


def test_funds_pause_a_provider_for_some_minutes() -> None:
    provider = make_provider()
    began = timezone.now()
    after(provider, Setback.OUT_OF_FUNDS)
    provider.refresh_from_db()
    assert lasts(provider.paused_until, seconds=FUNDS_PAUSE_SECONDS, since=began)


def test_after_a_pause_it_proves_itself_one_by_one_until_it_answers_well() -> None:
    provider = make_provider()
    after(provider, Setback.UNREACHABLE)
    let_time_pass(provider)
    now = standings()[provider.pk]
    assert (now.sendable, now.one_by_one) == (True, True)
    note_success([provider.pk])
    now = standings()[provider.pk]
    assert (now.one_by_one, now.paused_reason) == (False, "")


def test_an_answer_from_before_a_pause_does_not_end_it() -> None:
    provider = make_provider()
    after(provider, Setback.OUT_OF_FUNDS)
    note_success([provider.pk])
    assert not standings()[provider.pk].sendable


def test_a_refused_key_is_refused_until_it_changes() -> None:
    provider = make_provider(key="old")
    after(provider, Setback.KEY_REFUSED)
    let_time_pass(provider)
    note_success([provider.pk])
    assert not standings()[provider.pk].callable
    Provider.objects.update(key="new")
    now = standings()[provider.pk]
    assert (now.sendable, now.callable) == (True, True)


def test_a_person_can_have_a_provider_used_again_at_once() -> None:
    provider = make_provider()
    after(provider, Setback.OUT_OF_FUNDS, Setback.KEY_REFUSED)
    use_again(provider=provider)
    now = standings()[provider.pk]
    assert (now.sendable, now.callable, now.one_by_one, now.hold_reason) == (True, True, False, "")


def test_a_provider_switched_off_gets_no_orders_but_is_asked_about_those_it_has() -> None:
    provider = make_provider(enabled=False)
    now = standings()[provider.pk]
    assert (now.sendable, now.callable, now.hold_reason) == (False, True, Hold.SWITCHED_OFF)


def test_a_key_that_was_refused_late_says_nothing_about_the_one_that_took_its_place() -> None:
    provider = make_provider(key="the old key of this account")
    used = provider.key
    Provider.objects.filter(pk=provider.pk).update(key="the new key of this account")
    note_setback(provider_id=provider.pk, key=used, setback=Setback.KEY_REFUSED)
    now = standings()[provider.pk]
    assert (now.sendable, now.callable, now.troubles) == (True, True, 0)
    note_setback(provider_id=provider.pk, key=now.access.key, setback=Setback.KEY_REFUSED)
    assert not standings()[provider.pk].callable
