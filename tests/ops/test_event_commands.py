"""What happened, on the command line."""

import pytest
from django.db import transaction

from purveyor.outbox.announcing import Event, announce
from purveyor.outbox.consuming import events_after
from purveyor.outbox.numbering import number_events
from tests.committed import committed
from tests.ops.test_cli import run


@pytest.fixture
def positions() -> list[int]:
    """Of three events: of an order, of a provider whose words would command the terminal, of an order."""
    with transaction.atomic():
        announce([Event(kind="order.status", about="order:1", customer_id=7, data={"status": "Partial"})])
        announce([Event(kind="provider.paused", about="provider:2", data={"text": "\x1b[2J\nno funds"})])
        announce([Event(kind="order.held", about="order:3", data={"reason": "x"})])
    number_events()
    return [event.position for event in events_after(0)]


def lines(*options: str) -> list[tuple[str, str]]:
    """The position of each line, and what stands behind its time."""
    split = [line.split("  ", 2) for line in run("events", *options).output.splitlines()]
    return [(position, rest) for position, _, rest in split]


@committed
def test_the_newest_come_last(positions: list[int]) -> None:
    first, second, third = map(str, positions)
    assert lines() == [
        (first, "order.status  order:1  customer 7  status=Partial"),
        (second, "provider.paused  provider:2  panel  text= [2J no funds"),
        (third, "order.held  order:3  panel  reason=x"),
    ]
    assert [position for position, _ in lines("--limit", "2")] == [second, third]


@committed
def test_after_a_position_the_oldest_come_first_and_a_kind_is_by_itself(positions: list[int]) -> None:
    first, second, third = map(str, positions)
    assert [position for position, _ in lines("--after", first, "--limit", "1")] == [second]
    assert [position for position, _ in lines("--kind", "order.held")] == [third]
    assert lines("--after", third) == []


@committed
def test_what_has_no_position_yet_is_not_listed() -> None:
    with transaction.atomic():
        announce([Event(kind="order.held", about="order:3", data={"reason": "x"})])
    assert lines() == []
