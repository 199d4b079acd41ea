import re
from decimal import Decimal
from typing import Any

import pytest
import requests

from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.simulator import catalogue
from purveyor.simulator.testing import Simulator

SERVICES = list(catalogue.standard().values())


def test_every_order_type_is_offered_under_several_categories() -> None:
    assert {service.type for service in SERVICES} == set(OrderType)
    assert 30 <= len(SERVICES) <= 45
    assert len({service.category for service in SERVICES}) >= 5
    assert sum(service.type is OrderType.DEFAULT for service in SERVICES) * 2 > len(SERVICES)


def test_names_are_unique_and_promise_no_fake_engagement() -> None:
    names = [service.name for service in SERVICES]
    assert len(set(names)) == len(names)
    words = " ".join(names + [service.category for service in SERVICES]).lower()
    assert not re.search(
        r"follower|like|subscriber|comment|retweet|vote|instagram|facebook|tiktok|youtube|telegram|twitter",
        words,
    )


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.id)
def test_a_service_can_be_ordered_as_its_row_says(service: catalogue.Service) -> None:
    assert 1 <= service.minimum <= service.maximum < 2**31
    assert service.rate > 0
    assert service.rate == service.rate.quantize(Decimal("0.00001"))
    if FORMS[service.type].is_package:
        assert (service.minimum, service.maximum) == (1, 1)
    if service.dripfeed:
        assert FORMS[service.type].dripfeed


@pytest.mark.parametrize(
    ("rate", "text"),
    [("0.9", "0.90"), ("8", "8.00"), ("0.785", "0.785"), ("2.0592", "2.0592"), ("9.00000", "9.00")],
)
def test_rates_read_as_on_live_panels(rate: str, text: str) -> None:
    assert catalogue.rate_text(Decimal(rate)) == text


def test_a_row_has_the_keys_and_types_of_live_panels(simulator: Simulator) -> None:
    reply = requests.post(simulator.url, data={"key": simulator.key, "action": "services"}, timeout=10)
    assert reply.headers["Content-Type"] == "application/json"
    rows: list[dict[str, Any]] = reply.json()
    assert reply.text.startswith(
        '[{"service":"1","name":"Sponsored placement on a trade portal [views]","type":"Default",'
        '"rate":"1.20","min":"100","max":"100000","dripfeed":true,"refill":true,"cancel":true,'
        '"category":"Sponsored placements"}'
    )
    assert len(rows) == len(SERVICES)
    assert {tuple(row) for row in rows} == {
        ("service", "name", "type", "rate", "min", "max", "dripfeed", "refill", "cancel", "category")
    }
