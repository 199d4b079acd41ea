"""What must be true of the ledger at any moment."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A statement about the whole panel, and the query that finds what contradicts it."""

    name: str
    explanation: str
    sql: str
    """Returns one row per violation; no row means that the statement holds."""


CHECKS: Final = (
    Check(
        name="trial balance",
        explanation="Over all wallets, money that came in equals money that went out.",
        sql="""
            SELECT sum(change) AS surplus FROM (
                SELECT destination_id AS wallet_id, amount AS change FROM money_transfer
                UNION ALL
                SELECT source_id, -amount FROM money_transfer
            ) AS sides JOIN money_wallet ON money_wallet.id = sides.wallet_id
            HAVING sum(change) <> 0
        """,
    ),
    Check(
        name="running balances",
        explanation="The balance kept on a customer's wallet is the sum of its transfers.",
        sql="""
            SELECT wallet.id AS wallet, wallet.balance AS kept, coalesce(sums.total, 0) AS from_transfers
            FROM money_wallet wallet
            LEFT JOIN (
                SELECT wallet_id, sum(change) AS total FROM (
                    SELECT destination_id AS wallet_id, amount AS change FROM money_transfer
                    UNION ALL
                    SELECT source_id, -amount FROM money_transfer
                ) AS sides GROUP BY wallet_id
            ) AS sums ON sums.wallet_id = wallet.id
            WHERE wallet.kind = 'customer' AND wallet.balance <> coalesce(sums.total, 0)
        """,
    ),
    Check(
        name="floors",
        explanation="No customer's wallet is below its floor.",
        sql="SELECT id AS wallet, balance, floor FROM money_wallet WHERE balance < floor",
    ),
    Check(
        name="wallets exist",
        explanation="Every wallet that a transfer names exists.",
        sql="""
            SELECT transfer.id AS transfer, transfer.source_id, transfer.destination_id
            FROM money_transfer transfer
            LEFT JOIN money_wallet source ON source.id = transfer.source_id
            LEFT JOIN money_wallet destination ON destination.id = transfer.destination_id
            WHERE source.id IS NULL OR destination.id IS NULL
        """,
    ),
    Check(
        name="adjustments have reasons",
        explanation="Every credit or debit by a person has its row with reason and actor.",
        sql="""
            SELECT transfer.id AS transfer, transfer.kind FROM money_transfer transfer
            LEFT JOIN money_adjustment adjustment ON adjustment.id = transfer.cause_id
            WHERE transfer.kind IN ('credit', 'debit') AND adjustment.id IS NULL
        """,
    ),
)
