"""Orders that make orders: drip-feeds and subscriptions, seen by a client over HTTP."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from purveyor.simulator.testing import Simulator

Call = Callable[..., Any]

LINK = "https://example.com/a"
DEFAULT = "1"
A_SUBSCRIPTION = {"service": "10", "username": "weekly", "min": 10, "max": 20, "delay": 0}


def test_a_drip_feed_makes_its_runs(simulator: Simulator, call: Call) -> None:
    before = simulator.balance
    parent = call("add", service=DEFAULT, link=LINK, quantity=1000, runs=3, interval=10)["order"]
    assert simulator.balance == before - Decimal("3.6")
    assert call("status", order=parent) == {"status": "In progress", "runs": "1", "orders": ["100002"]}
    simulator.advance(15)
    assert call("status", order=parent)["orders"] == ["100002", "100003"]
    simulator.advance(100)
    reply = call("status", order=parent)
    assert reply == {"status": "Completed", "runs": "3", "orders": ["100002", "100003", "100004"]}
    assert {child["charge"] for child in call("status", orders=",".join(reply["orders"])).values()} == {"1.2"}
    assert [child.quantity for child in simulator.children] == [1000, 1000, 1000]
    assert len(simulator.orders) == 1
    assert simulator.balance == before - Decimal("3.6")


def test_a_canceled_drip_feed_pays_back_the_runs_to_come(simulator: Simulator, call: Call) -> None:
    before = simulator.balance
    parent = call("add", service=DEFAULT, link=LINK, quantity=1000, runs=3, interval=10)["order"]
    simulator.advance(12)
    assert call("cancel", order=parent) == {"order": parent, "cancel": 1}
    simulator.advance(100)
    assert call("status", order=parent) == {
        "status": "Canceled",
        "runs": "2",
        "orders": ["100002", "100003"],
    }
    assert simulator.balance == before - Decimal("2.4")


def test_a_subscription_follows_posts(simulator: Simulator, call: Call) -> None:
    before = simulator.balance
    parent = call("add", **A_SUBSCRIPTION, posts=2, old_posts=2)["order"]
    assert simulator.balance == before - sum(child.charge for child in simulator.children)
    first = call("status", order=parent)
    assert first["status"] == "Active"
    assert first["posts"] == "0"
    simulator.advance(100)
    done = call("status", order=parent)
    assert list(done) == ["status", "expiry", "posts", "orders", "old_orders"]
    assert done["status"] == "Completed"
    assert done["posts"] == "2"
    assert len(done["orders"]) == len(done["old_orders"]) == 2
    assert len({child.link for child in simulator.children}) == 4
    assert all(10 <= child.quantity <= 20 for child in simulator.children)
    assert simulator.balance == before - sum(child.charge for child in simulator.children)


def test_a_subscription_without_end_goes_on_until_canceled(simulator: Simulator, call: Call) -> None:
    parent = call("add", **A_SUBSCRIPTION, posts=0)["order"]
    simulator.advance(200)
    assert int(call("status", order=parent)["posts"]) >= 8
    call("cancel", order=parent)
    simulator.advance(10)
    posts = call("status", order=parent)["posts"]
    simulator.advance(100)
    reply = call("status", order=parent)
    assert (reply["status"], reply["posts"]) == ("Canceled", posts)


def test_a_subscription_expires_after_its_last_day(simulator: Simulator, call: Call) -> None:
    simulator.set_speed(1e-3)  # a post every few hours
    today = datetime.datetime.fromtimestamp(simulator.now, datetime.UTC).date()
    last_day = today + datetime.timedelta(days=3)
    parent = call("add", **A_SUBSCRIPTION, expiry=f"{last_day:%d/%m/%Y}")["order"]
    simulator.advance(3 * 86_400 - 60)
    reply = call("status", order=parent)
    assert (reply["status"], reply["expiry"]) == ("Active", last_day.isoformat())
    simulator.advance(86_400 + 60)
    reply = call("status", order=parent)
    assert reply["status"] == "Expired"
    assert int(reply["posts"]) > 3
    simulator.advance(10 * 86_400)
    assert call("status", order=parent) == reply


def test_a_subscription_pauses_without_funds_and_goes_on_with_them(simulator: Simulator, call: Call) -> None:
    simulator.set_balance(Decimal(0))
    parent = call("add", **A_SUBSCRIPTION, posts=1)["order"]
    simulator.advance(30)
    assert call("status", order=parent)["status"] == "Paused"
    assert simulator.children == []
    simulator.set_balance(Decimal(5))
    simulator.advance(10)
    assert call("status", order=parent)["status"] == "Completed"
    assert len(simulator.children) == 1
