"""The ledger's one currency: written down once, and held to ever after."""

from purveyor.money.models import LEDGER_ID, Ledger
from purveyor.money.moving import MoneyError


class AnotherCurrency(MoneyError):
    """The panel is set to another currency than its ledger is kept in; the text names both."""


def hold_to_currency(currency: str) -> None:
    """Keep `currency` (three capital letters) as the ledger's where none is kept yet.

    No amount in the database names its currency, so another setting would label all of them anew without
    converting any. Raises `AnotherCurrency` for that.
    """
    # One statement: of two processes that start together, one writes and both read the same.
    Ledger.objects.bulk_create([Ledger(id=LEDGER_ID, currency=currency)], ignore_conflicts=True)
    kept = Ledger.objects.get(pk=LEDGER_ID).currency
    if kept != currency:
        raise AnotherCurrency(
            f"the books are kept in {kept}, but PURVEYOR_CURRENCY is {currency}: "
            f"set PURVEYOR_CURRENCY={kept}, or use another database"
        )
