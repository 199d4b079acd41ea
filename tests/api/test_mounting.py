"""One port for everything: the API beside the pages, and many callers at once."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
import requests

from purveyor.accounts.testing import balance_of
from purveyor.catalog.order_types import OrderType
from purveyor.orders.models import Order
from tests.api.panel import Caller, Panel

CALLERS = 24


def test_the_pages_are_beside_the_api(panel: Panel) -> None:
    page = requests.get(f"{panel.url}/api", timeout=30)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize("path", ["/api/v2x", "/api/v2//", "/api/v1", "/API/V2"])
def test_other_paths_are_not_the_api(panel: Panel, path: str) -> None:
    assert requests.get(panel.url + path, timeout=30).status_code == 404


def test_slow_senders_do_not_hold_up_the_pages(panel: Panel) -> None:
    host, _, port = panel.url.removeprefix("http://").partition(":")
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx"
    slow = [socket.create_connection((host, int(port)), timeout=20) for _ in range(40)]
    for connection in slow:
        connection.sendall(head)
    started = time.monotonic()
    assert requests.get(f"{panel.url}/api", timeout=30).status_code == 200
    assert time.monotonic() - started < 5
    for connection in slow:
        connection.close()


def test_a_page_takes_no_endless_body(panel: Panel) -> None:
    """The answer does not wait for what is never sent."""
    host, _, port = panel.url.removeprefix("http://").partition(":")
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\nx"
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_many_callers_at_once_on_one_link(panel: Panel, caller: Caller) -> None:
    add = {
        "service": panel.services[OrderType.DEFAULT].pk,
        "link": "https://example.com/race",
        "quantity": 10,
    }
    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(lambda _: panel.post(caller, "add", **add), range(CALLERS)))
    assert sum("order" in answer for answer in answers) == 1
    assert Order.objects.filter(customer=caller.customer).count() == 1
    assert balance_of(caller.customer) == Decimal("999.985")


def test_many_callers_at_once_on_one_balance(panel: Panel) -> None:
    caller = panel.caller("0.15")  # enough for 10 orders of 0.015
    service = panel.services[OrderType.DEFAULT].pk

    def add(number: int) -> object:
        link = f"https://example.com/{number}"
        return panel.post(caller, "add", service=service, link=link, quantity=10)

    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(add, range(3 * CALLERS)))
    assert sum(answer == {"error": "Not enough funds on balance"} for answer in answers) == 3 * CALLERS - 10
    assert Order.objects.filter(customer=caller.customer).count() == 10
    assert balance_of(caller.customer) == 0


def test_callers_get_their_own_answers(panel: Panel) -> None:
    callers = [panel.caller(str(number + 1)) for number in range(CALLERS)]
    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(lambda each: panel.post(each, "balance")["balance"], callers * 5))
    assert answers == [str(number + 1) for number in range(CALLERS)] * 5
