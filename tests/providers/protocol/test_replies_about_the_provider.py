"""A provider's catalogue and balance (protocol §4.1, §4.10), as they come over the wire."""

import json
from decimal import Decimal
from typing import Any

import pytest

from purveyor.providers.protocol.replies import (
    Answer,
    Balance,
    Catalogue,
    Refused,
    Unclear,
    read_balance,
    read_services,
)


def answer(body: Any) -> Answer:
    return Answer(200, body if isinstance(body, bytes) else json.dumps(body).encode())


SERVICE = {
    "service": "7599",
    "name": "Newsletter &amp; more&#039;s",
    "type": "Custom Comments",
    "category": "Newsletters",
    "rate": "0.785",
    "min": "100",
    "max": "10000",
    "refill": True,
    "cancel": False,
    "dripfeed": "1",
}


def _services(body: Any) -> Catalogue:
    found = read_services(answer(body))
    assert isinstance(found, Catalogue)
    return found


@pytest.mark.parametrize("body", [[SERVICE], {"services": [SERVICE]}, {"data": [SERVICE]}])
def test_services_in_every_wrapping(body: Any) -> None:
    (service,) = _services(body).services
    assert service.external_id == "7599"
    assert service.name == "Newsletter & more's"
    assert (service.type, service.category) == ("Custom Comments", "Newsletters")
    assert (service.rate, service.min, service.max) == (Decimal("0.785"), 100, 10000)
    assert (service.refill, service.cancel, service.dripfeed) == (True, False, True)


def test_a_service_with_the_least() -> None:
    (service,) = _services([{"service": 1, "name": "Survey answers", "rate": 2}]).services
    assert (service.type, service.category, service.min, service.max) == ("Default", "", None, None)
    assert (service.refill, service.cancel, service.dripfeed, service.description) == (
        False,
        False,
        False,
        "",
    )


def test_a_description_by_either_name() -> None:
    described, short = _services(
        [
            {"service": 1, "name": "a", "rate": 1, "description": "Long"},
            {"service": 2, "name": "b", "rate": 1, "desc": "Short"},
        ]
    ).services
    assert (described.description, short.description) == ("Long", "Short")


def test_rows_that_are_none_are_counted() -> None:
    rows = [
        SERVICE,
        SERVICE,
        None,
        "x",
        {"service": 2},
        {"service": 3, "name": "a", "rate": "free"},
        {"name": "b", "rate": 1},
        {"service": 5, "name": "c", "rate": -1},
    ]
    found = _services(rows)
    assert (len(found.services), found.unreadable) == (1, 7)


def test_a_catalogue_that_is_none() -> None:
    assert isinstance(read_services(answer({"error": "Invalid API key"})), Refused)
    assert isinstance(read_services(answer(b"<html>")), Unclear)
    assert isinstance(read_services(answer({"order": 1})), Unclear)
    assert _services({"status": "success", "data": "Empty Data"}).services == ()


@pytest.mark.parametrize(
    ("body", "balance"),
    [
        ({"balance": "100.84292", "currency": "USD"}, Balance(Decimal("100.84292"), "USD")),
        ({"balance": 12.5, "currency": "usd"}, Balance(Decimal("12.5"), "USD")),
        ({"status": "success", "balance": "1,234.5"}, Balance(Decimal("1234.5"), "")),
        ({"balance": "-3", "currency": "Points"}, Balance(Decimal(-3), "")),
        ({"data": {"balance": 1, "currency": "EUR"}}, Balance(Decimal(1), "EUR")),
    ],
)
def test_balance(body: Any, balance: Balance) -> None:
    assert read_balance(answer(body)) == balance


@pytest.mark.parametrize("body", [{}, [], {"balance": None}, {"balance": "lots"}, {"balance": 1e40}])
def test_no_balance(body: Any) -> None:
    assert isinstance(read_balance(answer(body)), Unclear)


def test_a_row_whose_rate_is_beyond_all_sense_is_unreadable() -> None:
    notice, garbage = ({"service": id, "name": "A", "rate": rate} for id, rate in ((1, "1e12"), (2, "1e13")))
    found = read_services(answer([notice, garbage]))
    assert isinstance(found, Catalogue)
    assert [service.external_id for service in found.services] == ["1"]
    assert found.unreadable == 1
