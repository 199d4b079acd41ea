"""The panel's books against the provider's own: what must agree when everything has come to rest.

Pure functions of rows, so that a test can show that each of them finds what it is there to find.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tests.faults.proof import of_provider, told

ROUNDING: Final = Decimal("0.000001")
"""More than the ledger's last digit, and less than any unit of an order is worth."""
ENDED: Final = frozenset({"Completed", "Partial", "Canceled"})


@dataclass(frozen=True, kw_only=True)
class Sold:
    """An order as the panel has it, with the sums of its transfers."""

    order_id: int
    link: str
    quantity: int
    status: str
    held: str
    """Why it waits, as a person can read; empty when it does not."""
    charge: Decimal
    charges: int
    """How many transfers of its charge there are."""
    charged: Decimal
    refunded: Decimal


@dataclass(frozen=True, kw_only=True)
class HandedOver:
    """A hand-over as the panel has it."""

    id: int
    order_id: int
    link: str
    handover: str
    external_id: str
    booked: Decimal
    """The sum of its transfers: what it has cost."""
    told: Decimal | None
    """What the provider said it charged."""


@dataclass(frozen=True, kw_only=True)
class There:
    """An order as the provider has it."""

    id: int
    link: str
    quantity: int
    status: str
    remains: int
    paid: Decimal

    @property
    def undelivered(self) -> Decimal:
        """The share of the order that was not delivered, at its end."""
        if self.status == "Canceled":
            return Decimal(1)
        if self.status == "Partial":
            return Decimal(self.remains) / self.quantity
        return Decimal(0)


def disagreements(
    sold: Sequence[Sold],
    handed: Sequence[HandedOver],
    there: Sequence[There],
    *,
    prices_changed: bool = False,
) -> Iterator[str]:
    """Everything in which panel and provider disagree. None where both are at rest and right."""
    yield from of_provider(
        [(item.order_id, item.link, item.handover, item.external_id) for item in handed],
        [{"id": item.id, "link": item.link} for item in there],
    )
    yield from told(
        "orders are not charged exactly once",
        [item.order_id for item in sold if (item.charges, item.charged) != (1, item.charge)],
    )
    sending = [item.order_id for item in handed if item.handover == "sending"]
    yield from told("orders are still being sent", sending)
    yield from _of_ends(sold, handed, there)
    yield from _of_costs(handed, there, prices_changed=prices_changed)


def disagreements_of_several(
    sold: Sequence[Sold], sites: Sequence[tuple[Sequence[HandedOver], Sequence[There]]]
) -> Iterator[str]:
    """The same where several deliver an order in turn: what was handed over to each, and what it has."""
    yield from told(
        "orders are not charged exactly once",
        [item.order_id for item in sold if (item.charges, item.charged) != (1, item.charge)],
    )
    undelivered = {item.order_id: Decimal(item.quantity) for item in sold}
    unknown: set[int] = set()
    for handed, there in sites:
        yield from of_provider(
            [(item.order_id, item.link, item.handover, item.external_id) for item in handed],
            [{"id": item.id, "link": item.link} for item in there],
        )
        yield from told(
            "orders are still being sent", [item.order_id for item in handed if item.handover == "sending"]
        )
        yield from _of_costs(handed, there, prices_changed=False)
        unknown |= {item.order_id for item in handed if item.handover == "unknown"}
        by_id = {str(item.id): item for item in there}
        yield from told(
            "parts have come to no end",
            [item.id for item in there if item.status not in ENDED],
        )
        for item in handed:
            if item.handover == "accepted" and item.external_id in by_id:
                bought = by_id[item.external_id]
                undelivered[item.order_id] -= bought.quantity * (1 - bought.undelivered)
    yield from told(
        "orders were delivered beyond what was ordered",
        [each for each, left in undelivered.items() if left < 0],
    )
    known = [order for order in sold if order.order_id not in unknown]
    yield from told(
        "orders do not stand as they were delivered",
        [
            f"{order.order_id} ({order.status}, {undelivered[order.order_id]} undelivered)"
            for order in known
            if order.status != _end_of(order, undelivered[order.order_id])
            or abs(order.refunded - order.charge * undelivered[order.order_id] / order.quantity) > ROUNDING
        ],
    )
    yield from told(
        "orders are refunded that were, or may be, delivered",
        [order.order_id for order in sold if order.order_id in unknown and order.refunded],
    )


def _end_of(order: Sold, undelivered: Decimal) -> str:
    if undelivered >= order.quantity:
        return "Canceled"
    return "Partial" if undelivered else "Completed"


def _of_ends(sold: Sequence[Sold], handed: Sequence[HandedOver], there: Sequence[There]) -> Iterator[str]:
    """Whether each order has the end, and the refund, that its provider's order has earned it."""
    by_id = {str(item.id): item for item in there}
    accepted = {
        item.order_id: by_id[item.external_id]
        for item in handed
        if item.handover == "accepted" and item.external_id in by_id
    }
    unknown = {item.order_id for item in handed if item.handover == "unknown"}
    generous, short, unlike, undecided = [], [], [], []
    for order in sold:
        if order.order_id in unknown:
            if order.refunded or order.status in ENDED:
                generous.append(order.order_id)
            continue
        bought = accepted.get(order.order_id)
        if bought is None and order.status != "Canceled":
            undecided.append(f"{order.order_id} ({order.held or order.status})")
            continue
        due = order.charge * (Decimal(1) if bought is None else bought.undelivered)
        if order.refunded > due + ROUNDING:
            generous.append(order.order_id)
        if order.refunded < due - ROUNDING:
            short.append(order.order_id)
        if bought is not None and (bought.status != order.status or bought.status not in ENDED):
            unlike.append(f"{order.order_id} ({order.status}, there {bought.status})")
    yield from told("orders are refunded that were, or may be, delivered", generous)
    yield from told("orders lack a refund", short)
    yield from told("orders do not stand as at the provider", unlike)
    yield from told("orders have come to no end", undecided)


def _of_costs(handed: Sequence[HandedOver], there: Sequence[There], *, prices_changed: bool) -> Iterator[str]:
    """Whether what the panel booked, or was told where prices changed, is what the provider took."""
    paid = {str(item.id): item.paid for item in there}
    wrong = [
        item.order_id
        for item in handed
        if item.handover == "accepted"
        and item.external_id in paid
        and abs(((item.told or 0) if prices_changed else item.booked) - paid[item.external_id]) > ROUNDING
    ]
    yield from told("orders do not cost what the provider took", wrong)
    idle = [item.order_id for item in handed if item.handover != "accepted" and item.booked]
    yield from told("hand-overs cost something unaccepted", idle)


def unlisted(handed: Sequence[HandedOver], lines: Sequence[str], *, ambiguous: bool) -> Iterator[str]:
    """What is wrong with hand-overs of unknown outcome, given what a person is shown about them.

    Each takes a line that begins with its id, and indented ones with the evidence.
    """
    unknown = [item.id for item in handed if item.handover == "unknown"]
    if not ambiguous:
        yield from told("hand-overs are unknown though their answers were clear", unknown)
    shown: set[int] = set()
    entry = ""
    for line in lines:
        if not line.startswith(" "):
            entry = line.split(maxsplit=1)[0]
        elif line.strip() and entry.isdigit():
            shown.add(int(entry))
    yield from told("unknown hand-overs lack evidence in the list", [x for x in unknown if x not in shown])
