"""Kills -9 the server, the worker, PostgreSQL and the supervisor at random moments under load.

Then proves that no acknowledged order or transfer was lost and no order was doubled at the provider.

    python tests/faults/kill.py [--short] [--seed N]

Exit status 0 if everything holds. Bounded in count, and in time to some minutes (short form: about one).
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psycopg

from bench.control import control
from bench.ports import free_port
from purveyor import configuration
from purveyor.ops import simulation
from tests.faults import proof
from tests.faults.load import CREDIT, Book, Load
from tests.faults.processes import NotInTime, Panel, kill, wait_until

SIMULATOR_SPEED: Final = 25.0  # an order is done in one to two seconds
PROVIDER_TIMEOUT_SECONDS: Final = 2  # shortens how long a dead worker's hand-overs stay in doubt
PROVIDER: Final[dict[str, object]] = {"balance": "100000000", "latency_ms": 40}
"""Funds for everything, and calls that take their time, so that deaths catch some of them under way."""
OPENING_BALANCE: Final = Decimal(1_000_000_000)
BACK_SECONDS: Final = 90.0  # a process that dies often is restarted after up to 30 s
ORDERS_BETWEEN_KILLS: Final = 3
QUIET_SECONDS: Final = 120.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Whom to kill, in which order, and how long to wait before each."""

    parts: Sequence[str]
    pause_seconds: tuple[float, float]


def plan(*, short: bool) -> Plan:
    """The long form kills each of server, worker and PostgreSQL ten times, the short one twice."""
    # The server is two processes: the one that listens and the one that works. Either takes its turn.
    times = 1 if short else 5
    parts = ["serve", "app"] * times + ["worker"] * (2 * times) + ["postgresql"] * (2 * times)
    random.shuffle(parts)
    parts.insert(len(parts) // 2, "supervisor")
    return Plan(parts=parts, pause_seconds=(0.1, 1.0) if short else (0.1, 3.0))


def main(arguments: list[str]) -> int:
    """Run the test; 0 if everything holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="two kills each instead of ten")
    parser.add_argument("--seed", type=int, help="repeats the same kills (not the same moments)")
    options = parser.parse_args(arguments)
    seed = random.randrange(10**6) if options.seed is None else options.seed
    random.seed(seed)
    _say(f"Seed {seed}")
    with tempfile.TemporaryDirectory(prefix="purveyor-kill-") as folder:
        panel = Panel(Path(folder), port=free_port(), simulator_speed=SIMULATOR_SPEED)
        try:
            found = _run(panel, plan(short=options.short))
            panel.stop()
        except NotInTime as trouble:
            _say(f"FAILED: {trouble}")
            _say(f"The last words:\n{panel.last_words()}")
            return 1
        finally:
            panel.kill_everything()
    for violation in found:
        _say(f"WRONG: {violation}")
    _say("FAILED" if found else "Everything holds.")
    return 1 if found else 0


def _run(panel: Panel, kills: Plan) -> list[str]:
    began = time.monotonic()
    _start(panel)
    book = Book()
    load = _prepare(panel, book)
    load.start()
    try:
        killed = _kill_all(panel, kills, book)
    finally:
        load.stop()
    with psycopg.connect(configuration.embedded_url(panel.home), autocommit=True) as connection:
        wait_until(
            lambda: proof.on_the_way(connection) == 0,
            seconds=QUIET_SECONDS,
            what="every order to be sent or held",
        )
        at_provider: list[dict[str, Any]] = control(_place(panel), "orders")["orders"]
        found = list(proof.violations(connection, book, at_provider))
        _say(
            f"Killed {', '.join(f'{part} {times} times' for part, times in sorted(killed.items()))}"
            f" in {time.monotonic() - began:.0f} s.\n"
            f"Orders: {len(book.orders)} acknowledged, {len(book.open_links)} without an answer"
            f" ({proof.placed(connection) - len(book.orders)} of them placed);"
            f" longest time without an order {book.longest_silence_seconds:.1f} s.\n"
            f"Credits: {len(book.credits)} acknowledged, {len(book.open_credits)} without an answer.\n"
            f"Status: {book.told_statuses} told.\n"
            f"At the provider: {len(at_provider)} orders;"
            f" {proof.unknown(connection)} hand-overs left for a person."
        )
    audit = panel.command("audit")
    _say(f"Audit: {(audit.stdout.strip().splitlines() or ['silent'])[-1]}")
    if audit.returncode != 0:
        found.append(f"the audit failed:\n{audit.stdout}{audit.stderr}")
    return found


def _kill_all(panel: Panel, kills: Plan, book: Book) -> Counter[str]:
    killed: Counter[str] = Counter()
    for part in kills.parts:
        _await_orders(book)
        time.sleep(random.uniform(*kills.pause_seconds))
        if part == "supervisor":
            panel.kill_supervisor()
            _start(panel)
        else:
            kill(_await_pid(panel, part))
        killed[part] += 1
    _await_orders(book)
    return killed


def _start(panel: Panel) -> None:
    panel.start()
    control(_place(panel), "settings", PROVIDER)  # a simulated provider forgets its latency when it ends


def _await_orders(book: Book) -> None:
    wanted = len(book.orders) + ORDERS_BETWEEN_KILLS
    wait_until(lambda: len(book.orders) >= wanted, seconds=BACK_SECONDS, what="orders to be taken again")


def _await_pid(panel: Panel, part: str) -> int:
    found: list[int] = []

    def is_there() -> bool:
        pid = panel.pid_of(part)
        if pid is not None:
            found.append(pid)
        return bool(found)

    wait_until(is_there, seconds=BACK_SECONDS, what=f"{part} to run again")
    return found[-1]


def _prepare(panel: Panel, book: Book) -> Load:
    """Make a customer with funds and a key, and have little patience with the provider."""
    os.environ |= {"PURVEYOR_HOME": str(panel.home), "DJANGO_SETTINGS_MODULE": "purveyor.settings"}
    os.environ.pop("DATABASE_URL", None)
    import django

    django.setup()
    from purveyor.accounts import keys, people
    from purveyor.catalog.models import Service
    from purveyor.providers.models import Provider

    customer = people.create_customer(email="kill@example.com")
    people.credit(customer=customer, amount=OPENING_BALANCE, reason="opening balance", actor="test")
    _, key = keys.create_key(customer=customer)
    Provider.objects.update(timeout_seconds=PROVIDER_TIMEOUT_SECONDS)
    services = Service.objects.filter(type="Default", min__lte=1000, max__gte=1000, enabled=True)
    service_ids = [str(pk) for pk in services.values_list("pk", flat=True)]
    assert service_ids
    return Load(port=panel.port, key=key, services=service_ids, book=book, credit=_crediting(customer))


def _crediting(customer: Any) -> Callable[[str], None]:
    """A credit by a person, as by the operator's command. ConnectionError: nobody knows if it was made."""
    import django.db

    from purveyor.accounts import people

    def credit(reason: str) -> None:
        try:
            people.credit(customer=customer, amount=CREDIT, reason=reason, actor="test")
        except (django.db.Error, psycopg.Error) as error:
            django.db.connection.close()
            raise ConnectionError from error

    return credit


def _place(panel: Panel) -> simulation.Place:
    place = simulation.kept(panel.home)
    assert place is not None
    return place


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
