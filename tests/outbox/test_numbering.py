"""No reader misses an event, in whatever order transactions commit, and none is told twice."""

import threading
from decimal import Decimal
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from purveyor.database import fetch_all
from purveyor.outbox.announcing import CannotAnnounce, Event, announce
from purveyor.outbox.consuming import Announced, events_after
from purveyor.outbox.models import Numbering, OutboxEvent
from purveyor.outbox.numbering import number_events
from tests.committed import committed
from tests.racing import PATIENCE_SECONDS, Second


def happened(*orders: int) -> list[Event]:
    return [Event(kind="order.status", about=f"order:{order}", customer_id=order) for order in orders]


def abouts(events: list[Announced]) -> list[str]:
    return [event.about for event in events]


class Slow:
    """A transaction that has announced something and stays open until it is told to end."""

    def __init__(self, *orders: int, commits: bool = True) -> None:
        self._announced, self._end = threading.Event(), threading.Event()
        self._orders, self._commits = orders, commits
        self._thread = Second(self._work)
        assert self._announced.wait(PATIENCE_SECONDS)

    def _work(self) -> None:
        with transaction.atomic():
            announce(happened(*self._orders))
            self._announced.set()
            assert self._end.wait(PATIENCE_SECONDS)
            if not self._commits:
                transaction.set_rollback(True)

    def end(self) -> None:
        self._end.set()
        self._thread.finish()


@committed
def test_what_commits_late_with_a_lower_id_is_read_after_what_was_read_before() -> None:
    slow = Slow(1)
    with transaction.atomic():
        announce(happened(2))
    number_events()
    first = events_after(0)
    slow.end()
    assert OutboxEvent.objects.order_by("id").values_list("about", flat=True)[0] == "order:1"
    number_events()
    assert abouts(first) == ["order:2"]
    assert abouts(events_after(first[-1].position)) == ["order:1"]
    assert abouts(events_after(0)) == ["order:2", "order:1"]


@committed
def test_what_was_rolled_back_was_never_announced() -> None:
    slow = Slow(1, commits=False)
    with transaction.atomic():
        announce(happened(2))
    slow.end()
    assert number_events() == 1
    assert abouts(events_after(0)) == ["order:2"]


@committed
def test_two_workers_number_each_event_once_and_a_reader_beside_them_misses_none() -> None:
    total, writers = 300, 3
    stop = threading.Event()
    seen: list[int] = []

    def write(start: int) -> None:
        for order in range(start, total, writers):
            with transaction.atomic():
                announce(happened(order))

    def number() -> None:
        while not stop.wait(0.001):  # those who write must have a turn
            number_events(limit=7)

    def read() -> None:
        position = 0
        while len(seen) < total and not stop.wait(0.001):
            for event in events_after(position, limit=11):
                seen.append(int(event.about.removeprefix("order:")))
                position = event.position

    writing = [Second(partial(write, start)) for start in range(writers)]
    numbering, reading = [Second(number), Second(number)], Second(read)
    for writer in writing:
        writer.finish()
    reading.finish()
    stop.set()
    for numberer in numbering:
        numberer.finish()
    assert sorted(seen) == list(range(total))
    positions = OutboxEvent.objects.order_by("position").values_list("position", flat=True)
    last = Numbering.objects.get().last
    assert list(positions) == list(range(last - total + 1, last + 1))


@pytest.mark.django_db
def test_an_event_is_never_dropped_for_want_of_a_position() -> None:
    announce(happened(1), after=10)
    with pytest.raises(IntegrityError, match="events_have_one_position_each"):
        announce(happened(2), after=10)


@committed
def test_events_are_announced_in_a_transaction() -> None:
    with pytest.raises(CannotAnnounce, match="in the transaction that makes them true"):
        announce(happened(1))


@pytest.mark.django_db
def test_announcing_many_takes_one_statement() -> None:
    announce(happened(*range(50)))
    assert len(fetch_all("SELECT DISTINCT cmin::text FROM outbox_outboxevent")) == 1


@pytest.mark.django_db
def test_amounts_are_texts_as_people_write_them() -> None:
    money = {"charge": Decimal("0E-8"), "refunded": Decimal("12.50000000"), "remains": 7}
    announce([Event(kind="order.status", about="order:1", data=money)])
    assert OutboxEvent.objects.get().data == {"charge": "0.00000000", "refunded": "12.50000000", "remains": 7}
