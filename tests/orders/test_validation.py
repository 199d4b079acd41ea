"""What makes an order of each type, as tables that follow the reference (protocol §3)."""

import contextlib
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.catalog.order_types import FORMS, FieldKind, OrderType, QuantityFrom
from purveyor.catalog.snapshot import SnapshotService
from purveyor.orders import refusals
from purveyor.orders.models import OrderKind
from purveyor.orders.refusals import Refusal
from purveyor.orders.validation import validate

TODAY = date(2026, 11, 23)
LINK = {"link": "https://example.com/page"}

GOOD: dict[OrderType, dict[str, str]] = {
    OrderType.DEFAULT: {**LINK, "quantity": "100"},
    OrderType.SEO: {**LINK, "quantity": "100", "keywords": "one\ntwo"},
    OrderType.CUSTOM_COMMENTS: {**LINK, "comments": "Good, clear\r\nWell made\n"},
    OrderType.MENTIONS_WITH_HASHTAGS: {**LINK, "quantity": "100", "usernames": "a\nb", "hashtags": "x, y"},
    OrderType.MENTIONS_CUSTOM_LIST: {**LINK, "usernames": "a\nb\nc"},
    OrderType.MENTIONS_HASHTAG: {**LINK, "quantity": "100", "hashtag": "news"},
    OrderType.MENTIONS_USER_FOLLOWERS: {**LINK, "quantity": "100", "username": "someone"},
    OrderType.MENTIONS_MEDIA_LIKERS: {**LINK, "quantity": "100", "media": "https://example.com/m"},
    OrderType.MENTIONS: {**LINK, "quantity": "100", "usernames": "a,b"},
    OrderType.PACKAGE: {**LINK},
    OrderType.CUSTOM_COMMENTS_PACKAGE: {**LINK, "comments": "One\nTwo"},
    OrderType.COMMENT_LIKES: {**LINK, "quantity": "100", "username": "someone"},
    OrderType.POLL: {**LINK, "quantity": "100", "answer_number": "2"},
    OrderType.COMMENT_REPLIES: {**LINK, "username": "someone", "comments": "One\nTwo"},
    OrderType.INVITES_FROM_GROUPS: {**LINK, "quantity": "100", "groups": "g1\ng2"},
    OrderType.SUBSCRIPTIONS: {"username": "someone", "min": "10", "max": "20", "delay": "5"},
    OrderType.WEB_TRAFFIC: {
        **LINK,
        "quantity": "100",
        "country": "US",
        "device": "1",
        "type_of_traffic": "1",
        "google_keyword": "word",
    },
}
"""A complete order of every row of protocol §3.1."""

QUANTITIES = {
    OrderType.CUSTOM_COMMENTS: 2,
    OrderType.MENTIONS_CUSTOM_LIST: 3,
    OrderType.PACKAGE: 1,
    OrderType.CUSTOM_COMMENTS_PACKAGE: 1,
    OrderType.COMMENT_REPLIES: 2,
    OrderType.SUBSCRIPTIONS: 0,
}
"""The effective quantity where it is not the quantity field's 100."""


def service(kind: OrderType = OrderType.DEFAULT, **changes: Any) -> SnapshotService:
    terms: dict[str, Any] = {
        "id": 1,
        "name": "Service",
        "description": "",
        "type": kind,
        "category": "Category",
        "rate": Decimal(1),
        "min": 1,
        "max": 1 if FORMS[kind].is_package else 1000,
        "refill": False,
        "refill_days": None,
        "cancel": False,
        "dripfeed": True,
        "version": 1,
    }
    return SnapshotService(**{**terms, **changes})


