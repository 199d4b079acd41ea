"""The questions of one round at one provider, and what their answers are worth."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from purveyor.providers.protocol.client import NotSent, OverBudget, ProviderTrouble
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Refused, StatusReply, Unclear, read_statuses
from purveyor.providers.standing.standing import Setback, Standing, note_setback
from purveyor.providers.workplace import CALLS_AT_ONCE, Workplace

NOTHING_TOLD: Final = "Nothing is told of it"
"""In place of a provider's word about an order that its answer lacks."""
_SETBACKS: Final = {
    RefusalClass.RATE: Setback.SLOW_DOWN,
    RefusalClass.KEY: Setback.KEY_REFUSED,
    RefusalClass.NOT_SENT: Setback.UNREACHABLE,
}
"""Of refusals that are about the provider as a whole and say nothing about what was asked."""


@dataclass(frozen=True, slots=True)
class NotTold:
    """The provider as a whole tells nothing now, or was not asked: that says nothing about any order."""

    why: str


class Questions:
    """What is asked of one provider in a round, a few calls at a time.

    Once the provider as a whole has refused, nothing more is asked: going on with a key that is refused gets
    our address blocked (protocol §9).
    """

    def __init__(self, workplace: Workplace, provider: Standing) -> None:
        self.provider = provider
        self._workplace = workplace
        self._places = asyncio.Semaphore(CALLS_AT_ONCE)
        self._refused: Refused | None = None

    async def ask(
        self, ids: Sequence[str], *, paid: bool = False
    ) -> dict[str, StatusReply | Refused] | Refused | Unclear | NotTold:
        """Ask about ids: one as `order`, several as `orders`; what is not `paid` goes on credit.

        Replies by id where something can be read, for one id always of that; `Refused` where a list is, and
        `Unclear` where the answer was lost or nobody can read it.
        """
        wanted = {"order": ids[0]} if len(ids) == 1 else {"orders": ",".join(ids)}
        async with self._places:
            if self._refused is not None:
                return NotTold(self._refused.text)
            try:
                answer = await self._workplace.call(
                    self.provider, {"action": "status", **wanted}, paid=paid, on_credit=not paid
                )
            except NotSent as trouble:
                return await self._set_back(Refused(RefusalClass.NOT_SENT, str(trouble)))
            except OverBudget as trouble:
                return NotTold(str(trouble))
            except ProviderTrouble as trouble:
                return Unclear(str(trouble))
            replies = read_statuses(answer, ids)
            if isinstance(replies, Refused) and replies.refusal in _SETBACKS:
                return await self._set_back(replies)
        if len(ids) == 1 and isinstance(replies, Refused):
            return {ids[0]: replies}
        if len(ids) == 1 and isinstance(replies, dict):
            return {ids[0]: Refused(RefusalClass.OTHER, NOTHING_TOLD), **replies}
        return replies

    async def _set_back(self, refused: Refused) -> NotTold:
        """Let the provider's standing suffer, and ask nothing more."""
        self._refused = refused
        await self._workplace.in_database(
            note_setback,
            provider_id=self.provider.id,
            key=self.provider.access.key,
            setback=_SETBACKS[refused.refusal],
            text=refused.text,
        )
        return NotTold(refused.text)
