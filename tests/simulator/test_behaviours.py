"""Every fault, over HTTP: what the caller gets, and what was bought behind its back."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
import requests

from purveyor.simulator.behaviours import Behaviour, Fault, Script
from purveyor.simulator.misbehaving import EFFECTS
from purveyor.simulator.testing import Simulator

Call = Callable[..., Any]

ORDER = {"service": "1", "link": "https://example.com/a", "quantity": "1000"}
DROPPED = None


@dataclass(frozen=True)
class Answer:
    code: int
    text: str


def ask(simulator: Simulator, action: str, **fields: object) -> Answer | None:
    """One call on a connection of its own; None when it was dropped without an answer."""
    form = {"key": simulator.key, "action": action, **fields}
    try:
        reply = requests.post(simulator.url, data=form, timeout=10)
    except requests.ConnectionError:
        return DROPPED
    return Answer(reply.status_code, reply.text)


OK = '{"order":100001}'
PAGE = (
    "<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
    "<body><h1>Checking your browser</h1></body></html>"
)
WARNING = "\ufeff<br />\n<b>Warning</b>:  Undefined index: drip in <b>api.php</b> on line 7<br />\n"
TROUBLE = "Internal Server Error"

# Fault at `add`, the answer, and whether an order was bought.
AT_ADD: list[tuple[Fault | Behaviour, Answer | None, bool]] = [
    (Fault.NONE, Answer(200, OK), True),
    (Fault.ACCEPT_THEN_DROP, DROPPED, True),
    (Fault.DROP_WITHOUT_ACCEPTING, DROPPED, False),
    (Fault.ERROR_500_BEFORE_ACCEPTING, Answer(500, TROUBLE), False),
    (Fault.ERROR_500_AFTER_ACCEPTING, Answer(500, TROUBLE), True),
    (Fault.TOO_MANY_REQUESTS, Answer(429, '{"error":"Too many requests"}'), False),
    (Fault.HTML_PAGE, Answer(200, PAGE), True),
    (Behaviour(fault=Fault.HTML_PAGE, accepts=False, http_status=503), Answer(503, PAGE), False),
    (Fault.EMPTY_BODY, Answer(200, ""), True),
    (Fault.TRUNCATED_JSON, Answer(200, '{"order":1'), True),
    (Fault.WARNING_BEFORE_JSON, Answer(200, WARNING + OK), True),
    (Fault.WRONG_TYPES, Answer(200, '{"order":[]}'), True),
    (Fault.NUMBERS_AS_STRINGS, Answer(200, '{"order":"100001"}'), True),
    (Fault.STRINGS_AS_NUMBERS, Answer(200, OK), True),
    (Fault.EMPTY_BALANCE, Answer(200, '{"error":"Not enough funds on balance"}'), False),
    (
        Fault.QUEUE_FULL,
        Answer(200, '{"error":"The queue of this service is full. Please try again later."}'),
        False,
    ),
    (Behaviour(fault=Fault.QUEUE_FULL, text="Later"), Answer(200, '{"error":"Later"}'), False),
    (Behaviour(fault=Fault.QUEUE_FULL, accepts=True, text="No"), Answer(200, '{"error":"No"}'), True),
    (Fault.BAD_KEY, Answer(200, '{"error":"Invalid API key"}'), False),
    (
        Fault.DUPLICATE_LINK,
        Answer(
            200,
            '{"error":"You have active order with this link. Please wait until order being completed."}',
        ),
        False,
    ),
    (Fault.SERVICE_GONE, Answer(200, '{"error":"Incorrect service ID"}'), False),
    (Fault.BAD_LINK, Answer(200, '{"error":"Bad link"}'), False),
    (
        Behaviour(fault=Fault.ARBITRARY, body='{"id":"ord_7"}', http_status=201),
        Answer(201, '{"id":"ord_7"}'),
        True,
    ),
    (Behaviour(fault=Fault.ARBITRARY, body="maintenance", accepts=False), Answer(200, "maintenance"), False),
    (
        Behaviour(change=lambda reply: {"status": "success", **reply}),  # type: ignore[dict-item]
        Answer(200, '{"status":"success","order":100001}'),
        True,
    ),
]


@pytest.mark.parametrize(
    ("fault", "answer", "bought"),
    AT_ADD,
    ids=[case[0].value if isinstance(case[0], Fault) else case[0].fault.value for case in AT_ADD],
)
def test_a_fault_at_add(
    simulator: Simulator, *, fault: Fault | Behaviour, answer: Answer | None, bought: bool
) -> None:
    simulator.script.next("add", fault)
    before = simulator.balance
    assert ask(simulator, "add", **ORDER) == answer
    assert len(simulator.orders) == (1 if bought else 0)
    assert simulator.balance == before - (Decimal("1.2") if bought else 0)
    assert len(simulator.requests) == 1


def test_every_fault_has_an_effect() -> None:
    assert set(EFFECTS) == set(Fault)


def test_a_delay_after_accepting_lets_the_caller_run_out_of_time(simulator: Simulator) -> None:
    simulator.script.next("add", Behaviour(fault=Fault.DELAY_AFTER_ACCEPTING, seconds=30))
    form = {"key": simulator.key, "action": "add", **ORDER}
    with pytest.raises(requests.ReadTimeout):
        requests.post(simulator.url, data=form, timeout=0.2)
    assert len(simulator.orders) == 1


def test_a_delay_before_accepting_accepts_when_the_caller_is_gone(simulator: Simulator) -> None:
    simulator.script.next("add", Behaviour(fault=Fault.DELAY_BEFORE_ACCEPTING, seconds=0.4))
    form = {"key": simulator.key, "action": "add", **ORDER}
    with pytest.raises(requests.ReadTimeout):
        requests.post(simulator.url, data=form, timeout=0.1)
    assert simulator.orders == []
    deadline = time.monotonic() + 5
    while not simulator.orders and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(simulator.orders) == 1


def test_a_reused_id_is_that_of_an_order_given_out_before(simulator: Simulator, call: Call) -> None:
    first = call("add", **ORDER)
    simulator.script.next("add", Fault.REUSED_ID)
    assert call("add", **ORDER) == first
    assert [order.id for order in simulator.orders] == [first["order"], first["order"] + 1]


def test_faults_of_status(simulator: Simulator, call: Call) -> None:
    order = call("add", **ORDER)["order"]
    simulator.advance(60)
    honest = call("status", order=order)
    assert honest["status"] == "Completed"
    expected: dict[Fault, object] = {
        Fault.UNKNOWN_STATUS: {**honest, "status": "Awaiting moderation"},
        Fault.NEGATIVE_REMAINS: {**honest, "remains": "-25"},
        Fault.STATUS_BACKWARDS: {**honest, "status": "In progress"},
        Fault.STRINGS_AS_NUMBERS: {
            **honest,
            "charge": 1.2,
            "start_count": int(honest["start_count"]),
            "remains": 0,
        },
        Fault.WRONG_TYPES: {
            "charge": [],
            "start_count": {},
            "status": None,
            "remains": True,
            "currency": [None],
        },
    }
    for fault, reply in expected.items():
        simulator.script.next("status", fault)
        assert call("status", order=order) == reply
    for fault in (Fault.UNKNOWN_STATUS, Fault.NEGATIVE_REMAINS, Fault.STATUS_BACKWARDS):
        simulator.script.next("status", fault)
        many = call("status", orders=f"{order},7")
        assert many == {str(order): expected[fault], "7": {"error": "Incorrect order ID"}}
    assert call("status", order=order) == honest


def test_a_price_change_charges_the_new_price_from_that_call_on(simulator: Simulator, call: Call) -> None:
    call("add", **ORDER)
    simulator.script.next("add", Behaviour(fault=Fault.PRICE_CHANGE, factor=Decimal("1.3")))
    call("add", **ORDER)
    simulator.script.next("add", Behaviour(fault=Fault.PRICE_CHANGE, factor=Decimal("1.3")))
    call("add", **ORDER)
    assert [order.charge for order in simulator.orders] == [Decimal(text) for text in ("1.2", "1.56", "1.56")]
    assert call("services")[0]["rate"] == "1.56"
    simulator.change_prices(Decimal(1))
    simulator.set_rate("2", Decimal("9.99"))
    assert [row["rate"] for row in call("services")[:2]] == ["1.20", "9.99"]


def test_an_empty_balance_shows_at_balance_too(simulator: Simulator, call: Call) -> None:
    simulator.script.always("*", Fault.EMPTY_BALANCE)
    assert call("balance") == {"balance": "0", "currency": "USD"}
    assert call("add", **ORDER) == {"error": "Not enough funds on balance"}
    simulator.script.clear()
    assert call("balance") == {"balance": "10000", "currency": "USD"}


def test_a_refill_can_be_refused_or_rejected(simulator: Simulator, call: Call) -> None:
    order = call("add", **ORDER)["order"]
    simulator.advance(60)
    simulator.script.next("refill", Fault.REFILL_REFUSED, Fault.REFILL_REJECTED)
    assert call("refill", order=order) == {"error": "Refill is disabled for this service"}
    assert call("refill", order=order) == {"refill": "5001"}
    simulator.advance(30)
    assert call("refill_status", refill=5001) == {"status": "Rejected"}


def test_an_order_can_be_set_by_hand_and_given_back(simulator: Simulator, call: Call) -> None:
    before = simulator.balance
    order = call("add", **ORDER)["order"]
    simulator.set_order(order, status="Partial", remains=250, start_count=7)
    assert call("status", order=order) == {
        "charge": "0.9",
        "start_count": "7",
        "status": "Partial",
        "remains": "250",
        "currency": "USD",
    }
    assert simulator.balance == before - Decimal("0.9")
    simulator.set_order(order, status="Completed", charge=Decimal("1.5"))
    assert simulator.balance == before - Decimal("1.5")
    simulator.release_order(order)
    assert call("status", order=order)["status"] == "Pending"
    with pytest.raises(KeyError):
        simulator.set_order(7, status="Completed")


def test_the_clock_stands_goes_on_and_jumps(simulator: Simulator) -> None:
    frozen_at = simulator.now
    time.sleep(0.01)
    assert simulator.now == frozen_at
    simulator.advance(5)
    assert simulator.now == frozen_at + 5
    simulator.resume()
    time.sleep(0.01)
    assert frozen_at + 5 < simulator.now < frozen_at + 60
    simulator.freeze()
    assert simulator.now == simulator.now


def test_latency_is_the_least_time_of_a_call(simulator: Simulator, call: Call) -> None:
    simulator.set_latency(milliseconds=120)
    started = time.monotonic()
    call("balance")
    assert time.monotonic() - started >= 0.12


def test_requests_are_remembered_without_the_key(simulator: Simulator, call: Call) -> None:
    call("add", **ORDER)
    requests.post(simulator.url, data={"key": "wrong", "action": "balance"}, timeout=10)
    added, refused = simulator.requests
    assert (added.action, added.right_key) == ("add", True)
    assert added.fields == {"action": "add", **ORDER}
    assert (refused.action, refused.right_key) == ("balance", False)
    assert simulator.key not in repr(simulator.requests)


def faults(script: Script, count: int, **fields: str) -> list[Fault]:
    return [script.take("add", fields).fault for _ in range(count)]


def test_the_next_calls_get_their_behaviours_then_it_goes_on_as_before() -> None:
    script = Script()
    script.always("add", Fault.QUEUE_FULL)
    script.next("add", Fault.BAD_LINK, Fault.NONE)
    script.next("*", Fault.BAD_KEY)
    assert faults(script, 5) == [
        Fault.BAD_LINK,
        Fault.NONE,
        Fault.BAD_KEY,
        Fault.QUEUE_FULL,
        Fault.QUEUE_FULL,
    ]
    assert script.take("status", {}).fault is Fault.NONE


def test_rules_for_fields_come_first_and_only_where_they_match() -> None:
    script = Script()
    script.when("add", {"link": "x", "service": "1"}, Fault.BAD_LINK)
    script.next("add", Fault.BAD_KEY)
    assert faults(script, 2, link="x", service="1") == [Fault.BAD_LINK, Fault.BAD_LINK]
    assert faults(script, 2, link="x", service="2") == [Fault.BAD_KEY, Fault.NONE]


def test_clearing_one_action_leaves_the_others() -> None:
    script = Script()
    script.always("add", Fault.BAD_KEY)
    script.always("status", Fault.HTML_PAGE)
    script.clear("add")
    assert script.take("add", {}).fault is Fault.NONE
    assert script.take("status", {}).fault is Fault.HTML_PAGE


def test_a_mix_draws_by_weight_and_the_same_for_the_same_seed() -> None:
    def drawn(seed: int) -> list[Fault]:
        script = Script()
        script.mix({Fault.NONE: 7, Fault.ACCEPT_THEN_DROP: 2, Fault.BAD_LINK: 1}, seed=seed)
        return faults(script, 3000)

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    counts = {fault: drawn(1).count(fault) for fault in set(drawn(1))}
    assert 1950 < counts[Fault.NONE] < 2250
    assert 500 < counts[Fault.ACCEPT_THEN_DROP] < 700
    assert 200 < counts[Fault.BAD_LINK] < 400


def test_many_callers_at_once_each_get_one_of_the_next_behaviours(simulator: Simulator) -> None:
    simulator.script.next("add", *[Fault.ERROR_500_AFTER_ACCEPTING] * 20, *[Fault.BAD_LINK] * 20)
    codes: list[int] = []

    def work() -> None:
        for _ in range(5):
            answer = ask(simulator, "add", **ORDER)
            assert answer is not None
            codes.append(answer.code)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200] * 20 + [500] * 20
    assert len(simulator.orders) == 20
