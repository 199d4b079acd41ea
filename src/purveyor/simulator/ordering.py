"""Understanding an `add`: which fields its type needs, and the limits it must keep (protocol §3)."""

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from purveyor.catalog.order_types import (
    FORMS,
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
from purveyor.simulator import refusals
from purveyor.simulator.catalogue import Service
from purveyor.simulator.orders import Dripfeed, Request, Subscription
from purveyor.simulator.refusals import Refused

LONGEST_NUMBER_DIGITS: Final = 10
LARGEST_QUANTITY: Final = 2**31 - 1
LONGEST_LINK_CHARACTERS: Final = 2048

IDEMPOTENCY_KEY: Final = "idempotency_key"
"""The field by which a Purveyor knows an order again; most panels pay no heed to it."""

_NAMED_FIELDS: Final = frozenset({"key", "action", "service", "link", "quantity"})


def understand(*, service: Service, fields: Mapping[str, str], now: float) -> Request:
    """Read an `add` for a service, in the order of protocol §3.7.

    Raises:
        Refused: a field is missing or wrong, or a limit is not kept.
    """
    form = FORMS[service.type]
    link = _link(form=form, fields=fields)
    _require(form=form, fields=fields)
    extra = {name: text for name, text in fields.items() if name not in _NAMED_FIELDS and text}
    if form.quantity is QuantityFrom.POSTS:
        subscription = _subscription(service=service, fields=fields, now=now)
        return Request(service=service.id, link=link, quantity=0, fields=extra, subscription=subscription)
    quantity = _quantity(form=form, fields=fields)
    if not form.is_package:
        _check_limits(service=service, quantity=quantity)
    dripfeed = _dripfeed(service=service, form=form, quantity=quantity, fields=fields)
    return Request(service=service.id, link=link, quantity=quantity, fields=extra, dripfeed=dripfeed)


def whole_charge(*, service: Service, request: Request) -> Decimal:
    """What the order costs in all when it is placed; a subscription costs nothing until a post comes (§8)."""
    if request.subscription is not None:
        return Decimal(0)
    runs = request.dripfeed.runs if request.dripfeed is not None else 1
    return charge(service=service, rate=service.rate, quantity=request.quantity * runs)


def charge(*, service: Service, rate: Decimal, quantity: int) -> Decimal:
    """The price of a quantity at a rate: per 1000, of a package per order."""
    return rate if FORMS[service.type].is_package else rate * quantity / 1000


def whole_number(text: str) -> int | None:
    """The number in plain ASCII digits, with or without a decimal part of zeros; None for anything else."""
    digits, point, decimals = text.strip().partition(".")
    if point and decimals.strip("0"):
        return None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_NUMBER_DIGITS):
        return None
    return int(digits)


def lines(text: str, *, kind: FieldKind) -> list[str]:
    """The entries of a list field, trimmed, without empty ones (§3.2)."""
    entries = text.replace("\r\n", "\n").split("\n")
    if len(entries) == 1 and kind is FieldKind.LINES:
        entries = text.split(",")
    return [entry.strip() for entry in entries if entry.strip()]


def _link(*, form: OrderForm, fields: Mapping[str, str]) -> str:
    if not form.link:
        return fields.get("username", "").strip()
    link = fields.get("link", "").strip()
    if not link or len(link) > LONGEST_LINK_CHARACTERS:
        raise Refused(refusals.BAD_LINK)
    return link


def _require(*, form: OrderForm, fields: Mapping[str, str]) -> None:
    """Refuse an order without a field its type needs, or with one that cannot be read."""
    for field in form.fields:
        text = fields.get(field.name, "").strip()
        if not text:
            if field.required:
                raise Refused(refusals.INCORRECT_REQUEST)
        elif field.kind is FieldKind.NUMBER:
            if whole_number(text) is None:
                raise Refused(refusals.INCORRECT_REQUEST)
        elif field.kind is not FieldKind.TEXT and not lines(text, kind=field.kind):
            raise Refused(refusals.INCORRECT_REQUEST)
    if form.type is OrderType.WEB_TRAFFIC:
        _require_traffic_source(fields)


