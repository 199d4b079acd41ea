"""Asking providers how their orders are, when each is due: in lists of up to 100 ids.

Nothing is ever concluded from an answer that lacks an id, or that nobody can read: it is asked for again, in
smaller lists where the list may be at fault, because one order that breaks its list must not hide the others.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

import structlog
from django.db import InterfaceError, OperationalError

from purveyor.providers.following.asking import NotTold, Questions
from purveyor.providers.following.claiming import Followed, Round, claim_due, poll_later
from purveyor.providers.following.following import follow
from purveyor.providers.following.list_sizes import ALONE, limit_after_failure
from purveyor.providers.following.polling_schedule import REMINDER_AFTER_TROUBLE, SOONEST
from purveyor.providers.following.subscriptions import follow_subscription, new_posts, quantities_vary
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Refused, StatusReply, Unclear
from purveyor.providers.standing.polling_budget import IDS_PER_CALL
from purveyor.providers.workplace import Workplace, few_at_once

_log = structlog.get_logger(__name__)

IDLE_SECONDS: Final = 0.5

Told = Sequence[tuple[Followed, StatusReply | Refused]]


class Poller:
    """The loop that asks about what is due."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._busy: Counter[int] = Counter()
        """Of each provider: rounds of ours in flight."""
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
        questions = Questions(self._workplace, item.provider)
        try:
            async with asyncio.timeout(item.seconds):
                await few_at_once(lambda followed: self._ask_together(questions, followed), item.lists)
        except Exception as failure:  # noqa: BLE001  (they are due again by their lease)
            self._workplace.log_failure("polling", failure)
        finally:
            self._busy[item.provider.id] -= 1

    async def _ask_together(self, questions: Questions, followed: Sequence[Followed]) -> None:
        """Ask about a list in one call, and see that everyone in it is asked about again."""
        replies = await questions.ask([item.external_id for item in followed], paid=True)
        if isinstance(replies, Unclear) and len(followed) > 1:
            await self._ask_about_one_of(questions, followed, replies)
        elif isinstance(replies, Unclear):
            await self._remind(questions, followed, replies.why, by_age=followed[0].limit == ALONE)
        elif isinstance(replies, NotTold):
            await self._remind(questions, followed, replies.why)
        elif isinstance(replies, Refused):
            await self._ask_in_smaller_lists(questions, followed, replies.text)
        elif not replies:
            await self._ask_in_smaller_lists(questions, followed, "nothing is told of anyone in the list")
        else:
            told = [(item, replies[item.external_id]) for item in followed if item.external_id in replies]
            missing = [item for item in followed if item.external_id not in replies]
            await self._apply(questions, told, in_list=len(followed) > 1)
            if missing:
                await self._workplace.in_database(
                    poll_later, missing, seconds=SOONEST.total_seconds(), together=ALONE
                )

    async def _ask_about_one_of(
        self, questions: Questions, followed: Sequence[Followed], unclear: Unclear
    ) -> None:
        """Tell by one order whether the list is at fault, or the provider tells nothing of anyone.

        Another one each time: the first may be the one that breaks the list.
        """
        one = followed[followed[0].asked % len(followed)]
        replies = await questions.ask([one.external_id])
        reply = replies.get(one.external_id) if isinstance(replies, dict) else None
        # That it does not know this order tells of it too; any other refusal may be about the provider.
        is_told = isinstance(reply, StatusReply) or (
            isinstance(reply, Refused) and reply.refusal is RefusalClass.ORDER
        )
        if reply is None or not is_told:
            await self._remind(questions, followed, unclear.why)
            return
        await self._ask_in_smaller_lists(questions, followed, unclear.why)
        await self._apply(questions, [(one, reply)], in_list=False)

    async def _ask_in_smaller_lists(
        self, questions: Questions, followed: Sequence[Followed], why: str
    ) -> None:
        self._log_not_told(questions, followed, why)
        await self._workplace.in_database(
            poll_later,
            followed,
            seconds=SOONEST.total_seconds(),
            together=limit_after_failure(len(followed)),
        )

    async def _remind(
        self, questions: Questions, followed: Sequence[Followed], why: str, *, by_age: bool = False
    ) -> None:
        """Ask again later, as before: nothing is known about the list."""
        self._log_not_told(questions, followed, why)
        await self._workplace.in_database(
            poll_later, followed, seconds=REMINDER_AFTER_TROUBLE.total_seconds(), by_age=by_age
        )

    def _log_not_told(self, questions: Questions, followed: Sequence[Followed], why: str) -> None:
        _log.warning("status_not_told", provider=questions.provider.name, orders=len(followed), why=why)

    async def _apply(self, questions: Questions, told: Told, *, in_list: bool) -> None:
        """Apply what was told; `in_list` where a list told it."""
        orders = [(item, reply) for item, reply in told if not item.subscription]
        await self._follow(orders, in_list=in_list)

        async def follow_one(one: tuple[Followed, StatusReply | Refused]) -> None:
            item, reply = one
            try:
                await self._follow_subscription(questions, item, reply, in_list=in_list)
            except (InterfaceError, OperationalError):
                raise
            except Exception as failure:  # noqa: BLE001  (its neighbours go on)
                await self._put_off("subscriptions", item, failure)

        await few_at_once(follow_one, [(item, reply) for item, reply in told if item.subscription])

    async def _follow(self, told: Told, *, in_list: bool) -> None:
        """Apply what was told of ordinary orders; what cannot be applied delays only its own order."""
        if not told:
            return
        replies = {item.id: reply for item, reply in told}
        asked = {item.id: item.asked for item, _ in told}
        try:
            await self._workplace.in_database(follow, replies, asked=asked, in_list=in_list)
        except (InterfaceError, OperationalError):
            raise
        except Exception as failure:  # noqa: BLE001  (its neighbours go on)
            if len(told) > 1:
                for one in told:
                    await self._follow([one], in_list=in_list)
                return
            await self._put_off("polling", told[0][0], failure)

    async def _put_off(self, loop: str, item: Followed, failure: Exception) -> None:
        """Ask again about an order whose answer could not be applied, as rarely as its age says."""
        self._workplace.log_failure(loop, failure)
        await self._workplace.in_database(
            poll_later, [item], seconds=REMINDER_AFTER_TROUBLE.total_seconds(), by_age=True
        )

    async def _follow_subscription(
        self, questions: Questions, item: Followed, reply: StatusReply | Refused, *, in_list: bool
    ) -> None:
        """Make orders of the posts that are new; where their quantities vary, ask what each was charged."""
        fresh = new_posts(reply, known=item.child_external_ids) if isinstance(reply, StatusReply) else []
        charges: dict[str, StatusReply | Refused] = {}
        vary = bool(fresh) and await self._workplace.in_database(quantities_vary, item.id)
        if vary:
            charges = await self._charges(questions, fresh[:IDS_PER_CALL], asked=item.asked)
        await self._workplace.in_database(
            follow_subscription,
            fulfilment_id=item.id,
            reply=reply,
            posts=charges,
            asked=item.asked,
            in_list=in_list,
        )

    async def _charges(
        self, questions: Questions, posts: Sequence[str], *, asked: int
    ) -> dict[str, StatusReply | Refused]:
        """What is told of posts' own orders; of one, another each time, where a list tells nothing."""
        replies = await questions.ask(posts)
        if len(posts) > 1 and (not replies or isinstance(replies, Refused | Unclear)):
            replies = await questions.ask([posts[asked % len(posts)]])
        return replies if isinstance(replies, dict) else {}
