"""The one function that moves money."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import IntegrityError, connection

from purveyor.database import as_json, fetch_all, fetch_hot, id_array, load_sql, violated_constraint
from purveyor.money.models import TransferKind

_SQL = load_sql(__file__, "moving.sql")
_FLOOR_CONSTRAINT = "balance_stays_at_or_above_floor"


class MoneyError(Exception):
    """Money could not be moved; nothing of the transaction may be kept."""


class BelowFloor(MoneyError):
    """A customer's wallet would fall below its floor."""


class NoSuchWallet(MoneyError):
    """A transfer names a wallet that does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A wish to move `amount` (panel currency, positive) from one wallet to another.

    `kind`, `cause_id` and `part` together are unique for ever: the same wish twice moves money once.
    """

    kind: TransferKind
    cause_id: int
    source_id: int
    destination_id: int
    amount: Decimal
    part: int = 0


@dataclass(frozen=True, slots=True)
class LockedWallet:
    """A customer's wallet, held until the end of the transaction."""

    id: int
    balance: Decimal
    floor: Decimal


def lock_wallets(ids: Iterable[int]) -> dict[int, LockedWallet]:
    """Lock customers' wallets, in order of id, until the transaction ends; other ids are passed over."""
    rows = fetch_all(_SQL["lock_wallets"], {"ids": id_array(sorted(set(ids)))})
    return {row.id: LockedWallet(*row) for row in rows}


def move(movements: Sequence[Movement], *, wallets_are_locked: bool = False) -> list[bool]:
    """Move money, all of it or (by an exception) none, and tell of each movement whether it was made now.

    One that was made before is not made again and is told as False. Runs inside the caller's transaction.
    Raises `BelowFloor` or `NoSuchWallet`; then the caller's transaction must be rolled back.
    """
    if not connection.in_atomic_block:
        raise MoneyError("money moves inside a transaction")
    if not movements:
        return []
    if not wallets_are_locked:
        lock_wallets(wallet for item in movements for wallet in (item.source_id, item.destination_id))
    parameters = _parameters(movements)
    try:
        made = {tuple(row) for row in fetch_hot(_SQL["move"], parameters)}
    except IntegrityError as violation:
        if violated_constraint(violation) == _FLOOR_CONSTRAINT:
            raise BelowFloor("the balance does not suffice") from violation
        raise
    if len(made) < len(movements):
        _refuse_missing_wallets(movements, parameters)
    return [(item.kind.value, item.cause_id, item.part) in made for item in movements]


def _parameters(movements: Sequence[Movement]) -> dict[str, str]:
    return {
        "wallets": id_array(
            sorted({wallet for item in movements for wallet in (item.source_id, item.destination_id)})
        ),
        "movements": as_json(
            [
                {
                    "kind": item.kind.value,
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


def _refuse_missing_wallets(movements: Sequence[Movement], parameters: dict[str, str]) -> None:
    """Raise unless each movement exists by now, made in this call or before."""
    existing = {tuple(row) for row in fetch_all(_SQL["already_made"], parameters)}
    for item in movements:
        if (item.kind.value, item.cause_id, item.part) not in existing:
            raise NoSuchWallet(
                f"{item.kind} of {item.cause_id}: from {item.source_id} to {item.destination_id}"
            )
