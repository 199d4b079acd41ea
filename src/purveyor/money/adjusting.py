"""Credits and debits by a person, each with its reason."""

from decimal import Decimal
from typing import Final

from django.db import transaction

from purveyor.money.models import AMOUNT_PLACES, Adjustment, House, Transfer, TransferKind
from purveyor.money.moving import MoneyError, Movement, move

ADJUSTMENT_LIMIT: Final = Decimal(10) ** 12
"""In panel currency; an adjustment is below it. Columns hold ten thousand times as much."""


@transaction.atomic
def adjust(*, wallet_id: int, amount: Decimal, reason: str, actor: str) -> Transfer:
    """Put `amount` (panel currency) on a wallet, or take it off when negative, and return the transfer.

    Raises `MoneyError` for an amount of zero, not below the limit, or without a reason, and `BelowFloor`
    where the wallet lacks it.
    """
    if not reason.strip():
        raise MoneyError("an adjustment needs a reason")
    if not amount.is_finite() or abs(amount) >= ADJUSTMENT_LIMIT:
        raise MoneyError(f"an adjustment needs an amount below {ADJUSTMENT_LIMIT:,}")
    if amount == 0 or amount != round(amount, AMOUNT_PLACES):
        raise MoneyError(
            f"an adjustment needs an amount other than zero, with at most {AMOUNT_PLACES} decimals"
        )
    cause = Adjustment.objects.create(reason=reason.strip(), actor=actor)
    kind = TransferKind.CREDIT if amount > 0 else TransferKind.DEBIT
    source, destination = (House.ADJUSTMENTS.value, wallet_id)
    if amount < 0:
        source, destination = destination, source
    move(
        [
            Movement(
                kind=kind,
                cause_id=cause.pk,
                source_id=source,
                destination_id=destination,
                amount=abs(amount),
            )
        ]
    )
    return Transfer.objects.get(kind=kind, cause_id=cause.pk, part=0)
