"""Orders run through providers in trouble: one provider for each case, real HTTP, and workers that may die.

Needs Django to be set up. Time passes quickly: pauses, waits and questions are brought forward every second.
"""

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.db import OperationalError, connection

from purveyor.accounts.models import Customer
from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.database import fetch_all
from purveyor.ops import unsettled
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import Dispatch, Order
from purveyor.orders.placing import place
from purveyor.orders.queue import requeue
from purveyor.orders.refilling import request_refills
from purveyor.orders.requests import Placed
from purveyor.orders.testing import request
from purveyor.providers.housekeeping import release_held
from purveyor.providers.models import Fulfilment, Handover, Provider, Route
from purveyor.providers.outcomes import give_up_expired
from purveyor.providers.settling import CannotSettle, settle_as_not_placed, settle_as_placed
from purveyor.providers.standing import use_again
from purveyor.providers.testing import make_provider, make_route
from purveyor.simulator.behaviours import Fault
from purveyor.simulator.catalogue import standard
from purveyor.simulator.life import Outcomes
from purveyor.simulator.testing import Simulator, running_simulator
from tests.audited import violations
from tests.faults.cases import Case
from tests.faults.truth import HandedOver, Sold, There, disagreements, unlisted
from tests.faults.workers import Workers

SPEED: Final = 40.0  # an order is done in half a second to a second and a half
TIMEOUT_SECONDS: Final = 1
OUTCOMES: Final = Outcomes(partial=0.15, canceled=0.1)
DEPOSIT: Final = Decimal(10_000_000)
MARKUP: Final = 3  # no margin is endangered by what these faults do to prices
PLACED_AT_ONCE: Final = 100
ONE_IN_CANCELED: Final = 12
TICK_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.2
START_SECONDS: Final = 60.0
LONGEST_OVERTIME: Final = 4
"""Of the trouble, in times of its usual length, for orders that a busy machine has not sent yet."""
LATE_SECONDS: Final = 3.0
"""After the trouble, until the provider has accepted the last call that nobody waits for any more."""
BETWEEN_KILLS_SECONDS: Final = (1.0, 3.0)
"""A worker takes a second to start."""

