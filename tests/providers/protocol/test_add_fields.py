"""What leaves for each type of protocol §3.1, as a provider's server understands it."""

import time
from datetime import date
from typing import Any

import pytest

from purveyor.catalog.order_types import FORMS, OrderType, QuantityFrom
from purveyor.providers.protocol.add_fields import add_fields, subscription_fields
from purveyor.simulator import catalogue, ordering

FIELDS: dict[str, Any] = {
    "keywords": ["one", "two"],
    "comments": ["First, with a comma", "Second"],
    "usernames": ["ann", "bob"],
    "hashtags": ["spring", "summer"],
    "hashtag": "spring",
    "username": "ann",
    "media": "https://example.com/m",
    "answer_number": "2",
    "groups": ["https://example.com/g"],
    "country": "US",
    "device": 5,
    "type_of_traffic": 2,
    "referring_url": "https://example.com/r",
}


def _of(order_type: OrderType) -> dict[str, str]:
    names = {field.name for field in FORMS[order_type].fields}
    return add_fields(
        external_id="7",
        type=order_type,
        link="https://example.com/a+b?c=d%20e",
        quantity=100,
        fields={name: value for name, value in FIELDS.items() if name in names} or None,
    )


@pytest.mark.parametrize("order_type", [item for item in OrderType if item is not OrderType.SUBSCRIPTIONS])
def test_every_field_of_the_type_is_sent_and_nothing_else(order_type: OrderType) -> None:
    form = FORMS[order_type]
    sent = _of(order_type)
    expected = {"action", "service", "link"} | {field.name for field in form.fields if field.required}
    if form.quantity is QuantityFrom.FIELD:
        expected |= {"quantity"}
    if order_type is OrderType.WEB_TRAFFIC:
        expected |= {"referring_url"}
    assert set(sent) == expected
    assert sent["link"] == "https://example.com/a+b?c=d%20e"


def test_lists_are_joined_with_line_breaks_and_keep_their_commas() -> None:
    assert _of(OrderType.CUSTOM_COMMENTS)["comments"] == "First, with a comma\nSecond"
    assert _of(OrderType.MENTIONS)["usernames"] == "ann\nbob"


def test_numbers_are_sent_in_plain_digits() -> None:
    sent = _of(OrderType.WEB_TRAFFIC)
    assert (sent["device"], sent["type_of_traffic"], sent["quantity"]) == ("5", "2", "100")


@pytest.mark.parametrize("order_type", list(OrderType))
def test_a_server_that_is_not_ours_to_bend_understands_it(order_type: OrderType) -> None:
    service = next(item for item in catalogue.standard().values() if item.type == order_type)
    sent = SUBSCRIPTION if order_type is OrderType.SUBSCRIPTIONS else _of(order_type)
    quantity = min(max(service.minimum, 100), service.maximum)
    if "quantity" in sent:
        sent = sent | {"quantity": str(quantity)}
    request = ordering.understand(service=service, fields=sent, now=time.time())
    assert (request.subscription is not None) == (order_type is OrderType.SUBSCRIPTIONS)


SUBSCRIPTION = subscription_fields(
    external_id="7",
    username="ann",
    smallest=100,
    largest=200,
    posts=5,
    old_posts=2,
    delay_minutes=30,
    expiry=date(2099, 7, 20),
)


def test_a_subscription() -> None:
    assert SUBSCRIPTION == {
        "action": "add",
        "service": "7",
        "username": "ann",
        "min": "100",
        "max": "200",
        "posts": "5",
        "old_posts": "2",
        "delay": "30",
        "expiry": "20/07/2099",
    }


def test_what_a_subscription_does_not_limit_is_left_out() -> None:
    sent = subscription_fields(
        external_id="7",
        username="ann",
        smallest=100,
        largest=200,
        posts=None,
        old_posts=0,
        delay_minutes=0,
        expiry=None,
    )
    assert set(sent) == {"action", "service", "username", "min", "max", "delay"}
    assert sent["delay"] == "0"


def test_old_posts_only() -> None:
    sent = subscription_fields(
        external_id="7",
        username="ann",
        smallest=1,
        largest=2,
        posts=0,
        old_posts=3,
        delay_minutes=0,
        expiry=None,
    )
    assert (sent["posts"], sent["old_posts"]) == ("0", "3")
