"""Sending what was handed over: many calls in flight per provider, outcomes written down together."""

import asyncio
import contextlib
import time
from collections import Counter
from typing import Final

import structlog
from django.db import InterfaceError, OperationalError

from purveyor.providers.outcomes.giving_back import SETBACKS
from purveyor.providers.outcomes.outcomes import Answered, record, response_text
from purveyor.providers.outcomes.under_way import HandOver
from purveyor.providers.protocol.client import Ambiguous, NotSent
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Accepted, Refused, Unclear, read_add
from purveyor.providers.sending.handing_over import SEND_WITHIN_SECONDS, Claim, hand_over
from purveyor.providers.standing.standing import ONE_BY_ONE_FROM
from purveyor.providers.workplace import Workplace

GATHER_SECONDS: Final = 0.02
"""Outcomes wait so long for company, and are then written in one transaction."""
IDLE_SECONDS: Final = 0.1
SHARE_THAT_WAKES: Final = 4
"""The queue is looked into again when a quarter of a full provider's capacity is free, not sooner."""
RETRY_WRITING_SECONDS: Final = 0.5
FAILING_SECONDS: Final = 1.0
"""After a call that failed for the provider as a whole: longer than it takes to write that down."""

_log = structlog.get_logger(__name__)


class Dispatcher:
    """The loop that takes orders out of the queue, sends them, and writes down what came of it."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._busy: Counter[int] = Counter()
        """Of each provider: hand-overs of ours that are written and unanswered."""
        self._capacity: dict[int, int] = {}
        self._room_made = asyncio.Event()
        self._calls: set[asyncio.Task[None]] = set()
        self._places: dict[int, tuple[int, asyncio.Semaphore]] = {}
        self._unclear_in_a_row: Counter[int] = Counter()
        self._no_calls_before: dict[int, float] = {}
        self._answered: list[Answered] = []
        self._answer_came = asyncio.Event()
        self._all_written = asyncio.Event()
        self._all_written.set()
        self._writer: asyncio.Task[None] | None = None

    async def step(self) -> bool:
        """Look into the queue once and start sending what it holds; True when it may hold more."""
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_outcomes())
        claim = await self._workplace.in_database(hand_over, busy=dict(self._busy))
        self._start(claim)
        if claim.drained and not self._is_full():
            return False
        self._room_made.clear()
        # One that is full for long must not slow down another that has answered what it took just now.
        served = {item.provider.id for item in claim.hand_overs}
        if self._is_full() and not any(self._has_room(provider_id) for provider_id in served):
            await self._workplace.pause(IDLE_SECONDS, until=self._room_made)
        return True

    async def finish(self, *, seconds: float) -> None:
        """Give calls under way so long to end, write down what came, and abandon the rest to their leases."""
        deadline = asyncio.get_running_loop().time() + seconds
        if self._calls:
            await asyncio.wait(self._calls, timeout=seconds)
        for task in list(self._calls):
            task.cancel()
        if self._calls:
            _log.warning("hand_overs_abandoned_at_stop", number=len(self._calls))
        left = deadline + seconds - asyncio.get_running_loop().time()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_written.wait(), left)
        if self._writer is not None:
            self._writer.cancel()

    def _start(self, claim: Claim) -> None:
        self._capacity = claim.capacity
        send_by = claim.began + SEND_WITHIN_SECONDS
        for item in claim.hand_overs:
            self._busy[item.provider.id] += 1
            task = asyncio.create_task(self._send(item, send_by))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)

    def _is_full(self) -> bool:
        """Whether a provider has no room that is worth a look into the queue."""
        return not all(map(self._has_room, self._capacity))

    def _has_room(self, provider_id: int) -> bool:
        limit = self._capacity.get(provider_id, 0)
        return self._busy[provider_id] <= limit - max(1, limit // SHARE_THAT_WAKES)

    def _place(self, item: HandOver) -> asyncio.Semaphore:
        """Where a call waits until the provider may be called once more."""
        limit = 1 if item.provider.one_by_one else item.provider.parallel_calls
        known = self._places.get(item.provider.id)
        if known is None or known[0] != limit:
            known = self._places[item.provider.id] = (limit, asyncio.Semaphore(limit))
        return known[1]

    async def _send(self, item: HandOver, send_by: float) -> None:
        try:
            async with self._place(item):
                answered = await self._call(item, send_by)
        finally:
            had_room = self._has_room(item.provider.id)
            self._busy[item.provider.id] -= 1
            if self._has_room(item.provider.id) and not had_room:
                self._room_made.set()
        self._answered.append(answered)
        self._all_written.clear()
        self._answer_came.set()

    async def _call(self, item: HandOver, send_by: float) -> Answered:
        if self._is_given_back(item, send_by):
            return Answered(hand_over=item, reply=Refused(RefusalClass.GIVEN_BACK, "Not sent"))
        answered = await self._ask(item)
        self._watch(item.provider.id, answered.reply)
        return answered

    def _is_given_back(self, item: HandOver, send_by: float) -> bool:
        """Whether a hand-over is not sent any more: the worker stops, it waited too long, or calls fail now.

        What is about to be written down would hold its order anyway, and each call whose outcome nobody can
        tell costs a person's time.
        """
        now = asyncio.get_running_loop().time()
        failing = now < self._no_calls_before.get(item.provider.id, now) and not item.provider.one_by_one
        return self._workplace.stopping.is_set() or time.monotonic() > send_by or failing

    def _watch(self, provider_id: int, reply: Accepted | Refused | Unclear) -> None:
        self._unclear_in_a_row[provider_id] += 1
        if not isinstance(reply, Unclear):
            self._unclear_in_a_row[provider_id] = 0
        about_provider = isinstance(reply, Refused) and reply.refusal in SETBACKS
        if about_provider or self._unclear_in_a_row[provider_id] >= ONE_BY_ONE_FROM:
            until = asyncio.get_running_loop().time() + FAILING_SECONDS
            self._no_calls_before[provider_id] = until

    async def _ask(self, item: HandOver) -> Answered:
        try:
            answer = await self._workplace.call(item.provider, item.fields, paid=True)
        except NotSent as trouble:
            return Answered(hand_over=item, reply=Refused(RefusalClass.NOT_SENT, str(trouble)))
        except Ambiguous as trouble:
            return Answered(hand_over=item, reply=Unclear(str(trouble)), response=str(trouble))
        return Answered(
            hand_over=item,
            reply=read_add(answer),
            http_status=answer.http_status,
            response=response_text(answer.body, access=item.provider.access),
        )

    async def _write_outcomes(self) -> None:
        """Write down the outcomes that have come, all together, for as long as the worker lives."""
        while True:
            await self._answer_came.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._answer_came.clear()
            batch, self._answered = self._answered, []
            await self._write(batch)
            if not self._answered:
                self._all_written.set()

    async def _write(self, batch: list[Answered]) -> None:
        while True:
            try:
                await self._workplace.in_database(record, batch)
                return
            except (InterfaceError, OperationalError) as error:
                # The provider's answers are in memory only: nothing matters more than to get them written.
                _log.warning("outcomes_wait_for_database", number=len(batch), error=str(error).strip())
                await asyncio.sleep(RETRY_WRITING_SECONDS)
            except Exception:  # noqa: BLE001  (whatever it is: without this loop no outcome is ever written again)
                if len(batch) == 1:
                    # Its lease will make it unknown, for a person to settle.
                    _log.exception("outcome_cannot_be_written", order_id=batch[0].hand_over.order_id)
                    return
                for item in batch:
                    await self._write([item])
                return
