"""How long services and routes take, measured from orders in the database, and what that is used for."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.database import fetch_all, id_array
from purveyor.orders.models import FedPost, Order
from purveyor.orders.testing import place_one
from purveyor.providers.following.following import _SQL as FOLLOWING
from purveyor.providers.following.following import follow
from purveyor.providers.following.measuring import (
    _SQL,
    LOOK_EVERY_SECONDS,
    MOST_MEASURED,
    OVERLAP_SECONDS,
    measure_routes,
    measure_services,
)
from purveyor.providers.following.polling_schedule import SOONEST, first_delay
from purveyor.providers.models import Fulfilment, Provider, Route, RouteTimes, ServiceTimes
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.protocol.replies import Accepted, StatusReply
from purveyor.providers.protocol.words import order_status
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.standing.polling_budget import IDS_PER_CALL
from purveyor.providers.testing import make_provider, make_route
from tests.committed import committed
from tests.orders.test_plans import rows_read
from tests.providers.following.test_polling_plan import steps
from tests.providers.rounds import LONG_AGO

pytestmark = pytest.mark.django_db

ENDED = """
    WITH ended AS (
        INSERT INTO orders_order (
            kind, source, customer_id, service_id, link, link_key, quantity, unit_price, price_rule,
            service_version, currency, charge, refunded, status, dispatch, hold_reason, remains, created_at,
            status_at
        )
        SELECT 'order', 'api', %(customer)s, %(service)s, 'x', number, %(quantity)s, 0, 'list price',
            1, 'USD', 0, 0, %(status)s, 'handed', '', 0, now() - number * interval '1 minute' - %(took)s,
            now() - number * interval '1 minute'
        FROM generate_series(%(first)s, %(last)s) AS number
        RETURNING id, created_at, status_at
    )
    INSERT INTO providers_fulfilment (
        order_id, number, provider_id, route_id, service_external_id, handover, quantity, provider_rate,
        fx_rate, expected_cost, cost, external_id, created_at, accepted_at, started_at, ended_at
    )
    SELECT id, 1, %(provider)s, %(route)s, '1', 'accepted', %(quantity)s, 1, 1, 2, 2, id,
        created_at, created_at + %(waited)s, created_at + %(started)s, status_at
    FROM ended
