"""Sending the request of an unknown hand-over once more, where its key makes it the same order."""

from datetime import timedelta
from typing import Final

from django.db import transaction

from purveyor.database import fetch_all, hot_cursor, load_sql
from purveyor.providers.outcomes.cases import Case, cases
from purveyor.providers.protocol.idempotency import is_repeatable
from purveyor.providers.standing.standing import standings

_SQL: Final = load_sql(__file__, "repeating.sql")

REPEATED_FOR: Final = timedelta(hours=12)
"""A request is not repeated later: a provider may forget keys, usually after a day."""
LEASE_MARGIN_SECONDS: Final = 30.0
"""Beyond the provider's time-out: for writing down what came of it."""


def may_repeat(case: Case) -> bool:
    """Whether the request may be sent once more: it cannot become a second order, nor one at a loss.

    If the first did not arrive, the repetition is the order: so only what is still wanted is repeated.
    """
    provider = case.provider
    return (
        provider.takes_idempotency_key
        and provider.sendable
        and case.as_cheap
        and case.is_wanted
        and case.age < REPEATED_FOR
        and is_repeatable(case.request, access=provider.access)
    )


@transaction.atomic
def begin_repeat(claimed: Case) -> Case | None:
    """Write down that a request is sent once more now; returns the case as it stands, None if it may not be.

    Looking into what was claimed before it takes minutes. Meanwhile it may have been settled as not placed
    and sent again under another key, so that the old one would buy it twice; or its customer gave it up.
    Nobody settles it until `end_repeat`, or until the call cannot be under way any more.
    """
    providers = standings()
    lease = providers[claimed.provider.id].access.timeout_seconds + LEASE_MARGIN_SECONDS
    if not fetch_all(_SQL["begin_repeat"], {"fulfilment": claimed.fulfilment_id, "lease": lease}):
        return None
    case = next(iter(cases([claimed.fulfilment_id], providers)), None)
    if case is None or not may_repeat(case):
        transaction.set_rollback(True)
        return None
    return case


def end_repeat(case: Case) -> None:
    """Write down that a request that was sent once more is answered, or given up."""
    with hot_cursor() as cursor:
        cursor.execute(_SQL["end_repeat"].encode(), {"fulfilment": case.fulfilment_id})
