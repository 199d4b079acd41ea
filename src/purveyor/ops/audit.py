"""The audit of the whole panel: every room's checks, in one view of the database."""

from collections.abc import Callable, Sequence

from django.db import connection, transaction

from purveyor.database import hot_cursor
from purveyor.money import audit as ledger
from purveyor.money.audit import Check
from purveyor.orders import audit as orders
from purveyor.providers import audit as fulfilment

SHOWN_VIOLATIONS = 10  # of one check

ROOMS: tuple[tuple[str, Sequence[Check]], ...] = (
    ("Money", ledger.CHECKS),
    ("Orders", orders.CHECKS),
    ("Fulfilment", fulfilment.CHECKS),
)


def audit(*, say: Callable[[str], None], rooms: Sequence[tuple[str, Sequence[Check]]] = ROOMS) -> bool:
    """Run every check and report on each; returns whether all of them hold.

    All see the same moment, while orders go on: one transaction that reads and never waits for a writer.
    """
    broken = total = 0
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for room, checks in rooms:
            say(room)
            for check in checks:
                total += 1
                broken += not _holds(check, say=say)
    say("")
    say(f"{broken} of {total} checks are violated." if broken else f"All {total} checks hold.")
    return not broken


def _holds(check: Check, *, say: Callable[[str], None]) -> bool:
    with hot_cursor() as cursor:
        cursor.execute(check.sql.encode())
        violations = cursor.rowcount
        shown = cursor.fetchmany(SHOWN_VIOLATIONS)
        names = [column.name for column in cursor.description or ()]
    say(f"  {'WRONG' if violations else 'ok   '}  {check.name}: {check.explanation}")
    for row in shown:
        say("           " + ", ".join(f"{name} {value}" for name, value in zip(names, row, strict=True)))
    if violations > len(shown):
        say(f"           and {violations - len(shown)} more")
    return not violations
