"""Each consumer reads each event at least once, in order, and no two workers do its work at once."""

from collections.abc import Sequence

import pytest
from django.db import transaction

from purveyor.outbox.announcing import Event, announce
from purveyor.outbox.consuming import Announced, consume, start_consumer, stop_consumer
from purveyor.outbox.models import Consumer, Numbering
from purveyor.outbox.numbering import number_events
from tests.committed import committed
from tests.racing import Second


def happen(*orders: int) -> None:
    with transaction.atomic():
        announce([Event(kind="order.status", about=f"order:{order}") for order in orders])
    number_events()


class Reader:
    """A consumer's work that remembers what it was given."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, events: Sequence[Announced]) -> None:
        self.read += [event.about for event in events]


@pytest.mark.django_db
def test_a_consumer_reads_what_happens_from_its_start_on_once_and_in_order() -> None:
    happen(1)
    start_consumer("notices")
    happen(2, 3)
    start_consumer("notices")
    happen(4)
    reader = Reader()
    assert [consume("notices", reader, limit=2), consume("notices", reader), consume("notices", reader)] == [
        2,
        1,
        0,
    ]
    assert reader.read == ["order:2", "order:3", "order:4"]


@pytest.mark.django_db
def test_consumers_have_positions_of_their_own() -> None:
    start_consumer("notices")
    start_consumer("webhooks")
    happen(1, 2)
    notices, webhooks = Reader(), Reader()
    consume("notices", notices)
    happen(3)
    consume("webhooks", webhooks)
    assert (notices.read, webhooks.read) == (["order:1", "order:2"], ["order:1", "order:2", "order:3"])


@pytest.mark.django_db
def test_who_has_not_started_or_has_stopped_reads_nothing() -> None:
    start_consumer("notices")
    happen(1)
    stop_consumer("notices")
    assert consume("notices", Reader()) == 0


@committed
def test_a_consumer_that_dies_before_it_commits_gets_the_same_events_again() -> None:
    start_consumer("notices")
    happen(1)
    killed = Reader()

    def work_and_die(events: Sequence[Announced]) -> None:
        killed(events)
        Consumer.objects.create(name="written by its work")
        raise SystemExit

    with pytest.raises(SystemExit):
        consume("notices", work_and_die)
    assert not Consumer.objects.filter(name="written by its work").exists()
    reader = Reader()
    consume("notices", reader)
    assert (killed.read, reader.read) == (["order:1"], ["order:1"])


@committed
def test_while_one_worker_reads_another_finds_nothing_to_do() -> None:
    start_consumer("notices")
    happen(1)
    beside, reader = Reader(), Reader()

    def work(events: Sequence[Announced]) -> None:
        Second(lambda: consume("notices", beside)).finish()
        reader(events)

    consume("notices", work)
    assert (beside.read, reader.read) == ([], ["order:1"])


@committed
def test_two_workers_share_a_consumers_work_without_doing_any_twice() -> None:
    total = 200
    start_consumer("notices")
    happen(*range(total))

    def read_all() -> None:
        while Consumer.objects.get(name="notices").position < last:
            consume("notices", record, limit=7)

    def record(events: Sequence[Announced]) -> None:
        Consumer.objects.bulk_create(Consumer(name=f"{event.about} done") for event in events)

    last = Numbering.objects.get().last
    workers = [Second(read_all), Second(read_all)]
    for worker in workers:
        worker.finish()
    assert Consumer.objects.filter(name__endswith="done").count() == total
