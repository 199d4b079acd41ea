"""What one list lacks is not gone: a second, some minutes later, has to lack it too."""

from datetime import timedelta
from random import Random

import pytest
from django.db.models import F

from purveyor.catalog.models import Service, ServiceUpdate
from purveyor.providers.models import ChangeSet, Provider, ProviderService
from purveyor.providers.sync.syncing import GONE_AFTER_SECONDS
from purveyor.providers.testing import make_provider
from tests.providers.lists import keep_once, row, sell, states

pytestmark = pytest.mark.django_db

LIST = [row(number) for number in range(1, 11)]


@pytest.fixture
def provider() -> Provider:
    """One whose whole list is sold."""
    provider = make_provider()
    keep_once(provider, *LIST)
    sell(provider)
    ServiceUpdate.objects.all().delete()
    return provider


def pass_seconds(seconds: int = GONE_AFTER_SECONDS) -> None:
    """Let what is missed be missed for so much longer, and what was written be so much older."""
    passed = timedelta(seconds=seconds)
    ProviderService.objects.update(missed_at=F("missed_at") - passed)
    ChangeSet.objects.update(created_at=F("created_at") - passed)


def gone() -> list[str]:
    rows = ProviderService.objects.exclude(gone_at=None).order_by("pk")
    return list(rows.values_list("external_id", flat=True))


def switched_off() -> int:
    return Service.objects.filter(enabled=False).count()


def test_what_one_list_lacks_is_sold_and_used_on(provider: Provider) -> None:
    synced = keep_once(provider, *LIST[4:])
    assert (synced.missing, synced.gone, synced.change_set) == (4, 0, None)
    assert (gone(), switched_off(), ServiceUpdate.objects.count()) == ([], 0, 0)
    synced = keep_once(provider, *LIST)
    assert (synced.missing, synced.change_set) == (0, None)
    assert not ProviderService.objects.exclude(missed_at=None).exists()


def test_what_a_second_list_lacks_some_minutes_later_is_gone(provider: Provider) -> None:
    keep_once(provider, *LIST[4:])
    pass_seconds(GONE_AFTER_SECONDS - 60)
    assert keep_once(provider, *LIST[4:]).missing == 4, "by hand, too soon to tell"
    pass_seconds(60)
    assert keep_once(provider, *LIST[4:]).gone == 4
    assert (gone(), switched_off()) == (["1", "2", "3", "4"], 4)


def test_what_was_listed_in_between_is_not_gone(provider: Provider) -> None:
    for lacking in (4, 0, 4):
        keep_once(provider, *LIST[lacking:])
        pass_seconds()
    assert keep_once(provider, *LIST).change_set is None
    assert (states(), switched_off()) == ([], 0)


def test_each_service_has_minutes_of_its_own(provider: Provider) -> None:
    keep_once(provider, *LIST[1:])
    pass_seconds()
    synced = keep_once(provider, *LIST[2:])
    assert (synced.missing, synced.gone) == (1, 1)
    assert (gone(), switched_off()) == (["1"], 1)
    assert states() == [("gone", "applied")]
    pass_seconds()
    synced = keep_once(provider, *LIST[2:])
    assert (synced.missing, synced.gone) == (0, 1)
    keep_once(provider, *LIST)
    assert (gone(), switched_off()) == ([], 0)


def test_lists_of_which_each_lacks_others_switch_nothing_off(provider: Provider) -> None:
    random = Random(1)
    lacking: set[int] = set()
    for _ in range(30):
        lacking = set(random.sample(sorted(set(range(10)) - lacking), 4))
        assert keep_once(provider, *(one for place, one in enumerate(LIST) if place not in lacking)).gone == 0
        pass_seconds()
    assert (states(), switched_off()) == ([], 0)


def test_what_changes_beside_what_is_missing_is_followed(provider: Provider) -> None:
    keep_once(provider, row(1, rate="2"), *LIST[1:6])
    assert states() == [("dearer", "applied")]


def test_of_a_list_that_lacks_more_than_half_everything_waits_also_when_it_lacks_it_twice(
    provider: Provider,
) -> None:
    keep_once(provider, row(1, rate="2"), *LIST[1:4])
    assert states() == [("dearer", "waiting")]
    pass_seconds()
    keep_once(provider, row(1, rate="2"), *LIST[1:4])
    assert states()[1:] == [("gone", "waiting")] * 6
    assert (len(gone()), switched_off()) == (6, 0)


def test_a_list_that_is_numbered_anew_waits_though_it_is_as_long_as_before(provider: Provider) -> None:
    anew = [row(number) for number in range(11, 21)]
    keep_once(provider, *anew)
    pass_seconds()
    keep_once(provider, *anew)
    assert {state for _, state in states()} == {"waiting"}
    assert switched_off() == 0


def test_a_doubt_about_a_price_stays_while_the_list_does_not_tell_it(provider: Provider) -> None:
    ProviderService.objects.update(price_in_doubt=True)
    keep_once(provider, *LIST[1:])
    assert ProviderService.objects.get(price_in_doubt=True).external_id == "1"
