"""Settling unknown outcomes by evidence, where it is conclusive; the rest is kept for people to judge by.

The only request that is ever sent again is an `add` with an idempotency key, to a provider that takes those.
"""

import asyncio
import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

import structlog
from django.db import transaction

from purveyor.database import fetch_all, hot_cursor, id_array, load_sql
from purveyor.providers.models import EvidenceKind, Fulfilment
from purveyor.providers.outcomes.cases import Case, cases, expected_charge
from purveyor.providers.outcomes.evidence import (
    MOST_PROBED,
    BalanceChange,
    Gap,
    Neighbour,
    NotPlaced,
    PlacedAs,
    Probe,
    Undecided,
    Verdict,
    find_gaps,
    verdict_of_probe,
    verdict_of_repeat,
    words_of_balance,
)
from purveyor.providers.outcomes.giving_back import SETBACKS
from purveyor.providers.outcomes.keeping_evidence import balance_before, keep_evidence
from purveyor.providers.outcomes.repeating import begin_repeat, end_repeat, may_repeat
from purveyor.providers.outcomes.settling import (
    CannotSettle,
    placed_after_all,
    settle_as_not_placed,
    settle_as_placed,
)
from purveyor.providers.protocol.client import Ambiguous, NotSent, OverBudget
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import (
    Answer,
    Balance,
    Refused,
    Unclear,
    read_add,
    read_balance,
    read_statuses,
)
from purveyor.providers.standing.standing import note_setback, standings
from purveyor.providers.workplace import Workplace

_SQL: Final = load_sql(__file__, "reconciling.sql")
_log = structlog.get_logger(__name__)

