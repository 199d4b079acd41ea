"""The money of the simulated provider adds up, whatever is done and in whatever order."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from purveyor.simulator import panel, standing
from purveyor.simulator.books import Books
from purveyor.simulator.clock import Clock
from purveyor.simulator.life import Outcomes
from purveyor.simulator.refusals import Refused

LINK = "https://example.com/a"
ORDERS: list[dict[str, str]] = [
    {"service": "1", "link": LINK, "quantity": "777"},
    {"service": "1", "link": LINK, "quantity": "100", "runs": "3", "interval": "7"},
    {"service": "10", "username": "weekly", "min": "10", "max": "20", "delay": "0", "posts": "3"},
    {"service": "10", "username": "weekly", "min": "10", "max": "20", "delay": "5", "old_posts": "2"},
    {"service": "25", "link": LINK},
]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(ORDERS)),
        st.tuples(st.just("cancel"), st.integers(0, 12)),
        st.tuples(st.just("advance"), st.floats(0, 40)),
        st.tuples(st.just("hand"), st.integers(0, 12)),
        st.tuples(st.just("release"), st.integers(0, 12)),
    ),
    max_size=25,
)


def new_books() -> Books:
    clock = Clock()
    clock.freeze()
    return Books(clock=clock, seed=2, deposit=Decimal(40), outcomes=Outcomes(partial=0.3, canceled=0.3))


def step(books: Books, what: str, with_what: Any) -> None:
    orders = list(books.orders.values())
    if what == "add":
        panel.answer(books=books, action="add", fields=with_what)
    elif what == "advance":
        books.clock.advance(with_what)
    elif with_what < len(orders):
        order = orders[with_what]
        if what == "cancel":
            panel.answer(books=books, action="cancel", fields={"order": str(order.id)})
        elif what == "release":
            books.release_order(order)
        elif not standing.is_parent(order):
            books.set_order(order, status="Partial", remains=order.request.quantity // 3)


@given(steps=steps)
def test_the_balance_is_the_deposit_less_what_every_order_has_paid(steps: list[tuple[str, Any]]) -> None:
    books = new_books()
    for what, with_what in steps:
        try:
            step(books, what, with_what)
        except Refused:
            continue
        books.clock.advance(0.001)  # past the rounding that an end may be late by
        books.settle()
        now = books.clock.now()
        for order in books.orders.values():
            assert 0 <= order.paid <= order.charge
            assert order.paid == standing.paid(order, at=now, orders=books.orders)
        assert books.balance == 40 - sum(order.paid for order in books.orders.values())
        assert books.balance >= 0


@given(looks=st.lists(st.floats(0.01, 20), min_size=2, max_size=40))
def test_looking_often_or_once_comes_to_the_same(looks: list[float]) -> None:
    often, once = new_books(), new_books()
    for books in (often, once):
        for fields in ORDERS:
            panel.answer(books=books, action="add", fields=fields)
    for seconds in looks:
        often.clock.advance(seconds)
        often.settle()
    once.clock.advance(sum(looks))
    for books in (often, once):
        books.clock.advance(0.001)  # past what the sum was rounded by
        books.settle()
    assert often.balance == once.balance
    assert [often.status(order) for order in often.orders.values()] == [
        once.status(order) for order in once.orders.values()
    ]
