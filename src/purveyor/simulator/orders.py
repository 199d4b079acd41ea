"""What the simulated provider keeps about orders and refills.

These are structs outside the garbage collector's care: there are many, they hold no cycles, and a full
collection over a hundred thousand of them would hold up every call for a moment.
"""

from decimal import Decimal

import msgspec

from purveyor.simulator.life import Fate, Status


class Dripfeed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order delivered in equal runs, each an order of its own."""

    runs: int
    interval_minutes: int


class Subscription(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order that waits for posts, each of which becomes an order of its own."""

    minimum: int
    maximum: int
    delay_minutes: int
    posts: int | None
    """New posts to serve; None is without end."""
    old_posts: int
    expires_at: float | None
    """Seconds since the epoch: the end of the last day (UTC)."""
    expiry: str
    """The last day as `status` tells it, YYYY-MM-DD, or nothing."""


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A valid `add`, understood."""

    service: str
    link: str
    """Of a subscription, the account it follows."""
    quantity: int
    """Per run of a drip-feed; 0 for a subscription."""
    fields: dict[str, str]
    """Everything that was sent beside key, action, service, link and quantity."""
    dripfeed: Dripfeed | None = None
    subscription: Subscription | None = None


class Override(msgspec.Struct, kw_only=True, gc=False, omit_defaults=True):
    """What a test has set by hand; None leaves the order's own life."""

    status: str | None = None
    start_count: int | None = None
    remains: int | None = None


class Order(msgspec.Struct, kw_only=True, gc=False, omit_defaults=True):
    """An accepted order, or a child that a drip-feed or a subscription has made."""

    id: int
    request: Request
    rate: Decimal
    """Price per 1000, or of one package, at the time of ordering."""
    charge: Decimal
    """The whole charge, before refunds; of a drip-feed, of all its runs; of a subscription, nothing."""
    placed_at: float
    speed: float
    outcome: Status
    fate: Fate
    parent: int | None = None
    of_old_post: bool = False
    cancel_requested_at: float | None = None
    override: Override | None = None
    paid: Decimal = Decimal(0)
    """What of the charge is at this moment taken from the balance."""
    children: tuple[int, ...] = ()
    old_children: tuple[int, ...] = ()
    refills: tuple[int, ...] = ()
    paused: bool = False
    """Whether a subscription waits for funds."""


class Refill(msgspec.Struct, kw_only=True, gc=False, omit_defaults=True):
    """A refill that was asked for and accepted."""

    id: int
    order: int
    requested_at: float
    speed: float
    rejected: bool | None = None
    """How it will end where a test decided that; None leaves it to chance."""
