"""Orders run through providers in trouble: one provider for each case, real HTTP, and workers that may die.

Needs Django to be set up. Time passes quickly: pauses, waits and questions are brought forward every second.
"""

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from django.db import OperationalError, connection, transaction

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import FinishRest
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.database import fetch_all
from purveyor.ops import unsettled
from purveyor.orders.models import Dispatch, Order
from purveyor.orders.queue import requeue
from purveyor.providers.housekeeping import release_held
from purveyor.providers.models import Provider, Route
from purveyor.providers.outcomes.outcomes import give_up_expired
from purveyor.providers.standing.standing import use_again
from purveyor.providers.testing import make_provider, make_route
from purveyor.simulator.behaviours import Fault
from purveyor.simulator.catalogue import standard
from purveyor.simulator.life import Outcomes
from purveyor.simulator.testing import running_simulator
from tests.audited import violations
from tests.faults.cases import Case
from tests.faults.trial import Site, Trial
from tests.faults.truth import unlisted
from tests.faults.workers import Workers

SPEED: Final = 40.0  # an order is done in half a second to a second and a half
OUTCOMES: Final = Outcomes(partial=0.15, canceled=0.1)
OUTCOMES_OF_SEVERAL: Final = Outcomes(partial=0.4, canceled=0.2)
DEPOSIT: Final = Decimal(10_000_000)
MARKUP: Final = 3  # no margin is endangered by what these faults do to prices
TICK_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.2
START_SECONDS: Final = 60.0
FIRST_ORDERS: Final = 3
"""At once, until each provider has had one. Few reach the last of several."""
LONGEST_OVERTIME: Final = 4
"""Of the trouble, in times of its usual length, for orders that a busy machine has not sent yet."""
LATE_SECONDS: Final = 3.0
"""After the trouble, until the provider has accepted the last call that nobody waits for any more."""
BETWEEN_KILLS_SECONDS: Final = (1.0, 3.0)
"""A worker takes a second to start."""

# What a worker is at work on is passed over: its locks are taken in another order. Nothing is brought forward
# at providers at rest: one more question an hour after an order's end would become one each second.
_PASS_TIME: Final = (
    """UPDATE providers_provider SET paused_until = now(), silent_until = now() WHERE id IN (
           SELECT id FROM providers_provider
           WHERE id = ANY(%(providers)s) AND (paused_until > now() OR silent_until > now())
           FOR NO KEY UPDATE SKIP LOCKED)""",
    """UPDATE providers_fulfilment SET next_poll_at = now() WHERE id IN (
           SELECT id FROM providers_fulfilment
           WHERE provider_id = ANY(%(providers)s) AND handover = 'accepted' AND next_poll_at > now()
           FOR NO KEY UPDATE SKIP LOCKED)""",
    """UPDATE providers_canceltask SET next_at = now() WHERE id IN (
           SELECT task.id FROM providers_canceltask task
           JOIN providers_fulfilment fulfilment ON fulfilment.id = task.fulfilment_id
           WHERE fulfilment.provider_id = ANY(%(providers)s)
             AND task.next_at > now() AND task.state <> 'sending'
           FOR NO KEY UPDATE OF task SKIP LOCKED)""",
    """UPDATE providers_refilltask SET next_at = now() WHERE refill_id IN (
           SELECT task.refill_id FROM providers_refilltask task
           JOIN providers_fulfilment fulfilment ON fulfilment.id = task.fulfilment_id
           WHERE fulfilment.provider_id = ANY(%(providers)s)
             AND task.next_at > now() AND task.state <> 'sending'
           FOR NO KEY UPDATE OF task SKIP LOCKED)""",
)
_PASS_LEASES: Final = (
    "UPDATE providers_attempt SET lease_until = now() - interval '1 second' WHERE outcome = 'sending'",
    "UPDATE providers_canceltask SET next_at = now() WHERE state = 'sending'",
    "UPDATE providers_refilltask SET next_at = now() WHERE state = 'sending'",
)
_REVENUE: Final = """
SELECT coalesce(sum(CASE kind WHEN 'refund' THEN -amount ELSE amount END), 0) AS causes,
       (SELECT coalesce(sum(CASE destination_id WHEN 1 THEN amount ELSE -amount END), 0)
        FROM money_transfer WHERE 1 IN (source_id, destination_id)) AS house
FROM money_transfer WHERE kind IN ('charge', 'refund', 'recharge')
"""


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
            service = make_service(
                rate=offer.rate * MARKUP,
                min=offer.minimum,
                max=offer.maximum,
                refill=True,
                refill_days=30,
                cancel=True,
                name=case.name,
                finish_rest=FinishRest.RULE if case.providers > 1 else FinishRest.NEVER,
            )
            customer = make_customer("1000000", email=f"{case.name}@example.com")
            sites = []
            for number in range(case.providers):
                simulator = open_until_the_end.enter_context(
                    running_simulator(
                        seed=seed + number,
                        speed=SPEED,
                        deposit=DEPOSIT,
                        outcomes=OUTCOMES if case.providers == 1 else OUTCOMES_OF_SEVERAL,
                    )
                )
                provider = make_provider(
                    simulator.url,
                    key=simulator.key,
                    name=f"{case.name} {number}",
                    timeout_seconds=case.timeout_seconds,
                )
                make_route(service, provider, external_id=offer.id, rate=offer.rate, position=number)
                sites.append(Site(simulator=simulator, provider=provider))
            made.append(Trial(case=case, sites=tuple(sites), service=service, customer=customer))
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
    found = _before_trouble(running)
    if found:
        return [f"before the trouble: {text}" for text in found]
    for trial in running:
        trial.misbehave(seed=seed)
        trial.order(orders - len(trial.sold()))
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