"""


@pytest.fixture
def route() -> Route:
    return make_route(make_service(rate="10.00"), make_provider(), rate="4.00")


def ended(route: Route, *, first: int = 1, last: int = 10, status: str = "Completed", **others: Any) -> None:
    """Orders that were ended `first` to `last` minutes ago, by the route."""
    given: dict[str, Any] = {
        "customer": make_customer().pk,
        "service": route.service_id,
        "provider": route.provider_service.provider_id,
        "route": route.pk,
        "status": status,
        "quantity": 1000,
        "took": timedelta(minutes=60),
        "waited": timedelta(minutes=4),
        "started": timedelta(minutes=10),
        "first": first,
        "last": last,
    }
    with connection.cursor() as cursor:
        cursor.execute(ENDED, given | others)


def measured(route: Route) -> tuple[ServiceTimes, RouteTimes]:
    """The times as they are after a look that is due now."""
    ServiceTimes.objects.update(next_look_at=LONG_AGO)
    RouteTimes.objects.update(next_look_at=LONG_AGO)
    measure_services()
    measure_routes()
    return ServiceTimes.objects.get(pk=route.service_id), RouteTimes.objects.get(pk=route.pk)


def test_a_service_is_measured_from_the_order_and_a_route_from_its_acceptance(route: Route) -> None:
    ended(route, quantity=2000)
    service_times, route_times = measured(route)
    assert service_times.average == timedelta(minutes=30)
    assert (service_times.start_p50, service_times.finish_p90) == (timedelta(minutes=10), timedelta(hours=1))
    assert (route_times.start_p50, route_times.finish_p90) == (timedelta(minutes=6), timedelta(minutes=56))
    assert service_times.measured == route_times.measured == 10


def test_the_time_of_a_post_begins_after_its_delay(route: Route) -> None:
    ended(route)
    for order in Order.objects.all():
        starts_at = order.created_at + timedelta(minutes=5)
        FedPost.objects.create(
            subscription=order,
            url="x",
            url_key=1,
            old=False,
            outcome="served",
            order=order,
            starts_at=starts_at,
        )
    service_times, _ = measured(route)
    assert service_times.average == timedelta(minutes=55)
    assert service_times.start_p50 == timedelta(minutes=5)


def test_nine_orders_are_not_enough_data(route: Route) -> None:
    ended(route, last=9)
    service_times, route_times = measured(route)
    assert (service_times.average, service_times.finish_p50, route_times.finish_p50) == (None, None, None)
    assert service_times.measured == 9


def test_only_what_was_delivered_whole_counts(route: Route) -> None:
    ended(route, last=9)
    ended(route, status="Partial", took=timedelta(days=5))
    ended(route, status="Canceled", took=timedelta(days=5))
    service_times, route_times = measured(route)
    assert service_times.measured == route_times.measured == 9


def test_what_was_finished_elsewhere_is_no_time_of_the_first_route(route: Route) -> None:
    ended(route)
    Fulfilment.objects.update(cost=F("expected_cost") / 2)
    service_times, route_times = measured(route)
    assert (service_times.measured, route_times.measured) == (10, 0)


def test_a_package_is_told_as_it_is() -> None:
    service = make_service(OrderType.PACKAGE, rate="10.00", min=1, max=1)
    route = make_route(service, make_provider(), rate="4.00")
    ended(route, quantity=1)
    assert measured(route)[0].average == timedelta(minutes=60)


def test_nothing_is_measured_without_news(route: Route) -> None:
    ended(route, first=10, last=20)
    measured(route)
    ServiceTimes.objects.update(average=None)
    RouteTimes.objects.update(measured=0)
    service_times, route_times = measured(route)
    assert (service_times.average, route_times.measured) == (None, 0)
    ended(route, first=0, last=0)
    service_times, route_times = measured(route)
    assert service_times.average == timedelta(minutes=60)
    assert route_times.measured == 12


def test_a_look_comes_after_a_while_and_is_had_by_one(route: Route) -> None:
    assert measure_services() == measure_routes() == 1
    assert measure_services() == measure_routes() == 0
    for times in (ServiceTimes.objects.get(), RouteTimes.objects.get()):
        wait = times.next_look_at - timezone.now()
        assert timedelta(seconds=LOOK_EVERY_SECONDS - 10) < wait <= timedelta(seconds=LOOK_EVERY_SECONDS)


def test_the_usual_time_decides_when_a_provider_is_asked(route: Route) -> None:
    ended(route, took=timedelta(hours=10), waited=timedelta(0))
    usual = measured(route)[1].finish_p50
    assert usual == timedelta(hours=10)
    place_one(make_customer("100"), Service.objects.get(pk=route.service_id), quantity=1000)
    (item,) = hand_over(busy={}).hand_overs
    assert item.usual == usual
    record([Answered(hand_over=item, reply=Accepted("new"))])
    expected = first_delay(usual=usual)
    assert expected > 10 * SOONEST
    assert abs(delay(item.fulfilment_id) - expected) < timedelta(minutes=1)
    reply = StatusReply(word="Pending", status=order_status("Pending"), remains=1000)
    follow({item.fulfilment_id: reply})
    assert abs(delay(item.fulfilment_id) - expected) < timedelta(minutes=1)


def test_a_new_route_is_asked_by_the_usual_time_of_its_service(route: Route) -> None:
    ended(route, took=timedelta(hours=10))
    measured(route)
    Route.objects.filter(pk=route.pk).update(enabled=False)
    service = Service.objects.get(pk=route.service_id)
    make_route(service, make_provider(), rate="4.00")
    place_one(make_customer("100"), service, quantity=1000)
    (item,) = hand_over(busy={}).hand_overs
    assert item.usual == timedelta(hours=10)
    record([Answered(hand_over=item, reply=Accepted("new"))])
    follow({item.fulfilment_id: StatusReply(word="Pending", status=order_status("Pending"))})
    assert delay(item.fulfilment_id) > 10 * SOONEST


def delay(fulfilment_id: int) -> timedelta:
    at = Fulfilment.objects.get(pk=fulfilment_id).next_poll_at
    assert at is not None
    return at - timezone.now()


MANY = 20_000


@committed
@pytest.mark.parametrize("what", ["services", "routes"])
def test_measuring_reads_a_window_however_many_orders_have_ended(route: Route, what: str) -> None:
    measured(route)
    ended(route, last=MANY)
    busy = make_route(make_service(), Provider.objects.get())
    ended(busy, last=MANY)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE orders_order")
        cursor.execute("ANALYZE providers_fulfilment")
    wanted = route.service_id if what == "services" else route.pk
    claim = {"limit": 10, "every": LOOK_EVERY_SECONDS, "overlap": OVERLAP_SECONDS}
    ServiceTimes.objects.update(next_look_at=LONG_AGO)
    RouteTimes.objects.update(next_look_at=LONG_AGO)
    assert rows_read(_SQL[f"claim_{what}"], claim) <= MOST_MEASURED
    statement = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + _SQL[f"deliveries_of_{what}"]
    ((answer,),) = fetch_all(statement, {"ids": [wanted], "most": MOST_MEASURED})
    for step in steps(answer[0]["Plan"]):
        if step.get("Relation Name") in ("orders_order", "providers_fulfilment"):
            assert step["Node Type"] != "Seq Scan"
            assert step["Actual Rows"] <= MOST_MEASURED
            assert step.get("Rows Removed by Filter", 0) <= MOST_MEASURED


@committed
def test_what_is_followed_is_found_by_index_with_its_usual_time(route: Route) -> None:
    ended(route, last=MANY)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE providers_fulfilment")
        cursor.execute("ANALYZE orders_order")
    ids = list(Fulfilment.objects.order_by("pk").values_list("pk", flat=True)[:IDS_PER_CALL])
    statement = "EXPLAIN (ANALYZE, FORMAT JSON) " + FOLLOWING["lock_followed"]
    ((answer,),) = fetch_all(statement, {"ids": id_array(ids)})
    for step in steps(answer[0]["Plan"]):
        assert step["Actual Rows"] <= IDS_PER_CALL
        assert (step["Node Type"], step.get("Relation Name")) != ("Seq Scan", "providers_fulfilment")
