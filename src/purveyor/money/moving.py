"""The one function that moves money."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec
from django.db import IntegrityError, connection
from psycopg.errors import NotNullViolation

from purveyor.database import as_json, fetch_all, id_array, load_sql, violated_constraint
from purveyor.exchanges import queue_hot
from purveyor.money.models import TransferKind

_SQL = load_sql(__file__, "moving.sql")
_FLOOR_CONSTRAINT = "balance_stays_at_or_above_floor"


class MoneyError(Exception):
    """Money could not be moved; nothing of the transaction may be kept."""


class BelowFloor(MoneyError):
    """A customer's wallet would fall below its floor."""


class NoSuchWallet(MoneyError):
    """A transfer names a wallet that does not exist."""


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to move `amount` (panel currency, positive) from one wallet to another.

    `kind`, `cause_id` and `part` together are unique for ever: the same wish twice moves money once.
    """

    kind: TransferKind
    cause_id: int
    source_id: int
    destination_id: int
    amount: Decimal
    part: int = 0


class LockedWallet(msgspec.Struct, frozen=True):
    """A customer's wallet, held until the end of the transaction."""

    id: int
    balance: Decimal
    floor: Decimal


def lock_wallets(ids: Iterable[int]) -> dict[int, LockedWallet]:
    """Lock customers' wallets, in order of id, until the transaction ends; other ids are passed over."""
    rows = fetch_all(_SQL["lock_wallets"], {"ids": id_array(sorted(set(ids)))})
    return {row.id: LockedWallet(*row) for row in rows}


def move(
    movements: Sequence[Movement], *, wallets_are_locked: bool = False, are_new: bool = False
) -> list[bool]:
    """Move money, all of it or (by an exception) none, and tell of each movement whether it was made now.

    One that was made before is not made again and is told as False. Runs inside the caller's transaction.
    Raises `BelowFloor` or `NoSuchWallet`; then the caller's transaction must be rolled back. A caller whose
    movements `are_new`, as their cause was made in the same transaction, need not wait for the answer: in a
    `hot_transaction` they are made together with its commit, which fails as a whole with an `IntegrityError`
    where they cannot be.
    """
    if not connection.in_atomic_block:
        raise MoneyError("money moves inside a transaction")
    if not movements:
        return []
    if not wallets_are_locked:
        lock_wallets(wallet for item in movements for wallet in (item.source_id, item.destination_id))
    try:
        answer = queue_hot(_SQL["move"], _parameters(movements))
        if are_new:
            return [True] * len(movements)
        made = {tuple(row) for row in answer.rows()}
    except IntegrityError as violation:
        if violated_constraint(violation) == _FLOOR_CONSTRAINT:
            raise BelowFloor("the balance does not suffice") from violation
        if isinstance(violation.__cause__, NotNullViolation):
            raise NoSuchWallet(str(violation)) from violation
        raise
    return [(item.kind.value, item.cause_id, item.part) in made for item in movements]


def _parameters(movements: Sequence[Movement]) -> dict[str, str]:
    return {
        "wallets": id_array(
            sorted({wallet for item in movements for wallet in (item.source_id, item.destination_id)})
        ),
        "movements": as_json(
            [
                {
                    "kind": item.kind,
                    "cause_id": item.cause_id,
                    "part": item.part,
                    "source_id": int(item.source_id),
                    "destination_id": int(item.destination_id),
                    "amount": item.amount,
                }
                for item in movements
            ]
        ),
    }
