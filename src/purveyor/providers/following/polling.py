"""Asking providers how their orders are, when each is due: in lists of up to 100 ids.

Nothing is ever concluded from an answer that lacks an id, or that nobody can read: it is asked for again, by
itself where the list may be at fault, because one order that breaks its list must not hide the others.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final

import structlog
from django.db import InterfaceError, OperationalError, transaction

from purveyor.database import as_json, fetch_all, hot_cursor, id_array, load_sql
from purveyor.orders.models import OrderKind
from purveyor.providers.following.following import follow
from purveyor.providers.following.polling_schedule import (
    LATEST,
    REMINDER_AFTER_TROUBLE,
    SHARE_OF_AGE,
    SOONEST,
)
from purveyor.providers.following.subscriptions import follow_subscription, new_posts, quantities_vary
from purveyor.providers.metrics import POLLED
from purveyor.providers.protocol.client import NotSent, ProviderTrouble
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Refused, StatusReply, Unclear, read_statuses
from purveyor.providers.standing.call_budget import CallBudget
from purveyor.providers.standing.paying import every_budget, spend_calls, status_budget
from purveyor.providers.standing.polling_budget import AHEAD, IDS_PER_CALL, LISTS_AT_ONCE, Budget
from purveyor.providers.standing.standing import Setback, Standing, note_setback, standings
from purveyor.providers.workplace import Workplace

_SQL: Final = load_sql(__file__, "polling.sql")
_log = structlog.get_logger(__name__)

SINGLES_AT_ONCE: Final = 8
FEW_TOGETHER: Final = 10
"""A longer list that cannot be read is asked about in halves: most of it is well, or the trouble passes."""
LEASE_MARGIN_SECONDS: Final = 60
IDLE_SECONDS: Final = 0.5
NOTHING_TOLD: Final = "Nothing is told of it"
"""In place of a provider's word about an order that its answer lacks."""
_ABOUT_PROVIDER: Final = frozenset({RefusalClass.RATE, RefusalClass.KEY, RefusalClass.NOT_SENT})
"""Refusals that say nothing about what was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A fulfilment that is asked about."""

    id: int
    external_id: str
    alone: bool
    """Whether a list of ids does not bring its status."""
    subscription: bool
    child_external_ids: tuple[str, ...]
    asked: int
    """The number of this question about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What is due at one provider."""

    provider: Standing
    followed: list[Followed]


