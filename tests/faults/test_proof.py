"""The kill test's proof finds what it is there to find."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from tests.faults import proof
from tests.faults.load import CREDIT, Book

PRICE = Decimal("2.5")


def a_book() -> Book:
    book = Book()
    book.acknowledge(1, "link 1")
    book.acknowledge(2, "link 2")
    book.open_links = {"link 3"}
    book.credits = {"credit 1"}
    book.open_credits = {"credit 2"}
    return book


def rows(*orders: tuple[Any, ...]) -> dict[int, tuple[Any, ...]]:
    return {order[0]: order for order in orders}


ONE = (1, "link 1", PRICE, 1, PRICE)
TWO = (2, "link 2", PRICE, 1, PRICE)
UNANSWERED = (3, "link 3", PRICE, 1, PRICE)


@pytest.mark.parametrize("orders", [rows(ONE, TWO), rows(ONE, TWO, UNANSWERED)])
def test_an_order_without_an_answer_may_exist_or_not(orders: dict[int, tuple[Any, ...]]) -> None:
    assert list(proof.of_orders(orders, a_book())) == []


@pytest.mark.parametrize(
    ("orders", "complaint"),
    [
        (rows(ONE), "1 acknowledged orders are lost: 2"),
        (rows(ONE, (2, "link 3", PRICE, 1, PRICE)), "1 acknowledged orders have another's link: 2"),
        (rows(ONE, (2, "link 2", PRICE, 0, Decimal(0))), "1 orders are not charged exactly once: 2"),
        (rows(ONE, (2, "link 2", PRICE, 2, 2 * PRICE)), "1 orders are not charged exactly once: 2"),
        (rows(ONE, (2, "link 2", PRICE, 1, Decimal(1))), "1 orders are not charged exactly once: 2"),
        (rows(ONE, TWO, (3, "link 2", PRICE, 1, PRICE)), "1 links were ordered more than once: link 2"),
        (rows(ONE, TWO, (9, "link 9", PRICE, 1, PRICE)), "1 orders nobody sent exist: link 9"),
    ],
)
def test_a_lost_a_doubled_or_a_wrongly_charged_order_is_found(
    orders: dict[int, tuple[Any, ...]], complaint: str
) -> None:
    assert list(proof.of_orders(orders, a_book())) == [complaint]


@pytest.mark.parametrize(
    ("credits_", "complaints"),
    [
        ([("credit 1", 1, 1, CREDIT)], []),
        ([("credit 1", 1, 1, CREDIT), ("credit 2", 1, 1, CREDIT)], []),
        ([("credit 2", 1, 1, CREDIT)], ["1 acknowledged credits are lost: credit 1"]),
        ([("credit 1", 2, 2, 2 * CREDIT)], ["1 credits were not made exactly once: credit 1"]),
        ([("credit 1", 1, 0, Decimal(0))], ["1 credits were not made exactly once: credit 1"]),
    ],
)
def test_a_lost_or_doubled_credit_is_found(credits_: list[tuple[Any, ...]], complaints: list[str]) -> None:
    assert list(proof.of_credits(credits_, a_book())) == complaints


def at_provider(*orders: tuple[int, str]) -> list[dict[str, Any]]:
    return [{"id": order_id, "link": link} for order_id, link in orders]


ACCEPTED = (1, "link 1", "accepted", "501")


@pytest.mark.parametrize(
    ("hand_overs", "there", "complaints"),
    [
        ([ACCEPTED], at_provider((501, "link 1")), []),
        ([ACCEPTED, (2, "link 2", "unknown", "")], at_provider((501, "link 1")), []),
        ([ACCEPTED, (2, "link 2", "unknown", "")], at_provider((501, "link 1"), (502, "link 2")), []),
        (
            [ACCEPTED, (2, "link 2", "refused", "")],
            at_provider((501, "link 1"), (502, "link 2")),
            ["1 orders at the provider are not known here, nor unknown: 502"],
        ),
        (
            [ACCEPTED, (1, "link 1", "accepted", "502")],
            at_provider((501, "link 1"), (502, "link 1")),
            ["1 orders were doubled at the provider: link 1"],
        ),
        (
            [ACCEPTED],
            at_provider((501, "link 7")),
            ["1 orders at the provider are not known here, nor unknown: 501"],
        ),
        ([ACCEPTED], [], ["1 hand-overs count as accepted which the provider never saw: 501"]),
    ],
)
def test_what_the_provider_has_and_what_the_panel_knows_must_agree(
    hand_overs: list[tuple[Any, ...]], there: list[dict[str, Any]], complaints: Iterable[str]
) -> None:
    assert list(proof.of_provider(hand_overs, there)) == complaints


def test_one_order_id_for_two_links_is_a_complaint() -> None:
    book = a_book()
    book.acknowledge(1, "link 4")
    assert book.complaints == ["order 1 was given to link 1 and to link 4"]
