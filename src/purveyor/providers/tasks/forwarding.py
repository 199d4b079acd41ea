"""The loop that tells providers what customers want of their orders: cancels and refills."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar

from purveyor.providers.models import ForwardState
from purveyor.providers.protocol.client import Ambiguous, NotSent, OverBudget
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import (
    Answer,
    Refused,
    Unclear,
    read_cancels,
    read_refill,
    read_refill_statuses,
)
from purveyor.providers.standing.standing import Setback, Standing, note_setback, standings
from purveyor.providers.tasks.cancels import AGAIN, CancelWish, claim_cancels, record_cancel
from purveyor.providers.tasks.refills import (
    MOST_AT_ONCE,
    RefillWish,
    claim_refills,
    record_asked,
    record_told,
)
from purveyor.providers.workplace import CALLS_AT_ONCE, Workplace, few_at_once

IDS_PER_CALL: Final = 100
"""The most that `cancel` and `refill_status` take (protocol §2)."""
LISTS_IN_A_ROW: Final = 6
"""The most lists of cancels and of refills that one errand holds."""
IDLE_SECONDS: Final = 1.0
LEASE_MARGIN_SECONDS: Final = 60

Wish = TypeVar("Wish", CancelWish, RefillWish)


@dataclass(slots=True, kw_only=True)
class Errand:
    """What there is to tell one provider."""

    provider: Standing
    cancels: list[CancelWish] = field(default_factory=list)
    refills: list[RefillWish] = field(default_factory=list)


def claim_errands(*, busy: Collection[int]) -> list[Errand]:
    """Take what is due to be told to providers other than the busy ones."""
    errands = {
        item.id: Errand(provider=item)
        for item in standings().values()
        if item.callable and item.id not in busy
    }
    if not errands:
        return []
    longest = max(errand.provider.access.timeout_seconds for errand in errands.values())
    calls_in_a_row = MOST_AT_ONCE // CALLS_AT_ONCE + LISTS_IN_A_ROW
    lease = timedelta(seconds=longest * calls_in_a_row + LEASE_MARGIN_SECONDS)
    for cancel in claim_cancels(provider_ids=list(errands), lease=lease):
        errands[cancel.provider_id].cancels.append(cancel)
    for refill in claim_refills(provider_ids=list(errands), lease=lease):
        errands[refill.provider_id].refills.append(refill)
    return [errand for errand in errands.values() if errand.cancels or errand.refills]


class Forwarder:
    """Runs one errand per provider at a time, so that a slow provider delays only its own."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._running: dict[int, asyncio.Task[None]] = {}

    async def step(self) -> bool:
        """Take what is due and start telling it; True when there was something."""
        errands = await self._workplace.in_database(claim_errands, busy=list(self._running))
        for errand in errands:
            self._running[errand.provider.id] = asyncio.create_task(self._run(errand))
        return bool(errands)

    async def finish(self, *, seconds: float) -> None:
        """Give errands under way so long to end."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=seconds)
        for task in list(self._running.values()):
            task.cancel()

    async def _run(self, errand: Errand) -> None:
        try:
            alone: list[CancelWish] = []
            for wishes in _parts(errand.cancels):
                alone += await self._cancel(errand.provider, wishes)
            asked_for = [wish for wish in errand.refills if wish.state is not ForwardState.ACCEPTED]
            await self._ask_for_refills(errand.provider, asked_for)
            followed = [wish for wish in errand.refills if wish.state is ForwardState.ACCEPTED]
            alone_too: list[RefillWish] = []
            for refills in _parts(followed):
                alone_too += await self._ask_about_refills(errand.provider, refills)
            # Last, because they may outlast the lease: what is told or asked twice does no harm.
            await few_at_once(lambda wish: self._ask_about_refills(errand.provider, [wish]), alone_too)
            await few_at_once(lambda wish: self._cancel(errand.provider, [wish]), alone)
        except Exception as failure:  # noqa: BLE001  (what was not written down is due again by its lease)
            self._workplace.log_failure("forwarding", failure)
        finally:
            del self._running[errand.provider.id]

    async def _cancel(self, provider: Standing, wishes: Sequence[CancelWish]) -> list[CancelWish]:
        """Tell wishes in one call; return those to be told one by one, as the list did not reach them."""
        ids = [wish.external_id for wish in wishes]
        answer = await self._call(provider, {"action": "cancel", "orders": ",".join(ids)})
        replies = read_cancels(answer, ids) if isinstance(answer, Answer) else answer
        await self._note_setback(provider, replies)
        alone = _not_reached(wishes, replies)
        for wish in wishes:
            if wish not in alone:
                reply = replies.get(wish.external_id) if isinstance(replies, dict) else replies
                known = None if isinstance(reply, Unclear) else reply
                await self._workplace.in_database(record_cancel, wish, known)
        return alone

    async def _ask_for_refills(self, provider: Standing, wishes: Sequence[RefillWish]) -> None:
        async def ask(wish: RefillWish) -> None:
            answer = await self._call(provider, {"action": "refill", "order": wish.order_external_id})
            reply = read_refill(answer) if isinstance(answer, Answer) else answer
            await self._note_setback(provider, reply)
            await self._workplace.in_database(record_asked, wish, reply)

        await few_at_once(ask, wishes)

    async def _ask_about_refills(self, provider: Standing, wishes: Sequence[RefillWish]) -> list[RefillWish]:
        """Ask about refills in one call; return those to be asked about one by one, as with cancels."""
        ids = [wish.external_id for wish in wishes]
        wanted = {"refill": ids[0]} if len(ids) == 1 else {"refills": ",".join(ids)}
        answer = await self._call(provider, {"action": "refill_status", **wanted})
        replies = read_refill_statuses(answer, ids) if isinstance(answer, Answer) else answer
        await self._note_setback(provider, replies)
        alone = _not_reached(wishes, replies)
        about_one = isinstance(replies, Refused) and replies.refusal not in AGAIN
        for wish in wishes:
            if wish not in alone:
                reply = replies.get(wish.external_id) if isinstance(replies, dict) else None
                if isinstance(replies, Refused) and about_one:
                    reply = replies
                await self._workplace.in_database(record_told, wish, reply)
        return alone

    async def _call(self, provider: Standing, fields: dict[str, str]) -> Answer | Refused | Unclear:
        """Call a provider; a call that brought no answer is a refusal when it surely never left."""
        try:
            return await self._workplace.call(provider, fields)
        except NotSent as trouble:
            return Refused(RefusalClass.NOT_SENT, str(trouble))
        except OverBudget as trouble:
            return Refused(RefusalClass.GIVEN_BACK, str(trouble))
        except Ambiguous as trouble:
            return Unclear(str(trouble))

    async def _note_setback(self, provider: Standing, reply: object) -> None:
        """Let the provider's standing suffer where an answer is about the provider as a whole."""
        setback = _SETBACKS.get(reply.refusal) if isinstance(reply, Refused) else None
        if setback is not None and isinstance(reply, Refused):
            await self._workplace.in_database(
                note_setback,
                provider_id=provider.id,
                key=provider.access.key,
                setback=setback,
                text=reply.text,
            )


_SETBACKS: Final = {
    RefusalClass.KEY: Setback.KEY_REFUSED,
    RefusalClass.RATE: Setback.SLOW_DOWN,
    RefusalClass.NOT_SENT: Setback.UNREACHABLE,
}


def _not_reached(wishes: Sequence[Wish], replies: Mapping[str, object] | Refused | Unclear) -> list[Wish]:
    """Of a list, the wishes of which its answer says nothing, though the provider can be spoken to."""
    if len(wishes) == 1 or isinstance(replies, Unclear):
        return []
    if isinstance(replies, Refused):
        return [] if replies.refusal in AGAIN else list(wishes)
    return [wish for wish in wishes if wish.external_id not in replies]


def _parts(wishes: Sequence[Wish]) -> list[Sequence[Wish]]:
    return [wishes[start : start + IDS_PER_CALL] for start in range(0, len(wishes), IDS_PER_CALL)]
