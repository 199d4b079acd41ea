"""Old events go, in small bites, but not before they were read, or long enough ago."""

from datetime import timedelta

import pytest
from django.utils import timezone
from structlog.testing import capture_logs

from purveyor.outbox.announcing import Event, announce
from purveyor.outbox.consuming import consume, start_consumer
from purveyor.outbox.models import Numbering, OutboxEvent
from purveyor.outbox.numbering import number_events
from purveyor.outbox.retention import delete_old_events

pytestmark = pytest.mark.django_db

DAYS = 30


def happen(number: int, *, days_ago: float) -> None:
    announce([Event(kind="order.status", about=f"order:{order}") for order in range(number)])
    then = timezone.now() - timedelta(days=days_ago)
    OutboxEvent.objects.filter(position=None).update(created_at=then)
    number_events()


def test_old_events_are_deleted_and_young_ones_stay() -> None:
    happen(3, days_ago=DAYS + 1)
    happen(2, days_ago=DAYS - 1)
    assert [delete_old_events(limit=2), delete_old_events(limit=2), delete_old_events()] == [2, 1, 0]
    assert OutboxEvent.objects.count() == 2


def test_what_was_not_read_stays_longer_but_not_for_ever() -> None:
    start_consumer("webhooks")
    happen(1, days_ago=3 * DAYS + 1)
    happen(2, days_ago=3 * DAYS - 1)
    with capture_logs() as logs:
        assert delete_old_events() == 1
    assert [(line["event"], line["events"], line["consumers"]) for line in logs] == [
        ("unread_events_deleted", 1, ["webhooks"])
    ]
    consume("webhooks", lambda events: None, limit=1)
    with capture_logs() as logs:
        assert [delete_old_events(), delete_old_events()] == [1, 0]
    assert logs == []


def test_what_has_no_position_yet_is_not_deleted() -> None:
    announce([Event(kind="order.status", about="order:1")])
    OutboxEvent.objects.update(created_at=timezone.now() - timedelta(days=1000))
    assert delete_old_events() == 0


def test_positions_go_on_when_everything_was_deleted() -> None:
    happen(2, days_ago=DAYS + 1)
    before = Numbering.objects.get().last
    delete_old_events()
    happen(1, days_ago=0)
    assert OutboxEvent.objects.get().position == before + 1
