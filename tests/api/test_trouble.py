"""Trouble of ours: 503 with an empty body for every action, and service again as soon as there is none."""

import json
import re
from collections.abc import Iterator

import pytest
import requests
from pytest_django import DjangoDbBlocker

from purveyor.catalog.order_types import OrderType
from purveyor.orders.models import Order
from purveyor.orders.testing import place_one
from tests.api.panel import (
    Caller,
    Panel,
    connected_to,
    cut_off,
    database,
    eventually,
    every_service,
    hang_up,
    json_of,
    serving,
)

ACTIONS = ("services", "add", "status", "refill", "refill_status", "cancel", "balance")


@pytest.fixture(scope="module")
def own_database(worker_id: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    with django_db_blocker.unblock(), database(f"panel_in_trouble_{worker_id}") as name:
        yield name


@pytest.fixture(scope="module")
def troubled(own_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[Panel, Caller]]:
    with django_db_blocker.unblock(), connected_to(own_database):
        services = every_service()
        with serving(own_database) as panel:
            panel.services = services
            yield panel, panel.caller()


@pytest.fixture(autouse=True)
def at_its_database(own_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock(), connected_to(own_database):
        yield


def call(panel: Panel, caller: Caller, action: str, number: int = 0) -> requests.Response:
    form = {"key": caller.key, "action": action, "refill": "1"}
    if action == "add":
        service = panel.services[OrderType.DEFAULT].pk
        form |= {"service": str(service), "link": f"https://example.com/{number}", "quantity": "1"}
    elif action != "refill_status":
        form |= {"order": "1"}
    return requests.post(panel.api, data=form, timeout=30)


def test_without_a_database(own_database: str, troubled: tuple[Panel, Caller]) -> None:
    panel, caller = troubled
    place_one(caller.customer, panel.services[OrderType.DEFAULT], quantity=1)
    assert json_of(call(panel, caller, "balance"))["currency"] == "USD"
    with cut_off(own_database):
        eventually(lambda: requests.get(f"{panel.url}/healthz", timeout=30).status_code == 503)
        for action in ACTIONS:
            # The cache of keys is let go of within a second; until then `services` needs no database.
            eventually(lambda action=action: call(panel, caller, action).status_code == 503)  # type: ignore[misc]
            answer = call(panel, caller, action)
            assert (answer.status_code, answer.content) == (503, b"")
            assert "retry-after" in answer.headers
        unknown = Caller(caller.customer, "nobody's")
        assert (call(panel, unknown, "status").status_code, call(panel, unknown, "status").content) == (
            503,
            b"",
        )
    eventually(lambda: requests.get(f"{panel.url}/healthz", timeout=30).status_code == 200)
    for action in ACTIONS:
        assert call(panel, caller, action, 1).status_code == 200


@pytest.mark.parametrize("action", ACTIONS)
def test_connections_that_broke_meanwhile_are_not_noticed(
    own_database: str, troubled: tuple[Panel, Caller], action: str
) -> None:
    """A restarted server, or a firewall's timeout, costs nobody an error: not even who adds an order."""
    panel, caller = troubled
    assert call(panel, caller, action, 100).status_code == 200
    before = Order.objects.count()
    hang_up(own_database)
    assert call(panel, caller, action, 101).status_code == 200
    assert Order.objects.count() - before == (action == "add")


def test_the_log_has_a_line_per_request_and_never_a_key(troubled: tuple[Panel, Caller]) -> None:
    panel, caller = troubled
    panel.post(caller, "status", orders="1,2")
    panel.post("0123456789abcdef" * 4, "balance")
    eventually(lambda: b"unauthorised" in panel.log.read_bytes())
    text = panel.log.read_text()
    lines = [json.loads(line) for line in text.splitlines() if '"event":"api"' in line]
    served = next(line for line in lines if line["action"] == "status" and line["outcome"] == "ok")
    assert served["customer"] == caller.customer.pk
    assert served["key"] == caller.key[:8]
    assert served["ms"] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", served["at"])
    unknown = next(line for line in lines if line["outcome"] == "unauthorised")
    assert unknown["address"] == "127.0.0.1"
    assert "key" not in unknown
    assert caller.key not in text
    assert "0123456789abcdef" not in text


def test_metrics_per_action(troubled: tuple[Panel, Caller]) -> None:
    panel, caller = troubled

    def counted(labels: str) -> float:
        text = requests.get(f"{panel.url}/metrics", timeout=30).text
        found = re.search(rf"^{re.escape(labels)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    ok, refused = (
        f'purveyor_api_requests_total{{action="balance",outcome="{word}"}}' for word in ("ok", "refused")
    )
    histogram = 'purveyor_api_request_seconds_count{action="balance"}'
    before = counted(ok), counted(refused), counted(histogram)
    for _ in range(3):
        panel.post(caller, "balance")
    assert (counted(ok), counted(refused), counted(histogram)) == (before[0] + 3, before[1], before[2] + 3)
    assert counted('purveyor_api_request_seconds_bucket{action="balance",le="+Inf"}') == before[2] + 3


def test_metrics_are_for_this_machine(troubled: tuple[Panel, Caller]) -> None:
    panel, _ = troubled
    headers = {"x-forwarded-for": "192.0.2.1"}
    assert requests.get(f"{panel.url}/metrics", headers=headers, timeout=30).status_code == 404
