"""`add`: every row of protocol §3.1, lists §3.2, drip-feed §3.3, subscriptions §3.4, traffic §3.5."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from purveyor.accounts.testing import balance_of
from purveyor.catalog.order_types import OrderType
from purveyor.orders.models import Order, OrderKind
from tests.api.panel import Caller, Panel

LINK = "https://example.com/post"

# type: (fields that a client sends, quantity that counts, fields that are kept). The rate is 1.50: per 1000, of
# a package per order.
TYPES: dict[str, tuple[dict[str, str], int, dict[str, Any]]] = {
    "Default": ({"link": LINK, "quantity": "100"}, 100, {}),
    "SEO": ({"link": LINK, "quantity": "100", "keywords": "a\nb"}, 100, {"keywords": ["a", "b"]}),
    "Custom Comments": (
        {"link": LINK, "comments": "good\nbad, really\nugly"},
        3,
        {"comments": ["good", "bad, really", "ugly"]},
    ),
    "Mentions with Hashtags": (
        {"link": LINK, "quantity": "100", "usernames": "ann\nbob", "hashtags": "#x\n#y"},
        100,
        {"usernames": ["ann", "bob"], "hashtags": ["#x", "#y"]},
    ),
    "Mentions Custom List": ({"link": LINK, "usernames": "ann\nbob"}, 2, {"usernames": ["ann", "bob"]}),
    "Mentions Hashtag": ({"link": LINK, "quantity": "100", "hashtag": "x"}, 100, {"hashtag": "x"}),
    "Mentions User Followers": (
        {"link": LINK, "quantity": "100", "username": "ann"},
        100,
        {"username": "ann"},
    ),
    "Mentions Media Likers": (
        {"link": LINK, "quantity": "100", "media": "https://example.com/m"},
        100,
        {"media": "https://example.com/m"},
    ),
    "Mentions": (
        {"link": LINK, "quantity": "100", "usernames": "ann\nbob"},
        100,
        {"usernames": ["ann", "bob"]},
    ),
    "Package": ({"link": LINK}, 1, {}),
    "Custom Comments Package": ({"link": LINK, "comments": "good\nbad"}, 1, {"comments": ["good", "bad"]}),
    "Comment Likes": ({"link": LINK, "quantity": "100", "username": "ann"}, 100, {"username": "ann"}),
    "Poll": ({"link": LINK, "quantity": "100", "answer_number": "2"}, 100, {"answer_number": "2"}),
    "Comment Replies": (
        {"link": LINK, "username": "ann", "comments": "yes\nno"},
        2,
        {"username": "ann", "comments": ["yes", "no"]},
    ),
    "Invites from Groups": (
        {"link": LINK, "quantity": "100", "groups": "g1\ng2"},
        100,
        {"groups": ["g1", "g2"]},
    ),
    "Web Traffic": (
        {"link": LINK, "quantity": "100", "country": "US", "device": "1", "type_of_traffic": "3"},
        100,
        {"country": "US", "device": 1, "type_of_traffic": 3},
    ),
}
SUBSCRIPTION = {"username": "ann", "min": "10", "max": "20", "delay": "30"}
PACKAGES = ("Package", "Custom Comments Package")
MISSING = {
    "link": "Bad link",
    "comments": "Comments field is required",
}
"""What is answered when a required field is missing; for all others `Incorrect request`."""


def error(panel: Panel, caller: Caller, kind: str, **fields: Any) -> str:
    """The error of an order that must not be made, and that costs nothing."""
    before = balance_of(caller.customer), Order.objects.count()
    answer = panel.post(caller, "add", service=panel.services[OrderType(kind)].pk, **fields)
    assert (balance_of(caller.customer), Order.objects.count()) == before
    assert list(answer) == ["error"], answer
    return str(answer["error"])


def made(panel: Panel, caller: Caller, kind: str, **fields: Any) -> Order:
    answer = panel.post(caller, "add", service=panel.services[OrderType(kind)].pk, **fields)
    assert list(answer) == ["order"], answer
    return Order.objects.get(pk=answer["order"])


def test_the_table_has_every_type() -> None:
    assert {*TYPES, "Subscriptions"} == {kind.value for kind in OrderType}


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_is_placed_and_charged(panel: Panel, caller: Caller, kind: str) -> None:
    fields, quantity, kept = TYPES[kind]
    order = made(panel, caller, kind, **fields)
    assert order.link == LINK
    assert order.quantity == quantity
    assert (order.fields or {}) == kept
    price = Decimal("1.50") if kind in PACKAGES else Decimal("1.50") * quantity / 1000
    assert order.charge == price
    assert balance_of(caller.customer) == 1000 - price


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind, (fields, _, _) in TYPES.items() for field in fields]
)
def test_each_required_field_is_missed(panel: Panel, caller: Caller, kind: str, field: str) -> None:
    """As consumers send them that do not know the type (§1.5): without its extra fields."""
    fields = {name: text for name, text in TYPES[kind][0].items() if name != field}
    assert error(panel, caller, kind, **fields) == MISSING.get(field, "Incorrect request")
    assert error(panel, caller, kind, **fields, **{field: " "}) == MISSING.get(field, "Incorrect request")


@pytest.mark.parametrize("kind", ["Custom Comments", "Mentions Custom List", "Comment Replies", *PACKAGES])
def test_a_quantity_that_is_not_asked_for_is_ignored(panel: Panel, caller: Caller, kind: str) -> None:
    fields, quantity, _ = TYPES[kind]
    assert made(panel, caller, kind, **fields, quantity="999").quantity == quantity


def test_media_by_its_other_name(panel: Panel, caller: Caller) -> None:
    order = made(
        panel, caller, "Mentions Media Likers", link=LINK, quantity="5", media_url="https://example.com/m"
    )
    assert order.fields == {"media": "https://example.com/m"}


@pytest.mark.parametrize("kind", ["SEO", "Mentions with Hashtags", "Mentions Custom List", "Mentions"])
def test_commas_part_names_where_there_is_no_line_break(panel: Panel, caller: Caller, kind: str) -> None:
    fields = TYPES[kind][0]
    with_commas = {name: text.replace("\n", ", ") for name, text in fields.items()}
    assert made(panel, caller, kind, **with_commas).fields == TYPES[kind][2]


def test_commas_never_part_comments(panel: Panel, caller: Caller) -> None:
    order = made(panel, caller, "Custom Comments", link=LINK, comments="one, two, three")
    assert (order.quantity, order.fields) == (1, {"comments": ["one, two, three"]})


def test_blank_lines_are_not_counted(panel: Panel, caller: Caller) -> None:
    order = made(panel, caller, "Custom Comments", link=LINK, comments="\r\n a \r\n\r\n  \r\nb\r\n")
    assert (order.quantity, order.fields) == (2, {"comments": ["a", "b"]})


@pytest.mark.parametrize("text", ["100", " 100 ", "100.0", "0100"])
def test_a_whole_quantity_in_other_spellings(panel: Panel, caller: Caller, text: str) -> None:
    assert made(panel, caller, "Default", link=LINK, quantity=text).quantity == 100


# §3.6 and the hostile numbers of the issue. The service takes 1 to 1000.
WRONG_QUANTITIES = {
    "1e3": "Incorrect request",
    "1e9": "Incorrect request",
    "1,000": "Incorrect request",
    "1.5": "Incorrect request",
    "abc": "Incorrect request",
    "١٢٣": "Incorrect request",
    "１２３": "Incorrect request",
    "0x10": "Incorrect request",
    "-5": "Quantity less than minimal 1",
    "0": "Quantity less than minimal 1",
    "1001": "Quantity more than maximum 1000",
    "9223372036854775808": "Quantity more than maximum 1000",
    "9" * 5000: "Quantity more than maximum 1000",
}


@pytest.mark.parametrize("text", WRONG_QUANTITIES, ids=lambda text: text[:20])
def test_wrong_quantities(panel: Panel, caller: Caller, text: str) -> None:
    assert error(panel, caller, "Default", link=LINK, quantity=text) == WRONG_QUANTITIES[text]


def test_the_count_of_lines_must_be_in_the_bounds_too(panel: Panel, caller: Caller) -> None:
    lines = "\n".join(str(number) for number in range(1001))
    assert (
        error(panel, caller, "Custom Comments", link=LINK, comments=lines)
        == "Quantity more than maximum 1000"
    )


@pytest.mark.parametrize(
    "service", ["0", "999999", "-1", "1.5", "abc", "١", "9223372036854775808", "9" * 400]
)
def test_wrong_services(panel: Panel, caller: Caller, service: str) -> None:
    answer = panel.post(caller, "add", service=service, link=LINK, quantity="1")
    assert answer == {"error": "Incorrect service ID"}


def test_without_a_service(panel: Panel, caller: Caller) -> None:
    assert panel.post(caller, "add", link=LINK, quantity="1") == {"error": "Incorrect request"}


# Drip-feed, §3.3.


@pytest.mark.parametrize("kind", ["Default", "Custom Comments", "Comment Likes", "Web Traffic"])
def test_drip_feed_is_charged_whole_at_once(panel: Panel, caller: Caller, kind: str) -> None:
    fields, quantity, _ = TYPES[kind]
    order = made(panel, caller, kind, **fields, runs="3", interval="20")
    assert (order.kind, order.quantity) == (OrderKind.DRIP_FEED, 3 * quantity)
    assert order.charge == Decimal("1.50") * 3 * quantity / 1000 == 1000 - balance_of(caller.customer)
    assert (order.drip_feed.runs, order.drip_feed.interval_minutes) == (3, 20)
    assert order.drip_feed.quantity_per_run == quantity


@pytest.mark.parametrize("empty", ["", "0", " "])
def test_empty_drip_feed_fields_make_an_ordinary_order(panel: Panel, caller: Caller, empty: str) -> None:
    order = made(panel, caller, "Default", link=LINK, quantity="10", runs=empty, interval=empty)
    assert order.kind == OrderKind.ORDER


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"runs": "3"}, "Interval time is required"),
        ({"interval": "20"}, "Runs is required"),
        ({"runs": "11", "interval": "20"}, "Quantity more than maximum 1000"),
        ({"runs": "x", "interval": "20"}, "Incorrect request"),
        ({"runs": "2", "interval": "1.5"}, "Incorrect request"),
        ({"runs": "-2", "interval": "20"}, "Incorrect request"),
        ({"runs": "9" * 30, "interval": "20"}, "Incorrect request"),
    ],
)
def test_wrong_drip_feeds(panel: Panel, caller: Caller, fields: dict[str, str], words: str) -> None:
    assert error(panel, caller, "Default", link=LINK, quantity="100", **fields) == words


def test_drip_feed_where_it_is_not_offered(panel: Panel, caller: Caller) -> None:
    words = error(panel, caller, "SEO", link=LINK, quantity="10", keywords="a", runs="2", interval="10")
    assert words == "This services does not support Dripfeed feature!"


# Subscriptions, §3.4.


def test_a_subscription_costs_nothing_at_first(panel: Panel, caller: Caller) -> None:
    order = made(panel, caller, "Subscriptions", **SUBSCRIPTION)
    terms = order.subscription
    assert order.kind == OrderKind.SUBSCRIPTION
    assert order.charge == 0
    assert balance_of(caller.customer) == 1000
    assert (terms.username, terms.min, terms.max, terms.delay_minutes) == ("ann", 10, 20, 30)
    assert (terms.posts, terms.old_posts, terms.expiry) == (None, 0, None)


@pytest.mark.parametrize(
    ("fields", "posts", "old_posts"),
    [
        ({}, None, 0),
        ({"posts": "0"}, None, 0),  # unlimited, as consumers say it
        ({"posts": "5"}, 5, 0),
        ({"posts": "0", "old_posts": "3"}, 0, 3),  # old posts only
        ({"posts": "5", "old_posts": "3", "expiry": "", "link": ""}, 5, 3),
    ],
)
def test_posts_of_a_subscription(
    panel: Panel, caller: Caller, fields: dict[str, str], posts: int | None, old_posts: int
) -> None:
    terms = made(panel, caller, "Subscriptions", **SUBSCRIPTION, **fields).subscription
    assert (terms.posts, terms.old_posts) == (posts, old_posts)


def test_expiry_is_day_month_year(panel: Panel, caller: Caller) -> None:
    order = made(panel, caller, "Subscriptions", **SUBSCRIPTION, expiry="09/11/2099")
    assert order.subscription.expiry == date(2099, 11, 9)


DELAYS = (0, 5, 10, 15, 20, 30, 40, 50, 60, 90, 120, 150, 180, 210, 240, 270, 300, 360, 420, 480, 540, 600)


@pytest.mark.parametrize("delay", DELAYS)
def test_each_documented_delay(panel: Panel, caller: Caller, delay: int) -> None:
    order = made(panel, caller, "Subscriptions", **SUBSCRIPTION | {"delay": str(delay)})
    assert order.subscription.delay_minutes == delay


@pytest.mark.parametrize("field", SUBSCRIPTION)
def test_each_required_field_of_a_subscription(panel: Panel, caller: Caller, field: str) -> None:
    fields = {name: text for name, text in SUBSCRIPTION.items() if name != field}
    assert error(panel, caller, "Subscriptions", **fields) == "Incorrect request"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"min": "0"}, "Quantity less than minimal 1"),
        ({"max": "1001"}, "Quantity more than maximum 1000"),
        ({"min": "20", "max": "10"}, "Incorrect request"),
        ({"delay": "7"}, "Incorrect request"),
        ({"delay": "-5"}, "Incorrect request"),
        ({"posts": "x"}, "Incorrect request"),
        ({"expiry": "31/02/2099"}, "Incorrect request"),
        ({"expiry": "2099-11-09"}, "Incorrect request"),
    ],
)
def test_wrong_subscriptions(panel: Panel, caller: Caller, fields: dict[str, str], words: str) -> None:
    assert error(panel, caller, "Subscriptions", **SUBSCRIPTION | fields) == words


def test_a_past_expiry(panel: Panel, caller: Caller) -> None:
    yesterday = timezone.localdate() - timedelta(days=2)
    words = error(panel, caller, "Subscriptions", **SUBSCRIPTION, expiry=f"{yesterday:%d/%m/%Y}")
    assert words == "Incorrect request"


# Web traffic, §3.5.

TRAFFIC = {"link": LINK, "quantity": "10", "country": "US", "device": "5"}


@pytest.mark.parametrize(
    "fields",
    [
        {"type_of_traffic": "1", "google_keyword": "shoes"},
        {"type_of_traffic": "2", "referring_url": "https://example.com"},
        {"type_of_traffic": "3"},
    ],
)
def test_each_kind_of_traffic(panel: Panel, caller: Caller, fields: dict[str, str]) -> None:
    kept = made(panel, caller, "Web Traffic", **TRAFFIC, **fields).fields
    assert kept == {"country": "US", "device": 5} | fields | {
        "type_of_traffic": int(fields["type_of_traffic"])
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"type_of_traffic": "1"},
        {"type_of_traffic": "2"},
        {"type_of_traffic": "0"},
        {"type_of_traffic": "4"},
        {"type_of_traffic": "3", "device": "0"},
        {"type_of_traffic": "3", "device": "6"},
    ],
)
def test_wrong_traffic(panel: Panel, caller: Caller, fields: dict[str, str]) -> None:
    assert error(panel, caller, "Web Traffic", **TRAFFIC | fields) == "Incorrect request"


# "v2 plus": the key of idempotency.


def test_the_same_idempotency_key_gives_the_same_order_once(panel: Panel, caller: Caller) -> None:
    fields = {"link": LINK, "quantity": "100", "idempotency_key": "a1"}
    first, second = made(panel, caller, "Default", **fields), made(panel, caller, "Default", **fields)
    assert first.pk == second.pk
    assert balance_of(caller.customer) == Decimal("999.85")
    other = error(panel, caller, "Default", **fields | {"quantity": "200"})
    assert other == "This idempotency key was used for another order"


@pytest.mark.parametrize("key", ["x" * 101, "a\0b"])
def test_wrong_idempotency_keys(panel: Panel, caller: Caller, key: str) -> None:
    assert (
        error(panel, caller, "Default", link=LINK, quantity="1", idempotency_key=key) == "Incorrect request"
    )
