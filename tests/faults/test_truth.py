"""The fault matrix's proof finds what it is there to find."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from purveyor.simulator.behaviours import Fault
from tests.faults.cases import CASES
from tests.faults.truth import HandedOver, Sold, There, disagreements, disagreements_of_several, unlisted

PRICE = Decimal("4.00")
COST = Decimal("1.20")


def sold(**changes: Any) -> Sold:
    """An order that was completed and paid."""
    order = Sold(
        order_id=1,
        link="link 1",
        quantity=100,
        status="Completed",
        held="",
        charge=PRICE,
        charges=1,
        charged=PRICE,
        refunded=Decimal(0),
    )
    return replace(order, **changes)


def handed(**changes: Any) -> HandedOver:
    """Its hand-over."""
    hand_over = HandedOver(
        id=7, order_id=1, link="link 1", handover="accepted", external_id="501", booked=COST, told=COST
    )
    return replace(hand_over, **changes)


def there(**changes: Any) -> There:
    """What the provider did."""
    return replace(
        There(id=501, link="link 1", quantity=100, status="Completed", remains=0, paid=COST), **changes
    )


HALF_THERE = there(status="Partial", remains=50, paid=COST / 2)
HALF_HANDED = handed(booked=COST / 2)
HALF_SOLD = sold(status="Partial", refunded=PRICE / 2)
UNKNOWN = handed(handover="unknown", external_id="", booked=Decimal(0), told=None)
REFUSED = handed(handover="refused", external_id="", booked=Decimal(0), told=None)
CANCELED = sold(status="Canceled", refunded=PRICE)


@pytest.mark.parametrize(
    ("order", "hand_overs", "orders_there"),
    [
        (sold(), [handed()], [there()]),
        (sold(), [replace(REFUSED, id=6), handed()], [there()]),
        (HALF_SOLD, [HALF_HANDED], [HALF_THERE]),
        (CANCELED, [handed(booked=Decimal(0))], [there(status="Canceled", remains=100, paid=Decimal(0))]),
        (CANCELED, [REFUSED], []),
        (CANCELED, [], []),
        (sold(status="Pending"), [UNKNOWN], [there()]),
        (sold(status="Pending"), [UNKNOWN], []),
    ],
)
def test_what_agrees_is_left_alone(
    order: Sold, hand_overs: list[HandedOver], orders_there: list[There]
) -> None:
    assert list(disagreements([order], hand_overs, orders_there)) == []


@pytest.mark.parametrize(
    ("order", "hand_overs", "orders_there", "complaint"),
    [
        (sold(), [handed()], [there(), there(id=502)], "1 orders were doubled at the provider: link 1"),
        (
            CANCELED,
            [REFUSED],
            [there()],
            "1 orders at the provider are not known here, nor unknown: 501",
        ),
        (
            sold(charges=0, charged=Decimal(0)),
            [handed()],
            [there()],
            "1 orders are not charged exactly once: 1",
        ),
        (
            sold(charges=2, charged=2 * PRICE),
            [handed()],
            [there()],
            "1 orders are not charged exactly once: 1",
        ),
        (sold(charged=PRICE / 2), [handed()], [there()], "1 orders are not charged exactly once: 1"),
        (
            sold(refunded=PRICE),
            [handed()],
            [there()],
            "1 orders are refunded that were, or may be, delivered: 1",
        ),
        (
            replace(HALF_SOLD, refunded=PRICE * 3 / 4),
            [HALF_HANDED],
            [HALF_THERE],
            "1 orders are refunded that were, or may be, delivered: 1",
        ),
        (replace(HALF_SOLD, refunded=Decimal(0)), [HALF_HANDED], [HALF_THERE], "1 orders lack a refund: 1"),
        (replace(CANCELED, refunded=Decimal(0)), [REFUSED], [], "1 orders lack a refund: 1"),
        (CANCELED, [UNKNOWN], [], "1 orders are refunded that were, or may be, delivered: 1"),
        (
            sold(status="In progress"),
            [handed()],
            [there()],
            "1 orders do not stand as at the provider: 1 (In progress, there Completed)",
        ),
        (
            sold(status="Pending", held="out of funds"),
            [REFUSED],
            [],
            "1 orders have come to no end: 1 (out of funds)",
        ),
        (sold(), [handed(booked=Decimal(0))], [there()], "1 orders do not cost what the provider took: 1"),
        (CANCELED, [replace(REFUSED, booked=COST)], [], "1 hand-overs cost something unaccepted: 1"),
    ],
)
def test_each_kind_of_harm_is_found(
    order: Sold, hand_overs: list[HandedOver], orders_there: list[There], complaint: str
) -> None:
    assert complaint in list(disagreements([order], hand_overs, orders_there))


def test_an_order_that_is_being_sent_is_not_at_rest() -> None:
    sending = replace(UNKNOWN, handover="sending")
    found = list(disagreements([sold(status="Pending")], [sending], []))
    assert "1 orders are still being sent: 1" in found


def test_after_a_change_of_prices_what_was_told_must_be_what_was_taken() -> None:
    dearer = there(paid=COST * 2)
    assert list(disagreements([sold()], [handed(told=COST * 2)], [dearer], prices_changed=True)) == []
    found = list(disagreements([sold()], [handed()], [dearer], prices_changed=True))
    assert found == ["1 orders do not cost what the provider took: 1"]


SECOND = handed(id=8, external_id="9", booked=COST / 2)
SECOND_THERE = there(id=9, quantity=50)
HALF_PAID_THERE = replace(SECOND_THERE, paid=COST / 2)
UNTOLD = replace(UNKNOWN, id=8)
IN_PROGRESS = sold(status="In progress")


@pytest.mark.parametrize(
    ("order", "second", "second_there", "complaint"),
    [
        (sold(), SECOND, HALF_PAID_THERE, ""),
        (
            sold(status="Partial", refunded=PRICE / 4),
            SECOND,
            replace(HALF_PAID_THERE, status="Partial", remains=25),
            "",
        ),
        (IN_PROGRESS, UNTOLD, None, ""),
        (
            sold(status="Partial", refunded=PRICE / 2),
            SECOND,
            HALF_PAID_THERE,
            "1 orders do not stand as they were delivered: 1 (Partial, 0.0 undelivered)",
        ),
        (
            sold(refunded=PRICE / 4),
            SECOND,
            HALF_PAID_THERE,
            "1 orders do not stand as they were delivered: 1 (Completed, 0.0 undelivered)",
        ),
        (
            sold(),
            SECOND,
            replace(HALF_PAID_THERE, quantity=60),
            "1 orders were delivered beyond what was ordered: 1",
        ),
        (sold(), SECOND, replace(HALF_PAID_THERE, status="Pending"), "1 parts have come to no end: 9"),
        (sold(), SECOND, SECOND_THERE, "1 orders do not cost what the provider took: 1"),
        (
            replace(IN_PROGRESS, refunded=PRICE / 2),
            UNTOLD,
            None,
            "1 orders are refunded that were, or may be, delivered: 1",
        ),
        (replace(sold(), charges=2), SECOND, HALF_PAID_THERE, "1 orders are not charged exactly once: 1"),
        (IN_PROGRESS, replace(UNTOLD, handover="sending"), None, "1 orders are still being sent: 1"),
    ],
)
def test_what_several_delivered_is_added_up(
    order: Sold, second: HandedOver, second_there: There | None, complaint: str
) -> None:
    sites = [([HALF_HANDED], [HALF_THERE]), ([second], [second_there] if second_there else [])]
    found = list(disagreements_of_several([order], sites))
    assert (complaint in found) if complaint else (found == [])


SHOWN = ["7  order 1  Provider  2026-01-01 00:00:00 UTC  link 1", "    HTTP 500  Internal Server Error"]


@pytest.mark.parametrize(
    ("lines", "ambiguous", "complaints"),
    [
        (SHOWN, True, []),
        (["6  order 2", "    no answer", *SHOWN, "    balance before 10, after 9"], True, []),
        (
            ["7  order 1", "6  order 2", "    no answer"],
            True,
            ["1 unknown hand-overs lack evidence in the list: 7"],
        ),
        (SHOWN, False, ["1 hand-overs are unknown though their answers were clear: 7"]),
        (["8" + SHOWN[0][1:], SHOWN[1]], True, ["1 unknown hand-overs lack evidence in the list: 7"]),
        ([SHOWN[0], "    "], True, ["1 unknown hand-overs lack evidence in the list: 7"]),
        (
            ["No hand-over has an unknown outcome."],
            True,
            ["1 unknown hand-overs lack evidence in the list: 7"],
        ),
    ],
)
def test_an_unknown_outcome_is_shown_with_its_evidence(
    lines: list[str], *, ambiguous: bool, complaints: list[str]
) -> None:
    assert list(unlisted([UNKNOWN], lines, ambiguous=ambiguous)) == complaints


def test_every_fault_of_the_provider_has_a_case() -> None:
    tried = {fault for case in CASES for fault in case.faults}
    assert tried == set(Fault) - {Fault.NONE, Fault.ARBITRARY}
