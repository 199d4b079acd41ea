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
