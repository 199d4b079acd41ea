"""A reader of events beside working and dying workers learns of every order's whole life, each step once."""

import threading
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from purveyor.catalog.models import Service
from purveyor.orders.created import NEW_ORDERS, are_new_orders
from purveyor.orders.models import Order
from purveyor.outbox.consuming import Announced, consume, start_consumer
from purveyor.outbox.models import OutboxEvent
from purveyor.outbox.numbering import number_events
from purveyor.providers.models import Provider
from purveyor.simulator.testing import Simulator
from tests.audited import violations
from tests.committed import committed
from tests.providers.rounds import work_until
from tests.providers.test_worker import all_ended, expire_leases, live, place_many, wait_for, worker_process
from tests.racing import Second

pytestmark = committed


class Reader:
    """A consumer in a thread of its own, which remembers what it read of each order, in order."""

    def __init__(self) -> None:
        self.read: dict[str, list[Announced]] = defaultdict(list)
        self.positions: list[int] = []
        self._stop = threading.Event()
        start_consumer("a test")
        self._thread = Second(self._run)

    def _run(self) -> None:
        while not self._stop.wait(0.01):
            consume("a test", self._take, limit=50)

    def _take(self, events: Sequence[Announced]) -> None:
        for event in events:
            self.read[event.about].append(event)
            self.positions.append(event.position)

    def finish(self) -> dict[str, list[Announced]]:
        """Let it end, and read what is left."""
        self._stop.set()
        self._thread.finish()
        wait_for(everything_is_numbered)  # a killed worker's session may still be at it
        while consume("a test", self._take):
            pass
        return self.read


def everything_is_numbered() -> bool:
    number_events(derivation=NEW_ORDERS)
    return not OutboxEvent.objects.filter(position=None).exists() and not are_new_orders()


def prove(read: dict[str, list[Announced]]) -> None:
    """Each order was created once and first; its statuses follow each other to what it is now."""
    for order in Order.objects.all():
        events = read[f"order:{order.pk}"]
        kinds = [event.kind for event in events]
        assert (kinds[0], kinds.count("order.created")) == ("order.created", 1)
        assert {event.customer_id for event in events} <= {order.customer_id, None}
        status = "Pending"
        for event in events:
            if event.kind == "order.status":
                assert event.data["before"] == status
                status = event.data["status"]
        assert status == order.status
        refunds = [Decimal(event.data["amount"]) for event in events if event.kind == "order.refunded"]
        assert sum(refunds) == order.refunded


def test_two_workers_tell_of_every_order_from_its_placing_to_its_end(
    simulator: Simulator, service: Service
) -> None:
    Provider.objects.update(parallel_calls=4)
    simulator.set_latency(milliseconds=20)
    simulator.set_outcomes(partial=0.3, canceled=0.3)
    live(simulator)
    reader = Reader()
    with worker_process(), worker_process():
        place_many(service, 100)
        wait_for(all_ended)
    read = reader.finish()
    assert reader.positions == sorted(set(reader.positions))
    prove(read)
    assert {"order.refunded", "order.status"} <= {event.kind for each in read.values() for event in each}
    assert violations() == {}


def test_workers_killed_in_the_middle_tell_nothing_twice_and_leave_nothing_out(
    simulator: Simulator, service: Service
) -> None:
    simulator.set_latency(milliseconds=20)
    simulator.set_outcomes(partial=0.3)
    live(simulator)
    reader = Reader()
    place_many(service, 300)
    for _ in range(2):
        with worker_process() as process:
            before = len(simulator.orders)
            wait_for(lambda before=before: len(simulator.orders) > before + 20)  # type: ignore[misc]
            process.kill()
            process.wait()
        expire_leases()
    work_until(lambda: not Order.objects.filter(dispatch="queued").exists())
    read = reader.finish()
    assert reader.positions == sorted(set(reader.positions))
    prove(read)
    told = [
        event.data["fulfilment"]
        for each in read.values()
        for event in each
        if event.kind == "handover.unknown"
    ]
    assert len(told) == len(set(told)) > 0
    assert violations() == {}
