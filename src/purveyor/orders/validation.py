"""Whether an order can be made of what a customer sent: pure rules, in the order of protocol §3.7."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

import msgspec

from purveyor.catalog.models import LARGEST_QUANTITY
from purveyor.catalog.order_types import (
    SUBSCRIPTION_DELAYS_MINUTES,
    TRAFFIC_FROM_GOOGLE_KEYWORD,
    TRAFFIC_FROM_REFERRER,
    WEB_TRAFFIC_DEVICES,
    WEB_TRAFFIC_KINDS,
    FieldKind,
    OrderForm,
    OrderType,
    QuantityFrom,
)
from purveyor.catalog.snapshot import SnapshotService
from purveyor.orders.links import LONGEST_LINK_CHARACTERS, link_key
from purveyor.orders.models import OrderKind
from purveyor.orders.refusals import (
    BadLink,
    CommentsMissing,
    DripFeedNotOffered,
    IncorrectRequest,
    IntervalRequired,
    QuantityTooLarge,
    QuantityTooSmall,
    RunsRequired,
)

LONGEST_TEXT_CHARACTERS: Final = 2048
"""Of a single-line field other than the link."""
LARGEST_INTERVAL_MINUTES: Final = 60 * 24 * 365
LARGEST_POSTS: Final = 1_000_000
LARGEST_OLD_POSTS: Final = 1_000
"""They are all bought at once."""

# ASCII only: \d would take digits of other scripts, which the caller did not mean as our number.
_WHOLE_NUMBER = re.compile(r"^([0-9]+)(?:\.0+)?$")
_NEGATIVE_NUMBER = re.compile(r"^-[0-9]+(?:\.0+)?$")
_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_EXPIRY_FORMAT: Final = "%d/%m/%Y"
_MOST_DIGITS: Final = 18


class DripFeedTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Runs of a drip-feed: `quantity_per_run` every `interval_minutes`."""

    runs: int
    interval_minutes: int
    quantity_per_run: int


class SubscriptionTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a subscription follows."""

    username: str
    min: int
    max: int
    posts: int | None
    old_posts: int
    delay_minutes: int
    expiry: date | None


class ValidOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that obeys the rules of its service; only duplicates and funds are still to be checked."""

    kind: OrderKind
    link: str
    link_key: int
    quantity: int
    """In all: of a drip-feed runs × quantity per run; of a subscription 0."""
    fields: dict[str, Any] = msgspec.field(default_factory=dict)
    drip_feed: DripFeedTerms | None = None
    subscription: SubscriptionTerms | None = None


def validate(service: SnapshotService, texts: Mapping[str, str], *, today: date) -> ValidOrder:
    """Make an order of the plain texts a customer sent, by protocol name.

    Unknown fields are ignored and an empty text is an absent field (protocol §1.3). Raises the first
    `Refusal` by protocol §3.7: required fields and link, then quantity, then drip-feed and subscription
    rules.
    """
    form = service.form
    if form.quantity is QuantityFrom.POSTS:
        return _subscription(service, texts, today=today)
    link = valid_link(texts.get("link", ""))
    fields = _fields(form, texts)
    quantity = _quantity(service, form, texts, fields)
    drip_feed = _drip_feed(service, texts, quantity)
    return ValidOrder(
        kind=OrderKind.DRIP_FEED if drip_feed else OrderKind.ORDER,
        link=link,
        link_key=link_key(link),
        quantity=drip_feed.runs * quantity if drip_feed else quantity,
        fields=fields,
        drip_feed=drip_feed,
    )


def lines_of(text: str, kind: FieldKind) -> list[str]:
    """The entries of a list field: trimmed, without empty ones (protocol §3.2)."""
    parts = _LINE_BREAK.split(text)
    if kind is FieldKind.LINES and len(parts) == 1:
        parts = text.split(",")
    return [part.strip() for part in parts if part.strip()]


def whole_number(text: str) -> int | None:
    """A whole number of zero or more, in ASCII digits, as protocol §3.6 takes it; None for anything else."""
    found = _WHOLE_NUMBER.match(text.strip())
    if found is None or len(found[1].lstrip("0")) > _MOST_DIGITS:
        return None
    return int(found[1])


