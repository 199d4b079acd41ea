"""Every kind of event there is, with the fields of its data. docs/events.md lists the same ones."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of event."""

    name: str
    """The subject and what happened to it: `order.status`."""
    about: str
    """What `about` begins with."""
    fields: tuple[str, ...]
    """What its data may hold. Amounts are in panel currency, as exact text."""
    meaning: str


_ALL: Final = (
    Kind(
        "order.created",
        "order",
        (
            "kind",
            "service",
            "link",
            "quantity",
            "charge",
            "currency",
            "source",
            "parent",
            "placed_at",
        ),
        "An order was placed. It comes before anything else about it, a moment after the placing.",
    ),
    Kind(
        "order.status",
        "order",
        ("before", "status", "remains", "charge", "refunded", "parent", "reason"),
        "The public status changed. Money and remains are as of now; the reason is for the customer.",
    ),
    Kind(
        "order.refunded",
        "order",
        ("amount", "refunded"),
        "Money of an order went back to its customer; `refunded` is the sum now.",
    ),
    Kind(
        "order.recharged",
        "order",
        ("amount", "refunded"),
        "Money of a refund was taken back: it was delivered after all, or its rest is delivered by another.",
    ),
    Kind(
        "order.recharge_due",
        "order",
        ("amount", "refunded"),
        "The same is due, but the customer does not have it any more: for staff to decide.",
    ),
    Kind(
        "order.word_unknown",
        "order",
        ("word",),
        "A provider told a status without a meaning here, so the order stays as it was. Told once per word.",
    ),
    Kind(
        "order.overlap",
        "order",
        ("fulfilment", "delivered", "surplus"),
        "Two providers may have delivered the same part of an order; `surplus` is beyond what was ordered.",
    ),
    Kind("order.held", "order", ("reason",), "The order waits, for a reason that staff can read."),
    Kind("refill.created", "refill", ("order",), "A customer asked for a refill."),
    Kind("refill.status", "refill", ("order", "before", "status"), "A refill has another status."),
    Kind("cancel.requested", "order", ("by",), "The order shall be canceled, if whoever fulfils it agrees."),
    Kind("cancel.answered", "order", ("status",), "What came of that: done or refused."),
    Kind(
        "handover.unknown",
        "order",
        ("fulfilment", "provider", "why"),
        "Nobody knows whether the provider took the order: evidence or staff will settle it.",
    ),
    Kind(
        "handover.settled",
        "order",
        ("fulfilment", "provider", "placed_as", "by"),
        "It is known now: `placed_as` is the order of the provider, none where it did not take it.",
    ),
    Kind(
        "handover.doubled",
        "order",
        ("fulfilment", "provider", "placed_as", "by"),
        "The provider has the order as `placed_as`, yet `by` settled it otherwise: it may be bought twice.",
    ),
    Kind(
        "provider.paused",
        "provider",
        ("name", "reason", "text"),
        "Nothing is sent to the provider for now. Told once until it has recovered.",
    ),
    Kind(
        "provider.recovered",
        "provider",
        ("name",),
        "A provider that was paused is used again.",
    ),
    Kind(
        "route.closed",
        "route",
        ("service", "provider", "provider_service", "reason"),
        "A route closed by itself; staff opens it again.",
    ),
    Kind(
        "charge.drifted",
        "provider",
        ("provider_service", "orders", "order", "drift", "consequence"),
        "A provider charged orders otherwise than expected; `order` is the worst, by `drift`.",
    ),
    Kind(
        "provider.low_balance",
        "provider",
        (
            "provider",
            "currency",
            "balance",
            "per_hour",
            "empty_in_seconds",
            "held_orders",
            "held_orders_need",
        ),
        "Our balance with a provider has become low; told once until it has recovered. "
        "Its amounts are in the currency of the provider.",
    ),
    Kind(
        "service.changed",
        "service",
        ("change", "old_rate", "new_rate"),
        "The price list changed: the service is new, increased, decreased, enabled or disabled.",
    ),
    Kind(
        "order.late",
        "order",
        ("promised_until", "outcome"),
        "An order is not complete in the promised time. The outcome says what follows: "
        "`asked` (staff decide), `told` (nothing), `canceled` (its cancel was asked for), "
        "`rerouted` (the same, and another provider delivers what remains).",
    ),
)

KINDS: Final = {kind.name: kind for kind in _ALL}