def _before_trouble(running: Sequence[Trial]) -> list[str]:
    """Let each provider take an order in peace: an id that is used twice in trouble was then known once."""
    untried = list(running)
    while untried:
        for trial in untried:
            trial.order(FIRST_ORDERS if trial.case.providers > 1 else 1)
        if found := _await_rest(running, seconds=START_SECONDS):
            return found
        untried = [trial for trial in running if not all(site.there() for site in trial.sites)]
    return []


def _after_trouble(
    trial: Trial, lines: Sequence[str], *, kill: bool, say: Callable[[str], None]
) -> list[str]:
    """Tell what came of a trial; return what must not be unknown, or is not shown, or was not tried."""
    handed = trial.handed()
    given = _given(trial)
    bought = sum(len(site.there()) for site in trial.sites)
    states = Counter(item.handover for item in handed)
    say(
        f"{trial.case.name}: {given.total() - given[Fault.NONE]} faults, {states['unknown']} unknown,"
        f" {states['refused']} refused, {bought} bought"
    )
    missed = [f"no call met {fault}" for fault in _missed(trial)]
    found = unlisted(handed, lines, ambiguous=trial.case.ambiguous or kill)
    # A killed worker may not have come to make the calls that a fault was waiting for.
    return _named(trial, [*found, *([] if kill else missed)])


def _given(trial: Trial) -> Counter[Fault]:
    return sum((site.simulator.script.given for site in trial.sites), Counter[Fault]())


def _missed(trial: Trial) -> list[Fault]:
    given = _given(trial)
    return [fault for fault in trial.case.faults if not given[fault]]


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
    while time.monotonic() < until or (
        time.monotonic() < latest and (_is_untried(running) or any(_missed(trial) for trial in running))
    ):
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
    providers = [site.provider.pk for trial in running for site in trial.sites]
    _execute(_PASS_TIME, {"providers": providers})
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
    with contextlib.suppress(OperationalError), transaction.atomic():
        # Held until they are queued: a worker that releases one meanwhile may have handed it over, too.
        requeue(held.select_for_update(skip_locked=True).values_list("pk", flat=True))


def _execute(statements: Sequence[str], parameters: Mapping[str, Any] | None = None) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, parameters)


def _named(trial: Trial, found: Any) -> list[str]:
    return [f"{trial.case.name}: {text}" for text in found]
