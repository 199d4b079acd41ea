"""The example programs and requests, as pasted, against a running panel with its real database."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from django.db import connection

from purveyor.accounts.keys import create_key
from purveyor.accounts.models import Customer
from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.catalog.testing import make_service
from purveyor.orders.models import Order, Status
from purveyor.site.example_code import EXAMPLE_KEY
from purveyor.site.ordering import ORDER_TYPES
from tests.committed import committed
from tests.ops.processes import PATIENCE_SECONDS, environment, free_port, wait_until
from tests.site.manual import code_block, code_blocks
from tests.site.running import RUNNERS, Runner, run
from tests.site.test_examples import TOUR_COMMENT

RATE = Decimal("2.00")
QUANTITY = 100
CHARGE = RATE * QUANTITY / 1000


def _database_url() -> str:
    found = connection.settings_dict
    host = quote(str(found["HOST"]), safe="/")
    return f"postgresql://{found['USER']}@:{found['PORT']}/{found['NAME']}?host={host}"


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=PATIENCE_SECONDS).ok
    except requests.RequestException:
        return False


@pytest.fixture
def panel_url(key: str, services: dict[OrderType, Service], tmp_path: Path) -> Iterator[str]:
    """The panel as an operator serves it, on the database of this test, which knows key and services."""
    port = free_port()
    settings = environment(
        DATABASE_URL=_database_url(),
        PORT=str(port),
        PURVEYOR_HOME=os.environ["PURVEYOR_HOME"],
        PURVEYOR_DEMO="0",
    )
    log = tmp_path / "panel.log"
    with log.open("w") as output:
        command = [sys.executable, "-m", "purveyor.ops.cli", "serve"]
        panel = subprocess.Popen(command, env=settings, stdout=output, stderr=output)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: panel.poll() is not None or _answers(url))
            assert panel.poll() is None, log.read_text()
            yield url
        finally:
            panel.terminate()
            panel.wait(timeout=PATIENCE_SECONDS)


@pytest.fixture
def key(transactional_db: None) -> str:
    """Of the one customer, who has a balance of 100."""
    return create_key(customer=make_customer(balance="100"))[1]


@pytest.fixture
def services(transactional_db: None) -> dict[OrderType, Service]:
    """A service of every type, the first one Default."""
    return {
        order_type: make_service(
            order_type, rate=RATE, refill=True, cancel=True, dripfeed=FORMS[order_type].dripfeed
        )
        for order_type in OrderType
    }


def manual_of(url: str) -> str:
    return requests.get(f"{url}/api", timeout=PATIENCE_SECONDS).text


def shown(url: str, file_name: str) -> str:
    """An example program as this panel shows it."""
    (code,) = [code for label, code in code_blocks(manual_of(url)) if label.startswith(f"{file_name}:")]
    assert f"{url}/api/v2" in code
    return code


@committed
@pytest.mark.parametrize("runner", RUNNERS, ids=str)
def test_an_example_shows_the_balance_of_its_key(
    runner: Runner, panel_url: str, key: str, services: dict[OrderType, Service], tmp_path: Path
) -> None:
    ended = run(runner, shown(panel_url, runner.file_name).replace(EXAMPLE_KEY, key), tmp_path)
    assert ended.status == 0, ended.output
    if runner.name == "sh":
        assert json.loads(ended.output) == {"balance": "100", "currency": "USD"}
    else:
        assert ended.output.split() == ["100", "USD", str(len(services)), "services"]


@committed
@pytest.mark.parametrize("runner", [runner for runner in RUNNERS if runner.name != "sh"], ids=str)
def test_every_call_works_and_asking_again_places_nothing(
    runner: Runner, panel_url: str, key: str, services: dict[OrderType, Service], tmp_path: Path
) -> None:
    customer = Customer.objects.get()
    code, found = TOUR_COMMENT.subn(r"\1\2", shown(panel_url, runner.file_name).replace(EXAMPLE_KEY, key))
    assert found == 1
    code = code.replace("tour($api, 1,", f"tour($api, {services[OrderType.DEFAULT].pk},")
    code = code.replace("tour(api, 1,", f"tour(api, {services[OrderType.DEFAULT].pk},")
    ended = run(runner, code, tmp_path)
    assert ended.status == 0, ended.output
    answers = told(ended.output)
    first, second = Order.objects.order_by("pk").values_list("pk", flat=True)
    assert answers["order"] == [{"order": first}, {"order": second}]
    pending = {
        "charge": "0.2",
        "start_count": "0",
        "status": "Pending",
        "remains": "100",
        "currency": "USD",
    }
    assert answers["status"] == [pending]
    assert answers["multistatus"] == [{str(first): pending, str(second): pending}]
    not_completed = {"error": "The order is not completed"}
    assert answers["refused"] == [not_completed]
    rows = [{"order": order, "refill": not_completed} for order in (first, second)]
    assert answers["multirefill"] == [rows]
    assert answers["cancel"] == [[{"order": first, "cancel": 1}, {"order": second, "cancel": 1}]]
    assert set(Order.objects.values_list("status", flat=True)) == {Status.CANCELED}
    assert balance_of(customer) == 100

    # A second run asks with the same keys: it hears of the same orders, which are canceled by now.
    again = run(runner, code, tmp_path)
    assert told(again.output)["order"] == answers["order"], again.output
    assert Order.objects.count() == 2
    assert balance_of(customer) == 100


def told(output: str) -> dict[str, list[object]]:
    """The answers that a tour printed, by the call's name in small letters without underscores."""
    answers: dict[str, list[object]] = {}
    for name, answer in re.findall(r"^(\w+) ([{\[].*)$", output, re.MULTILINE):
        answers.setdefault(name.lower().replace("_", ""), []).append(json.loads(answer))
    return answers


