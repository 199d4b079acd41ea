"""The control door, as a script in another process uses it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import requests

from purveyor.simulator.testing import Simulator

Call = Callable[..., Any]

ORDER = {"service": "1", "link": "https://example.com/a", "quantity": 1000}


def door(simulator: Simulator, path: str, body: Any = None, *, code: int = 200) -> Any:
    """GET without a body, POST with one."""
    reply = requests.request(
        "GET" if body is None else "POST",
        simulator.url.replace("/api/v2", f"/control/{path}"),
        json=body,
        headers={"Authorization": f"Bearer {simulator.key}"},
        timeout=10,
    )
    assert reply.status_code == code, reply.text
    return reply.json()


def test_accepted_orders_and_calls_can_be_read(simulator: Simulator, call: Call) -> None:
    call("add", **ORDER)
    call("add", **ORDER, runs=2, interval=5)
    bought = door(simulator, "orders")["orders"]
    assert [order["id"] for order in bought] == [100001, 100002]
    assert bought[0] | {"placed_at": 0} == {
        "id": 100001,
        "service": "1",
        "link": "https://example.com/a",
        "quantity": 1000,
        "fields": {},
        "charge": "1.2",
        "paid": "1.2",
        "placed_at": 0,
        "status": "Pending",
        "parent": None,
        "children": [],
    }
    assert bought[1]["children"] == [100003]
    assert [order["id"] for order in door(simulator, "orders?after=100001&children=1")["orders"]] == [
        100002,
        100003,
    ]
    assert len(door(simulator, "orders?limit=1")["orders"]) == 1
    calls = door(simulator, "calls?action=add")["calls"]
    assert [seen["fields"]["quantity"] for seen in calls] == ["1000", "1000"]
    assert simulator.key not in str(calls)
    state = door(simulator, "state")
    assert (state["orders"], state["bought"], state["balance"]) == (3, 2, "9996.4")


def test_behaviours_can_be_set(simulator: Simulator, call: Call) -> None:
    door(simulator, "script", {"do": "next", "action": "add", "behaviours": [{"fault": "bad_link"}]})
    assert call("add", **ORDER) == {"error": "Bad link"}
    door(
        simulator,
        "script",
        {"do": "always", "action": "balance", "behaviours": [{"fault": "arbitrary", "body": "[1]"}]},
    )
    assert call("balance") == [1]
    door(
        simulator,
        "script",
        {"do": "when", "action": "add", "fields": {"service": "2"}, "behaviours": [{"fault": "queue_full"}]},
    )
    assert "order" in call("add", **ORDER)
    assert "error" in call("add", **{**ORDER, "service": "2"})
    mix = [{"fault": "none", "weight": 1}, {"fault": "bad_key", "weight": 1}]
    door(simulator, "script", {"do": "mix", "action": "status", "seed": 3, "behaviours": mix})
    replies = {str(call("status", order=7)) for _ in range(50)}
    assert replies == {"{'error': 'Incorrect order ID'}", "{'error': 'Invalid API key'}"}
    door(simulator, "script", {"do": "clear"})
    assert call("balance") == {"balance": "9998.8", "currency": "USD"}


def test_orders_money_and_time_can_be_set(simulator: Simulator, call: Call) -> None:
    order = call("add", **ORDER)["order"]
    told = door(simulator, "order", {"id": order, "status": "Canceled"})
    assert (told["status"], told["paid"]) == ("Canceled", "0")
    assert door(simulator, "order", {"id": order, "released": True})["status"] == "Pending"
    door(
        simulator,
        "settings",
        {
            "balance": "0.5",
            "latency_ms": 1,
            "rates": {"1": "2.00"},
            "partial_share": 1,
            "canceled_share": 0,
            "duplicates_refused": False,
            "refill_wait_seconds": 0,
            "speed": 100,
        },
    )
    assert simulator.balance == Decimal("0.5")
    assert call("add", **ORDER) == {"error": "Not enough funds on balance"}
    again = call("add", **{**ORDER, "quantity": 250})["order"]
    before = simulator.now
    assert door(simulator, "clock", {"frozen": True, "advance_seconds": 1})["now"] == before + 1
    assert call("status", order=again)["status"] == "Partial"
    assert call("status", order=order)["status"] == "Pending"
    door(simulator, "settings", {"price_factor": "2"})
    assert call("services")[1]["rate"] == "4.90"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("script", {"do": "explode"}),
        ("script", {"do": "next", "action": "add", "behaviours": [{"fault": "explode"}]}),
        ("script", {"do": "next", "action": "add"}),
        ("order", {"id": 7, "status": "Completed"}),
        ("order", {"status": "Completed"}),
        ("settings", {"speed": 0}),
        ("settings", {"partial_share": 2}),
        ("settings", {"latency": 5}),
        ("clock", {"advance_seconds": -1}),
        ("orders?after=x", None),
    ],
)
def test_a_wrong_wish_is_told(simulator: Simulator, path: str, body: Any) -> None:
    assert door(simulator, path, body, code=400)["error"]


def test_the_door_is_closed_without_the_key(simulator: Simulator) -> None:
    url = simulator.url.replace("/api/v2", "/control/orders")
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert requests.get(url, headers=headers, timeout=10).status_code == 403
