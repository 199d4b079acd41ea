"""The simulated panel seen by a client: every call over HTTP, against the tables of the protocol."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import requests

from purveyor.catalog.order_types import OrderType
from purveyor.simulator import catalogue
from purveyor.simulator.testing import Simulator, running_simulator

Call = Callable[..., Any]

LINK = "https://example.com/a"
ID_OF = {service.type: service.id for service in reversed(catalogue.standard().values())}
DEFAULT, PACKAGE, SUBSCRIPTION = (
    ID_OF[kind] for kind in (OrderType.DEFAULT, OrderType.PACKAGE, OrderType.SUBSCRIPTIONS)
)
WITHOUT_REFILL_AND_DRIPFEED = ID_OF[OrderType.SEO]
WITHOUT_CANCEL = ID_OF[OrderType.POLL]
A_SUBSCRIPTION = {"service": SUBSCRIPTION, "username": "weekly", "min": 10, "max": 20, "delay": 0}
WEB_TRAFFIC = {"link": LINK, "quantity": 500, "country": "US", "device": 5}

# Type, what is sent beside key, action and service, and the quantity that is bought (protocol §3.1).
ORDERS: list[tuple[OrderType, dict[str, object], int]] = [
    (OrderType.DEFAULT, {"link": LINK, "quantity": 1000}, 1000),
    (OrderType.DEFAULT, {"link": LINK, "quantity": "1000.0", "runs": "", "interval": "0"}, 1000),
    (OrderType.SEO, {"link": LINK, "quantity": 20, "keywords": "garden\r\nhome"}, 20),
    (OrderType.CUSTOM_COMMENTS, {"link": LINK, "comments": "Why, then?\n\n How? \r\n", "quantity": 9}, 2),
    (OrderType.CUSTOM_COMMENTS, {"link": LINK, "comments": "One, with a comma"}, 1),
    (
        OrderType.MENTIONS_WITH_HASHTAGS,
        {"link": LINK, "quantity": 10, "usernames": "a\nb", "hashtags": "tea"},
        10,
    ),
    (OrderType.MENTIONS_CUSTOM_LIST, {"link": LINK, "usernames": "a, b,c"}, 3),
    (OrderType.MENTIONS_HASHTAG, {"link": LINK, "quantity": 500, "hashtag": "tea"}, 500),
    (OrderType.MENTIONS_USER_FOLLOWERS, {"link": LINK, "quantity": 60, "username": "digest"}, 60),
    (OrderType.MENTIONS_MEDIA_LIKERS, {"link": LINK, "quantity": 60, "media": LINK}, 60),
    (OrderType.MENTIONS, {"link": LINK, "quantity": 60, "usernames": "a\nb"}, 60),
    (OrderType.PACKAGE, {"link": LINK, "quantity": 50}, 1),
    (OrderType.CUSTOM_COMMENTS_PACKAGE, {"link": LINK, "comments": "a\nb\nc"}, 1),
    (OrderType.COMMENT_LIKES, {"link": LINK, "quantity": 60, "username": "editor"}, 60),
    (OrderType.POLL, {"link": LINK, "quantity": 60, "answer_number": 2}, 60),
    (OrderType.COMMENT_REPLIES, {"link": LINK, "username": "desk", "comments": "a\nb"}, 2),
    (OrderType.INVITES_FROM_GROUPS, {"link": LINK, "quantity": 60, "groups": "a\nb"}, 60),
    (OrderType.SUBSCRIPTIONS, {"username": "weekly", "min": 10, "max": 20, "delay": 30}, 0),
    (OrderType.WEB_TRAFFIC, {**WEB_TRAFFIC, "type_of_traffic": 3}, 500),
    (OrderType.WEB_TRAFFIC, {**WEB_TRAFFIC, "type_of_traffic": 1, "google_keyword": "tea"}, 500),
    (OrderType.WEB_TRAFFIC, {**WEB_TRAFFIC, "type_of_traffic": 2, "referring_url": LINK}, 500),
]

# What is wrong, the fields of `add`, the error (protocol §6.2, order of §3.7).
REFUSED: list[tuple[str, dict[str, object], str]] = [
    ("no service", {"link": LINK, "quantity": 100}, "Incorrect service ID"),
    ("unknown service", {"service": 999, "link": LINK, "quantity": 100}, "Incorrect service ID"),
    ("no link", {"service": DEFAULT, "quantity": 100}, "Bad link"),
    ("long link", {"service": DEFAULT, "link": LINK + "a" * 2048, "quantity": 100}, "Bad link"),
    ("link before quantity", {"service": DEFAULT, "link": " ", "quantity": 1}, "Bad link"),
    ("no quantity", {"service": DEFAULT, "link": LINK}, "Incorrect request"),
    ("below", {"service": DEFAULT, "link": LINK, "quantity": 99}, "Quantity less than minimal 100"),
    ("above", {"service": DEFAULT, "link": LINK, "quantity": 100001}, "Quantity more than maximum 100000"),
    ("negative", {"service": DEFAULT, "link": LINK, "quantity": -5}, "Incorrect request"),
    ("exponent", {"service": DEFAULT, "link": LINK, "quantity": "1e3"}, "Incorrect request"),
    ("fraction", {"service": DEFAULT, "link": LINK, "quantity": "100.5"}, "Incorrect request"),
    ("other digits", {"service": DEFAULT, "link": LINK, "quantity": "١٢٣"}, "Incorrect request"),
    ("no comments", {"service": ID_OF[OrderType.CUSTOM_COMMENTS], "link": LINK}, "Incorrect request"),
    (
        "only empty lines",
        {"service": ID_OF[OrderType.CUSTOM_COMMENTS], "link": LINK, "comments": " \n \r\n"},
        "Incorrect request",
    ),
    (
        "no answer",
        {"service": ID_OF[OrderType.POLL], "link": LINK, "quantity": 10},
        "Incorrect request",
    ),
    (
        "no keyword for keyword traffic",
        {"service": ID_OF[OrderType.WEB_TRAFFIC], **WEB_TRAFFIC, "type_of_traffic": 1},
        "Incorrect request",
    ),
    (
        "unknown device",
        {"service": ID_OF[OrderType.WEB_TRAFFIC], **WEB_TRAFFIC, "type_of_traffic": 3, "device": 6},
        "Incorrect request",
    ),
    (
        "runs alone",
        {"service": DEFAULT, "link": LINK, "quantity": 100, "runs": 2},
        "Interval time is required",
    ),
    (
        "interval alone",
        {"service": DEFAULT, "link": LINK, "quantity": 100, "interval": 5},
        "Runs is required",
    ),
    (
        "no drip-feed here",
        {
            "service": WITHOUT_REFILL_AND_DRIPFEED,
            "link": LINK,
            "quantity": 10,
            "keywords": "a",
            "runs": 2,
            "interval": 5,
        },
        "This services does not support Dripfeed feature!",
    ),
    (
        "drip-feed above in total",
        {"service": DEFAULT, "link": LINK, "quantity": 50_001, "runs": 2, "interval": 5},
        "Quantity more than maximum 100000",
    ),
    ("strange delay", {**A_SUBSCRIPTION, "delay": 7}, "Incorrect request"),
    ("min above max", {**A_SUBSCRIPTION, "min": 30}, "Incorrect request"),
    ("per post below", {**A_SUBSCRIPTION, "min": 9}, "Quantity less than minimal 10"),
    ("past expiry", {**A_SUBSCRIPTION, "expiry": "11/11/2022"}, "Incorrect request"),
    ("odd expiry", {**A_SUBSCRIPTION, "expiry": "2042-11-11"}, "Incorrect request"),
]


@pytest.mark.parametrize(("kind", "fields", "quantity"), ORDERS)
def test_every_type_can_be_ordered(
    simulator: Simulator, call: Call, kind: OrderType, fields: dict[str, object], quantity: int
) -> None:
    service = catalogue.standard()[ID_OF[kind]]
    before = simulator.balance
    assert call("add", service=service.id, **fields) == {"order": 100001}
    [order] = simulator.orders
    assert order.service == service.id
    assert order.quantity == quantity
    price = service.rate if kind.value.endswith("ackage") else service.rate * quantity / 1000
    assert order.charge == price
    assert simulator.balance == before - price


@pytest.mark.parametrize(("_what", "fields", "error"), REFUSED, ids=[case[0] for case in REFUSED])
def test_a_wrong_order_is_refused_and_costs_nothing(
    simulator: Simulator, call: Call, _what: str, fields: dict[str, object], error: str
) -> None:
    before = simulator.balance
    assert call("add", **fields) == {"error": error}
    assert simulator.orders == []
    assert simulator.balance == before


def test_the_key_comes_before_everything(simulator: Simulator) -> None:
    for form in ({}, {"key": "wrong", "action": "add"}, {"action": "balance"}):
        assert requests.post(simulator.url, data=form, timeout=10).json() == {"error": "Invalid API key"}


@pytest.mark.parametrize("action", ["", "buy", "orders"])
def test_an_unknown_action_is_an_incorrect_request(call: Call, action: str) -> None:
    assert call(action) == {"error": "Incorrect request"}


def test_query_json_and_both_slashes_are_understood(simulator: Simulator) -> None:
    fields: Any = {"key": simulator.key, "action": "add", "service": DEFAULT, "link": LINK, "quantity": 100}
    assert requests.get(simulator.url, params=fields, timeout=10).json() == {"order": 100001}
    assert requests.post(simulator.url + "/", json=fields, timeout=10).json() == {"order": 100002}
    ids: Any = {"key": simulator.key, "action": "status", "orders": [100001, "100002"]}
    assert set(requests.post(simulator.url, json=ids, timeout=10).json()) == {"100001", "100002"}
    assert requests.post(simulator.url, data=b"[1]", timeout=10).json() == {"error": "Incorrect request"}


def test_funds_run_out(simulator: Simulator, call: Call) -> None:
    simulator.set_balance(Decimal("1.2"))
    assert call("add", service=DEFAULT, link=LINK, quantity=1000) == {"order": 100001}
    assert call("add", service=DEFAULT, link=LINK, quantity=100) == {"error": "Not enough funds on balance"}
    assert call("balance") == {"balance": "0", "currency": "USD"}
    assert len(simulator.orders) == 1


def test_an_order_is_followed_to_its_end(simulator: Simulator, call: Call) -> None:
    order = call("add", service=DEFAULT, link=LINK, quantity=1000)["order"]
    seen = []
    for _ in range(60):
        seen.append(call("status", order=order))
        simulator.advance(1)
    assert seen[0] == {
        "charge": "1.2",
        "start_count": "",
        "status": "Pending",
        "remains": "1000",
        "currency": "USD",
    }
    words = list(dict.fromkeys(reply["status"] for reply in seen))
    assert words in (
        ["Pending", "In progress", "Completed"],
        ["Pending", "Processing", "In progress", "Completed"],
    )
    assert len({reply["remains"] for reply in seen}) > 10
    assert seen[-1]["remains"] == "0"
    assert seen[-1]["start_count"].isdigit()


@pytest.mark.parametrize(("partial", "canceled", "word"), [(1, 0, "Partial"), (0, 1, "Canceled")])
def test_what_is_not_delivered_is_paid_back(
    simulator: Simulator, call: Call, partial: float, canceled: float, word: str
) -> None:
    simulator.set_outcomes(partial=partial, canceled=canceled)
    before = simulator.balance
    order = call("add", service=DEFAULT, link=LINK, quantity=1000)["order"]
    assert simulator.balance == before - Decimal("1.2")
    simulator.advance(60)
    reply = call("status", order=order)
    assert reply["status"] == word
    remains = int(reply["remains"])
    assert 0 < remains <= 1000
    assert (remains == 1000) is (word == "Canceled")
    assert Decimal(reply["charge"]) == Decimal("1.2") * (1000 - remains) / 1000
    assert simulator.balance == before - Decimal(reply["charge"])


def test_status_of_many_has_every_asked_id_once_and_at_most_a_hundred(call: Call) -> None:
    order = call("add", service=DEFAULT, link=LINK, quantity=100)["order"]
    reply = call("status", orders=f" {order},7,Array,{order},")
    assert list(reply) == [str(order), "7", "Array"]
    assert reply[str(order)]["status"] == "Pending"
    assert reply["7"] == reply["Array"] == {"error": "Incorrect order ID"}
    assert len(call("status", orders=",".join(str(number) for number in range(150)))) == 100
    assert call("status", orders=",") == {"error": "Incorrect request"}
    assert call("status", order="abc") == {"error": "Incorrect order ID"}


def test_a_refill_lives_its_own_life(simulator: Simulator, call: Call) -> None:
    order = call("add", service=DEFAULT, link=LINK, quantity=100)["order"]
    assert call("refill", order=order) == {"error": "The order is not completed"}
    simulator.advance(60)
    assert call("refill", order=order) == {"refill": "5001"}
    too_soon = "The order was completed or refill was requested less than 24 hours ago"
    assert call("refill", order=order) == {"error": too_soon}
    assert call("refill_status", refill=5001) == {"status": "Pending"}
    simulator.decide_refill(5001, rejected=True)
    simulator.advance(30)
    assert call("refill_status", refills="5001,9,Array") == [
        {"refill": 5001, "status": "Rejected"},
        {"refill": 9, "status": {"error": "Refill not found"}},
        {"refill": "Array", "status": {"error": "Refill not found"}},
    ]
    assert call("refill", orders=f"{order},9") == [
        {"order": order, "refill": 5002},
        {"order": 9, "refill": {"error": "Incorrect order ID"}},
    ]
    assert call("refill_status", refill="x") == {"error": "Refill not found"}


def test_refills_have_their_time(simulator: Simulator, call: Call) -> None:
    order = call("add", service=DEFAULT, link=LINK, quantity=100)["order"]
    simulator.advance(60)
    simulator.set_refill_wait(seconds=86_400)
    too_soon = "The order was completed or refill was requested less than 24 hours ago"
    assert call("refill", order=order) == {"error": too_soon}
    simulator.advance(86_400)
    assert call("refill", order=order) == {"refill": "5001"}
    simulator.advance(31 * 86_400)
    assert call("refill", order=order) == {"error": "Refill days are over"}


def test_a_service_without_refill_refuses_it(simulator: Simulator, call: Call) -> None:
    order = call("add", service=WITHOUT_REFILL_AND_DRIPFEED, link=LINK, quantity=10, keywords="a")["order"]
    simulator.advance(60)
    assert call("refill", order=order) == {"error": "Refill is disabled for this service"}


def test_a_cancel_is_accepted_first_and_done_later(simulator: Simulator, call: Call) -> None:
    simulator.set_speed(0.2)  # so that delivery has not begun when the cancel takes effect
    before = simulator.balance
    order = call("add", service=DEFAULT, link=LINK, quantity=1000)["order"]
    assert call("cancel", orders=f"9,{order}") == [
        {"order": 9, "cancel": {"error": "Incorrect order ID"}},
        {"order": order, "cancel": 1},
    ]
    assert call("cancel", order=order) == {"error": "Cancel already requested"}
    assert call("status", order=order)["status"] == "Pending"
    simulator.advance(16)
    assert call("status", order=order) == {
        "charge": "0",
        "start_count": "",
        "status": "Canceled",
        "remains": "1000",
        "currency": "USD",
    }
    assert simulator.balance == before


def test_a_cancel_during_delivery_keeps_what_was_delivered(simulator: Simulator, call: Call) -> None:
    before = simulator.balance
    order = call("add", service=DEFAULT, link=LINK, quantity=1000)["order"]
    while call("status", order=order)["remains"] == "1000":
        simulator.advance(1)
    assert call("cancel", order=order) == {"order": order, "cancel": 1}
    simulator.advance(60)
    reply = call("status", order=order)
    assert reply["status"] == "Partial"
    assert simulator.balance == before - Decimal(reply["charge"])
    assert call("cancel", order=order) == {"error": "Cancel already requested"}


def test_some_orders_cannot_be_canceled(simulator: Simulator, call: Call) -> None:
    fixed = call("add", service=WITHOUT_CANCEL, link=LINK, quantity=10, answer_number=1)["order"]
    assert call("cancel", order=fixed) == {"error": "Service does not support cancel"}
    done = call("add", service=DEFAULT, link=LINK, quantity=100)["order"]
    simulator.advance(60)
    assert call("cancel", order=done) == {"error": "Order cannot be canceled"}


def test_an_active_link_can_be_made_to_refuse_a_second_order(simulator: Simulator, call: Call) -> None:
    call("add", service=DEFAULT, link=LINK, quantity=100)
    simulator.refuse_duplicates()
    again = {"service": "2", "link": "HTTP://www.example.com/a/", "quantity": 500}
    assert call("add", **again) == {
        "error": "You have active order with this link. Please wait until order being completed."
    }
    simulator.advance(60)
    assert "order" in call("add", **again)


def test_the_same_seed_lives_the_same_life() -> None:
    def lives(seed: int) -> list[str]:
        with running_simulator(seed=seed, frozen=True) as simulator:
            form = {"key": simulator.key, "action": "add", "service": DEFAULT, "link": LINK, "quantity": 5000}
            for _ in range(5):
                requests.post(simulator.url, data=form, timeout=10)
            simulator.advance(13)
            ids = {"key": simulator.key, "action": "status", "orders": "100001,100002,100003,100004,100005"}
            replies = requests.post(simulator.url, data=ids, timeout=10).json()
            return [reply["status"] + reply["remains"] for reply in replies.values()]

    assert lives(4) == lives(4)
    assert lives(4) != lives(5)
