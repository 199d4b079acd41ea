"""Held orders come back when their reason is over, oldest first, and not before."""

from datetime import timedelta

import pytest
from django.utils import timezone

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.testing import make_service
from purveyor.orders.models import Dispatch, Order
from purveyor.orders.queue import hold
from purveyor.orders.testing import place_one
from purveyor.providers import housekeeping
from purveyor.providers.housekeeping import (
    FEW_RELEASED,
    SYNC_RETRY_SECONDS,
    claim_sync,
    release_held,
    sync_again_soon,
    sync_done,
)
from purveyor.providers.models import Fulfilment, Provider
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.outcomes.under_way import HandOver
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Refused
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.standing.holds import LONGEST_SAME_LINK_WAIT_SECONDS, SAME_LINK_WAIT_SECONDS, Hold
from purveyor.providers.sync.syncing import GONE_AFTER_SECONDS
from purveyor.providers.testing import make_provider, make_route

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider() -> Provider:
    return make_provider()


@pytest.fixture
def service(provider: Provider) -> Service:
    service = make_service()
    make_route(service, provider)
    return service


def held(service: Service, reason: str, number: int = 1) -> list[Order]:
    customer = make_customer()
    orders = [place_one(customer, service, quantity=5) for _ in range(number)]
    hold([order.pk for order in orders], reason=reason)
    return orders


def dispatches() -> list[str]:
    return list(Order.objects.order_by("pk").values_list("dispatch", flat=True))


def pause(provider: Provider, *, minutes: int) -> None:
    until = timezone.now() + timedelta(minutes=minutes)
    Provider.objects.filter(pk=provider.pk).update(paused_until=until, paused_reason=Hold.OUT_OF_FUNDS)


@pytest.mark.parametrize("reason", [reason for reason in Hold if reason is not Hold.SAME_LINK])
def test_orders_held_for_a_provider_come_back_when_it_is_usable(
    service: Service, provider: Provider, reason: Hold
) -> None:
    held(service, reason)
    pause(provider, minutes=5)
    assert release_held() == 0
    pause(provider, minutes=-1)
    assert release_held() == 1
    assert dispatches() == [Dispatch.QUEUED]


def test_orders_held_for_staff_stay(service: Service) -> None:
    held(service, "Refused by the provider: Try on Monday")
    assert release_held() == 0
    assert dispatches() == [Dispatch.HELD]


def test_orders_without_a_provider_come_back_when_there_is_one(provider: Provider) -> None:
    service = make_service()
    held(service, Hold.NO_PROVIDER)
    assert release_held() == 0
    make_route(service, provider)
    assert release_held() == 1


def test_the_oldest_come_first_and_only_so_many(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "MOST_RELEASED_AT_ONCE", 2)
    held(service, Hold.OUT_OF_FUNDS, 3)
    assert release_held() == 2
    assert dispatches() == [Dispatch.QUEUED, Dispatch.QUEUED, Dispatch.HELD]


def test_while_a_provider_proves_itself_only_few_come_back(service: Service, provider: Provider) -> None:
    Provider.objects.update(troubles=3)
    held(service, Hold.OUT_OF_FUNDS, FEW_RELEASED + 3)
    assert release_held() == FEW_RELEASED


def _refused(service: Service, refusal: RefusalClass) -> HandOver:
    place_one(make_customer(), service, quantity=5)
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Refused(refusal, "No"))])
    return item


def test_an_order_whose_link_was_busy_is_tried_again_later(service: Service) -> None:
    _refused(service, RefusalClass.DUPLICATE)
    assert release_held() == 0
    Fulfilment.objects.update(created_at=timezone.now() - timedelta(seconds=SAME_LINK_WAIT_SECONDS + 60))
    assert release_held() == 1


