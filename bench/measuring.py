"""Each figure measured: short rounds of baseline and panel in turn, so that a slow moment hits both."""

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import bars, machine, nginx, panel
from bench.figures import Bar, Figure, Round, figure
from bench.workloads import ADD_BASELINE, IDS_PER_CALL, QUICKER_ADD_BASELINES, Subject

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long everything is measured."""

    rounds: int
    seconds: int
    """Of one run of wrk or pgbench."""


def adding(subject: Subject, effort: Effort, *, say: Say) -> list[Figure]:
    """`add` for many customers and for one beside pgbench, and its tail."""
    subject.add(seconds=effort.seconds)  # warm caches and connections
    tell_other_baselines(subject, effort, say=say)
    many, one, tail = [], [], []
    for _ in range(effort.rounds):
        base = subject.add_baseline(ADD_BASELINE, seconds=effort.seconds)
        load = subject.add(seconds=effort.seconds)
        alone = subject.add(seconds=effort.seconds, one_customer=True)
        many.append(Round(load.per_second, base))
        one.append(Round(alone.per_second, base))
        tail.append(Round(load.p99_ms, load.p50_ms))
    return [figure(bars.ADD, many), figure(bars.ADD_ONE_CUSTOMER, one), figure(bars.ADD_TAIL, tail)]


def tell_other_baselines(subject: Subject, effort: Effort, *, say: Say) -> None:
    """Say how much quicker pgbench is when it makes the same transaction in fewer round trips."""
    rates = [
        f"{script} {subject.add_baseline(script, seconds=effort.seconds):,.0f}"
        for script in (ADD_BASELINE, *QUICKER_ADD_BASELINES)
    ]
    say("pgbench, orders/s: " + ", ".join(rates))


def asking_status(subject: Subject, effort: Effort) -> list[Figure]:
    """`status` of one order beside pgbench, and of a hundred beside one."""
    subject.status(seconds=effort.seconds)
    single, hundred = [], []
    for _ in range(effort.rounds):
        base = subject.status_baseline(seconds=effort.seconds)
        one = subject.status(seconds=effort.seconds).per_second
        many = subject.status(seconds=effort.seconds, ids=IDS_PER_CALL).per_second * IDS_PER_CALL
        single.append(Round(one, base))
        hundred.append(Round(many, one))
    return [figure(bars.STATUS, single), figure(bars.STATUS_100, hundred)]


def listing_services(subject: Subject, effort: Effort, folder: Path, *, say: Say) -> Figure:
    """`services` beside nginx with the same bytes, uncompressed as most clients of the protocol ask for it.

    What a client that takes gzip gets is measured too and said, without a bar: a reply a tenth as long is
    mostly a matter of cost per request, where no program in Python comes near a web server in C.
    """
    form = subject.services_form()
    plain = panel.ask(subject.served.url, form)
    compressed = panel.ask(subject.served.url, form, encoding="gzip")
    assert plain.startswith(b"[{"), plain[:200]
    assert gzip.decompress(compressed) == plain
    with nginx.serving(folder, plain=plain, compressed=compressed) as file_url:
        rounds = _listed(subject, effort, file_url, encoding="", expected=plain)
        zipped = figure(
            bars.SERVICES, _listed(subject, effort, file_url, encoding="gzip", expected=compressed)
        )
    say(f"services, compressed: {zipped.value:,.0f} replies/s, nginx {zipped.baseline:,.0f}")
    return figure(bars.SERVICES, rounds)


def _listed(
    subject: Subject, effort: Effort, file_url: str, *, encoding: str, expected: bytes
) -> list[Round]:
    asked = encoding or None
    assert panel.fetch(file_url, encoding=asked) == expected
    rounds = []
    for _ in range(effort.rounds):
        base = nginx.load(file_url, encoding=encoding, seconds=effort.seconds)
        ours = subject.services(seconds=effort.seconds, encoding=encoding)
        rounds.append(Round(ours.per_second, base.per_second))
    assert panel.ask(subject.served.url, subject.services_form(), encoding=asked) == expected
    return rounds


def memory(subject: Subject) -> Figure:
    """The resident memory of the process that serves, after all the load above."""
    resident = max(machine.resident_mb(pid) for pid in machine.descendants(subject.served.pid))
    return figure(bars.MEMORY, [Round(resident, bars.MEMORY_LIMIT_MB)])


def beside_old_orders(empty: Subject, large: Subject, effort: Effort, *, say: Say) -> Iterator[Figure]:
    """Each speed of a panel with 10 million old orders beside the same of one without."""
    speeds: list[tuple[Bar, Callable[[Subject], float]]] = [
        (bars.ADD, lambda subject: subject.add(seconds=effort.seconds).per_second),
        (
            bars.ADD_ONE_CUSTOMER,
            lambda subject: subject.add(seconds=effort.seconds, one_customer=True).per_second,
        ),
        (bars.STATUS, lambda subject: subject.status(seconds=effort.seconds).per_second),
        (
            bars.STATUS_100,
            lambda subject: (
                subject.status(seconds=effort.seconds, ids=IDS_PER_CALL).per_second * IDS_PER_CALL
            ),
        ),
        (bars.SERVICES, lambda subject: subject.services(seconds=effort.seconds, encoding="").per_second),
    ]
    for bar, speed in speeds:
        say(bar.name)
        for subject in (empty, large):
            speed(subject)
        rounds = []
        for _ in range(effort.rounds):
            base = speed(empty)
            rounds.append(Round(speed(large), base))
        yield figure(bars.beside_old_orders(bar), rounds)