@committed
def test_every_call_works_from_the_shell(
    panel_url: str, key: str, services: dict[OrderType, Service], tmp_path: Path
) -> None:
    (shell,) = [runner for runner in RUNNERS if runner.name == "sh"]
    code = shown(panel_url, shell.file_name).replace(EXAMPLE_KEY, key)
    start = f"api_order service={services[OrderType.DEFAULT].pk} quantity=100"
    orders = "".join(f"{start} link=https://example.com/{name} idempotency_key={name}\n" for name in "ab")
    ended = run(shell, code + orders, tmp_path)
    assert ended.status == 0, ended.output
    first, second = Order.objects.order_by("pk").values_list("pk", flat=True)
    calls = f"""
api_status {first}
api_multi_status {first},{second}
api_refill {first}
api_multi_refill {first},{second}
api_refill_status 1
api_multi_refill_status 1
api_cancel {first},{second}
"""
    ended = run(shell, code + calls, tmp_path)
    assert ended.status == 0, ended.output
    balance, status, statuses, refill, refills, refill_status, refill_statuses, cancels = [
        json.loads(line) for line in ended.output.splitlines()
    ]
    assert balance == {"balance": str(100 - 2 * CHARGE).rstrip("0"), "currency": "USD"}
    assert status["status"] == "Pending"
    assert set(statuses) == {str(first), str(second)}
    assert refill == {"error": "The order is not completed"}
    assert [row["order"] for row in refills] == [first, second]
    assert refill_status == {"error": "Refill not found"}
    assert refill_statuses == [{"refill": 1, "status": refill_status}]
    assert cancels == [{"order": first, "cancel": 1}, {"order": second, "cancel": 1}]


@committed
def test_the_example_request_of_every_order_type_places_an_order(
    panel_url: str, key: str, services: dict[OrderType, Service]
) -> None:
    page = manual_of(panel_url)
    for reference in ORDER_TYPES:
        command = code_block(page, f"Example request: {reference.type.value}")
        command = command.replace(EXAMPLE_KEY, key).replace(
            "service=1", f"service={services[reference.type].pk}"
        )
        answer = subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True).stdout
        order = Order.objects.latest("pk")
        assert json.loads(answer) == {"order": order.pk}, reference.type
        assert order.service_id == services[reference.type].pk