# What a worker is at work on is passed over: its locks are taken in another order.
_PASS_TIME: Final = (
    """UPDATE providers_provider SET paused_until = now(), silent_until = now() WHERE id IN (
           SELECT id FROM providers_provider WHERE paused_until > now() OR silent_until > now()
           FOR NO KEY UPDATE SKIP LOCKED)""",
    """UPDATE providers_fulfilment SET next_poll_at = now() WHERE id IN (
           SELECT id FROM providers_fulfilment WHERE handover = 'accepted' AND next_poll_at > now()
           FOR NO KEY UPDATE SKIP LOCKED)""",
    """UPDATE providers_canceltask SET next_at = now() WHERE id IN (
           SELECT id FROM providers_canceltask WHERE next_at > now() AND state <> 'sending'
           FOR NO KEY UPDATE SKIP LOCKED)""",
    """UPDATE providers_refilltask SET next_at = now() WHERE refill_id IN (
           SELECT refill_id FROM providers_refilltask WHERE next_at > now() AND state <> 'sending'
           FOR NO KEY UPDATE SKIP LOCKED)""",
)
_PASS_LEASES: Final = (
    "UPDATE providers_attempt SET lease_until = now() - interval '1 second' WHERE outcome = 'sending'",
    "UPDATE providers_canceltask SET next_at = now() WHERE state = 'sending'",
    "UPDATE providers_refilltask SET next_at = now() WHERE state = 'sending'",
)
_SOLD: Final = """
SELECT orders.id AS order_id, orders.link, orders.quantity, orders.status, orders.hold_reason AS held,
       orders.charge,
       count(transfer.id) FILTER (WHERE transfer.kind = 'charge') AS charges,
       coalesce(sum(transfer.amount) FILTER (WHERE transfer.kind = 'charge'), 0) AS charged,
       coalesce(sum(transfer.amount) FILTER (WHERE transfer.kind = 'refund'), 0)
       - coalesce(sum(transfer.amount) FILTER (WHERE transfer.kind = 'recharge'), 0) AS refunded
FROM orders_order orders
LEFT JOIN money_transfer transfer
    ON transfer.cause_id = orders.id AND transfer.kind IN ('charge', 'refund', 'recharge')
WHERE orders.service_id = %(service)s
GROUP BY orders.id ORDER BY orders.id
"""
_HANDED: Final = """
SELECT fulfilment.id, fulfilment.order_id, orders.link, fulfilment.handover, fulfilment.external_id,
       fulfilment.provider_charge AS told,
       coalesce(sum(CASE transfer.kind WHEN 'provider_refund' THEN -amount ELSE amount END), 0) AS booked
FROM providers_fulfilment fulfilment
JOIN orders_order orders ON orders.id = fulfilment.order_id
LEFT JOIN money_transfer transfer
    ON transfer.cause_id = fulfilment.id
    AND transfer.kind IN ('provider_cost', 'provider_refund', 'provider_recost')
WHERE fulfilment.provider_id = %(provider)s
GROUP BY fulfilment.id, orders.link ORDER BY fulfilment.id
"""
_REFILLS: Final = """
SELECT count(*) AS open FROM orders_refill refill JOIN orders_order orders ON orders.id = refill.order_id
WHERE orders.service_id = %(service)s AND refill.status IN ('Pending', 'In progress')
"""
_REVENUE: Final = """
SELECT coalesce(sum(CASE kind WHEN 'refund' THEN -amount ELSE amount END), 0) AS causes,
       (SELECT coalesce(sum(CASE destination_id WHEN 1 THEN amount ELSE -amount END), 0)
        FROM money_transfer WHERE 1 IN (source_id, destination_id)) AS house
FROM money_transfer WHERE kind IN ('charge', 'refund', 'recharge')
"""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One provider in trouble, and the service it alone fulfils."""

    case: Case
    simulator: Simulator
    provider: Provider
    service: Service
    customer: Customer

    def order(self, number: int) -> None:
        """Sell so many orders."""
        for start in range(0, number, PLACED_AT_ONCE):
            many = min(PLACED_AT_ONCE, number - start)
            answers = place(
                [request(self.customer, self.service, quantity=self.service.min) for _ in range(many)]
            )
            assert all(isinstance(answer, Placed) for answer in answers), answers

    def cancel_some(self) -> None:
        """Take the customer's wish to cancel some of the orders, wherever they are on their way."""
        orders = Order.objects.filter(service=self.service).order_by("-pk").values_list("pk", flat=True)
        request_cancels([(self.customer.pk, order_id) for order_id in orders[::ONE_IN_CANCELED]])

    def misbehave(self, *, seed: int) -> None:
        """Let the trouble begin."""
        for action, mix in self.case.mixes.items():
            self.simulator.script.mix(mix, seed=seed, action=action)

    def behave(self) -> None:
        """Let the trouble end, also at the old prices."""
        self.simulator.script.clear()
        self.simulator.change_prices(Decimal(1))

    def refill(self) -> None:
        """Ask for a refill of every completed order that has none."""
        completed = Order.objects.filter(service=self.service, status="Completed", refills=None)
        request_refills([(self.customer.pk, pk) for pk in completed.values_list("pk", flat=True)])

    def sold(self) -> list[Sold]:
        """The orders as the panel has them."""
        return [Sold(**row._asdict()) for row in fetch_all(_SOLD, {"service": self.service.pk})]

    def handed(self) -> list[HandedOver]:
        """The hand-overs as the panel has them."""
        return [HandedOver(**row._asdict()) for row in fetch_all(_HANDED, {"provider": self.provider.pk})]

    def there(self) -> list[There]:
        """The orders as the provider has them."""
        return [
            There(
                id=item.id,
                link=item.link,
                quantity=item.quantity,
                status=item.status,
                remains=item.remains,
                paid=item.paid,
            )
            for item in self.simulator.orders
        ]

    def found(self) -> list[str]:
        """What is not at rest, or wrong."""
        # The provider first: what it accepts after this look may not be missed at the panel.
        there = self.there()
        found = list(disagreements(self.sold(), self.handed(), there, prices_changed=self.case.prices))
        (refills,) = fetch_all(_REFILLS, {"service": self.service.pk})
        return [*found, f"{refills.open} refills have come to no end"] if refills.open else found

    def settle(self) -> int:
        """Settle what is unknown as a person would who looks at the provider's own list; returns how many."""
        ids = {item.link: str(item.id) for item in self.there()}
        unknown = Fulfilment.objects.filter(provider=self.provider, handover=Handover.UNKNOWN)
        waiting = list(unknown.select_related("order"))
        for fulfilment in waiting:
            with contextlib.suppress(CannotSettle):  # evidence, or a late answer, was quicker
                external_id = ids.get(fulfilment.order.link)
                if external_id is None:
                    settle_as_not_placed(fulfilment=fulfilment, actor="staff")
                else:
                    settle_as_placed(fulfilment=fulfilment, external_id=external_id, actor="staff")
        return len(waiting)


