"""What lists of orders tell of refills, cancels and rests is what asking for them answers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import FinishRest
from purveyor.catalog.testing import make_service
from purveyor.database import fetch_all
from purveyor.orders import askable
from purveyor.orders.askable import what_can_be_asked
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.finishing import reopen_rest
from purveyor.orders.following import Report, apply_reports
from purveyor.orders.models import Order, Status
from purveyor.orders.refilling import request_refills
from purveyor.orders.refusals import RefillTooSoon, Refusal
from purveyor.orders.testing import place_one

pytestmark = pytest.mark.django_db

REPORTS = {
    "queued": None,
    "completed": Report(order_id=0, status=Status.COMPLETED),
    "partial": Report(order_id=0, status=Status.PARTIAL, remains=100),
    "canceled": Report(order_id=0, status=Status.CANCELED),
}


def orders(**service: Any) -> list[Order]:
    """An order in each of these states."""
    customer, sold = make_customer("100"), make_service(**service)
    made = []
    for report in REPORTS.values():
        order = place_one(customer, sold, quantity=1000)
        if report is not None:
            apply_reports([Report(order_id=order.pk, status=report.status, remains=report.remains)])
        made.append(order)
    return made


@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=25), timedelta(days=31)])
@pytest.mark.parametrize(
    "service",
    [{"refill": True, "refill_days": 30, "cancel": True, "finish_rest": FinishRest.ASK}, {}],
    ids=["everything offered", "nothing offered"],
)
def test_it_is_what_asking_answers(service: dict[str, Any], later: timedelta) -> None:
    made = orders(**service)
    with time_machine.travel(datetime.now(UTC) + later):
        found = what_can_be_asked(order.pk for order in made)
        pairs = [(order.customer_id, order.pk) for order in made]
        refills: list[Refusal | None] = [
            answer if isinstance(answer, Refusal) else None for answer in request_refills(pairs)
        ]
        rests = [reopen_rest(order_id=order.pk) for order in made]
        cancels = request_cancels(pairs[:2] + pairs[3:])
        again = what_can_be_asked(order.pk for order in made)
    assert [found[order.pk].refill.refusal for order in made] == refills
    assert [found[order.pk].finish.refusal for order in made] == rests
    told = [found[order.pk].cancel.refusal for order in made]
    assert told[:2] + told[3:] == cancels
    if refills[1] is None:
        assert again[made[1].pk].refill.refusal == RefillTooSoon()


def test_a_whole_list_is_one_query(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [order.pk for order in orders()]
    asked: list[str] = []

    def fetch(statement: str, parameters: dict[str, object]) -> list[Any]:
        asked.append(statement)
        return fetch_all(statement, parameters)

    monkeypatch.setattr(askable, "fetch_all", fetch)
    assert set(askable.what_can_be_asked([*ids, 0])) == set(ids)
    assert len(asked) == 1