def is_storable(text: str) -> bool:
    """Whether the database can keep the text: no NUL, no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def valid_link(text: str) -> str:
    """The link without space around it. Raises `BadLink` for what is none."""
    link = text.strip()
    if not link or len(link) > LONGEST_LINK_CHARACTERS or not is_storable(link) or _LINE_BREAK.search(link):
        raise BadLink
    return link


def _fields(form: OrderForm, texts: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in form.fields:
        text = texts.get(item.name, "").strip()
        if not is_storable(text):
            raise IncorrectRequest
        if not text:
            if item.required:
                raise CommentsMissing if item.name == "comments" else IncorrectRequest
            continue
        found[item.name] = _field_value(item.kind, text)
    if form.type is OrderType.WEB_TRAFFIC:
        _check_web_traffic(found)
    return found


def _field_value(kind: FieldKind, text: str) -> str | int | list[str]:
    if kind is FieldKind.NUMBER:
        number = whole_number(text)
        if number is None or number > LARGEST_QUANTITY:
            raise IncorrectRequest
        return number
    if kind is FieldKind.TEXT:
        if len(text) > LONGEST_TEXT_CHARACTERS:
            raise IncorrectRequest
        return text
    entries = lines_of(text, kind)
    if not entries:
        raise IncorrectRequest
    return entries


def _check_web_traffic(fields: Mapping[str, Any]) -> None:
    """Devices and kinds of traffic by protocol §3.5; each kind needs its own field."""
    kind = fields["type_of_traffic"]
    if fields["device"] not in WEB_TRAFFIC_DEVICES or kind not in WEB_TRAFFIC_KINDS:
        raise IncorrectRequest
    if kind == TRAFFIC_FROM_GOOGLE_KEYWORD and "google_keyword" not in fields:
        raise IncorrectRequest
    if kind == TRAFFIC_FROM_REFERRER and "referring_url" not in fields:
        raise IncorrectRequest


def _quantity(
    service: SnapshotService, form: OrderForm, texts: Mapping[str, str], fields: Mapping[str, Any]
) -> int:
    if form.quantity is QuantityFrom.ONE:
        return 1
    if form.counted_field is not None:
        quantity = len(fields[form.counted_field])
    else:
        quantity = _quantity_field(service, texts.get("quantity", "").strip())
    _check_bounds(service, quantity)
    return quantity


def _quantity_field(service: SnapshotService, text: str) -> int:
    if _NEGATIVE_NUMBER.match(text):
        raise QuantityTooSmall(minimum=service.min)
    number = whole_number(text)
    if number is not None:
        return number
    if _WHOLE_NUMBER.match(text):
        raise QuantityTooLarge(maximum=service.max)
    raise IncorrectRequest


def _check_bounds(service: SnapshotService, quantity: int) -> None:
    if quantity < service.min:
        raise QuantityTooSmall(minimum=service.min)
    if quantity > service.max:
        raise QuantityTooLarge(maximum=service.max)


def _drip_feed(service: SnapshotService, texts: Mapping[str, str], quantity: int) -> DripFeedTerms | None:
    """Terms by protocol §3.3, or None for an ordinary order: both fields empty or 0."""
    runs = _optional_number(texts, "runs")
    interval = _optional_number(texts, "interval")
    if not runs and not interval:
        return None
    if not service.form.dripfeed or not service.dripfeed:
        raise DripFeedNotOffered
    if not runs:
        raise RunsRequired
    if not interval:
        raise IntervalRequired
    if interval > LARGEST_INTERVAL_MINUTES:
        raise IncorrectRequest
    if runs * quantity > service.max:
        raise QuantityTooLarge(maximum=service.max)
    return DripFeedTerms(runs=runs, interval_minutes=interval, quantity_per_run=quantity)


def _optional_number(texts: Mapping[str, str], name: str) -> int | None:
    text = texts.get(name, "").strip()
    if not text:
        return None
    number = whole_number(text)
    if number is None:
        raise IncorrectRequest
    return number


def _subscription(service: SnapshotService, texts: Mapping[str, str], *, today: date) -> ValidOrder:
    """Terms by protocol §3.4."""
    fields = _fields(service.form, texts)
    smallest, largest = fields["min"], fields["max"]
    if smallest < service.min:
        raise QuantityTooSmall(minimum=service.min)
    if largest > service.max:
        raise QuantityTooLarge(maximum=service.max)
    old_posts = fields.get("old_posts", 0)
    # `posts=0` alone is how some consumers say "unlimited"; with old_posts it means "old posts only".
    posts = fields.get("posts") if old_posts else fields.get("posts") or None
    if smallest > largest or (posts or 0) > LARGEST_POSTS or old_posts > LARGEST_OLD_POSTS:
        raise IncorrectRequest
    if fields["delay"] not in SUBSCRIPTION_DELAYS_MINUTES:
        raise IncorrectRequest
    username = fields["username"]
    return ValidOrder(
        kind=OrderKind.SUBSCRIPTION,
        link=username,
        link_key=link_key(username),
        quantity=0,
        subscription=SubscriptionTerms(
            username=username,
            min=smallest,
            max=largest,
            posts=posts,
            old_posts=old_posts,
            delay_minutes=fields["delay"],
            expiry=_expiry(fields.get("expiry", ""), today=today),
        ),
    )


def _expiry(text: str, *, today: date) -> date | None:
    if not text:
        return None
    try:
        expiry = datetime.strptime(text, _EXPIRY_FORMAT).date()  # noqa: DTZ007  (a day, without a time zone)
    except ValueError:
        raise IncorrectRequest from None
    if expiry < today:
        raise IncorrectRequest
    return expiry
