"""Two workers at the line of one link, and the whole way over HTTP."""

import asyncio
import itertools
from collections.abc import Sequence
from unittest.mock import patch

import pytest
from django.db import transaction

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.testing import make_service
from purveyor.orders.models import Dispatch, Order, Status
from purveyor.orders.queue import claim_queued, requeue
from purveyor.orders.same_link import WAITS
from purveyor.orders.testing import place_one
from purveyor.providers.housekeeping import release_held
from purveyor.providers.models import Fulfilment, Provider
from purveyor.providers.routes import planning
from purveyor.providers.sending import handing_over
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.testing import make_provider, make_route
from purveyor.providers.worker import work
from purveyor.providers.workplace import Workplace
from purveyor.simulator.testing import Simulator
from tests.audited import violations
from tests.committed import committed
from tests.providers.rounds import dispatch, poll
from tests.racing import Second

pytestmark = committed

LINK = "https://example.com/a"


def queuing_service() -> Service:
    service = make_service(queue_same_link=True)
    make_route(service, make_provider())
    return service


def two_in_line(service: Service) -> tuple[Order, Order]:
    first, second = (place_one(make_customer(), service, quantity=10, link=LINK) for _ in range(2))
    return first, second


def sent() -> list[int]:
    return list(Fulfilment.objects.order_by("pk").values_list("order_id", flat=True))


def one_at_a_time(limit: int, *, services: Sequence[int] | None = None, after: int = 0) -> object:
    return claim_queued(min(limit, 1), services=services, after=after)


def test_two_workers_that_claim_two_orders_for_one_link_send_one() -> None:
    first, second = two_in_line(queuing_service())
    with patch.object(handing_over, "claim_queued", one_at_a_time):
        with transaction.atomic():
            assert [item.order_id for item in hand_over(busy={}).hand_overs] == [first.pk]
            # The first is locked, so the other worker claims the second, and sees nothing of the first.
            other = Second(lambda: hand_over(busy={}))
            other.finish()
            assert sent() == [first.pk]
        second.refresh_from_db()
        assert second.dispatch == Dispatch.QUEUED
        assert hand_over(busy={}).hand_overs == []
    second.refresh_from_db()
    assert (second.dispatch, second.hold_reason) == (Dispatch.HELD, WAITS.format(order=first.pk))
    assert sent() == [first.pk]
    assert violations() == {}


def test_a_worker_with_the_second_order_alone_sees_the_first_in_the_queue() -> None:
    first, second = two_in_line(queuing_service())
    with transaction.atomic():
        Order.objects.select_for_update().get(pk=first.pk)  # claimed, but nothing decided yet
        other = Second(lambda: hand_over(busy={}))
        other.finish()
    second.refresh_from_db()
    assert second.hold_reason == WAITS.format(order=first.pk)
    assert sent() == []
    assert [item.order_id for item in hand_over(busy={}).hand_overs] == [first.pk]


def test_an_older_order_whose_time_comes_while_a_younger_is_claimed_is_not_sent_beside_it() -> None:
    first, second = two_in_line(queuing_service())
    Order.objects.filter(pk=first.pk).update(dispatch=Dispatch.SCHEDULED)

    def start_the_first() -> None:
        requeue([first.pk])
        assert hand_over(busy={}).hand_overs == []

    with transaction.atomic():
        assert [item.order_id for item in hand_over(busy={}).hand_overs] == [second.pk]
        # To the other worker the second still looks queued, behind the first.
        other = Second(start_the_first)
        other.finish()
    assert hand_over(busy={}).hand_overs == []
    first.refresh_from_db()
    assert first.hold_reason == WAITS.format(order=second.pk)
    assert sent() == [second.pk]


def test_a_worker_that_dies_in_between_leaves_the_line_as_it_was() -> None:
    first, _ = two_in_line(queuing_service())

    with patch.object(handing_over, "_write_all", side_effect=SystemExit), pytest.raises(SystemExit):
        hand_over(busy={})
    assert set(Order.objects.values_list("dispatch", flat=True)) == {Dispatch.QUEUED}
    assert [item.order_id for item in hand_over(busy={}).hand_overs] == [first.pk]


def test_services_that_do_not_queue_cost_no_look_at_lines() -> None:
    service = make_service()
    make_route(service, make_provider())
    place_one(make_customer(), service, quantity=10)
    with patch.object(planning, "turns") as looked:
        assert len(hand_over(busy={}).hand_overs) == 1
    looked.assert_not_called()


def test_at_a_provider_the_second_begins_where_the_first_ended(
    simulator: Simulator, provider: Provider, service: Service
) -> None:
    Service.objects.update(queue_same_link=True)
    first, second, third = (place_one(make_customer(), service, quantity=100, link=LINK) for _ in range(3))
    for number, order in enumerate((first, second, third), start=1):
        release_held()
        dispatch()
        assert len(simulator.orders) == number
        for _ in range(3):
            simulator.advance(24 * 3600)
            poll()
        order.refresh_from_db()
        assert order.status == Status.COMPLETED
    assert violations() == {}


def test_two_workers_drain_a_line_without_overlap(
    simulator: Simulator, provider: Provider, service: Service
) -> None:
    Service.objects.update(queue_same_link=True)
    simulator.set_speed(100_000)
    simulator.resume()
    links = [f"https://example.com/{number}" for number in range(3)]
    orders = [place_one(make_customer(), service, quantity=100, link=link) for link in links * 4]

    async def run() -> None:
        places = [Workplace(), Workplace()]
        working = [asyncio.create_task(work(place)) for place in places]
        try:
            async with asyncio.timeout(60):
                while await places[0].in_database(
                    Order.objects.filter(status__in=["Pending", "Processing", "In progress"]).exists
                ):
                    await places[0].pause(0.1)
                    await places[0].in_database(_look_now)
        finally:
            for place in places:
                place.stopping.set()
            await asyncio.gather(*working)

    asyncio.run(run())
    for link in links:
        line = list(
            Fulfilment.objects.filter(order__link=link).order_by("created_at").select_related("order")
        )
        assert [item.order_id for item in line] == [order.pk for order in orders if order.link == link]
        for before, after in itertools.pairwise(line):
            assert before.ended_at is not None
            assert before.ended_at <= after.created_at
    assert violations() == {}


def _look_now() -> None:
    """Have everything that was accepted asked about at once."""
    Fulfilment.objects.exclude(next_poll_at=None).filter(handover="accepted", ended_at=None).update(
        next_poll_at="2020-01-01T00:00:00Z"
    )