@transaction.atomic
def claim_due(*, busy: Mapping[int, int]) -> list[Round]:
    """Take what is due to be asked about, within the budget of each provider.

    `busy` tells how many lists of each provider are in flight.
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
    longest = max(providers[claim.provider_id].access.timeout_seconds for claim in claims)
    rows = fetch_all(
        _SQL["claim_due"],
        {
            "providers": [claim.provider_id for claim in claims],
            "rooms": [claim.room for claim in claims],
            "calls": [claim.calls_left for claim in claims],
            "ids_per_call": IDS_PER_CALL,
            "ahead": AHEAD.total_seconds(),
            # A list whose ids are asked about one by one takes longest.
            "lease": longest * (IDS_PER_CALL // SINGLES_AT_ONCE + 1) + LEASE_MARGIN_SECONDS,
        },
    )
    due: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        due[row.provider_id].append(row)
    _spend([(claim, due[claim.provider_id]) for claim in claims if claim.provider_id in due])
    return [
        Round(provider=providers[provider_id], followed=part)
        for provider_id, part_rows in due.items()
        for part in _parts([_followed(row) for row in part_rows])
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
        alone = sum(row.poll_alone for row in rows)
        due = sum(row.overdue >= timedelta(0) for row in rows)
        calls = alone + ceil((len(rows) - alone) / IDS_PER_CALL)
        budget = claim.budget.after(
            now=claim.now,
            calls=calls,
            overdue=max(row.overdue for row in rows),
            more_is_due=due == claim.room or (alone > 0 and calls == claim.calls_left),
        )
        spent.append({"id": claim.provider_id, "spent_until": budget.spent_until, "stretch": budget.stretch})
        if claim.every is not None:
            made[claim.provider_id] = calls
    if made:
        spend_calls(made)
    if spent:
        with hot_cursor() as cursor:
            cursor.execute(_SQL["spend_budgets"].encode(), {"spent": as_json(spent)})


def _followed(row: Any) -> Followed:
    return Followed(
        id=row.id,
        external_id=row.external_id,
        alone=row.poll_alone,
        subscription=row.kind == OrderKind.SUBSCRIPTION,
        child_external_ids=tuple(row.child_external_ids),
        asked=row.polls,
    )


def _parts(followed: Sequence[Followed]) -> list[list[Followed]]:
    """Lists of what can be asked about together, and lists of what must be asked about one by one."""
    parts = []
    for alone in (False, True):
        chosen = [item for item in followed if item.alone is alone]
        parts += [chosen[start : start + IDS_PER_CALL] for start in range(0, len(chosen), IDS_PER_CALL)]
    return parts


def poll_later(*, ids: Sequence[int], seconds: float, alone: bool = False) -> None:
    """Have fulfilments asked about later, because there was no usable answer; `alone` without a list.

    What was asked about by itself already waits by its age: it may never be answered.
    """
    with hot_cursor() as cursor:
        cursor.execute(
            _SQL["poll_later"].encode(),
            {
                "ids": id_array(ids),
                "seconds": seconds,
                "alone": alone,
                "share_of_age": SHARE_OF_AGE,
                "latest": LATEST.total_seconds(),
            },
        )
    POLLED.labels(outcome="unanswered").inc(len(ids))


class Poller:
    """The loop that asks about what is due."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._busy: Counter[int] = Counter()
        """Of each provider: lists of ours in flight."""
        self._asking: set[asyncio.Task[None]] = set()

    async def step(self) -> bool:
        """Take what is due and start asking about it; True when there was something."""
        rounds = await self._workplace.in_database(claim_due, busy=dict(self._busy))
        for item in rounds:
            self._busy[item.provider.id] += 1
            task = asyncio.create_task(self._ask(item))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        return bool(rounds)

    async def finish(self, *, seconds: float) -> None:
        """Give questions under way so long to be answered; what is abandoned is due again by its lease."""
        if self._asking:
            await asyncio.wait(self._asking, timeout=seconds)
        for task in list(self._asking):
            task.cancel()

    async def _ask(self, item: Round) -> None:
        try:
            if item.followed[0].alone:
                await self._ask_one_by_one(item)
            else:
                await self._ask_together(item.provider, item.followed)
        except Exception as failure:  # noqa: BLE001  (they are due again by their lease)
            self._workplace.log_failure("polling", failure)
        finally:
            self._busy[item.provider.id] -= 1

    async def _ask_one_by_one(self, item: Round) -> None:
        places = asyncio.Semaphore(SINGLES_AT_ONCE)

        async def ask(followed: Followed) -> None:
            async with places:
                await self._ask_together(item.provider, [followed])

        await asyncio.gather(*(ask(followed) for followed in item.followed))

    async def _ask_together(
        self, provider: Standing, followed: Sequence[Followed], *, paid: bool = True
    ) -> None:
        replies = await self._statuses(provider, [item.external_id for item in followed], paid=paid)
        if (
            isinstance(replies, Unclear)
            and len(followed) > 1
            and await self._tells_of_one(provider, followed)
        ):
            if len(followed) > FEW_TOGETHER:
                middle = len(followed) // 2
                halves = (followed[:middle], followed[middle:])
                # Side by side: one after the other they could outlast the lease.
                await asyncio.gather(*(self._ask_together(provider, half, paid=False) for half in halves))
                return
            replies = Refused(RefusalClass.OTHER, f"one is told of, the list is not: {replies.why}")
        if isinstance(replies, Unclear | Refused):
            await self._later(provider, followed, replies)
            return
        told = [(item, replies[item.external_id]) for item in followed if item.external_id in replies]
        missing = [item.id for item in followed if item.external_id not in replies]
        await self._follow(provider, [(item, reply) for item, reply in told if not item.subscription])
        if missing:
            await self._workplace.in_database(
                poll_later, ids=missing, seconds=SOONEST.total_seconds(), alone=True
            )
        for item, reply in told:
            if item.subscription:
                try:
                    await self._follow_subscription(provider, item, reply)
                except Exception as failure:  # noqa: BLE001  (its neighbours go on)
                    self._workplace.log_failure("subscriptions", failure)
                    await self._later(provider, [item], Unclear("its answer could not be applied"))

    async def _tells_of_one(self, provider: Standing, followed: Sequence[Followed]) -> bool:
        """Whether the provider tells of one order while nobody can read what it says of them all.

        Another one each time: the first may be the one that breaks the list.
        """
        one = followed[followed[0].asked % len(followed)].external_id
        told = await self._statuses(provider, [one], paid=False)
        return isinstance(told, dict) and isinstance(told[one], StatusReply)

    async def _follow(
        self, provider: Standing, told: Sequence[tuple[Followed, StatusReply | Refused]]
    ) -> None:
        """Apply what was told of ordinary orders; what cannot be applied delays only its own order."""
        if not told:
            return
        replies = {item.id: reply for item, reply in told}
        asked = {item.id: item.asked for item, _ in told}
        try:
            await self._workplace.in_database(follow, replies, asked=asked)
        except (InterfaceError, OperationalError):
            raise
        except Exception as failure:  # noqa: BLE001  (its neighbours go on)
            if len(told) > 1:
                for one in told:
                    await self._follow(provider, [one])
                return
            self._workplace.log_failure("polling", failure)
            await self._later(provider, [told[0][0]], Unclear("its answer could not be applied"))

    async def _statuses(
        self, provider: Standing, ids: Sequence[str], *, paid: bool
    ) -> dict[str, StatusReply | Refused] | Refused | Unclear:
        """Ask about ids: one as `order`, several as `orders`. Trouble on the way is an unclear answer.

        Of one that was asked about by itself, there always is a reply where anything can be read.
        """
        wanted = {"order": ids[0]} if len(ids) == 1 else {"orders": ",".join(ids)}
        try:
            answer = await self._workplace.call(provider, {"action": "status", **wanted}, paid=paid)
        except NotSent as trouble:
            await self._setback(provider, Setback.UNREACHABLE, str(trouble))
            return Refused(RefusalClass.NOT_SENT, str(trouble))
        except ProviderTrouble as trouble:
            return Unclear(str(trouble))
        replies = read_statuses(answer, ids)
        if isinstance(replies, Refused):
            if replies.refusal is RefusalClass.RATE:
                await self._setback(provider, Setback.SLOW_DOWN, replies.text)
            elif replies.refusal is RefusalClass.KEY:
                await self._setback(provider, Setback.KEY_REFUSED, replies.text)
            elif len(ids) == 1:
                return {ids[0]: replies}
        elif isinstance(replies, dict) and len(ids) == 1:
            return {ids[0]: Refused(RefusalClass.OTHER, NOTHING_TOLD), **replies}
        return replies

    async def _setback(self, provider: Standing, setback: Setback, text: str) -> None:
        await self._workplace.in_database(
            note_setback, provider_id=provider.id, key=provider.access.key, setback=setback, text=text
        )

    async def _later(
        self, provider: Standing, followed: Sequence[Followed], reply: Refused | Unclear
    ) -> None:
        """Ask again later; one by one, where the provider does not want the list as it is."""
        why = reply.why if isinstance(reply, Unclear) else reply.text
        _log.warning("status_not_told", provider=provider.name, orders=len(followed), why=why)
        about_list = isinstance(reply, Refused) and reply.refusal not in _ABOUT_PROVIDER
        seconds = SOONEST if about_list else REMINDER_AFTER_TROUBLE
        await self._workplace.in_database(
            poll_later,
            ids=[item.id for item in followed],
            seconds=seconds.total_seconds(),
            alone=about_list,
        )

    async def _follow_subscription(
        self, provider: Standing, item: Followed, reply: StatusReply | Refused
    ) -> None:
        """Make orders of the posts that are new; where their quantities vary, ask what each was charged."""
        fresh = new_posts(reply, known=item.child_external_ids) if isinstance(reply, StatusReply) else []
        charges: dict[str, StatusReply | Refused] | Refused | Unclear = {}
        vary = bool(fresh) and await self._workplace.in_database(quantities_vary, item.id)
        if vary:
            charges = await self._statuses(provider, fresh[:IDS_PER_CALL], paid=False)
        told = {} if isinstance(charges, Refused | Unclear) else charges
        await self._workplace.in_database(
            follow_subscription, fulfilment_id=item.id, reply=reply, posts=told, asked=item.asked
        )
