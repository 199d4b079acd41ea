"""Protocol §9, what hangs on odd answers: from an order to the provider and back."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import Service
from purveyor.orders.models import Dispatch, Order, Status
from purveyor.orders.testing import place_one
from purveyor.providers.models import Attempt, Fulfilment, Handover, Provider
from purveyor.providers.standing.holds import Hold
from purveyor.simulator.behaviours import Behaviour, Fault
from purveyor.simulator.testing import Simulator
from tests.committed import committed
from tests.providers.rounds import dispatch, poll

WARNING = b"<br />\n<b>Warning</b>:  Undefined index: a[0] in <b>api.php</b> on line 7<br />\n"
PAGE = b"<!DOCTYPE html><html><title>Just a moment...</title><script>var a = {b: [1]}</script></html>"


@committed
@pytest.mark.parametrize(
    "fault",
    [
        Behaviour(fault=Fault.ERROR_500_AFTER_ACCEPTING),
        Behaviour(fault=Fault.HTML_PAGE),
        Behaviour(fault=Fault.TRUNCATED_JSON),
        Behaviour(fault=Fault.ACCEPT_THEN_DROP),
        Behaviour(fault=Fault.DELAY_AFTER_ACCEPTING, seconds=1.5),
    ],
    ids=lambda fault: fault.fault.value,
)
def test_add_without_a_usable_answer_is_parked(
    simulator: Simulator, provider: Provider, service: Service, fault: Behaviour
) -> None:
    if fault.fault is Fault.DELAY_AFTER_ACCEPTING:
        Provider.objects.update(timeout_seconds=1)
    simulator.script.next("add", fault)
    customer = make_customer("1000")
    order = place_one(customer, service, quantity=service.min)
    dispatch()
    dispatch()
    assert Fulfilment.objects.get().handover == Handover.UNKNOWN
    assert len(simulator.orders) == 1
    assert balance_of(customer) == 1000 - order.charge


@committed
@pytest.mark.parametrize(
    ("fault", "held"),
    [
        (Fault.TOO_MANY_REQUESTS, Hold.SLOW_DOWN),
        (Fault.DUPLICATE_LINK, Hold.SAME_LINK),
        (Fault.EMPTY_BALANCE, Hold.OUT_OF_FUNDS),
        (Fault.BAD_KEY, Hold.KEY_REFUSED),
    ],
)
def test_a_refusal_that_is_not_about_the_order_lets_it_wait(
    simulator: Simulator, provider: Provider, service: Service, fault: Fault, held: Hold
) -> None:
    simulator.script.always("add", fault)
    customer = make_customer("1000")
    order = place_one(customer, service, quantity=service.min)
    dispatch()
    order.refresh_from_db()
    assert (order.dispatch, order.status, order.hold_reason) == (Dispatch.HELD, Status.PENDING, held.value)
    assert simulator.orders == []
    assert balance_of(customer) == 1000 - order.charge


@committed
def test_bad_key_stops_every_call(simulator: Simulator, provider: Provider, service: Service) -> None:
    place_one(make_customer("1000"), service, quantity=service.min)
    dispatch()
    simulator.script.always("status", Fault.BAD_KEY)
    poll()
    calls = len(simulator.requests)
    place_one(make_customer("1000"), service, quantity=service.min)
    dispatch()
    poll()
    assert len(simulator.requests) == calls


@committed
def test_status_text_that_nobody_knows_ends_nothing(
    simulator: Simulator, provider: Provider, service: Service
) -> None:
    order = place_one(make_customer("1000"), service, quantity=service.min)
    dispatch()
    simulator.advance(3600)
    simulator.script.next("status", Fault.UNKNOWN_STATUS)
    poll()
    order.refresh_from_db()
    assert (order.status, order.refunded) == (Status.PENDING, 0)
    poll()
    order.refresh_from_db()
    assert order.status == Status.COMPLETED


@committed
@pytest.mark.parametrize(
    "body",
    ['{"status":"fail"}', '{"status":"failed","reason":"Maintenance"}', '{"status":"fail","data":null}'],
)
@pytest.mark.parametrize("number", [1, 2], ids=["a single order", "a list"])
def test_a_failure_that_is_not_shown_to_be_of_the_order_refunds_nothing(
    simulator: Simulator, provider: Provider, service: Service, body: str, number: int
) -> None:
    customer = make_customer("1000")
    orders = [place_one(customer, service, quantity=service.min) for _ in range(number)]
    dispatch()
    simulator.script.always("status", Behaviour(fault=Fault.ARBITRARY, body=body))
    poll()
    poll()
    assert set(Order.objects.values_list("status", "refunded")) == {(Status.PENDING, 0)}
    assert balance_of(customer) == 1000 - sum(order.charge for order in orders)
    simulator.script.always("status", Fault.NONE)
    simulator.advance(3600)
    poll()
    assert set(Order.objects.values_list("status", flat=True)) == {Status.COMPLETED}


def _without(change: Callable[[dict[str, Any]], object]) -> Behaviour:
    """The honest reply of `status`, changed."""
    return Behaviour(change=lambda reply: change(reply) if isinstance(reply, dict) else reply)


@committed
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda reply: [{"order": id, **row} for id, row in reply.items()], id="a list"),
        pytest.param(lambda reply: dict(list(reply.items())[:1]), id="missing ids"),
        pytest.param(lambda reply: next(iter(reply.values())), id="one bare object for many"),
        pytest.param(lambda _: {"error": "Incorrect request"}, id="lists are not known"),
    ],
)
def test_multi_status_falls_back_to_single_calls(
    simulator: Simulator,
    provider: Provider,
    service: Service,
    change: Callable[[dict[str, Any]], object],
) -> None:
    customer = make_customer("1000")
    for _ in range(3):
        place_one(customer, service, quantity=service.min)
    dispatch()
    simulator.advance(3600)
    simulator.script.next("status", _without(change))
    poll()
    poll()
    assert set(Order.objects.values_list("status", flat=True)) == {Status.COMPLETED}


@committed
def test_nothing_that_is_kept_of_an_exchange_has_the_key(
    simulator: Simulator, provider: Provider, service: Service
) -> None:
    said = json.dumps({"error": f"key={simulator.key} is limited"})
    simulator.script.next("add", Behaviour(fault=Fault.ARBITRARY, accepts=False, body=said))
    place_one(make_customer("1000"), service, quantity=service.min)
    dispatch()
    attempt, fulfilment, order = Attempt.objects.get(), Fulfilment.objects.get(), Order.objects.get()
    kept = f"{attempt.request} {attempt.response} {fulfilment.refusal_text} {order.hold_reason}"
    assert "is limited" in kept
    assert simulator.key not in kept