def refusal_of(kind: OrderType, texts: dict[str, str], **changes: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        validate(service(kind, **changes), texts, today=TODAY)
    return caught.value


def test_every_type_has_a_complete_order_here() -> None:
    assert set(GOOD) == set(OrderType) == set(FORMS)


@pytest.mark.parametrize("kind", OrderType)
def test_a_complete_order_is_valid(kind: OrderType) -> None:
    order = validate(service(kind), GOOD[kind], today=TODAY)
    assert order.quantity == QUANTITIES.get(kind, 100)
    assert order.kind == (OrderKind.SUBSCRIPTION if kind is OrderType.SUBSCRIPTIONS else OrderKind.ORDER)


REQUIRED = [
    (kind, name)
    for kind, form in FORMS.items()
    for name in [
        *(["link"] if form.link else []),
        *(["quantity"] if form.quantity is QuantityFrom.FIELD else []),
        *(item.name for item in form.fields if item.required),
    ]
]


@pytest.mark.parametrize(("kind", "name"), REQUIRED, ids=[f"{kind}-{name}" for kind, name in REQUIRED])
@pytest.mark.parametrize("missing", [None, "", "  "], ids=["absent", "empty", "blank"])
def test_a_required_field_that_is_missing(kind: OrderType, name: str, missing: str | None) -> None:
    texts = {key: text for key, text in GOOD[kind].items() if key != name}
    if missing is not None:
        texts[name] = missing
    expected = {"link": refusals.BadLink, "comments": refusals.CommentsMissing}.get(
        name, refusals.IncorrectRequest
    )
    assert type(refusal_of(kind, texts)) is expected


LISTS = [
    (kind, item.name)
    for kind, form in FORMS.items()
    for item in form.fields
    if item.kind in (FieldKind.LINES, FieldKind.COMMENTS)
]


@pytest.mark.parametrize(("kind", "name"), LISTS, ids=[f"{kind}-{name}" for kind, name in LISTS])
@pytest.mark.parametrize("separator", ["\n", "\r\n", "\n\n  ", "\r"])
def test_list_entries_are_trimmed_lines(kind: OrderType, name: str, separator: str) -> None:
    texts = {**GOOD[kind], name: f" one{separator}two, three {separator}"}
    assert validate(service(kind), texts, today=TODAY).fields[name] == ["one", "two, three"]


@pytest.mark.parametrize(("kind", "name"), LISTS, ids=[f"{kind}-{name}" for kind, name in LISTS])
def test_commas_part_names_but_never_comments(kind: OrderType, name: str) -> None:
    texts = {**GOOD[kind], name: "one, two"}
    whole = name in ("comments", "groups")
    assert validate(service(kind), texts, today=TODAY).fields[name] == (
        ["one, two"] if whole else ["one", "two"]
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100", 100),
        (" 100 ", 100),
        ("100.0", 100),
        ("0100", 100),
        ("0", refusals.QuantityTooSmall(minimum=10)),
        ("9", refusals.QuantityTooSmall(minimum=10)),
        ("-5", refusals.QuantityTooSmall(minimum=10)),
        ("1001", refusals.QuantityTooLarge(maximum=1000)),
        ("9" * 30, refusals.QuantityTooLarge(maximum=1000)),
        ("1e3", refusals.IncorrectRequest()),
        ("1e9", refusals.IncorrectRequest()),
        ("1,000", refusals.IncorrectRequest()),
        ("1.5", refusals.IncorrectRequest()),
        ("١٢٣", refusals.IncorrectRequest()),
        ("abc", refusals.IncorrectRequest()),
        ("0x10", refusals.IncorrectRequest()),
        ("+100", refusals.IncorrectRequest()),
        ("1_00", refusals.IncorrectRequest()),
        ("NaN", refusals.IncorrectRequest()),
        ("", refusals.IncorrectRequest()),
    ],
)
def test_quantities(text: str, expected: int | Refusal) -> None:
    offered = service(min=10)
    texts = {**LINK, "quantity": text}
    if isinstance(expected, int):
        assert validate(offered, texts, today=TODAY).quantity == expected
    else:
        with pytest.raises(Refusal) as caught:
            validate(offered, texts, today=TODAY)
        assert caught.value == expected


