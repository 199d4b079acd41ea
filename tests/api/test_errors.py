"""The texts of protocol §6.2, the situations of §6.3, the order of §3.7, and the settings for both."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
from django.utils import timezone

from purveyor.accounts.people import suspend
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.orders.models import Order, Refill, Status
from purveyor.orders.testing import place_one
from tests.api.panel import Caller, Panel, json_of, serving

LINK = "https://example.com/post"


def completed(panel: Panel, caller: Caller, *, hours_ago: int, service: Service | None = None) -> Order:
    order = place_one(caller.customer, service or panel.services[OrderType.DEFAULT], quantity=10)
    Order.objects.filter(pk=order.pk).update(
        status=Status.COMPLETED, remains=0, status_at=timezone.now() - timedelta(hours=hours_ago)
    )
    return order


@pytest.mark.parametrize("key", [None, "", " ", "wrong", "0" * 64, "x" * 100_000, "\0", "ключ"])
def test_a_wrong_key(panel: Panel, key: str | None) -> None:
    form = {"action": "balance"} | ({} if key is None else {"key": key})
    assert json_of(requests.post(panel.api, data=form, timeout=30)) == {"error": "Invalid API key"}


@pytest.mark.parametrize("action", [None, "", "foo", "STATUSES", "status\0", "добавить"])
def test_a_wrong_action(panel: Panel, caller: Caller, action: str | None) -> None:
    assert panel.post(caller, action) == {"error": "Incorrect request"}


@pytest.mark.parametrize("action", ["status", "refill", "refill_status", "cancel"])
@pytest.mark.parametrize("fields", [{}, {"orders": ""}, {"orders": " , ,"}, {"order": ""}])
def test_a_call_without_its_ids(panel: Panel, caller: Caller, action: str, fields: dict[str, str]) -> None:
    assert panel.post(caller, action, **fields) == {"error": "Incorrect request"}


@pytest.mark.parametrize(
    "action", ["balance", "services", "status", "add", "refill", "refill_status", "cancel", "foo"]
)
def test_a_blocked_account(panel: Panel, caller: Caller, action: str) -> None:
    panel.post(caller, "balance")
    suspend(customer=caller.customer)
    panel.until(caller, {"error": "Your account is inactive"}, action, order="1", refill="1")


def test_a_service_that_is_not_on(panel: Panel, caller: Caller) -> None:
    service = make_service(enabled=False)
    answer = panel.post(caller, "add", service=service.pk, link=LINK, quantity="1")
    assert answer == {"error": "Incorrect service ID"}


@pytest.mark.parametrize(
    "link", ["", " ", "a\nb", "https://example.com/\0", "https://example.com/" + "x" * 5000]
)
def test_a_bad_link(panel: Panel, caller: Caller, link: str) -> None:
    service = panel.services[OrderType.DEFAULT].pk
    assert panel.post(caller, "add", service=service, link=link, quantity="1") == {"error": "Bad link"}


def test_quantities_and_their_bounds(panel: Panel, caller: Caller) -> None:
    service = make_service(min=50, max=100).pk
    panel.until(
        caller, {"error": "Quantity less than minimal 50"}, "add", service=service, link=LINK, quantity="49"
    )
    add = {"service": service, "link": LINK}
    assert panel.post(caller, "add", **add, quantity="101") == {"error": "Quantity more than maximum 100"}
    assert panel.post(caller, "add", **add) == {"error": "Incorrect request"}


def test_not_enough_funds(panel: Panel) -> None:
    poor = panel.caller("0.10")
    service = panel.services[OrderType.DEFAULT].pk  # 1.50 per 1000
    answer = panel.post(poor, "add", service=service, link=LINK, quantity="67")
    assert answer == {"error": "Not enough funds on balance"}
    assert list(panel.post(poor, "add", service=service, link=LINK, quantity="66")) == ["order"]


def test_a_duplicate(panel: Panel, caller: Caller) -> None:
    add = {"service": panel.services[OrderType.DEFAULT].pk, "quantity": "10"}
    first = panel.post(caller, "add", **add, link="https://example.com/twice")
    again = panel.post(caller, "add", **add, link=" https://example.com/twice ")
    words = "You have active order with this link. Please wait until order being completed."
    assert again == {"error": words}
    other_service = panel.services[OrderType.SEO].pk
    answer = panel.post(
        caller, "add", service=other_service, quantity="10", keywords="a", link="https://example.com/twice"
    )
    assert list(answer) == ["order"]
    Order.objects.filter(pk=first["order"]).update(status=Status.COMPLETED, remains=0)
    assert list(panel.post(caller, "add", **add, link="https://example.com/twice")) == ["order"]


WRONG_ORDER_IDS = (
    "abc",
    "0",
    "-5",
    "1.5",
    "1e3",
    "١٢٣",
    "9223372036854775808",
    "9" * 500,
    "999999999",
    "1,2",
    "\0",
)


@pytest.mark.parametrize("text", WRONG_ORDER_IDS, ids=lambda text: repr(text)[:20])
@pytest.mark.parametrize("action", ["status", "refill", "cancel"])
def test_wrong_order_ids(panel: Panel, caller: Caller, action: str, text: str) -> None:
    assert panel.post(caller, action, order=text) == {"error": "Incorrect order ID"}


@pytest.mark.parametrize("text", WRONG_ORDER_IDS, ids=lambda text: repr(text)[:20])
def test_wrong_refill_ids(panel: Panel, caller: Caller, text: str) -> None:
    assert panel.post(caller, "refill_status", refill=text) == {"error": "Refill not found"}


@pytest.mark.parametrize("action", ["status", "refill", "cancel"])
def test_orders_of_others_look_absent(panel: Panel, caller: Caller, action: str) -> None:
    other = panel.caller()
    order = place_one(other.customer, panel.services[OrderType.DEFAULT], quantity=1).pk
    assert panel.post(caller, action, order=order) == {"error": "Incorrect order ID"}
    absent = panel.post(caller, action, orders="999999999")
    assert repr(panel.post(caller, action, orders=order)) == repr(absent).replace("999999999", str(order))
    assert Order.objects.get(pk=order).status == Status.PENDING


def test_refills_of_others_look_absent(panel: Panel, caller: Caller) -> None:
    other = panel.caller()
    refill = panel.post(other, "refill", order=completed(panel, other, hours_ago=25).pk)["refill"]
    assert panel.post(caller, "refill_status", refill=refill) == {"error": "Refill not found"}
    assert panel.post(other, "refill_status", refill=refill) == {"status": "Pending"}


def test_a_refill_that_is_not_offered(panel: Panel, caller: Caller) -> None:
    service = make_service(refill=False)
    order = completed(panel, caller, hours_ago=30, service=service)
    assert panel.post(caller, "refill", order=order.pk) == {"error": "Refill is disabled for this service"}


def test_a_refill_before_the_order_is_completed(panel: Panel, caller: Caller) -> None:
    order = place_one(caller.customer, panel.services[OrderType.DEFAULT], quantity=1)
    assert panel.post(caller, "refill", order=order.pk) == {"error": "The order is not completed"}


TOO_SOON = "The order was completed or refill was requested less than 24 hours ago"


def test_a_refill_too_soon_after_completion(panel: Panel, caller: Caller) -> None:
    assert panel.post(caller, "refill", order=completed(panel, caller, hours_ago=23).pk) == {
        "error": TOO_SOON
    }


def test_a_refill_too_soon_after_another(panel: Panel, caller: Caller) -> None:
    order = completed(panel, caller, hours_ago=25).pk
    assert list(panel.post(caller, "refill", order=order)) == ["refill"]
    assert panel.post(caller, "refill", order=order) == {"error": TOO_SOON}
    assert Refill.objects.filter(order_id=order).count() == 1


def test_a_refill_after_its_days(panel: Panel, caller: Caller) -> None:
    service = make_service(refill=True, refill_days=30)
    late = completed(panel, caller, hours_ago=24 * 31, service=service)
    in_time = completed(panel, caller, hours_ago=24 * 29, service=service)
    assert panel.post(caller, "refill", order=late.pk) == {"error": "Refill days are over"}
    assert list(panel.post(caller, "refill", order=in_time.pk)) == ["refill"]


@pytest.mark.parametrize("separator", [",", "%2C"])
def test_refused_cancels(panel: Panel, caller: Caller, separator: str) -> None:
    service = make_service(cancel=False)
    not_offered = place_one(caller.customer, service, quantity=1).pk
    finished = completed(panel, caller, hours_ago=1).pk
    rows = panel.post(caller, "cancel", orders=f"{not_offered},{finished}")
    assert [row["order"] for row in rows] == [not_offered, finished]
    assert all(isinstance(row["cancel"]["error"], str) for row in rows)
    assert {Order.objects.get(pk=row["order"]).status for row in rows} == {Status.PENDING, Status.COMPLETED}


# The order of §3.7: each request has every fault from one on, and the first is told.
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Invalid API key", {"key": "wrong", "action": "foo"}),
    ("Incorrect request", {"action": "foo", "service": "999999", "link": "", "quantity": "0"}),
    ("Incorrect service ID", {"action": "add", "service": "999999", "link": "", "quantity": "0"}),
    ("Bad link", {"action": "add", "link": "", "quantity": "0", "runs": "2"}),
    ("Quantity less than minimal 1", {"action": "add", "quantity": "0", "runs": "2"}),
    ("Interval time is required", {"action": "add", "quantity": "1000", "runs": "2"}),
    (
        "You have active order with this link. Please wait until order being completed.",
        {"action": "add", "quantity": "1000"},
    ),
    ("Not enough funds on balance", {"action": "add", "quantity": "1000", "link": "https://example.com/new"}),
)


@pytest.mark.parametrize(("words", "fields"), FAULTS, ids=[words for words, _ in FAULTS])
def test_of_several_faults_the_first_is_told(panel: Panel, words: str, fields: dict[str, Any]) -> None:
    poor = panel.caller("0.10")
    service = panel.services[OrderType.DEFAULT]
    place_one(poor.customer, service, link=LINK, quantity=10)
    form = {"key": poor.key, "service": service.pk, "link": LINK} | fields
    assert json_of(requests.post(panel.api, data=form, timeout=30)) == {"error": words}


# Situations of §6.3.


def test_get_without_parameters_is_json(panel: Panel) -> None:
    assert json_of(requests.get(panel.api, timeout=30)) == {"error": "Invalid API key"}


def test_get_with_an_unknown_action(panel: Panel, caller: Caller) -> None:
    answer = requests.get(panel.api, params={"key": caller.key, "action": "x"}, timeout=30)
    assert json_of(answer) == {"error": "Incorrect request"}


@pytest.mark.parametrize(
    "body", ["[]", "[1]", '"text"', "1", "null", "{", '{"key":', '{"key":"\\ud800"}', "{]}"]
)
def test_json_that_is_broken_or_no_object(panel: Panel, body: str) -> None:
    answer = requests.post(panel.api, data=body, headers={"content-type": "application/json"}, timeout=30)
    assert json_of(answer) == {"error": "Incorrect request"}


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x"],
)
def test_broken_multipart(panel: Panel, content_type: str) -> None:
    answer = requests.post(
        panel.api, data=b"--y\r\nnonsense", headers={"content-type": content_type}, timeout=30
    )
    assert json_of(answer)["error"] in {"Incorrect request", "Invalid API key"}


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_harmless_methods(panel: Panel, caller: Caller, method: str) -> None:
    answer = requests.request(method, panel.api, params={"key": caller.key, "action": "balance"}, timeout=30)
    assert answer.status_code in {200, 204}
    assert answer.content == b""


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_do_nothing(panel: Panel, caller: Caller, method: str) -> None:
    service = panel.services[OrderType.DEFAULT].pk
    form = {"key": caller.key, "action": "add", "service": service, "link": LINK, "quantity": "1"}
    answer = requests.request(method, panel.api, data=form, timeout=30)
    assert json_of(answer) == {"error": "Incorrect request"}
    assert not Order.objects.filter(customer=caller.customer).exists()


# Requests of old clients without an action, §1.4.


def test_refill_look_ups_without_an_action(panel: Panel, caller: Caller) -> None:
    refill = panel.post(caller, "refill", order=completed(panel, caller, hours_ago=25).pk)["refill"]
    assert panel.post(caller, refill=refill) == {"status": "Pending"}
    assert panel.post(caller, refills=refill) == [{"refill": int(refill), "status": "Pending"}]


@pytest.mark.parametrize("name", ["order", "orders", "order_id"])
def test_nothing_is_changed_without_an_action(panel: Panel, caller: Caller, name: str) -> None:
    order = completed(panel, caller, hours_ago=25).pk
    assert panel.post(caller, None, **{name: order}) == {"error": "Incorrect request"}
    assert panel.post(caller, None, **{name: order, "refill": "1"}) == {"error": "Incorrect request"}
    assert not Refill.objects.filter(order_id=order).exists()


# The settings for the doubtful points.


@pytest.fixture(scope="module")
def panel_with_keys(running_panel: Panel, panel_database: str) -> Iterator[Panel]:
    with serving(
        panel_database,
        PURVEYOR_ERROR_FORM="key",
        PURVEYOR_SERVICE_ID_AS_STRING="1",
        PURVEYOR_DUPLICATES="off",
    ) as panel:
        panel.services = running_panel.services
        yield panel


def test_errors_as_keys(panel_with_keys: Panel, at_the_panel: None) -> None:
    panel = panel_with_keys
    caller = panel.caller("0.01")
    add = {"service": panel.services[OrderType.DEFAULT].pk, "link": LINK, "quantity": "10"}
    cases = {
        "neworder.error.not_enough_funds": add,
        "neworder.error.link": add | {"link": ""},
        "neworder.error.min_quantity": add | {"quantity": "0"},
        "neworder.error.max_quantity": add | {"quantity": "1001"},
        "error.incorrect_service_id": add | {"service": "999999"},
    }
    for key, fields in cases.items():
        assert panel.post(caller, "add", **fields) == {"error": key}
    assert panel.post(caller, "status", order="x") == {"error": "error.incorrect_order_id"}
    assert panel.post(caller, "status", orders="x") == {"x": {"error": "error.incorrect_order_id"}}


def test_service_ids_as_strings(panel_with_keys: Panel, at_the_panel: None) -> None:
    rows = panel_with_keys.post(panel_with_keys.caller(), "services")
    wanted = str(panel_with_keys.services[OrderType.DEFAULT].pk)
    assert wanted in [row["service"] for row in rows]


def test_duplicates_allowed(panel_with_keys: Panel, at_the_panel: None) -> None:
    caller = panel_with_keys.caller()
    add = {"service": panel_with_keys.services[OrderType.DEFAULT].pk, "link": LINK, "quantity": "10"}
    assert [list(panel_with_keys.post(caller, "add", **add)) for _ in range(2)] == [["order"], ["order"]]
    assert Order.objects.filter(customer=caller.customer, charge=Decimal("0.015")).count() == 2