@contextlib.contextmanager
def trials(cases: Sequence[Case], *, seed: int) -> Iterator[list[Trial]]:
    """A provider for each case, each with a service of ours that it fulfils."""
    offer = next(
        item
        for item in standard().values()
        if item.type is OrderType.DEFAULT and item.cancel and item.refill and item.minimum > 1
    )
    with contextlib.ExitStack() as open_until_the_end:
        made = []
        for case in cases:
            simulator = open_until_the_end.enter_context(
                running_simulator(seed=seed, speed=SPEED, deposit=DEPOSIT, outcomes=OUTCOMES)
            )
            provider = make_provider(
                simulator.url, key=simulator.key, name=case.name, timeout_seconds=TIMEOUT_SECONDS
            )
            service = make_service(
                rate=offer.rate * MARKUP,
                min=offer.minimum,
                max=offer.maximum,
                refill=True,
                refill_days=30,
                cancel=True,
                name=case.name,
            )
            make_route(service, provider, external_id=offer.id, rate=offer.rate)
            made.append(
                Trial(
                    case=case,
                    simulator=simulator,
                    provider=provider,
                    service=service,
                    customer=make_customer("1000000", email=f"{case.name}@example.com"),
                )
            )
        yield made


def run(
    running: Sequence[Trial],
    workers: Workers,
    *,
    orders: int,
    seed: int,
    kill: bool,
    trouble_seconds: float,
    rest_seconds: float,
    say: Callable[[str], None],
) -> list[str]:
    """Run orders through every trial and return what is wrong at the end; empty when everything holds."""
    # One order before the trouble: an id that is used twice was then known once.
    for trial in running:
        trial.order(1)
    found = _await_rest(running, seconds=START_SECONDS)
    if found:
        return [f"before the trouble: {text}" for text in found]
    for trial in running:
        trial.misbehave(seed=seed)
        trial.order(orders - 1)
        trial.cancel_some()
    killed = _endure(running, workers, seconds=trouble_seconds, kill=kill)
    for trial in running:
        trial.behave()
    time.sleep(LATE_SECONDS)
    if kill:
        # All at once, so that every lease that is left belongs to a dead one and may end at once.
        workers.kill_all()
        _execute(_PASS_LEASES)
        while give_up_expired():
            pass
        workers.start()
    found = _await_rest(running, seconds=rest_seconds)
    lines = list(unsettled.lines())
    for trial in running:
        found += _after_trouble(trial, lines, kill=kill, say=say)
    if found:
        return found
    settled = sum(trial.settle() for trial in running)
    found = _await_rest(running, seconds=rest_seconds)
    for trial in running:
        left = [item.order_id for item in trial.handed() if item.handover == "unknown"]
        found += _named(trial, [f"settled and unknown again: {left}"] if left else [])
    say(f"{killed} workers killed, {settled} hand-overs settled by a person.")
    return found + _of_books()


