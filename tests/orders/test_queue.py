"""Rounds along the held orders: each is looked at, in parts of a size that does not grow."""

import pytest

from purveyor.accounts.testing import make_customer
from purveyor.catalog.testing import make_service
from purveyor.orders import queue
from purveyor.orders.following import Report, apply_reports
from purveyor.orders.models import Dispatch, Order, Status
from purveyor.orders.queue import Round, hold, mark_handed
from purveyor.orders.same_link import release_next, wait_in_line
from purveyor.orders.testing import place_one

pytestmark = pytest.mark.django_db


def test_a_round_comes_to_every_held_order_and_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    customer, service = make_customer(), make_service()
    ids = [place_one(customer, service, quantity=1).pk for _ in range(6)]
    hold([*ids[:2], *ids[3:]], reason="No provider")  # one between them is queued
    monkeypatch.setattr(queue, "MOST_LOOKED_AT", 2)
    parts = Round()
    for after, last in ((0, ids[1]), (ids[1], ids[4]), (ids[4], ids[5]), (0, ids[1])):
        assert parts.next_part(of="held") == {"after": after, "last": last}
    assert Round().next_part(of="in_line") == {"after": 0, "last": 0}
    waiting = Round()
    for after, last in ((0, ids[1]), (ids[1], ids[3]), (ids[3], ids[5]), (ids[5], ids[5]), (0, ids[1])):
        assert waiting.next_part(of="waiting") == {"after": after, "last": last}


def test_a_round_whose_end_is_full_begins_anew_after_an_empty_part(monkeypatch: pytest.MonkeyPatch) -> None:
    order = place_one(make_customer(), make_service(), quantity=1)
    hold([order.pk], reason="No provider")
    monkeypatch.setattr(queue, "MOST_LOOKED_AT", 1)
    parts = Round()
    for after in (0, order.pk, 0):
        assert parts.next_part(of="held") == {"after": after, "last": order.pk}


def test_of_many_lines_each_moves_on_in_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    customer, service = make_customer(), make_service(queue_same_link=True)
    first = [place_one(customer, service, quantity=1) for _ in range(3)]
    second = [place_one(make_customer(), service, quantity=1, link=order.link) for order in first]
    mark_handed([order.pk for order in first])
    wait_in_line({after.pk: before.pk for after, before in zip(second, first, strict=True)})
    apply_reports([Report(order_id=order.pk, status=Status.COMPLETED) for order in first])
    monkeypatch.setattr(queue, "MOST_LOOKED_AT", 2)
    lines = Round()
    assert [release_next(10, lines=lines) for _ in range(2)] == [2, 1]
    assert Order.objects.filter(dispatch=Dispatch.QUEUED).count() == 3
