"""The simulated provider as one thing: its books, its script, its latency and the calls it has seen."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from purveyor.simulator import misbehaving, panel, refusals
from purveyor.simulator.behaviours import HONEST, Behaviour, Fault, Script
from purveyor.simulator.books import Books
from purveyor.simulator.clock import Clock
from purveyor.simulator.journal import Journal
from purveyor.simulator.life import Outcomes
from purveyor.simulator.misbehaving import Reply
from purveyor.simulator.refusals import Refused
from purveyor.simulator.wire import Dialect

CALLS_REMEMBERED: Final = 10_000
DEFAULT_DEPOSIT: Final = Decimal(10_000)


class Call(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A call as it came in, without its key."""

    at: float
    """Seconds since the epoch, by the provider's clock."""
    action: str
    fields: dict[str, str]
    right_key: bool


@dataclass(kw_only=True)
class Provider:
    """Everything behind the door. It belongs to one event loop; only `script` is safe from other threads."""

    key: str
    books: Books
    script: Script = field(default_factory=Script)
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=CALLS_REMEMBERED))
    latency_seconds: float = 0.0
    """From a call's arrival to its answer, at least; the work is done at once and counts towards it."""
    dialect: Dialect = field(default_factory=Dialect)


def open_provider(
    *,
    key: str,
    journal: Path | None = None,
    speed: float = 1.0,
    seed: int = 0,
    deposit: Decimal = DEFAULT_DEPOSIT,
    outcomes: Outcomes | None = None,
    latency_seconds: float = 0.0,
    calls_remembered: int | None = CALLS_REMEMBERED,
    dialect: Dialect | None = None,
) -> Provider:
    """Open the books, from the journal where there is one; `calls_remembered` None forgets no call.

    Raises:
        JournalBusy: another process writes the journal.
        JournalDamaged: the journal was not written by the simulated provider.
        ValueError: the speed is not above zero.
    """
    kept_in = None if journal is None else Journal(journal)
    try:
        books = Books(
            clock=Clock(), journal=kept_in, seed=seed, speed=speed, deposit=deposit, outcomes=outcomes
        )
    except BaseException:
        if kept_in is not None:
            kept_in.close()
        raise
    return Provider(
        key=key,
        books=books,
        calls=deque(maxlen=calls_remembered),
        latency_seconds=latency_seconds,
        dialect=dialect or Dialect(),
    )


async def respond(provider: Provider, fields: Mapping[str, str]) -> Reply | None:
    """Answer a call as the script has it, after the latency; None drops the connection.

    What was accepted is in the journal before this returns.
    """
    loop = asyncio.get_running_loop()
    answers_at = loop.time() + provider.latency_seconds
    reply = await _respond_at_once(provider, fields)
    wait_seconds = answers_at - loop.time()
    if wait_seconds > 0:
        await asyncio.sleep(wait_seconds)
    return reply


async def _respond_at_once(provider: Provider, fields: Mapping[str, str]) -> Reply | None:
    action = fields.get("action", "").strip().lower()
    behaviour = _observe(provider, action=action, fields=fields)
    if behaviour.fault is Fault.DELAY_BEFORE_ACCEPTING:
        await asyncio.sleep(behaviour.seconds)
    if behaviour.fault is Fault.PRICE_CHANGE:
        misbehaving.change_prices(provider.books, factor=behaviour.factor)
    honest: object | None = None
    if misbehaving.accepts(behaviour, action=action):
        honest = await _carry_out(provider, action=action, fields=fields)
    if behaviour.fault is Fault.DELAY_AFTER_ACCEPTING:
        await asyncio.sleep(behaviour.seconds)
    if behaviour is HONEST:
        return Reply(body=msgspec.json.encode(honest))
    before = provider.books.noted
    reply = misbehaving.misanswer(books=provider.books, behaviour=behaviour, honest=honest)
    await kept(provider.books, since=before)
    return reply


def _observe(provider: Provider, *, action: str, fields: Mapping[str, str]) -> Behaviour:
    """Note the call, and ask the script what it gets."""
    seen = {name: text for name, text in fields.items() if name != "key"}
    provider.calls.append(
        Call(
            at=provider.books.clock.now(),
            action=action,
            fields=seen,
            right_key=fields.get("key") == provider.key,
        )
    )
    return provider.script.take(action, fields)


async def _carry_out(provider: Provider, *, action: str, fields: Mapping[str, str]) -> object:
    if fields.get("key", "").strip() != provider.key:
        return {"error": refusals.INVALID_KEY}
    before = provider.books.noted
    reply: object
    try:
        reply = panel.answer(books=provider.books, action=action, fields=fields)
    except Refused as refused:
        reply = {"error": refused.text}
    await kept(provider.books, since=before)
    return reply


async def kept(books: Books, *, since: int) -> None:
    """Wait for the disk if anything was noted since `books.noted` was `since`; who only read goes on.

    Raises:
        OSError: the disk refused.
    """
    if books.journal is not None and books.noted != since:
        await books.journal.durable()
