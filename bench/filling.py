"""What is there before anything is measured: customers with money and keys, a catalogue, old orders."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from purveyor import configuration
from purveyor.database import load_sql

CUSTOMERS: Final = 1_000
SERVICES: Final = 10_000
CATEGORIES: Final = 100
CREDIT: Final = 100_000_000
"""In panel currency: more than any run can spend."""
KNOWN_ORDERS: Final = 100 * CUSTOMERS
"""The latest of the old orders: those that `status` is asked about."""
_STEP: Final = 500_000  # old orders per transaction

_SQL: Final = load_sql(__file__, "filling.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What a database was filled with. Ids of a kind follow each other without gaps."""

    home: Path
    keys: Path
    """A file with a key of each customer, a line each, in order of the customers' ids."""
    first_key: Path
    """A file with the first customer's key alone."""
    first_customer: int
    first_wallet: int
    first_service: int
    first_known_order: int
    last_order: int

    @property
    def pgbench_variables(self) -> dict[str, int]:
        """What the scripts of bench/baseline call them."""
        return {
            "first_customer": self.first_customer,
            "last_customer": self.first_customer + CUSTOMERS - 1,
            "wallet_offset": self.first_wallet - self.first_customer,
            "first_service": self.first_service,
            "last_service": self.first_service + SERVICES - 1,
            "first_order": self.first_known_order,
            "last_order": self.last_order,
        }


def fill(home: Path, *, old_orders: int, say: Callable[[str], None]) -> Filled:
    """Fill the migrated, empty database of `home`. `purveyor audit` finds nothing wrong with it."""
    with psycopg.connect(configuration.embedded_url(home), autocommit=True) as connection:
        connection.execute(
            _SQL["customers"],
            {"customers": CUSTOMERS, "credit": CREDIT},
        )
        customers = connection.execute(_SQL["customer_ids"]).fetchall()
        first_customer, first_wallet = customers[0]
        assert customers == [(first_customer + n, first_wallet + n) for n in range(CUSTOMERS)]
        keys = _make_keys(connection, first_customer)
        connection.execute(_SQL["categories"], {"categories": CATEGORIES})
        connection.execute(_SQL["services"], {"services": SERVICES, "categories": CATEGORIES})
        (first_service,) = connection.execute("SELECT min(id) FROM catalog_service").fetchone() or (0,)
        _place_old_orders(
            connection,
            old_orders,
            {
                "first_customer": first_customer,
                "customers": CUSTOMERS,
                "first_service": first_service,
                "services": SERVICES,
                "wallet_offset": first_wallet - first_customer,
            },
            say=say,
        )
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")
    return Filled(
        home=home,
        keys=_write(home / "bench-keys", keys),
        first_key=_write(home / "bench-first-key", keys[:1]),
        first_customer=first_customer,
        first_wallet=first_wallet,
        first_service=first_service,
        first_known_order=old_orders - KNOWN_ORDERS + 1,
        last_order=old_orders,
    )


def _make_keys(connection: "psycopg.Connection[Any]", first_customer: int) -> list[str]:
    texts = [secrets.token_hex(32) for _ in range(CUSTOMERS)]
    connection.execute(_SQL["keys"], {"first_customer": first_customer, "keys": texts})
    return texts


def _write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    return path


def _place_old_orders(
    connection: "psycopg.Connection[Any]",
    count: int,
    places: dict[str, int],
    *,
    say: Callable[[str], None],
) -> None:
    # Foreign keys are right by construction; their triggers would take most of the time. Only a superuser
    # may let them rest, which is what we are on a server of our own.
    connection.execute("SET session_replication_role = replica")
    connection.execute("SET synchronous_commit = off")
    for first in range(1, count + 1, _STEP):
        last = min(first + _STEP - 1, count)
        parameters = places | {"origin": 1, "first": first, "last": last, "end": count}
        connection.execute(_SQL["old_orders"], parameters)
        if count > _STEP:
            say(f"{last:,} of {count:,} old orders")
    connection.execute(_SQL["debit_old_orders"])
    connection.execute(_SQL["continue_order_ids"], {"last": count})
    connection.execute("RESET session_replication_role")
    connection.execute("RESET synchronous_commit")