@pytest.mark.parametrize(
    ("times", "waits"),
    [
        (1, SAME_LINK_WAIT_SECONDS),
        (2, 2 * SAME_LINK_WAIT_SECONDS),
        (4, 8 * SAME_LINK_WAIT_SECONDS),
        (60, LONGEST_SAME_LINK_WAIT_SECONDS),
    ],
)
def test_the_longer_a_link_is_busy_the_rarer_it_is_tried(service: Service, times: int, waits: int) -> None:
    item = _refused(service, RefusalClass.DUPLICATE)
    last = Fulfilment.objects.get()
    Fulfilment.objects.bulk_create(
        Fulfilment(
            order_id=item.order_id,
            number=number,
            provider=last.provider,
            quantity=5,
            provider_rate=1,
            fx_rate=1,
            expected_cost=1,
            handover="refused",
            refusal=RefusalClass.DUPLICATE,
        )
        for number in range(2, times + 1)
    )
    Fulfilment.objects.update(created_at=timezone.now() - timedelta(seconds=waits - 5))
    assert release_held() == 0
    Fulfilment.objects.update(created_at=timezone.now() - timedelta(seconds=waits + 60))
    assert release_held() == 1


def test_an_order_does_not_come_back_for_a_route_that_refused_it(
    service: Service, provider: Provider
) -> None:
    other = make_provider()
    make_route(service, other, position=5)
    pause(other, minutes=5)
    _refused(service, RefusalClass.LINK)
    hand_over(busy={})
    assert dispatches() == [Dispatch.HELD]
    assert release_held() == 0
    pause(other, minutes=-1)
    assert release_held() == 1


def test_each_catalogue_is_synced_by_one_worker_in_turn(provider: Provider) -> None:
    other = make_provider()
    Provider.objects.update(next_sync_at=timezone.now() - timedelta(minutes=1))
    first, second = claim_sync(), claim_sync()
    assert first is not None
    assert second is not None
    assert {first[0].id, second[0].id} == {provider.pk, other.pk}
    assert claim_sync() is None


def test_a_catalogue_whose_worker_died_while_reading_is_read_by_another(provider: Provider) -> None:
    Provider.objects.update(next_sync_at=timezone.now() - timedelta(minutes=1))
    claimed = claim_sync()
    assert claimed is not None
    _, lease = claimed
    calls = timedelta(seconds=provider.timeout_seconds + Provider.objects.get().services_timeout_seconds)
    assert calls < lease - timezone.now() < calls + timedelta(minutes=2)
    assert Provider.objects.get().next_sync_at == lease
    sync_done(provider.pk, lease=lease)
    assert Provider.objects.get().next_sync_at > timezone.now() + timedelta(minutes=29)
    Provider.objects.update(next_sync_at=lease)
    sync_done(provider.pk, lease=lease, lacks=True)
    wait = Provider.objects.get().next_sync_at - timezone.now()
    assert wait <= timedelta(seconds=GONE_AFTER_SECONDS), "what it lacked is looked for again"
    Provider.objects.update(next_sync_at=timezone.now())
    sync_done(provider.pk, lease=lease)
    assert Provider.objects.get().next_sync_at <= timezone.now(), "somebody wanted it sooner meanwhile"


def test_the_catalogue_of_a_silent_provider_waits(provider: Provider) -> None:
    Provider.objects.update(
        next_sync_at=timezone.now() - timedelta(minutes=1),
        silent_until=timezone.now() + timedelta(hours=1),
    )
    assert claim_sync() is None


def test_a_catalogue_that_could_not_be_read_is_read_again_soon(provider: Provider) -> None:
    Provider.objects.update(next_sync_at=timezone.now() - timedelta(minutes=1))
    claim_sync()
    sync_again_soon(provider.pk)
    wait = Provider.objects.get().next_sync_at - timezone.now()
    assert timedelta(0) < wait <= timedelta(seconds=SYNC_RETRY_SECONDS)
    Provider.objects.update(next_sync_at=timezone.now())
    sync_again_soon(provider.pk)
    assert Provider.objects.get().next_sync_at <= timezone.now(), "never later than it was due"
