"""Orders of every kind on a desk: runs of drip-feeds, what other providers left, fields of their types."""

from decimal import Decimal

import pytest

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import FinishRest, Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.dripfeed import release_due
from purveyor.orders.models import DripFeed, Order, Refill, RefillStatus, Status
from purveyor.orders.refilling import request_refills
from purveyor.orders.testing import place_one
from purveyor.providers.desks.desks import adopt_refills, offer_by_hand
from purveyor.providers.desks.job_states import Verb
from purveyor.providers.desks.queue import list_jobs
from purveyor.providers.desks.reports import grant_cancels
from purveyor.providers.elsewhere.refilling import send_elsewhere
from purveyor.providers.following.following import follow
from purveyor.providers.models import Fulfilment, JobKind, Provider
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.protocol.replies import Accepted, StatusReply
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.sync.importing import ImportTrouble
from purveyor.providers.sync.syncing import sync_provider
from purveyor.providers.testing import make_desk, make_provider, make_route
from purveyor.providers.timeline.timeline import timeline
from tests.audited import violations
from tests.committed import committed
from tests.providers.desks.by_hand import cost_of, ordered, take, tell
from tests.providers.rounds import dispatch

pytestmark = committed
LONG_AGO = "2020-01-01T00:00:00Z"


def test_the_runs_of_a_drip_feed_are_delivered_one_by_one() -> None:
    service = make_service(rate="2.00", dripfeed=True)
    desk = make_desk(service)
    customer = make_customer("100")
    parent = place_one(customer, service, quantity=500, runs=2, interval=10)
    for verb, remains in ((Verb.COMPLETE, None), (Verb.PARTIAL, 100)):
        DripFeed.objects.update(next_run_at=LONG_AGO)
        release_due()
        dispatch()
        (job,) = take(desk)
        assert job.quantity == 500
        tell(job, verb, remains=remains)
    parent.refresh_from_db()
    assert parent.status == Status.COMPLETED
    assert balance_of(customer) == Decimal("98.2")
    assert violations() == {}


def test_a_job_has_what_the_type_of_its_order_needs() -> None:
    service = make_service(OrderType.CUSTOM_COMMENTS, rate="2.00")
    desk = make_desk(service)
    place_one(make_customer(), service, comments="first\nsecond")
    dispatch()
    (job,) = list_jobs(desk_id=desk.pk)
    assert (job.service_type, job.quantity) == ("Custom Comments", 2)
    assert job.fields == {"comments": ["first", "second"]}


@pytest.fixture
def rest() -> tuple[Order, Provider]:
    """An order of which a provider delivered 750 of 1000, and the desk that has the rest."""
    service = make_service(rate="10.00", cancel=True, finish_rest=FinishRest.RULE)
    make_route(service, make_provider(), rate="4.00")
    desk = make_desk()
    offer_by_hand(desk=desk, service_id=service.pk, cost=Decimal(6))
    order = place_one(make_customer("100"), service, quantity=1000)
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Accepted("1"))])
    partial = StatusReply(word="Partial", status=Status.PARTIAL, remains=250, start_count=7)
    follow({item.fulfilment_id: partial})
    assert hand_over(busy={}).hand_overs == []
    return order, desk


def test_a_desk_finishes_what_another_provider_left(rest: tuple[Order, Provider]) -> None:
    order, desk = rest
    (job,) = take(desk)
    assert job.quantity == 250
    tell(job, Verb.COMPLETE)
    order.refresh_from_db()
    assert (order.status, order.remains, order.start_count) == (Status.COMPLETED, 0, 7)
    assert cost_of(order) == Decimal("4.5")
    assert balance_of(order.customer) == 90
    assert violations() == {}


def test_a_wish_to_cancel_takes_the_rest_from_the_desk(rest: tuple[Order, Provider]) -> None:
    order, desk = rest
    request_cancels([(order.customer_id, order.pk)])
    assert grant_cancels() == 1
    order.refresh_from_db()
    assert (order.status, order.remains, order.refunded) == (Status.PARTIAL, 250, Decimal("2.5"))
    assert Fulfilment.objects.get(provider=desk).cost == 0
    assert list_jobs(desk_id=desk.pk) == []
    assert violations() == {}


def test_a_desk_delivers_a_refill_in_place_of_another_provider() -> None:
    service = make_service(rate="10.00", refill=True, refill_by="elsewhere")
    make_route(service, make_provider(), rate="4.00")
    desk = make_desk()
    route = offer_by_hand(desk=desk, service_id=service.pk, cost=Decimal(6))
    order = place_one(make_customer("100"), service, quantity=1000)
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Accepted("1"))])
    follow({item.fulfilment_id: StatusReply(word="Completed", status=Status.COMPLETED, remains=0)})
    Order.objects.update(status_at=LONG_AGO)
    (refill_id,) = request_refills([(order.customer_id, order.pk)])
    assert isinstance(refill_id, int)
    send_elsewhere(refill_id=refill_id, quantity=200, route_id=route.pk, actor="staff")
    assert hand_over(busy={}).hand_overs == []
    adopt_refills()
    (job,) = take(desk)
    assert (job.kind, job.refill, job.quantity) == (JobKind.ORDER, refill_id, 200)
    tell(job, Verb.COMPLETE)
    assert Refill.objects.get().status == RefillStatus.COMPLETED
    order.refresh_from_db()
    assert (order.status, order.refunded, cost_of(order)) == (Status.COMPLETED, 0, Decimal("5.2"))
    assert violations() == {}


def test_a_desk_has_no_list_to_read(handmade: Service, desk: Provider) -> None:
    with pytest.raises(ImportTrouble, match="is a desk"):
        sync_provider(desk)


def test_the_story_of_an_order_tells_of_its_job_and_of_nothing_that_was_sent(
    handmade: Service, desk: Provider
) -> None:
    order = ordered(handmade)
    (job,) = take(desk)
    tell(job, Verb.PROGRESS, remains=900)
    tell(job, Verb.CANCEL, reason="The account is private")
    lines = timeline(order.pk)
    assert lines is not None
    assert not {"sent", "answered"} & {line.kind.value for line in lines}
    texts = [(line.who, line.text) for line in lines]
    assert ("panel", f"Put on {desk.name} as its job {job.id}, taken by tool-1") in texts
    assert ("tool-1", f"Job {job.id} is canceled: The account is private") in texts
    assert (desk.name, "Told that its job has begun") in texts
    assert not [text for _, text in texts if " order " in text]
    for_customer = repr(timeline(order.pk, for_customer=True))
    assert "The account is private" in for_customer
    assert desk.name not in for_customer
    assert "tool-1" not in for_customer