def _after_trouble(
    trial: Trial, lines: Sequence[str], *, kill: bool, say: Callable[[str], None]
) -> list[str]:
    """Tell what came of a trial; return what must not be unknown, or is not shown, or was not tried."""
    handed, given = trial.handed(), trial.simulator.script.given
    states = Counter(item.handover for item in handed)
    say(
        f"{trial.case.name}: {given.total() - given[Fault.NONE]} faults, {states['unknown']} unknown,"
        f" {states['refused']} refused, {len(trial.there())} bought"
    )
    missed = [f"no call met {fault}" for fault in trial.case.faults if not given[fault]]
    found = unlisted(handed, lines, ambiguous=trial.case.ambiguous or kill)
    # A killed worker may not have come to make the calls that a fault was waiting for.
    return _named(trial, [*found, *([] if kill else missed)])


def _of_books() -> list[str]:
    """What is wrong with the panel's books as a whole."""
    found = [f"the audit finds {name}: {rows}" for name, rows in violations().items()]
    (sums,) = fetch_all(_REVENUE)
    if sums.causes != sums.house:
        found.append(f"revenue is {sums.house}, charges without refunds are {sums.causes}")
    return found


def _endure(running: Sequence[Trial], workers: Workers, *, seconds: float, kill: bool) -> int:
    """Let the trouble last, while people mend what they can and, where asked, workers are killed."""
    killed = 0
    until = time.monotonic() + seconds
    latest = until + seconds * LONGEST_OVERTIME
    tick_at = kill_at = 0.0
    while time.monotonic() < until or (time.monotonic() < latest and _is_untried(running)):
        if time.monotonic() >= tick_at:
            _pass_time(running)
            tick_at = time.monotonic() + TICK_SECONDS
        if kill and time.monotonic() >= kill_at:
            killed += workers.kill_one()
            kill_at = time.monotonic() + random.uniform(*BETWEEN_KILLS_SECONDS)
        time.sleep(LOOK_SECONDS)
    return killed


def _is_untried(running: Sequence[Trial]) -> bool:
    """Whether some order waits that was never sent: it must meet the trouble, too."""
    services = [trial.service for trial in running]
    waiting = Order.objects.filter(service__in=services, dispatch=Dispatch.QUEUED)
    return waiting.filter(fulfilments=None).exists()


def _await_rest(running: Sequence[Trial], *, seconds: float) -> list[str]:
    """Wait until panel and provider agree everywhere; what they disagree in when the time is over."""
    until = time.monotonic() + seconds
    restless = list(running)
    tick_at = 0.0
    while True:
        if time.monotonic() >= tick_at:
            _pass_time(restless)
            _release_all(restless)
            tick_at = time.monotonic() + TICK_SECONDS
        found = {trial.case.name: trial.found() for trial in restless}
        restless = [trial for trial in restless if found[trial.case.name]]
        if not restless:
            break
        if time.monotonic() > until:
            break
        time.sleep(LOOK_SECONDS)
    # What was at rest once must be so still: nothing may happen to an order behind its end.
    return [text for trial in running for text in _named(trial, trial.found())]


def _pass_time(running: Sequence[Trial]) -> None:
    """Bring forward whatever waits for a time, and do what people do for providers in trouble."""
    _execute(_PASS_TIME)
    providers = [trial.provider.pk for trial in running]
    # Many rows at once, in no order: a worker may be let through first, and the next second is soon here.
    with contextlib.suppress(OperationalError):
        for provider in Provider.objects.filter(pk__in=providers).exclude(refused_key=""):
            use_again(provider=provider)
        Route.objects.filter(provider_service__provider__in=providers, enabled=False).update(
            enabled=True, closed_reason=""
        )
        release_held()
    for trial in running:
        if trial.case.refills:
            trial.refill()


def _release_all(running: Sequence[Trial]) -> None:
    """Queue every order again that is held for whatever reason: the trouble is over."""
    services = [trial.service for trial in running]
    held = Order.objects.filter(service__in=services, dispatch=Dispatch.HELD)
    with contextlib.suppress(OperationalError):
        requeue(held.values_list("pk", flat=True))


def _execute(statements: Sequence[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _named(trial: Trial, found: Any) -> list[str]:
    return [f"{trial.case.name}: {text}" for text in found]
