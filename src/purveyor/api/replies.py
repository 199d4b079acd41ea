"""What goes out: the replies of API v2, by shape, key order and JSON type those of protocol §4.

Pure functions from the rooms' values to bytes.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from purveyor.orders.models import OrderKind
from purveyor.orders.reading import OrderView
from purveyor.orders.refusals import Refusal

RATE_PLACES_SHOWN: Final = 2
"""A rate is whole, as `8`, or has at least this many decimals, as `0.90` (protocol §4.1)."""

REFUSALS_KEPT_MAX: Final = 1000
"""Worded refusals that are kept; their words depend on numbers of the services, so there are not many."""

_encode = msgspec.json.Encoder().encode


class ErrorReply(msgspec.Struct):
    """Any refusal, whole or of one item."""

    error: str


class OrderReply(msgspec.Struct):
    """`add` (§4.2)."""

    order: int


class StatusReply(msgspec.Struct):
    """`status` of an ordinary order (§4.3): five strings, always all of them."""

    charge: str
    start_count: str
    status: str
    remains: str
    currency: str


class DripFeedReply(msgspec.Struct):
    """`status` of a drip-feed parent (§4.5)."""

    status: str
    runs: str
    orders: list[str]


class SubscriptionReply(msgspec.Struct):
    """`status` of a subscription parent (§4.6)."""

    status: str
    expiry: str
    posts: str
    orders: list[str]
    old_orders: list[str]


class RefillReply(msgspec.Struct):
    """`refill` of one order (§4.7): the id is a string here, and a number in lists."""

    refill: str


class RefillRow(msgspec.Struct):
    """One row of `refill` with a list (§4.7)."""

    order: int | str
    refill: int | ErrorReply


class RefillStatusReply(msgspec.Struct):
    """`refill_status` of one refill (§4.8)."""

    status: str


class RefillStatusRow(msgspec.Struct):
    """One row of `refill_status` with a list (§4.8)."""

    refill: int | str
    status: str | ErrorReply


class CancelRow(msgspec.Struct):
    """One row of `cancel` with a list, and the reply to `cancel` with a single order (§4.9)."""

    order: int | str
    cancel: int | ErrorReply


class BalanceReply(msgspec.Struct):
    """`balance` (§4.10)."""

    balance: str
    currency: str


class ServiceRow(msgspec.Struct):
    """One service in the reply to `services` (§4.1)."""

    service: int | str
    name: str
    type: str
    category: str
    rate: str
    min: str
    max: str
    dripfeed: bool
    refill: bool
    cancel: bool


StatusShape = StatusReply | DripFeedReply | SubscriptionReply


def encode(reply: msgspec.Struct | Sequence[msgspec.Struct] | Mapping[str, msgspec.Struct]) -> bytes:
    """A reply as JSON."""
    return _encode(reply)


def amount_text(amount: Decimal) -> str:
    """An amount as a trimmed fixed-point number, never with an exponent (§4.10): `0.27819`, `100`, `0`."""
    text = f"{amount:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"", "-0"} else text


def rate_text(rate: Decimal) -> str:
    """A rate as protocol §4.1 shows it: whole, or with two decimals and more where they say something."""
    text = amount_text(rate)
    whole, point, decimals = text.partition(".")
    return f"{whole}.{decimals:0<{RATE_PLACES_SHOWN}}" if point else text


@functools.lru_cache(maxsize=REFUSALS_KEPT_MAX)
def error(refusal: Refusal, *, as_key: bool) -> ErrorReply:
    """A refusal in the form that the panel is set to (protocol §6.2): a sentence, or a key."""
    return ErrorReply(refusal.key if as_key else refusal.text)


def status(view: OrderView) -> StatusShape:
    """An order in the shape of its kind."""
    if view.kind == OrderKind.ORDER:
        start_count = view.start_count
        return StatusReply(
            amount_text(view.charge),
            "0" if start_count is None else str(start_count),
            view.status,
            str(view.remains),
            view.currency,
        )
    children = _texts(view.children)
    if view.kind == OrderKind.DRIP_FEED:
        return DripFeedReply(view.status, str(view.runs_done), children)
    expiry = view.expiry.isoformat() if view.expiry else ""
    return SubscriptionReply(view.status, expiry, str(view.posts_done), children, _texts(view.old_children))


def _texts(ids: Iterable[int]) -> list[str]:
    return [str(number) for number in ids]
