"""Where lists fail, every order is told of all the same and within the budget, on a clock that jumps."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
from django.db.models import F

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.orders.models import Order, Status
from purveyor.orders.placing import place
from purveyor.orders.testing import request
from purveyor.providers.following.polling import Poller
from purveyor.providers.models import Fulfilment, Provider
from purveyor.providers.workplace import Workplace
from purveyor.simulator.behaviours import HONEST, Behaviour, Fault
from purveyor.simulator.testing import Simulator
from tests.audited import violations
from tests.committed import committed
from tests.providers.rounds import SECONDS_TO_FINISH, dispatch

pytestmark = committed

Fails = Callable[[list[str]], bool]
"""Whether a question about these ids brings no status."""

ERROR_500 = Behaviour(fault=Fault.ERROR_500_AFTER_ACCEPTING)
NOTHING_IN_IT = Behaviour(fault=Fault.ARBITRARY, body="{}")
REFUSED = Behaviour(fault=Fault.ARBITRARY, body='{"error":"Incorrect request"}')


def accepted(service: Service, number: int, **limits: int | None) -> list[str]:
    customer = make_customer("1000")
    place([request(customer, service, quantity=service.min) for _ in range(number)])
    dispatch()
    Provider.objects.update(**limits)
    return list(Fulfilment.objects.order_by("pk").values_list("external_id", flat=True))


def break_lists(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, *, fails: Fails, trouble: Behaviour = ERROR_500
) -> None:
    def take(action: str, fields: Mapping[str, str]) -> Behaviour:
        ids = fields.get("orders", fields.get("order", "")).split(",")
        return trouble if action == "status" and fails(ids) else HONEST

    monkeypatch.setattr(simulator.script, "take", take)


def asked(simulator: Simulator) -> list[list[str]]:
    """The ids of every question so far."""
    fields = [dict(call.fields) for call in simulator.requests if call.action == "status"]
    return [call.get("orders", call.get("order", "")).split(",") for call in fields]


def told() -> int:
    return Order.objects.filter(status=Status.COMPLETED).count()


def pass_time(seconds: float) -> None:
    """Let time go by as far as following knows it."""
    passed = timedelta(seconds=seconds)
    Fulfilment.objects.update(next_poll_at=F("next_poll_at") - passed, accepted_at=F("accepted_at") - passed)
    Provider.objects.update(
        status_spent_until=F("status_spent_until") - passed, calls_spent_until=F("calls_spent_until") - passed
    )


def minutes_until(number: int, *, step_seconds: float, at_most: float) -> float:
    """Minutes until so many orders have been told of, or `at_most`; with those that really went by."""
    began = time.monotonic()

    async def run() -> float:
        workplace, seconds = Workplace(), 0.0
        try:
            while seconds < at_most * 60 and await workplace.in_database(told) < number:
                poller = Poller(workplace)
                await poller.step()
                await poller.finish(seconds=SECONDS_TO_FINISH)
                await workplace.in_database(pass_time, step_seconds)
                seconds += step_seconds
        finally:
            await workplace.close()
        return (seconds + time.monotonic() - began) / 60

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("limits", "calls_per_minute", "trouble"),
    [
        ({"status_calls_per_minute": 60}, 60, ERROR_500),
        ({"status_calls_per_minute": 30}, 30, NOTHING_IN_IT),
        ({"status_calls_per_minute": 10}, 10, ERROR_500),
        ({"status_calls_per_minute": 10}, 10, REFUSED),
        ({"calls_per_minute": 40}, 20, ERROR_500),
    ],
    ids=["60, 500", "30, nothing", "10, 500", "10, refused", "half of 40, 500"],
)
def test_at_a_panel_without_lists_a_hundred_orders_are_told_of_at_any_budget(
    *,
    simulator: Simulator,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    limits: dict[str, int],
    calls_per_minute: int,
    trouble: Behaviour,
) -> None:
    accepted(service, 100, **limits)
    simulator.advance(3600)
    break_lists(simulator, monkeypatch, fails=lambda ids: len(ids) > 1, trouble=trouble)
    minutes = minutes_until(100, step_seconds=60 / calls_per_minute, at_most=300 / calls_per_minute + 2)
    assert told() == 100
    assert len(asked(simulator)) <= min(300, calls_per_minute * (minutes + 1.5))
    assert violations() == {}


def test_an_order_that_breaks_its_lists_is_soon_alone_and_hides_nobody(
    simulator: Simulator, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = accepted(service, 100)
    simulator.advance(3600)
    break_lists(simulator, monkeypatch, fails=lambda asked: ids[40] in asked)
    minutes_until(99, step_seconds=5, at_most=3)
    assert told() == 99
    assert len(asked(simulator)) <= 30
    broken = Fulfilment.objects.get(external_id=ids[40])
    assert broken.poll_together == 1


def test_a_failure_that_passes_costs_a_few_calls(
    simulator: Simulator, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted(service, 100)
    failing = iter([True])
    break_lists(simulator, monkeypatch, fails=lambda _: next(failing, False))
    minutes_until(100, step_seconds=60, at_most=5)
    lengths = [len(ids) for ids in asked(simulator)]
    assert sorted(lengths[:6], reverse=True) == [100, 32, 32, 32, 4, 1]
    assert lengths[-1] == 100
    assert len(lengths) <= 10