ACTOR: Final = "reconciler"
IDLE_SECONDS: Final = 5.0
MOST_AT_ONCE: Final = 20
LEASE_MARGIN_SECONDS: Final = 60.0
NEIGHBOURS_OF_EACH_KIND: Final = 40
REACH: Final = 20_000
"""Hand-overs of the whole panel, before and after, among which neighbours are looked for."""
SOONEST_AGAIN: Final = timedelta(seconds=30)
LATEST_AGAIN: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which ids to ask about, and what the answers are held against."""

    gap: Gap
    asked: tuple[int, ...]
    rivals: tuple[Decimal, ...]

    @property
    def ids(self) -> list[str]:
        """Every id of the call: those in question between two that are known to be ours."""
        return [str(number) for number in (self.gap.before, *self.asked, self.gap.after)]


def look_again_after(age: timedelta) -> timedelta:
    """When to look again at a hand-over that was sent so long ago: rarely, when it is old."""
    return min(max(age / 4, SOONEST_AGAIN), LATEST_AGAIN)


@transaction.atomic
def claim(*, busy: Collection[int]) -> list[Case]:
    """Take unknown outcomes that are due for a look, at providers other than the busy ones."""
    providers = {item.id: item for item in standings().values() if item.callable and item.id not in busy}
    if not providers:
        return []
    longest = max(item.access.timeout_seconds for item in providers.values())
    rows = fetch_all(
        _SQL["claim"],
        {
            "providers": id_array(providers),
            "limit": MOST_AT_ONCE,
            "lease": longest * MOST_AT_ONCE * 2 + LEASE_MARGIN_SECONDS,
        },
    )
    if not rows:
        return []
    return cases([row.id for row in rows], providers)


def prepare_probe(case: Case) -> Question | Undecided:
    """Find the ids that a hand-over may have, or why they cannot be told."""
    where = {"provider": case.provider.id, "id": case.fulfilment_id, "reach": REACH}
    neighbours = [
        Neighbour(external_id=row.external_id, sent_at=row.sent_at, answered_at=row.answered_at)
        for row in fetch_all(
            _SQL["neighbours"],
            {
                **where,
                "each": NEIGHBOURS_OF_EACH_KIND,
                "over_at": case.unsettled.over_at,
                "closes_at": case.unsettled.closes_at,
            },
        )
    ]
    gaps = find_gaps(case.unsettled, neighbours)
    if isinstance(gaps, Undecided):
        return gaps
    (makes_orders,) = fetch_all(_SQL["makes_orders"], {"provider": case.provider.id})
    if makes_orders.found:
        return Undecided("a subscription at this provider makes orders that we do not know yet")
    asked: tuple[int, ...] = ()
    for gap in gaps:
        ids = list(map(str, gap.ids))
        known = {
            row.external_id
            for row in fetch_all(_SQL["known_ids"], {"provider": case.provider.id, "ids": ids})
        }
        asked = tuple(number for number in gap.ids if str(number) not in known)
        if len(asked) <= MOST_PROBED:
            rivals = tuple(expected_charge(row) for row in fetch_all(_SQL["rivals"], where))
            return Question(gap=gap, asked=asked, rivals=rivals)
    return Undecided(f"{len(asked)} ids may be its own, which are too many to ask about")


def conclude(case: Case, kind: EvidenceKind, verdict: Verdict) -> None:
    """Keep the evidence, and settle the hand-over where it is conclusive."""
    text = verdict.why
    if kind is EvidenceKind.REPEAT:
        end_repeat(case)
    fulfilment = Fulfilment.objects.get(pk=case.fulfilment_id)
    # Before settling: what decided is on record whatever happens next.
    _keep(case, kind, text)
    try:
        if isinstance(verdict, PlacedAs):
            settle_as_placed(fulfilment=fulfilment, external_id=verdict.external_id, actor=ACTOR)
        elif isinstance(verdict, NotPlaced):
            settle_as_not_placed(fulfilment=fulfilment, actor=ACTOR)
    except CannotSettle as trouble:
        _log.warning("evidence_not_used", order_id=fulfilment.order_id, why=text, trouble=str(trouble))
        _keep(case, kind, f"{text}; not settled: {trouble}")
        if isinstance(verdict, PlacedAs):
            placed_after_all(
                order_id=fulfilment.order_id,
                fulfilment_id=fulfilment.pk,
                external_id=verdict.external_id,
                actor=ACTOR,
            )


def look_again(case: Case, after: timedelta) -> None:
    """Have a hand-over looked at again after so long, if it is unknown still."""
    with hot_cursor() as cursor:
        cursor.execute(
            _SQL["look_again"].encode(), {"fulfilment": case.fulfilment_id, "after": after.total_seconds()}
        )


@transaction.atomic
def _keep(case: Case, kind: EvidenceKind, text: str) -> None:
    look_again(case, look_again_after(case.age))
    keep_evidence(fulfilment_id=case.fulfilment_id, kind=kind, text=text)


class Reconciler:
    """Looks into unknown outcomes, of each provider one at a time."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._running: dict[int, asyncio.Task[None]] = {}

    async def step(self) -> bool:
        """Take what is due and start looking into it; True when there was something."""
        cases = await self._workplace.in_database(claim, busy=list(self._running))
        by_provider: dict[int, list[Case]] = {}
        for case in cases:
            by_provider.setdefault(case.provider.id, []).append(case)
        for provider_id, due in by_provider.items():
            self._running[provider_id] = asyncio.create_task(self._run(provider_id, due))
        return bool(cases)

    async def finish(self, *, seconds: float) -> None:
        """Give looks under way so long to end; what is abandoned is due again by its lease."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=seconds)
        for task in list(self._running.values()):
            task.cancel()

    async def _run(self, provider_id: int, cases: list[Case]) -> None:
        try:
            for case in cases:
                await self._look_into_safely(case)
        finally:
            del self._running[provider_id]

    async def _look_into_safely(self, case: Case) -> None:
        """Whatever goes wrong with one hand-over, those behind it are looked into, too."""
        try:
            try:
                await self._look_into(case)
            except OverBudget:
                await self._workplace.in_database(look_again, case, SOONEST_AGAIN)
        except Exception as failure:  # noqa: BLE001  (what was not looked into is due again by its lease)
            self._workplace.log_failure("reconciling", failure)

    async def _look_into(self, case: Case) -> None:
        if may_repeat(case):
            await self._repeat(case)
            return
        question = await self._workplace.in_database(prepare_probe, case)
        verdict = question if isinstance(question, Undecided) else await self._probe(case, question)
        await self._workplace.in_database(conclude, case, EvidenceKind.PROBE, verdict)
        if isinstance(verdict, Undecided):
            with contextlib.suppress(OverBudget):
                await self._look_at_balance(case)

    async def _repeat(self, claimed: Case) -> None:
        # Paid first: what is written down as being sent is sent.
        await self._workplace.pay(claimed.provider, "add")
        case = await self._workplace.in_database(begin_repeat, claimed)
        if case is None:
            await self._workplace.in_database(look_again, claimed, SOONEST_AGAIN)
            return
        answer = await self._call(case, case.request, paid=True)
        reply = read_add(answer) if isinstance(answer, Answer) else answer
        await self._note_setback(case, reply)
        await self._workplace.in_database(conclude, case, EvidenceKind.REPEAT, verdict_of_repeat(reply))

    async def _look_at_balance(self, case: Case) -> None:
        """Keep what our balance says, where nothing else was sent to the provider since it was last told."""
        before = await self._workplace.in_database(
            balance_before, fulfilment_id=case.fulfilment_id, provider_id=case.provider.id
        )
        if before is None:
            return
        answer = await self._call(case, {"action": "balance"})
        told = read_balance(answer) if isinstance(answer, Answer) else answer
        await self._note_setback(case, told)
        if not isinstance(told, Balance):
            return
        change = BalanceChange(
            before=before.amount,
            before_at=before.at,
            after=told.amount,
            charge=case.unsettled.charge,
            refunds_possible=before.refunds_possible,
        )
        await self._workplace.in_database(
            keep_evidence,
            fulfilment_id=case.fulfilment_id,
            kind=EvidenceKind.BALANCE,
            text=words_of_balance(change),
        )

    async def _probe(self, case: Case, question: Question) -> Verdict:
        answer = await self._call(case, {"action": "status", "orders": ",".join(question.ids)})
        replies = read_statuses(answer, question.ids) if isinstance(answer, Answer) else answer
        # Most of these ids are not ours: a provider that may not show them to us does not refuse our key.
        if not (isinstance(replies, Refused) and replies.refusal is RefusalClass.KEY):
            await self._note_setback(case, replies)
        if isinstance(replies, Refused):
            return Undecided(f"the provider refuses to tell: {replies.text}")
        if isinstance(replies, Unclear):
            return Undecided(f"the provider does not tell: {replies.why}")
        return verdict_of_probe(
            Probe(
                unsettled=case.unsettled,
                gap=question.gap,
                asked=question.asked,
                replies=replies,
                rivals=question.rivals,
            )
        )

    async def _call(
        self, case: Case, fields: Mapping[str, str], *, paid: bool = False
    ) -> Answer | Refused | Unclear:
        try:
            return await self._workplace.call(case.provider, fields, paid=paid)
        except NotSent as trouble:
            return Refused(RefusalClass.NOT_SENT, str(trouble))
        except Ambiguous as trouble:
            return Unclear(str(trouble))

    async def _note_setback(self, case: Case, reply: object) -> None:
        """Let the provider's standing suffer where an answer is about the provider as a whole."""
        setback = SETBACKS.get(reply.refusal) if isinstance(reply, Refused) else None
        if setback is not None and isinstance(reply, Refused):
            await self._workplace.in_database(
                note_setback,
                provider_id=case.provider.id,
                key=case.provider.access.key,
                setback=setback,
                text=reply.text,
            )
