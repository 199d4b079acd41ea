"""What follows from a charge that is not the expected one: an alarm, an early look at the list, a stop."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from purveyor.accounts.testing import make_customer
from purveyor.catalog.testing import make_service
from purveyor.orders.testing import place_one
from purveyor.providers.costs.charges import CLOSED, DOUBT_REMEMBERED_SECONDS, LIST_STAYS_FRESH_SECONDS
from purveyor.providers.following.following import follow
from purveyor.providers.metrics import CHARGES_DRIFTED
from purveyor.providers.models import Fulfilment, Provider, ProviderService, Route
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.protocol.replies import Accepted, StatusReply
from purveyor.providers.protocol.words import order_status
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.testing import make_provider, make_route
from tests.audited import violations
from tests.outbox.told import told

pytestmark = pytest.mark.django_db

LATER = timedelta(hours=1)


@pytest.fixture
def fulfilment() -> Fulfilment:
    """An order of 1000 sold for 5 and bought for 4, from a provider whose list was read long ago."""
    service = make_service(rate="5.00")
    provider = make_provider(next_sync_at=timezone.now() + LATER)
    make_route(service, provider, rate="4.00")
    Provider.objects.update(listed_at=timezone.now() - LATER)
    place_one(make_customer("100"), service, quantity=1000)
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Accepted("1"))])
    return Fulfilment.objects.get(pk=item.fulfilment_id)


def tell(fulfilment: Fulfilment, word: str, charge: str, remains: int | None = None) -> dict[str, int]:
    """The alarms that a told charge raises, by consequence."""
    before = _alarms()
    reply = StatusReply(word=word, status=order_status(word), charge=Decimal(charge), remains=remains)
    follow({fulfilment.pk: reply})
    assert violations() == {}
    return {
        name: int(count - before.get(name, 0))
        for name, count in _alarms().items()
        if count != before.get(name)
    }


def _alarms() -> dict[str, float]:
    (family,) = CHARGES_DRIFTED.collect()
    return {
        sample.labels["consequence"]: sample.value
        for sample in family.samples
        if sample.name.endswith("_total")
    }


def reads_list_early() -> bool:
    return Provider.objects.get().next_sync_at <= timezone.now()


@pytest.mark.parametrize(
    ("word", "charge", "remains"),
    [
        ("Completed", "4", 0),
        ("Completed", "4.04", 0),
        ("In progress", "1.5", 600),
        ("Partial", "2.00", 500),
        ("Partial", "4.00", 500),
        ("Canceled", "4.00", 1000),
        ("Completed", "0", 0),
        ("Completed", "-7", 0),
        ("A word unknown to us", "9", 0),
    ],
)
def test_what_was_expected_or_tells_nothing_raises_no_alarm(
    fulfilment: Fulfilment, word: str, charge: str, remains: int
) -> None:
    assert tell(fulfilment, word, charge, remains) == {}
    assert not reads_list_early()


@pytest.mark.parametrize(
    ("word", "charge", "remains"),
    [("Completed", "4.5", 0), ("Completed", "3", 0), ("Partial", "2.5", 500), ("In progress", "4.5", 600)],
)
def test_a_drift_has_the_list_read_early(
    fulfilment: Fulfilment, word: str, charge: str, remains: int
) -> None:
    assert tell(fulfilment, word, charge, remains) == {"list_read_early": 1}
    assert reads_list_early()
    assert not ProviderService.objects.get().price_in_doubt
    assert tell(fulfilment, word, charge, remains) == {}, "the same charge again is no news"


def test_a_list_that_was_just_read_is_not_read_again_at_once(fulfilment: Fulfilment) -> None:
    Provider.objects.update(listed_at=timezone.now())
    tell(fulfilment, "Completed", "4.5", 0)
    wait = Provider.objects.get().next_sync_at - timezone.now()
    assert timedelta(0) < wait <= timedelta(seconds=LIST_STAYS_FRESH_SECONDS)


def test_a_price_that_the_list_tells_by_now_is_only_an_alarm(fulfilment: Fulfilment) -> None:
    ProviderService.objects.update(rate="5.20")
    assert tell(fulfilment, "Completed", "5.2", 0) == {"known": 1}
    assert not reads_list_early()
    assert not ProviderService.objects.get().price_in_doubt


def test_a_loss_stops_what_is_sent_until_the_list_was_read(fulfilment: Fulfilment) -> None:
    assert tell(fulfilment, "Completed", "5.2", 0) == {"price_doubted": 1}
    assert reads_list_early()
    assert ProviderService.objects.get().price_in_doubt
    assert Route.objects.get().enabled


def test_a_loss_that_is_accepted_stops_nothing(fulfilment: Fulfilment) -> None:
    Route.objects.update(margin_floor_percent=None)
    assert tell(fulfilment, "Completed", "5.2", 0) == {"list_read_early": 1}


@pytest.mark.parametrize(
    ("doubted_before", "closes"),
    [(timedelta(minutes=5), True), (timedelta(seconds=DOUBT_REMEMBERED_SECONDS + 60), False)],
)
def test_a_loss_after_the_list_was_read_anew_closes_the_route(
    fulfilment: Fulfilment, doubted_before: timedelta, *, closes: bool
) -> None:
    ProviderService.objects.update(price_doubted_at=fulfilment.created_at - doubted_before)
    tell(fulfilment, "Completed", "5.2", 0)
    route = Route.objects.get()
    assert (route.enabled, route.closed_reason) == ((False, CLOSED) if closes else (True, ""))
    assert [data["reason"] for _, _, _, data in told("route.closed")] == ([CLOSED] if closes else [])


def test_staff_is_told_of_a_drift_with_the_order_and_what_follows(fulfilment: Fulfilment) -> None:
    tell(fulfilment, "Completed", "4.5", 0)
    data = {
        "provider_service": fulfilment.service_external_id,
        "orders": 1,
        "order": fulfilment.order_id,
        "drift": "0.50000000",
        "consequence": "list_read_early",
    }
    about = f"provider:{fulfilment.provider_id}"
    assert told("charge.drifted") == [("charge.drifted", about, None, data)]


def test_a_service_that_is_gone_from_the_list_is_only_an_alarm(fulfilment: Fulfilment) -> None:
    ProviderService.objects.update(gone_at=timezone.now())
    assert tell(fulfilment, "Completed", "5.2", 0) == {"known": 1}
