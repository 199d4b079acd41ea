"""What is measured of routes, from our own orders, and that measuring stays cheap however many there were."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from purveyor.accounts.testing import make_customer
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.database import as_json, fetch_all
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import Refill, RefillStatus
from purveyor.orders.refilling import settle_refill
from purveyor.orders.testing import place_one
from purveyor.providers.desks.desks import adopt_refills
from purveyor.providers.desks.job_states import Verb
from purveyor.providers.desks.reports import grant_cancels
from purveyor.providers.models import NEUTRAL_SCORE, Fulfilment, Route, RouteQuality
from purveyor.providers.routes.planning import _SQL as PLANNING
from purveyor.providers.routes.route_quality import (
    _SQL,
    MEASURE_EVERY_SECONDS,
    MOST_MEASURED,
    OVERLAP_SECONDS,
    STALE_SECONDS,
    WINDOW_DAYS,
    measure_quality,
    quality_of,
)
from purveyor.providers.routes.scoring import Quality
from purveyor.providers.testing import make_desk, make_provider, make_route
from tests.committed import committed
from tests.orders.test_plans import rows_read
from tests.providers.desks.by_hand import only_job, ordered, tell
from tests.providers.rounds import LONG_AGO
from tests.racing import Second

MANY = 20_000

EMPTY = Quality(orders=0)


def ended(word: str = "Completed", **others: Any) -> SimpleNamespace:
    """An ended hand-over: of 1000, begun after a minute and ended after ten, at the expected cost."""
    usual = {
        "provider_status": word,
        "quantity": 1000,
        "provider_charge": Decimal(1),
        "expected_cost": Decimal(1),
        "fx_rate": Decimal(1),
        "top_up_bonus_percent": Decimal(0),
        "fee_percent": Decimal(0),
        "type": OrderType.DEFAULT.value,
        "started_after": 60.0,
        "ended_after": 600.0,
        "cancel_asked": False,
        "was_unknown": False,
        "refills_done": 0,
        "refills_rejected": 0,
    }
    return SimpleNamespace(**usual | others)


PLAIN = replace(
    EMPTY,
    start_seconds=60,
    finish_seconds_per_1000=600,
    partial_percent=0,
    cancel_percent=0,
    cost_drift_percent=0,
    uptime_percent=100,
)
TABLE: list[tuple[str, list[SimpleNamespace], int, dict[str, Any]]] = [
    ("plain", [ended()], 0, {"orders": 1}),
    ("scaled to 1000", [ended(quantity=500)], 0, {"orders": 1, "finish_seconds_per_1000": 1200}),
    (
        "a package as it is",
        [ended(quantity=1, type=OrderType.PACKAGE.value)],
        0,
        {"orders": 1, "finish_seconds_per_1000": 600},
    ),
    (
        "medians",
        [ended(started_after=after, ended_after=after * 2) for after in (1, 30, 5000)],
        0,
        {"orders": 3, "start_seconds": 30, "finish_seconds_per_1000": 60},
    ),
    (
        "shares of what ended otherwise",
        [ended(), ended("PARTIAL"), ended("Cancelled"), ended("Refunded")],
        0,
        {"orders": 4, "partial_percent": 25, "cancel_percent": 50},
    ),
    (
        "a cancel that was asked for is nobody's fault",
        [ended(), ended("Canceled", cancel_asked=True)],
        0,
        {"orders": 2, "cancel_percent": 0},
    ),
    (
        "nor is what was delivered by then too little",
        [ended(), ended("Partial", cancel_asked=True)],
        0,
        {"orders": 2, "partial_percent": 0},
    ),
    (
        "an asked cancel that came too late counts as what it became",
        [ended(cancel_asked=True, started_after=5)],
        0,
        {"orders": 1, "start_seconds": 5},
    ),
    (
        "refills",
        [ended(refills_done=2), ended(refills_rejected=1), ended(refills_done=1)],
        0,
        {"orders": 3, "refill_success_percent": 75},
    ),
    (
        "charged more than listed",
        [ended(provider_charge=Decimal("1.3")), ended()],
        0,
        {"orders": 2, "cost_drift_percent": 15},
    ),
    ("charged less is no drift", [ended(provider_charge=Decimal("0.5"))], 0, {"orders": 1}),
    (
        "charged in its own currency",
        [ended(provider_charge=Decimal("0.8"), fx_rate=Decimal("1.25"))],
        0,
        {"orders": 1},
    ),
    ("uptime", [ended()] * 3, 1, {"orders": 4, "uptime_percent": 75}),
    ("words nobody knows tell nothing", [ended(), ended("Incorrect order ID")], 0, {"orders": 2}),
]


@pytest.mark.parametrize(("why", "rows", "troubled", "differs"), TABLE, ids=[row[0] for row in TABLE])
def test_measures(why: str, rows: list[SimpleNamespace], troubled: int, differs: dict[str, Any]) -> None:
    assert quality_of(rows, troubled=troubled) == replace(PLAIN, **differs), why


def test_without_hand_overs_nothing_is_measured() -> None:
    assert quality_of([], troubled=0) == EMPTY


def test_a_route_that_is_always_down_has_no_uptime() -> None:
    assert quality_of([], troubled=5) == Quality(orders=5, uptime_percent=0)


@pytest.fixture
def route() -> Route:
    return make_route(make_service(max=10**6), make_provider())


def hand_over(route: Route, *, number: int = 1, **others: Any) -> list[Fulfilment]:
    """Hand-overs of one order by a route, a minute apart; the first ended just now, after ten minutes."""
    order = place_one(make_customer("1000"), route.service, quantity=1000)
    now = timezone.now()
    made = []
    for minutes in range(number):
        end = now - timedelta(minutes=minutes)
        usual = {
            "handover": "accepted",
            "external_id": f"{order.pk}-{minutes}",
            "provider_status": "Completed",
            "provider_charge": Decimal("0.5"),
            "created_at": end - timedelta(minutes=10),
            "accepted_at": end - timedelta(minutes=10),
            "started_at": end - timedelta(minutes=9),
            "ended_at": end,
        }
        made.append(
            Fulfilment(
                order=order,
                number=minutes + 1,
                provider_id=route.provider_service.provider_id,
                route=route,
                service_external_id="1",
                quantity=1000,
                provider_rate=Decimal("0.5"),
                fx_rate=1,
                expected_cost=Decimal("0.5"),
                **usual | others,
            )
        )
    return Fulfilment.objects.bulk_create(made)


def refused(refusal: str, **others: Any) -> dict[str, Any]:
    return {"handover": "refused", "refusal": refusal, "external_id": "", "ended_at": None} | others


def measured(route: Route) -> RouteQuality:
    RouteQuality.objects.update(next_at=LONG_AGO)
    measure_quality()
    return RouteQuality.objects.get(pk=route.pk)


@pytest.mark.django_db
def test_a_route_is_measured_and_scored(route: Route) -> None:
    assert measured(route).score == NEUTRAL_SCORE
    hand_over(route, number=30)
    quality = measured(route)
    assert (quality.orders, quality.start_seconds, quality.finish_seconds_per_1000) == (30, 60, 600)
    assert (quality.partial_percent, quality.cancel_percent, quality.uptime_percent) == (0, 0, 100)
    assert quality.score > NEUTRAL_SCORE
    hand_over(route, number=30, provider_status="Canceled")
    assert measured(route).score < quality.score


@committed
def test_people_are_measured_as_providers_are() -> None:
    service = make_service(cancel=True, refill=True)
    make_desk(service)
    first, second, third = (ordered(service) for _ in range(3))
    request_cancels([(first.customer_id, first.pk)])
    assert grant_cancels() == 1, "its customer's wish"
    tell(only_job(second), Verb.COMPLETE, worker=None)
    tell(only_job(third), Verb.CANCEL, worker=None, reason="Cannot")
    for status in (RefillStatus.COMPLETED, RefillStatus.REJECTED):
        refill = Refill.objects.create(order=second)
        adopt_refills()
        settle_refill(refill_id=refill.pk, status=status)
    quality = measured(service.routes.get())
    assert (quality.orders, quality.cancel_percent) == (3, 50)
    assert quality.refill_success_percent == 50


@pytest.mark.django_db
def test_only_hand_overs_that_brought_no_definite_answer_are_downtime(route: Route) -> None:
    hand_over(route, number=4)
    for refusal in ("link", "quantity", "funds", "key", "given_back", "duplicate", "service", "other"):
        hand_over(route, **refused(refusal))
    assert measured(route).uptime_percent == 100
    for refusal in ("not_sent", "not_placed", "rate"):
        hand_over(route, **refused(refusal))
    hand_over(route, **refused("", handover="unknown"))
    assert measured(route).uptime_percent == 50


@pytest.mark.django_db
def test_an_outcome_that_had_to_be_settled_counts_once_and_as_no_answer(route: Route) -> None:
    hand_over(route, number=3)
    hand_over(route, settled_by="somebody")
    quality = measured(route)
    assert (quality.orders, quality.uptime_percent, quality.cancel_percent) == (4, 75, 0)


@pytest.mark.django_db
def test_what_is_long_ago_counts_no_more(route: Route) -> None:
    old = timezone.now() - timedelta(days=WINDOW_DAYS + 1)
    hand_over(route, number=3, ended_at=old, created_at=old, provider_status="Canceled")
    hand_over(route, **refused("not_sent", created_at=old))
    hand_over(route)
    quality = measured(route)
    assert (quality.orders, quality.cancel_percent, quality.uptime_percent) == (1, 0, 100)


@pytest.mark.django_db
def test_only_the_latest_are_measured(route: Route) -> None:
    hand_over(route, number=MOST_MEASURED)
    before = timezone.now() - timedelta(days=1)
    hand_over(route, number=50, ended_at=before, created_at=before, provider_status="Canceled")
    hand_over(route, **refused("not_sent", created_at=before))
    quality = measured(route)
    assert (quality.orders, quality.cancel_percent, quality.uptime_percent) == (MOST_MEASURED, 0, 100)


@pytest.mark.django_db
def test_without_news_nothing_is_measured_before_a_day_is_over(route: Route) -> None:
    measured(route)
    long_before = timezone.now() - timedelta(hours=1)
    RouteQuality.objects.update(score=1, measured_at=long_before)
    assert measured(route).score == 1
    hand_over(route)
    assert measured(route).score > NEUTRAL_SCORE
    RouteQuality.objects.update(score=1, measured_at=timezone.now() - timedelta(seconds=STALE_SECONDS + 1))
    assert measured(route).score > NEUTRAL_SCORE


@pytest.mark.django_db
def test_a_refusal_is_news_too(route: Route) -> None:
    measured(route)
    RouteQuality.objects.update(measured_at=timezone.now() - timedelta(hours=1))
    hand_over(route, **refused("not_sent"))
    assert measured(route).uptime_percent == 0


@pytest.mark.django_db
def test_each_route_is_looked_at_once_in_a_while(route: Route) -> None:
    assert measure_quality() == 1
    assert measure_quality() == 0
    quality = RouteQuality.objects.get(pk=route.pk)
    assert timedelta() < quality.next_at - timezone.now() <= timedelta(seconds=MEASURE_EVERY_SECONDS)


@committed
def test_two_workers_never_measure_the_same_route() -> None:
    for _ in range(3):
        make_route(make_service(), make_provider())
    assert measure_quality() == 3
    RouteQuality.objects.update(next_at=LONG_AGO)
    looked_at: list[int] = []
    with transaction.atomic():
        assert measure_quality() == 3
        second = Second(lambda: looked_at.append(measure_quality()))
        second.finish()
    assert looked_at == [0]


@pytest.fixture
def much_history(route: Route) -> Route:
    """A route with many hand-overs: ended, open, and one in a hundred refused; and as many of another."""
    order = place_one(make_customer("1000"), route.service, quantity=1000)
    other = make_route(make_service(), make_provider())
    with connection.cursor() as cursor:
        for place, each in enumerate((route, other)):
            cursor.execute(
                """
                INSERT INTO providers_fulfilment (
                    order_id, number, provider_id, route_id, service_external_id, handover, refusal, quantity,
                    provider_rate, fx_rate, expected_cost, external_id, created_at, accepted_at, ended_at,
                    link_key
                )
                SELECT %(order)s, %(place)s * %(many)s + number, %(provider)s, %(route)s, '1',
                    CASE WHEN number %% 100 = 0 THEN 'refused' ELSE 'accepted' END,
                    CASE WHEN number %% 100 = 0 THEN 'not_sent' ELSE '' END, 1000, 1, 1, 1,
                    CASE WHEN number %% 100 = 0 THEN '' ELSE number::text END,
                    now() - number * interval '10 seconds', now() - number * interval '10 seconds',
                    CASE WHEN number %% 2 = 1 THEN now() - number * interval '9 seconds' END,
                    number / 2
                FROM generate_series(1, %(many)s) AS number
                """,
                {
                    "order": order.pk,
                    "place": place,
                    "provider": each.provider_service.provider_id,
                    "route": each.pk,
                    "many": MANY,
                },
            )
        cursor.execute("ANALYZE providers_fulfilment")
    return route


@committed
def test_measuring_reads_what_it_measures_and_no_more(much_history: Route) -> None:
    routes = [much_history.pk]
    month = timezone.now() - timedelta(days=WINDOW_DAYS)
    since = as_json([{"route_id": much_history.pk, "since": month}])
    window = {"routes": routes, "days": WINDOW_DAYS, "most": MOST_MEASURED}
    assert rows_read(_SQL["ended"], window) <= 2 * MOST_MEASURED
    troubled = {"since": since, "most": MOST_MEASURED, "down": ["not_sent"]}
    assert rows_read(_SQL["troubled"], troubled) <= 2 * MOST_MEASURED
    measure_quality()
    RouteQuality.objects.update(next_at=LONG_AGO)
    claim = {"limit": 20, "every": 600, "stale": STALE_SECONDS, "overlap": OVERLAP_SECONDS}
    assert rows_read(_SQL["claim"], claim) <= MOST_MEASURED


@committed
def test_the_last_route_of_a_link_is_found_by_its_index(much_history: Route) -> None:
    links = as_json([{"service_id": much_history.service_id, "link_key": key} for key in range(5, 37)])
    assert rows_read(PLANNING["last_of_link"], {"links": links}) <= 200
    plan = fetch_all("EXPLAIN " + PLANNING["last_of_link"], {"links": links})
    assert "fulfilments_by_link" in str(plan)
