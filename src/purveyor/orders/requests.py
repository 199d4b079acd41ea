"""What is asked of `place`, and what it answers."""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from purveyor.orders.models import Dispatch, Source


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An order as a customer asks for it, through whichever door."""

    customer_id: int
    source: Source
    service: str
    """The service's id, as sent."""
    fields: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Plain texts by protocol name (link, quantity, comments, runs, …); lists parted by line breaks."""
    idempotency_key: str | None = None
    """The same key again gives the first order again; with another order it is refused."""

    @property
    def content_digest(self) -> int:
        """A 64-bit hash of what is ordered, to tell a repetition from another order under the same key."""
        sent = sorted((name, text.strip()) for name, text in self.fields.items() if text.strip())
        content = json.dumps([self.service.strip(), sent]).encode()
        return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big", signed=True)


class PartRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a drip-feed or a post of a subscription: an order at its parent's frozen terms."""

    parent_id: int
    part: int
    customer_id: int
    service_id: int
    source: Source
    link: str
    link_key: int
    quantity: int
    fields: Mapping[str, Any] | None
    unit_price: Decimal
    price_rule: str
    service_version: int
    charge: Decimal
    paid_by_parent: bool
    """A run is covered by its parent's charge; a post is charged alone."""
    dispatch: Dispatch = Dispatch.QUEUED


class Placed(msgspec.Struct, frozen=True):
    """The order was made, and charged unless it is paid by its parent or charges later."""

    order_id: int
    is_new: bool = True
    """False when an idempotency key, or a part's number, named an order that existed already."""