def _require_traffic_source(fields: Mapping[str, str]) -> None:
    source = whole_number(fields["type_of_traffic"])
    wanted = {TRAFFIC_FROM_GOOGLE_KEYWORD: "google_keyword", TRAFFIC_FROM_REFERRER: "referring_url"}
    if (
        source not in WEB_TRAFFIC_KINDS
        or whole_number(fields["device"]) not in WEB_TRAFFIC_DEVICES
        or (source in wanted and not fields.get(wanted[source], "").strip())
    ):
        raise Refused(refusals.INCORRECT_REQUEST)


def _quantity(*, form: OrderForm, fields: Mapping[str, str]) -> int:
    if form.is_package:
        return 1
    counted = form.counted_field
    if counted is not None:
        kind = next(field.kind for field in form.fields if field.name == counted)
        return len(lines(fields[counted], kind=kind))
    quantity = whole_number(fields.get("quantity", ""))
    if quantity is None:
        raise Refused(refusals.INCORRECT_REQUEST)
    return quantity


def _check_limits(*, service: Service, quantity: int) -> None:
    if quantity < service.minimum:
        raise Refused(refusals.QUANTITY_BELOW.format(limit=service.minimum))
    if quantity > min(service.maximum, LARGEST_QUANTITY):
        raise Refused(refusals.QUANTITY_ABOVE.format(limit=service.maximum))


def _dripfeed(
    *, service: Service, form: OrderForm, quantity: int, fields: Mapping[str, str]
) -> Dripfeed | None:
    """The runs of an order; none where neither of its two fields says so (§3.3)."""
    runs = _optional_number(fields, "runs")
    interval = _optional_number(fields, "interval")
    if not runs and not interval:
        return None
    if not (service.dripfeed and form.dripfeed):
        raise Refused(refusals.NO_DRIPFEED)
    if not runs:
        raise Refused(refusals.RUNS_REQUIRED)
    if not interval:
        raise Refused(refusals.INTERVAL_REQUIRED)
    if runs * quantity > service.maximum:
        raise Refused(refusals.QUANTITY_ABOVE.format(limit=service.maximum))
    return Dripfeed(runs=runs, interval_minutes=interval)


def _subscription(*, service: Service, fields: Mapping[str, str], now: float) -> Subscription:
    minimum = _number(fields, "min")
    maximum = _number(fields, "max")
    _check_limits(service=service, quantity=minimum)
    _check_limits(service=service, quantity=maximum)
    delay = _number(fields, "delay")
    if minimum > maximum or delay not in SUBSCRIPTION_DELAYS_MINUTES:
        raise Refused(refusals.INCORRECT_REQUEST)
    old_posts = _optional_number(fields, "old_posts") or 0
    posts = _optional_number(fields, "posts")
    if posts == 0 and not old_posts:
        posts = None  # consumers send 0 for "without end"; only beside old posts does it mean none
    expires_at, expiry = _expiry(fields.get("expiry", "").strip(), now=now)
    return Subscription(
        minimum=minimum,
        maximum=maximum,
        delay_minutes=delay,
        posts=posts,
        old_posts=old_posts,
        expires_at=expires_at,
        expiry=expiry,
    )


def _expiry(text: str, *, now: float) -> tuple[float | None, str]:
    if not text:
        return None, ""
    try:
        day = datetime.datetime.strptime(text, "%d/%m/%Y").replace(tzinfo=datetime.UTC)
    except ValueError as error:
        raise Refused(refusals.INCORRECT_REQUEST) from error
    expires_at = (day + datetime.timedelta(days=1)).timestamp()
    if expires_at <= now:
        raise Refused(refusals.INCORRECT_REQUEST)
    return expires_at, day.date().isoformat()


def _number(fields: Mapping[str, str], name: str) -> int:
    number = whole_number(fields.get(name, ""))
    if number is None:
        raise Refused(refusals.INCORRECT_REQUEST)
    return number


def _optional_number(fields: Mapping[str, str], name: str) -> int | None:
    return _number(fields, name) if fields.get(name, "").strip() else None
