"""What is asked of a panel while it is measured, and what it is compared with."""

import itertools
import secrets
import time
from dataclasses import dataclass
from typing import Final

import psycopg

from bench import pgbench, wrk
from bench.filling import CUSTOMERS, KNOWN_ORDERS, SERVICES, Filled
from bench.panel import Served
from bench.wrk import CONNECTIONS, Load, WrongReplies
from purveyor import configuration

IDS_PER_CALL: Final = 100
ADD_BASELINE: Final = "add_by_statements"
"""The inserts and the debit in one transaction, statement by statement as most programs write it."""
QUICKER_ADD_BASELINES: Final = ("add_by_pipeline", "add_by_one_statement")
"""The same in one round trip, and in one statement."""

_SETTLING_SECONDS: Final = 0.2  # many times what a batch takes
_runs: Final = itertools.count(1)  # seeds, so that each run asks for other orders


@dataclass(frozen=True, slots=True)
class Subject:
    """A panel that is measured."""

    filled: Filled
    served: Served

    def add(self, *, seconds: int, one_customer: bool = False) -> Load:
        """Place orders with new links for customers at random, or all for the first."""
        keys = self.filled.first_key if one_customer else self.filled.keys
        run = next(_runs)
        before = self._settled_orders()
        load = wrk.run(
            script="add",
            url=self.served.url,
            seconds=seconds,
            arguments=[
                str(keys),
                f"{secrets.token_hex(4)}-{run}",
                str(self.filled.first_service),
                str(self.filled.first_service + SERVICES - 1),
                str(run),
            ],
        )
        # The last requests of a run are placed though nobody waits for their answers any more.
        placed = self._settled_orders() - before
        if not load.right <= placed <= load.right + CONNECTIONS:
            raise WrongReplies(f"{load.right} orders were acknowledged, {placed} were placed")
        return load

    def status(self, *, seconds: int, ids: int = 1) -> Load:
        """Ask for known orders, so many at once, each customer for their own."""
        return wrk.run(
            script="status",
            url=self.served.url,
            seconds=seconds,
            arguments=[
                str(self.filled.keys),
                str(self.filled.first_known_order),
                str(KNOWN_ORDERS // CUSTOMERS),
                str(ids),
                str(next(_runs)),
            ],
        )

    def services(self, *, seconds: int, encoding: str) -> Load:
        """Ask for the catalogue."""
        return wrk.run(
            script="services",
            url=self.served.url,
            seconds=seconds,
            arguments=[self.services_form(), encoding],
        )

    def services_form(self) -> str:
        """The form that asks for the catalogue."""
        return f"key={self.filled.first_key.read_text(encoding='ascii').strip()}&action=services"

    def add_baseline(self, script: str, *, seconds: int) -> float:
        """Orders per second by pgbench, one transaction each, for customers at random."""
        return self._pgbench(script, seconds=seconds)

    def status_baseline(self, *, seconds: int) -> float:
        """Known orders per second that pgbench reads by their id."""
        return self._pgbench("status", seconds=seconds)

    def _pgbench(self, script: str, *, seconds: int) -> float:
        return pgbench.run(
            home=self.filled.home, script=script, seconds=seconds, variables=self.filled.pgbench_variables
        )

    def _settled_orders(self) -> int:
        """How many orders were placed since the filling, once nothing is on its way any more."""
        with psycopg.connect(configuration.embedded_url(self.filled.home), autocommit=True) as connection:
            count = -1
            while True:
                before = count
                row = connection.execute(
                    "SELECT count(*) FROM orders_order WHERE id > %s", [self.filled.last_order]
                ).fetchone()
                count = int(row[0]) if row else 0
                if count == before:
                    return count
                time.sleep(_SETTLING_SECONDS)
