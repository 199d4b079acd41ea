"""Somebody at a desk of a running panel, and customers who keep them busy."""

import itertools
from dataclasses import dataclass
from typing import Any

import requests

from purveyor.accounts.keys import create_staff_key
from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.testing import make_service
from purveyor.orders.models import Order
from purveyor.orders.testing import place_one
from purveyor.providers.desks.desks import desk_scope
from purveyor.providers.models import Provider
from purveyor.providers.testing import make_desk
from tests.providers.rounds import dispatch

TIMEOUT_SECONDS = 30
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Visitor:
    """A key, and the desk that it is for."""

    url: str
    key: str
    desk: Provider
    service: Service

    def ordered(self, number: int = 1, *, quantity: int = 1000) -> list[Order]:
        """Orders that are on the desk."""
        customer = make_customer("1000", email=f"buyer{next(_numbers)}@desk.example.com")
        orders = [place_one(customer, self.service, quantity=quantity) for _ in range(number)]
        dispatch()
        return orders

    def get(self, path: str, **query: Any) -> requests.Response:
        return requests.get(
            f"{self.url}/desk/v1/{path}", params=query, headers=self.headers, timeout=TIMEOUT_SECONDS
        )

    def post(self, path: str, **body: Any) -> requests.Response:
        return requests.post(
            f"{self.url}/desk/v1/{path}", json=body, headers=self.headers, timeout=TIMEOUT_SECONDS
        )

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def jobs(self, **query: Any) -> list[dict[str, Any]]:
        """What the list shows."""
        return list(ok(self.get("jobs", **query))["jobs"])

    def take(self, **body: Any) -> list[dict[str, Any]]:
        """What is taken."""
        return list(ok(self.post("take", **body))["jobs"])

    def with_key(self, *scopes: str) -> "Visitor":
        """The same with another key."""
        return Visitor(self.url, create_staff_key(name="other", scopes=scopes)[1], self.desk, self.service)


def new_desk(url: str) -> Visitor:
    """A desk of its own, with one service and one key."""
    service = make_service(rate="2.00", refill=True, cancel=True)
    desk = make_desk(service, name=f"Desk {next(_numbers)} over HTTP")
    _, key = create_staff_key(name="delivery bot", scopes=[desk_scope(desk.pk)])
    return Visitor(url, key, desk, service)


def ok(answer: requests.Response) -> Any:
    """The JSON of an answer that is what was asked for."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert "Set-Cookie" not in answer.headers
    return answer.json()


def refused(answer: requests.Response) -> tuple[int, str]:
    """The status and code of an answer that is not."""
    assert answer.headers["Content-Type"] == "application/json"
    error = answer.json()["error"]
    assert sorted(error) == ["code", "message"]
    assert error["message"]
    return answer.status_code, error["code"]
