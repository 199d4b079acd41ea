"""Taking what is due to be asked about, within the budget of each provider, and putting it off again."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from purveyor.database import as_json, fetch_all, hot_cursor, load_sql
from purveyor.orders.models import OrderKind
from purveyor.providers.following.list_sizes import in_rounds
from purveyor.providers.following.polling_schedule import LATEST, SHARE_OF_AGE
from purveyor.providers.metrics import POLLED
from purveyor.providers.standing.call_budget import CallBudget
from purveyor.providers.standing.paying import every_budget, spend_calls, status_budget
from purveyor.providers.standing.polling_budget import AHEAD, IDS_PER_CALL, LISTS_AT_ONCE, Budget
from purveyor.providers.standing.standing import Standing, standings
from purveyor.providers.workplace import CALLS_AT_ONCE

_SQL: Final = load_sql(__file__, "claiming.sql")

CALLS_IN_A_ROW: Final = IDS_PER_CALL // CALLS_AT_ONCE + 2
"""In a round of orders that are asked about by themselves, the last of them with one more call."""
LEASE_MARGIN_SECONDS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A fulfilment that is asked about."""

    id: int
    external_id: str
    limit: int
    """The most ids that a list with it may hold: the same for all in a list."""
    subscription: bool
    child_external_ids: tuple[str, ...]
    asked: int
    """The number of this question about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What is due at one provider: lists, one call each, of at most `IDS_PER_CALL` ids together."""

    provider: Standing
    lists: list[list[Followed]]
    seconds: float
    """It may take: what has not been asked by then is about to be due again."""


@transaction.atomic
def claim_due(*, busy: Mapping[int, int]) -> list[Round]:
    """Take what is due to be asked about, within the budget of each provider.

    `busy` tells how many rounds of each provider are in flight.
    """
    providers = {item.id: item for item in standings().values() if item.callable}
    free = {item: LISTS_AT_ONCE - busy.get(item, 0) for item in providers}
    free = {item: lists for item, lists in free.items() if lists > 0}
    if not free:
        return []
    claims = [
        _Claim(
            budget=status_budget(row),
            every=every_budget(row),
            now=row.now,
            provider_id=row.id,
            lists=free[row.id],
        )
        for row in fetch_all(_SQL["lock_budgets"], {"providers": list(free)})
    ]
    claims = [claim for claim in claims if claim.calls_left != 0]
    if not claims:
        return []
    seconds = CALLS_IN_A_ROW * max(providers[claim.provider_id].access.timeout_seconds for claim in claims)
    rows = fetch_all(
        _SQL["claim_due"],
        {
            "providers": [claim.provider_id for claim in claims],
            "rooms": [claim.room for claim in claims],
            "calls": [claim.calls_left for claim in claims],
            "ids_per_call": IDS_PER_CALL,
            "ahead": AHEAD.total_seconds(),
            "lease": seconds + LEASE_MARGIN_SECONDS,
        },
    )
    due: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        due[row.provider_id].append(row)
    _spend([(claim, due[claim.provider_id]) for claim in claims if claim.provider_id in due])
    return [
        Round(provider=providers[provider_id], lists=lists, seconds=seconds)
        for provider_id, part in due.items()
        for lists in in_rounds(_lists(part))
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """What may be claimed of one provider, whose budget is locked."""

    provider_id: int
    budget: Budget | None
    """Of `status`."""
    every: CallBudget | None
    """Of all calls."""
    now: datetime
    lists: int

    @property
    def calls_left(self) -> int | None:
        """None when nobody counts them."""
        budgets = (self.budget, self.every)
        return min((item.calls_left(now=self.now) for item in budgets if item is not None), default=None)

    @property
    def room(self) -> int:
        """The most fulfilments to take."""
        lists = self.lists if self.calls_left is None else min(self.lists, self.calls_left)
        return lists * IDS_PER_CALL


def _spend(claimed: Sequence[tuple[_Claim, Sequence[Any]]]) -> None:
    """Write down what the claims cost the budgets."""
    spent, made = [], {}
    for claim, rows in claimed:
        if claim.budget is None:
            continue
        due = sum(row.overdue >= timedelta(0) for row in rows)
        calls = max(row.list for row in rows)
        small = any(row.poll_together < IDS_PER_CALL for row in rows)
        budget = claim.budget.after(
            now=claim.now,
            calls=calls,
            overdue=max(row.overdue for row in rows),
            more_is_due=due == claim.room or (small and calls == claim.calls_left),
        )
        spent.append({"id": claim.provider_id, "spent_until": budget.spent_until, "stretch": budget.stretch})
        if claim.every is not None:
            made[claim.provider_id] = calls
    if made:
        spend_calls(made)
    if spent:
        with hot_cursor() as cursor:
            cursor.execute(_SQL["spend_budgets"].encode(), {"spent": as_json(spent)})


def _lists(rows: Sequence[Any]) -> list[list[Followed]]:
    """The lists of one provider, the most overdue first."""
    lists: dict[int, list[Followed]] = defaultdict(list)
    for row in rows:
        lists[row.list].append(
            Followed(
                id=row.id,
                external_id=row.external_id,
                limit=row.poll_together,
                subscription=row.kind == OrderKind.SUBSCRIPTION,
                child_external_ids=tuple(row.child_external_ids),
                asked=row.polls,
            )
        )
    return [lists[number] for number in sorted(lists)]


def poll_later(
    followed: Sequence[Followed],
    *,
    seconds: float,
    together: int = IDS_PER_CALL,
    by_age: bool = False,
) -> None:
    """Have fulfilments asked about later, because there was no usable answer.

    `together` is the most that a list with any of them may hold from now on. With `by_age` they wait as long
    as their age says: what is never told of would be asked about every few seconds for ever. What has been
    asked about again meanwhile is left alone.
    """
    with hot_cursor() as cursor:
        cursor.execute(
            _SQL["poll_later"].encode(),
            {
                "ids": [item.id for item in followed],
                "asked": [item.asked for item in followed],
                "seconds": seconds,
                "together": together,
                "by_age": by_age,
                "share_of_age": SHARE_OF_AGE,
                "latest": LATEST.total_seconds(),
            },
        )
    POLLED.labels(outcome="unanswered").inc(len(followed))