@pytest.mark.parametrize(
    "link", ["", " ", "a" * 2049, "https://example.com/\0", "https://example.com/\ud800", "one\ntwo"]
)
def test_bad_links(link: str) -> None:
    assert type(refusal_of(OrderType.DEFAULT, {"link": link, "quantity": "100"})) is refusals.BadLink


def test_line_counts_must_lie_within_min_and_max() -> None:
    few = refusal_of(OrderType.CUSTOM_COMMENTS, {**LINK, "comments": "a\nb"}, min=3)
    many = refusal_of(OrderType.CUSTOM_COMMENTS, {**LINK, "comments": "a\nb\nc"}, max=2)
    assert (few, many) == (refusals.QuantityTooSmall(minimum=3), refusals.QuantityTooLarge(maximum=2))


@pytest.mark.parametrize("kind", [OrderType.CUSTOM_COMMENTS, OrderType.PACKAGE, OrderType.COMMENT_REPLIES])
def test_a_quantity_that_is_not_the_clients_to_say_is_ignored(kind: OrderType) -> None:
    order = validate(service(kind), {**GOOD[kind], "quantity": "999999"}, today=TODAY)
    assert order.quantity == QUANTITIES[kind]


def test_unknown_fields_are_ignored() -> None:
    texts = {**GOOD[OrderType.DEFAULT], "comments": "x", "whatever": "y"}
    assert validate(service(), texts, today=TODAY).fields == {}


@pytest.mark.parametrize(
    ("runs", "interval", "expected"),
    [
        ("", "", None),
        ("0", "0", None),
        ("0", "", None),
        ("2", "30", 200),
        ("1", "1", 100),
        ("2", "", refusals.IntervalRequired()),
        ("2", "0", refusals.IntervalRequired()),
        ("", "30", refusals.RunsRequired()),
        ("0", "30", refusals.RunsRequired()),
        ("11", "30", refusals.QuantityTooLarge(maximum=1000)),
        ("x", "30", refusals.IncorrectRequest()),
        ("2", "1.5", refusals.IncorrectRequest()),
        ("-2", "30", refusals.IncorrectRequest()),
    ],
)
def test_drip_feeds(runs: str, interval: str, expected: int | Refusal | None) -> None:
    texts = {**GOOD[OrderType.DEFAULT], "runs": runs, "interval": interval}
    if isinstance(expected, Refusal):
        assert refusal_of(OrderType.DEFAULT, texts) == expected
        return
    order = validate(service(), texts, today=TODAY)
    assert (order.drip_feed is None) == (expected is None)
    assert order.quantity == (expected or 100)


def test_a_run_must_reach_the_minimum_by_itself() -> None:
    texts = {**LINK, "quantity": "100", "runs": "5", "interval": "10"}
    assert refusal_of(OrderType.DEFAULT, texts, min=200) == refusals.QuantityTooSmall(minimum=200)


