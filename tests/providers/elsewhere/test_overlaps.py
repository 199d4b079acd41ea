"""A provider goes back on what it told, after what it left was given to another: each case as a row."""

from decimal import Decimal

import pytest

from purveyor.accounts.testing import balance_of
from purveyor.orders.models import Dispatch, EventKind, Order, Status
from purveyor.providers.models import Fulfilment
from tests.outbox.told import told as announced
from tests.providers.elsewhere.test_finishing import accept, events, hand, ordered, sold, tell

pytestmark = pytest.mark.django_db

WAITS, SENDING, AT_WORK, DELIVERED, LEFT_SOME = "waits", "sending", "at work", "delivered", "left some"
OPEN, DONE, PARTIAL = Status.IN_PROGRESS, Status.COMPLETED, Status.PARTIAL
QUEUED, HANDED = Dispatch.QUEUED, Dispatch.HANDED


def rest_elsewhere(where: str) -> Fulfilment:
    """An order of 1000 for 10, of which the first provider delivered 750, for 4 per 1000.

    Its rest of 250 waits, or is being sent to the second, who is at work on it, has delivered it, or has left
    100 of it, which nobody else takes.
    """
    ordered(sold("4.00", "5.00"))
    first = accept("1")
    tell(first, "Partial", 250)
    if where == SENDING:
        hand()
    elif where != WAITS:
        second = accept("2")
        tell(second, "In progress", 250)
        if where == DELIVERED:
            tell(second, "Completed", 0)
        elif where == LEFT_SOME:
            assert tell(second, "Partial", 100).status == PARTIAL
    return first


CASES = [
    # Nobody else was asked yet: what it does counts, and it takes the rest back when it goes on.
    (WAITS, ("In progress", None), (OPEN, 250, HANDED), ("90", "4"), []),
    (WAITS, ("Pending", 1000), (OPEN, 250, HANDED), ("90", "4"), []),
    (WAITS, ("Completed", 0), (DONE, 0, HANDED), ("90", "4"), []),
    (WAITS, ("Partial", 100), (OPEN, 100, QUEUED), ("90", "3.6"), []),
    (WAITS, ("Partial", 400), (OPEN, 400, QUEUED), ("90", "2.4"), []),
    (WAITS, ("Canceled", 0), (OPEN, 1000, QUEUED), ("90", "0"), []),
    # Somebody else may have it already: nothing can be taken back, so both are told of, and both are paid.
    (SENDING, ("In progress", None), (OPEN, 250, HANDED), ("90", "4"), [0]),
    (SENDING, ("Completed", 0), (OPEN, 0, HANDED), ("90", "4"), [0]),
    (SENDING, ("Partial", 400), (OPEN, 400, HANDED), ("90", "2.4"), [0]),
    (AT_WORK, ("In progress", 100), (OPEN, 100, HANDED), ("90", "4"), [0]),
    (AT_WORK, ("Completed", 0), (OPEN, 0, HANDED), ("90", "4"), [0]),
    (AT_WORK, ("Partial", 400), (OPEN, 400, HANDED), ("90", "2.4"), [0]),
    (AT_WORK, ("Canceled", 1000), (OPEN, 1000, HANDED), ("90", "0"), [0]),
    # The other one has delivered it all: more is a gift, and less is refunded after all.
    (DELIVERED, ("In progress", 1000), (DONE, 0, HANDED), ("90", "4"), [0]),
    (DELIVERED, ("Completed", 0), (DONE, 0, HANDED), ("90", "4"), [250]),
    (DELIVERED, ("Partial", 100), (DONE, 0, HANDED), ("90", "3.6"), [150]),
    (DELIVERED, ("Partial", 400), (PARTIAL, 150, HANDED), ("91.5", "2.4"), [0]),
    (DELIVERED, ("Canceled", 0), (PARTIAL, 750, HANDED), ("97.5", "0"), [0]),
    # The other one has left some of it, which was refunded: what was delivered after all is charged again.
    (LEFT_SOME, ("In progress", None), (PARTIAL, 100, HANDED), ("91", "4"), [0]),
    (LEFT_SOME, ("Partial", 200), (PARTIAL, 50, HANDED), ("90.5", "3.2"), [0]),
    (LEFT_SOME, ("Completed", 0), (DONE, 0, HANDED), ("90", "4"), [150]),
    (LEFT_SOME, ("Canceled", 0), (PARTIAL, 850, HANDED), ("98.5", "0"), [0]),
]


@pytest.mark.parametrize(("where", "told", "order_then", "left_and_cost", "surpluses"), CASES)
def test_what_becomes_of_the_order(
    where: str,
    told: tuple[str, int | None],
    order_then: tuple[Status, int, Dispatch],
    left_and_cost: tuple[str, str],
    surpluses: list[int],
) -> None:
    first = rest_elsewhere(where)
    for _ in range(2):  # told again, it changes nothing
        order = tell(first, *told)
        assert (order.status, order.remains, order.dispatch) == order_then
        assert (balance_of(order.customer), first.cost) == tuple(map(Decimal, left_and_cost))
        assert [event["surplus"] for event in events(order, EventKind.OVERLAP)] == surpluses


def test_the_second_to_deliver_the_same_raises_the_alarm() -> None:
    first = rest_elsewhere(AT_WORK)
    tell(first, "Completed", 0)
    order = tell(Fulfilment.objects.get(number=2), "Completed", 0)
    assert (order.status, order.remains, order.refunded) == (DONE, 0, 0)
    assert [event["surplus"] for event in events(order, EventKind.OVERLAP)] == [0, 250]
    assert [(about, data["surplus"]) for _, about, _, data in announced("order.overlap")] == [
        (f"order:{order.pk}", surplus) for surplus in (0, 250)
    ]
    assert list(Fulfilment.objects.order_by("number").values_list("cost", flat=True)) == [
        Decimal(4),
        Decimal("1.25"),
    ]


def test_what_was_taken_back_may_be_left_again() -> None:
    first = rest_elsewhere(WAITS)
    tell(first, "In progress", 200)
    order = tell(first, "Partial", 150)
    assert (order.status, order.remains, order.dispatch) == (OPEN, 150, QUEUED)
    assert hand().fields["quantity"] == "150"


def test_words_that_nobody_can_read_change_nothing() -> None:
    first = rest_elsewhere(AT_WORK)
    tell(first, "Ausgesetzt", 10)
    tell(first, "Partial", None)
    order = Order.objects.get()
    assert (order.status, order.remains, order.dispatch) == (OPEN, 250, HANDED)
    assert [event["word"] for event in events(order, EventKind.UNKNOWN_STATUS)] == [
        "Ausgesetzt",
        "Partial without remains",
    ]
