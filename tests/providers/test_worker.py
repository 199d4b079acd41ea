"""The worker as a whole: in this process, and as processes that are stopped and killed."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import Service
from purveyor.database import fetch_all
from purveyor.orders.models import Dispatch, Order, OrderKind, Status
from purveyor.orders.placing import place
from purveyor.orders.testing import place_one, request
from purveyor.providers.models import Attempt, Fulfilment, Handover, Provider
from purveyor.providers.outcomes.outcomes import give_up_expired
from purveyor.simulator.testing import Simulator
from tests.audited import violations
from tests.committed import committed
from tests.providers.rounds import dispatch, work_until

pytestmark = committed

SECONDS = 90.0
CUT_ALL_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
WORKER = "import django; django.setup(); from purveyor.providers import worker; worker.run()"


def place_many(service: Service, number: int) -> None:
    customer = make_customer("100000")
    place([request(customer, service, quantity=service.min) for _ in range(number)])


def live(simulator: Simulator) -> None:
    """Let orders end within a second or two."""
    simulator.set_speed(40)
    simulator.resume()


def all_ended() -> bool:
    return not Order.objects.exclude(status__in=["Completed", "Partial", "Canceled"]).exists()


def test_orders_are_placed_delivered_and_refunded_without_anybodys_help(
    simulator: Simulator, service: Service
) -> None:
    live(simulator)
    simulator.set_outcomes(partial=0.3, canceled=0.3)
    place_many(service, 30)
    work_until(all_ended)
    assert {item.status for item in simulator.orders} == set(Order.objects.values_list("status", flat=True))
    customer = Order.objects.select_related("customer").first()
    assert customer is not None
    kept = sum(order.charge - order.refunded for order in Order.objects.all())
    assert balance_of(customer.customer) == 100000 - kept
    assert violations() == {}


def test_a_drip_feed_is_released_and_delivered_run_by_run(simulator: Simulator, service: Service) -> None:
    live(simulator)
    order = place_one(make_customer("1000"), service, quantity=service.min, runs=3, interval=1)

    def hurry() -> bool:
        order.drip_feed.__class__.objects.exclude(next_run_at=None).update(
            next_run_at=timezone.now() - timedelta(seconds=1)
        )
        order.refresh_from_db()
        return order.status == Status.COMPLETED

    work_until(hurry)
    assert len(simulator.orders) == order.children.count() == 3
    assert {item.quantity for item in simulator.orders} == {service.min}
    assert Order.objects.filter(kind=OrderKind.DRIP_FEED).count() == 1
    assert violations() == {}


def test_a_worker_outlives_its_database_connections(simulator: Simulator, service: Service) -> None:
    live(simulator)
    simulator.set_latency(milliseconds=20)
    place_many(service, 60)
    cuts_left = 5

    def cut_and_look() -> bool:
        nonlocal cuts_left
        if cuts_left:
            cuts_left -= 1
            with psycopg.connect(**connection.get_connection_params()) as knife:
                knife.execute(CUT_ALL_OTHERS)
            return False
        unknown = Order.objects.filter(fulfilments__handover__in=[Handover.UNKNOWN, Handover.SENDING])
        return not Order.objects.exclude(status="Completed").difference(unknown).exists()

    work_until(cut_and_look)
    connection.close()  # this test's own was cut, too
    links = Counter(item.link for item in simulator.orders)
    assert links.most_common(1)[0][1] == 1
    assert violations() == {}


def test_a_provider_that_comes_back_gets_what_waited(
    simulator: Simulator, provider: Provider, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("purveyor.providers.standing.standing.FIRST_SILENCE_SECONDS", 1)
    live(simulator)
    Provider.objects.update(url="http://127.0.0.1:9/api/v2")
    place_many(service, 20)
    dispatch()
    assert set(Order.objects.values_list("dispatch", flat=True)) == {Dispatch.HELD}
    Provider.objects.update(url=simulator.url)
    work_until(all_ended)
    assert len({item.link for item in simulator.orders}) == len(simulator.orders) == 20
    assert violations() == {}


def test_periodic_syncs_change_the_providers_rows_and_what_of_ours_follows_them(
    simulator: Simulator, catalogue: Provider
) -> None:
    offer = catalogue.services.order_by("pk")[0]
    ours = Service.objects.get(imported__provider_service=offer)
    others = Service.objects.exclude(pk=ours.pk).order_by("pk")
    before = list(others.values())
    simulator.set_rate(offer.external_id, offer.rate * 2)
    Provider.objects.update(next_sync_at=timezone.now() - timedelta(seconds=1))

    def synced() -> bool:
        return catalogue.services.get(pk=offer.pk).rate == offer.rate * 2

    work_until(synced)
    assert list(others.values()) == before
    assert Service.objects.get(pk=ours.pk).rate == ours.rate * 2
    catalogue.refresh_from_db()
    assert catalogue.next_sync_at > timezone.now() + timedelta(minutes=10)


def _environment(*, session_name: str) -> dict[str, str]:
    database = connection.settings_dict
    user, name, host = (quote(str(database[key]), safe="") for key in ("USER", "NAME", "HOST"))
    password = f":{quote(database['PASSWORD'], safe='')}" if database["PASSWORD"] else ""
    port = f"&port={database['PORT']}" if database["PORT"] else ""
    url = f"postgresql://{user}{password}@/{name}?host={host}{port}"
    return {
        **os.environ,
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "purveyor.settings",
        "PGAPPNAME": session_name,
    }


@contextmanager
def worker_process() -> Iterator["subprocess.Popen[bytes]"]:
    """A worker in a process of its own, which does not outlive the test.

    Neither do its sessions: the server ends what a killed worker had asked for last, and may commit it.
    """
    name = f"a worker {uuid4()}"
    environment = _environment(session_name=name)
    process = subprocess.Popen([sys.executable, "-c", WORKER], env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        wait_for(lambda: not fetch_all("SELECT FROM pg_stat_activity WHERE application_name = %s", [name]))


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def expire_leases() -> None:
    Attempt.objects.filter(outcome="sending").update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(
    simulator: Simulator, service: Service
) -> None:
    simulator.set_latency(milliseconds=50)
    place_many(service, 400)
    for kills in range(3):
        with worker_process() as process:
            before = len(simulator.orders)
            wait_for(lambda before=before: len(simulator.orders) > before + 20)  # type: ignore[misc]
            process.kill()
            process.wait()
        assert Attempt.objects.filter(outcome="sending").exists(), kills
        expire_leases()
    while give_up_expired():
        pass
    dispatch()
    bought = Counter(item.link for item in simulator.orders)
    assert bought.most_common(1)[0][1] == 1
    told = Counter(Fulfilment.objects.values_list("handover", flat=True))
    assert told[Handover.SENDING] == told[Handover.REFUSED] == 0
    assert told[Handover.ACCEPTED] + told[Handover.UNKNOWN] == 400
    assert told[Handover.UNKNOWN] > 0
    accepted = set(Fulfilment.objects.filter(handover="accepted").values_list("order__link", flat=True))
    unknown = set(Fulfilment.objects.filter(handover="unknown").values_list("order__link", flat=True))
    assert accepted <= set(bought) <= accepted | unknown
    assert violations() == {}


def test_a_worker_told_to_stop_ends_soon_and_leaves_nothing_unknown(
    simulator: Simulator, service: Service
) -> None:
    simulator.set_latency(milliseconds=100)
    place_many(service, 300)
    with worker_process() as process:
        wait_for(lambda: len(simulator.orders) > 20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    told = Counter(Fulfilment.objects.values_list("handover", flat=True))
    assert told[Handover.SENDING] == told[Handover.UNKNOWN] == 0
    assert told[Handover.ACCEPTED] == len(simulator.orders)
    assert Order.objects.filter(dispatch=Dispatch.QUEUED).count() == 300 - len(simulator.orders)
    assert violations() == {}


def test_two_worker_processes_share_the_work(simulator: Simulator, service: Service) -> None:
    Provider.objects.update(parallel_calls=4)
    simulator.set_latency(milliseconds=20)
    live(simulator)
    place_many(service, 300)
    with worker_process(), worker_process():
        wait_for(all_ended)
    assert len({item.link for item in simulator.orders}) == len(simulator.orders) == 300
    assert Fulfilment.objects.filter(number=1, handover="accepted").count() == 300
    assert violations() == {}
