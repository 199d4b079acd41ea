"""Posts told over HTTP by a program with a key."""

from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client

from purveyor.accounts.keys import create_staff_key
from purveyor.accounts.testing import make_customer
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.service_settings import feed
from purveyor.catalog.testing import make_service
from purveyor.desk import posts
from purveyor.orders.models import Order
from purveyor.orders.pausing import pause
from purveyor.orders.placing import PlacingInterrupted
from purveyor.orders.testing import place_one
from tests.audited import FULFILMENT, violations
from tests.desk.test_door import error_of, get

pytestmark = pytest.mark.django_db

URL = "https://example.com/p/1"


@pytest.fixture
def order() -> Order:
    return follow("ann")


@pytest.fixture
def key() -> str:
    return create_staff_key(name="Watcher", scopes=["posts"])[1]


def follow(username: str, **terms: Any) -> Order:
    service = make_service(OrderType.SUBSCRIPTIONS, max=100, posts_service=make_service())
    wanted = {"username": username, "min": 10, "max": 20, "delay": 0} | terms
    return place_one(make_customer(), service, **wanted)


def tell(client: Client, key: str, **body: Any) -> Any:
    headers = {"Host": "localhost", "Authorization": f"Bearer {key}"}
    return client.post("/desk/v1/posts", body, content_type="application/json", headers=headers)


def test_a_post_becomes_an_order_once(client: Client, key: str, order: Order) -> None:
    answer = tell(client, key, subscription=order.pk, url=URL)
    child = Order.objects.get(parent=order)
    told = {"subscription": order.pk, "order": child.pk, "new": True, "reason": ""}
    assert (answer.status_code, answer.json()) == (200, {"posts": [told]})
    again = tell(client, key, username="ann", url=URL, old=True)
    assert again.json() == {"posts": [told | {"new": False, "reason": "It is an order already"}]}
    assert violations(but=FULFILMENT) == {}


def test_an_account_of_one_service_only(client: Client, key: str, order: Order) -> None:
    other = follow("ann")
    narrowed = tell(client, key, username="ann", service=order.service_id, url=URL).json()["posts"]
    assert [post["subscription"] for post in narrowed] == [order.pk]
    both = tell(client, key, username="ann", url=URL).json()["posts"]
    assert [post["subscription"] for post in both] == [order.pk, other.pk]
    assert tell(client, key, username="nobody", url=URL).json() == {"posts": []}


def test_what_to_watch(client: Client, key: str, order: Order) -> None:
    other, paused = follow("bob", posts=3, old_posts=2), follow("eve")
    pause(order_id=paused.pk)
    first = {
        "subscription": order.pk,
        "service": order.service_id,
        "username": "ann",
        "posts": None,
        "old_posts": 0,
    }
    second = {
        "subscription": other.pk,
        "service": other.service_id,
        "username": "bob",
        "posts": 3,
        "old_posts": 2,
    }
    assert get(client, "subscriptions", key).json() == {"subscriptions": [first, second]}
    assert get(client, "subscriptions?limit=1", key).json() == {"subscriptions": [first]}
    assert get(client, f"subscriptions?after={order.pk}", key).json() == {"subscriptions": [second]}
    assert error_of(get(client, "subscriptions?limit=0", key)) == (422, "invalid_field")


def test_other_keys_do_not_tell(client: Client, order: Order) -> None:
    _, text = create_staff_key(name="", scopes=["desk:1"])
    assert error_of(tell(client, text, subscription=order.pk, url=URL)) == (403, "not_in_scope")
    assert error_of(get(client, "subscriptions", text)) == (403, "not_in_scope")
    assert not Order.objects.filter(parent=order).exists()


@pytest.mark.parametrize(
    "body",
    [
        {"url": URL},
        {"url": URL, "subscription": 1, "username": "ann"},
        {"url": URL, "subscription": 1, "service": 1},
        {"url": URL, "username": ""},
        {"url": "", "subscription": 1},
        {"url": "a\nb", "username": "ann"},
        {"subscription": 1},
        {"url": URL, "subscription": "1"},
        {"url": URL, "subscription": 1, "olds": True},
    ],
)
def test_what_cannot_be_read(client: Client, key: str, body: dict[str, Any]) -> None:
    assert error_of(tell(client, key, **body)) == (422, "invalid_field")


def test_what_cannot_be_served(client: Client, key: str, order: Order) -> None:
    ordinary = place_one(make_customer(), make_service(), quantity=1)
    assert error_of(tell(client, key, subscription=ordinary.pk, url=URL)) == (404, "not_found")
    feed(service_id=order.service_id, posts_service_id=None)
    assert error_of(tell(client, key, subscription=order.pk, url=URL)) == (409, "post_refused")
    gone = PlacingInterrupted(may_have_been_placed=True)
    with patch.object(posts, "tell_post", side_effect=gone):
        assert error_of(tell(client, key, subscription=order.pk, url=URL)) == (503, "out_of_order")
