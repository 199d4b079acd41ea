"""Runs orders through every fault that providers show, and proves that panel and provider agree afterwards.

Nothing is bought twice, nothing is refunded that was delivered, every charge and cost is accounted for, every
unknown outcome is listed with its evidence and can be settled, and the audit is clean.

    python tests/faults/matrix.py [--fault NAME ...] [--orders 1000] [--workers 1|2] [--kill] [--seed N]

All faults run side by side, each at a provider of its own, and a mix of them at one more. Exit status 0 if
everything holds. Bounded in time: half a minute for 25 orders each, up to an hour for 1 000 of all faults.
"""

import argparse
import logging
import os
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.panel import database
from tests.faults.cases import CASES, Case
from tests.faults.workers import Workers

ORDERS = 1000
TROUBLE_SECONDS = 6.0
ORDERS_PER_SECOND_IN_TROUBLE = 8.0  # of each provider
REST_SECONDS = 60.0
ORDERS_PER_SECOND_AT_REST = 20.0  # of all providers together, which share this machine
SHOWN_LOG_LINES = 20


def main(arguments: list[str]) -> int:
    """Run the matrix; 0 if everything holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fault", action="append", choices=[case.name for case in CASES], help="only this")
    parser.add_argument("--orders", type=int, default=ORDERS, help="for each fault")
    parser.add_argument("--workers", type=int, choices=[1, 2], default=1)
    parser.add_argument("--kill", action="store_true", help="kill -9 workers at random moments")
    parser.add_argument("--seed", type=int, help="repeats the same faults (not the same moments)")
    options = parser.parse_args(arguments)
    seed = random.randrange(10**6) if options.seed is None else options.seed
    random.seed(seed)
    _say(f"Seed {seed}")
    cases = [case for case in CASES if options.fault is None or case.name in options.fault]
    with tempfile.TemporaryDirectory(prefix="purveyor-matrix-") as folder:
        home = Path(folder)
        with database(home):
            found = _run(
                home, cases, orders=options.orders, workers=options.workers, kill=options.kill, seed=seed
            )
        if found:
            log = (home / "workers.log").read_text(encoding="utf-8", errors="replace").splitlines()
            _say("The workers' last words:\n" + "\n".join(log[-SHOWN_LOG_LINES:]))
    for violation in found:
        _say(f"WRONG: {violation}")
    _say("FAILED" if found else "Everything holds.")
    return 1 if found else 0


def _run(home: Path, cases: list[Case], *, orders: int, workers: int, kill: bool, seed: int) -> list[str]:
    os.environ |= {
        "PURVEYOR_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "purveyor.settings",
        "PURVEYOR_REFILL_WAIT_HOURS": "0",
    }
    os.environ.pop("DATABASE_URL", None)
    import django
    import structlog

    django.setup()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    from django.db import connection

    from tests.faults import trials

    began = time.monotonic()
    try:
        with trials.trials(cases, seed=seed) as running, Workers(home, number=workers) as working:
            found = trials.run(
                running,
                working,
                orders=orders,
                seed=seed,
                kill=kill,
                trouble_seconds=TROUBLE_SECONDS + orders / ORDERS_PER_SECOND_IN_TROUBLE,
                rest_seconds=REST_SECONDS + orders * len(cases) / ORDERS_PER_SECOND_AT_REST,
                say=_say,
            )
    finally:
        connection.close()
    _say(
        f"{len(cases)} providers in trouble, {orders} orders each, {workers} workers"
        f"{' killed at random' if kill else ''}, in {time.monotonic() - began:.0f} s."
    )
    return found


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
