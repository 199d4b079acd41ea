"""Wallets and transfers: the ledger."""

from decimal import Decimal
from enum import IntEnum
from typing import Any, Final

from django.db import models

AMOUNT_DIGITS: Final = 24
AMOUNT_PLACES: Final = 8
LEDGER_UNIT: Final = Decimal(1).scaleb(-AMOUNT_PLACES)
"""In panel currency: the last place that is kept of an amount."""
LARGEST_AMOUNT: Final = Decimal(10) ** 15
"""In any currency: from here on, what somebody tells is nonsense. Ten times as much fits no column."""
LEDGER_ID: Final = 1


def amount_field(**options: Any) -> "models.DecimalField[Any, Any]":
    """A column of money in panel currency, exact to 8 decimals."""
    return models.DecimalField(max_digits=AMOUNT_DIGITS, decimal_places=AMOUNT_PLACES, **options)


class WalletKind(models.TextChoices):
    """Whose money a wallet holds."""

    CUSTOMER = "customer", "Customer: prepaid balance"
    PROVIDER = "provider", "Provider: our deposit with it"
    GATEWAY = "gateway", "Gateway: money in transit"
    HOUSE = "house", "House: revenue, cost and the like"


class House(IntEnum):
    """The panel's own wallets. Their ids are fixed; ids below 100 are reserved for them."""

    REVENUE = 1
    COST = 2
    ADJUSTMENTS = 3
    BONUSES = 4


class Wallet(models.Model):
    """A place where money is.

    Only a customer's wallet carries a running balance, kept at or above its floor by a constraint. The
    balance of any other wallet is the sum of its transfers, so that no row is written by every order.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=10, choices=WalletKind.choices)
    name = models.CharField(max_length=100, help_text="For people who read the ledger.")
    balance = amount_field(null=True)
    floor = amount_field(default=0)
    created_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="only_customer_wallets_carry_a_balance",
                condition=models.Q(kind=WalletKind.CUSTOMER, balance__isnull=False)
                | (~models.Q(kind=WalletKind.CUSTOMER) & models.Q(balance__isnull=True)),
            ),
            models.CheckConstraint(
                name="balance_stays_at_or_above_floor",
                condition=models.Q(balance__isnull=True) | models.Q(balance__gte=models.F("floor")),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TransferKind(models.TextChoices):
    """Why money moved. Together with its cause it is unique: nothing is paid or refunded twice."""

    CHARGE = "charge", "Charge of an order"  # cause: order
    REFUND = "refund", "Refund of an order"  # cause: order; part: number of the refund
    RECHARGE = "recharge", "Correction of a refund"  # cause: order; part: number of the correction
    CREDIT = "credit", "Credit by a person"  # cause: adjustment
    DEBIT = "debit", "Debit by a person"  # cause: adjustment
    PROVIDER_COST = "provider_cost", "Cost of a fulfilment"  # cause: fulfilment
    PROVIDER_REFUND = "provider_refund", "Cost not incurred after all"  # cause: fulfilment; part
    PROVIDER_RECOST = "provider_recost", "Correction of a cost"  # cause: fulfilment; part


class Transfer(models.Model):
    """A positive amount that moved from one wallet to another. The database refuses to change it."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=20, choices=TransferKind.choices)
    cause_id = models.BigIntegerField(help_text="The row that caused it; its table follows from the kind.")
    part = models.SmallIntegerField(db_default=0, help_text="Numbers repeated transfers of one cause.")
    # No foreign keys here: each insert would lock the house wallet's row in share mode and make it hot.
    # `purveyor audit` proves that every wallet named by a transfer exists.
    source_id = models.BigIntegerField()
    destination_id = models.BigIntegerField()
    amount = amount_field()
    created_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "cause_id", "part"], name="a_cause_moves_money_once"),
            models.CheckConstraint(name="amount_is_positive", condition=models.Q(amount__gt=0)),
            models.CheckConstraint(
                name="money_moves_between_two_wallets",
                condition=~models.Q(source_id=models.F("destination_id")),
            ),
        ]
        indexes = [
            # A customer's statement, in either direction. House wallets are summed, never listed by row.
            models.Index(
                fields=["source_id", "id"],
                name="transfer_out_of_customer",
                condition=models.Q(kind__in=["charge", "recharge", "debit"]),
            ),
            models.Index(
                fields=["destination_id", "id"],
                name="transfer_into_customer",
                condition=models.Q(kind__in=["refund", "credit"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} from {self.source_id} to {self.destination_id}"


class Adjustment(models.Model):
    """A credit or debit by a person, with the reason that person gave. It is the cause of its transfer."""

    id = models.BigAutoField(primary_key=True)
    reason = models.TextField()
    actor = models.CharField(max_length=200, help_text="Who did it: an e-mail address, or 'operator'.")
    created_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [
            models.CheckConstraint(name="an_adjustment_has_a_reason", condition=~models.Q(reason="")),
        ]

    def __str__(self) -> str:
        return self.reason


class Ledger(models.Model):
    """What is true of all the money in the database: one row."""

    id = models.SmallIntegerField(primary_key=True)
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [
            models.CheckConstraint(name="there_is_one_ledger", condition=models.Q(id=LEDGER_ID)),
        ]

    def __str__(self) -> str:
        return f"Ledger in {self.currency}"