@pytest.mark.parametrize("kind", [OrderType.SEO, OrderType.POLL, OrderType.DEFAULT])
def test_a_drip_feed_that_is_not_offered(kind: OrderType) -> None:
    texts = {**GOOD[kind], "runs": "2", "interval": "30"}
    assert type(refusal_of(kind, texts, dripfeed=False)) is refusals.DripFeedNotOffered


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"posts": "3"}, {"posts": 3, "old_posts": 0, "expiry": None}),
        ({"posts": "0"}, {"posts": None, "old_posts": 0}),
        ({"posts": "0", "old_posts": "4"}, {"posts": 0, "old_posts": 4}),
        ({"old_posts": "4"}, {"posts": None, "old_posts": 4}),
        ({"expiry": "23/11/2026"}, {"expiry": TODAY}),
        ({"expiry": "1/2/2027"}, {"expiry": date(2027, 2, 1)}),
        ({"delay": "600"}, {"delay_minutes": 600}),
        ({"min": "10", "max": "10"}, {"min": 10, "max": 10}),
        ({"link": "ignored"}, {"username": "someone"}),
        ({"expiry": "22/11/2026"}, refusals.IncorrectRequest()),
        ({"expiry": "2026-12-31"}, refusals.IncorrectRequest()),
        ({"expiry": "31/2/2027"}, refusals.IncorrectRequest()),
        ({"delay": "7"}, refusals.IncorrectRequest()),
        ({"delay": "soon"}, refusals.IncorrectRequest()),
        ({"min": "21"}, refusals.IncorrectRequest()),
        ({"min": "0"}, refusals.QuantityTooSmall(minimum=1)),
        ({"max": "1001"}, refusals.QuantityTooLarge(maximum=1000)),
        ({"posts": "-1"}, refusals.IncorrectRequest()),
        ({"posts": "2000000"}, refusals.IncorrectRequest()),
    ],
)
def test_subscriptions(changes: dict[str, str], expected: dict[str, Any] | Refusal) -> None:
    texts = {**GOOD[OrderType.SUBSCRIPTIONS], **changes}
    if isinstance(expected, Refusal):
        assert refusal_of(OrderType.SUBSCRIPTIONS, texts) == expected
        return
    terms = validate(service(OrderType.SUBSCRIPTIONS), texts, today=TODAY).subscription
    assert {name: getattr(terms, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "is_valid"),
    [
        ({"type_of_traffic": "3", "google_keyword": ""}, True),
        ({"type_of_traffic": "2", "referring_url": "https://example.com"}, True),
        ({"type_of_traffic": "1", "google_keyword": ""}, False),
        ({"type_of_traffic": "2", "google_keyword": "x"}, False),
        ({"type_of_traffic": "4"}, False),
        ({"device": "5"}, True),
        ({"device": "6"}, False),
        ({"device": "0"}, False),
        ({"device": "phone"}, False),
        ({"country": "Germany"}, True),
    ],
)
def test_web_traffic(changes: dict[str, str], is_valid: bool) -> None:  # noqa: FBT001
    texts = {**GOOD[OrderType.WEB_TRAFFIC], **changes}
    if is_valid:
        assert validate(service(OrderType.WEB_TRAFFIC), texts, today=TODAY).quantity == 100
    else:
        assert type(refusal_of(OrderType.WEB_TRAFFIC, texts)) is refusals.IncorrectRequest


@pytest.mark.parametrize("kind", [kind for kind in OrderType if FORMS[kind].fields])
@pytest.mark.parametrize("poison", ["a\0b", "\ud800"])
def test_text_that_the_database_cannot_keep(kind: OrderType, poison: str) -> None:
    name = FORMS[kind].fields[0].name
    assert isinstance(refusal_of(kind, {**GOOD[kind], name: poison}), Refusal)


def test_sixteen_thousand_characters_of_comments() -> None:
    comments = "\n".join(f"A comment, number {number:03}" for number in range(1000))[:16_000]
    order = validate(service(OrderType.CUSTOM_COMMENTS), {**LINK, "comments": comments}, today=TODAY)
    assert order.quantity == len(comments.split("\n"))


@given(
    kind=st.sampled_from(OrderType),
    texts=st.dictionaries(
        st.sampled_from(
            ["link", "quantity", "runs", "interval", "min", "max", "delay", "expiry", "posts"]
            + [item.name for form in FORMS.values() for item in form.fields]
        ),
        st.text() | st.sampled_from(["10", "-1", "1e9", "٣", "\0", "a\nb", "1/1/2030"]),
        max_size=6,
    ),
)
def test_anything_gets_an_order_within_bounds_or_a_refusal(kind: OrderType, texts: dict[str, str]) -> None:
    offered = service(kind)
    with contextlib.suppress(Refusal):
        order = validate(offered, {**GOOD[kind], **texts}, today=TODAY)
        assert order.kind == OrderKind.SUBSCRIPTION or 1 <= order.quantity <= offered.max
