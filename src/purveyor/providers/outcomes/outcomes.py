"""Writing down what came of hand-overs, and what each outcome means for the order and the provider."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from django.db import IntegrityError, transaction

from purveyor.database import as_json, fetch_all, hot_cursor, id_array, load_sql
from purveyor.money.models import House, TransferKind
from purveyor.money.moving import Movement, move
from purveyor.orders.promising import note_promises
from purveyor.providers.announcing import (
    HandOverSettled,
    HandOverUnknown,
    announce_closed,
    announce_settled,
    announce_unknown,
)
from purveyor.providers.following.polling_schedule import first_delay
from purveyor.providers.locking import lock_order
from purveyor.providers.metrics import DISPATCHES, LEASES_EXPIRED, UNKNOWN
from purveyor.providers.models import Outcome, Route
from purveyor.providers.outcomes.giving_back import SETBACKS, give_back
from purveyor.providers.outcomes.keeping_evidence import doubt_not_placed, note_duplicate
from purveyor.providers.outcomes.settling import placed_after_all
from purveyor.providers.outcomes.under_way import HandOver
from purveyor.providers.protocol.client import Access
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Accepted, Refused, Unclear
from purveyor.providers.standing.holds import LONGEST_REASON_CHARACTERS
from purveyor.providers.standing.standing import Setback, note_setback, note_success

_SQL: Final = load_sql(__file__, "outcomes.sql")
_log = structlog.get_logger(__name__)

LONGEST_RESPONSE_CHARACTERS: Final = 2000
MOST_EXPIRED_AT_ONCE: Final = 500
FIRST_LOOK_SECONDS: Final = 15.0
"""From a hand-over's becoming unknown until evidence is looked for."""

_WORKER_DIED: Final = "The worker died before it could write the answer down."
_DUPLICATE_OF_ITSELF: Final = (
    "said not to have been placed, but refused as a duplicate when it was sent again"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A hand-over and what came of it."""

    hand_over: HandOver
    reply: Accepted | Refused | Unclear
    http_status: int | None = None
    response: str = ""
    """As received, trimmed, without the key."""


def response_text(body: bytes, *, access: Access) -> str:
    """A reply as it is kept: trimmed, storable, and without the key should the provider repeat it."""
    text = body[: LONGEST_RESPONSE_CHARACTERS * 4].decode(errors="replace").replace("\0", "")
    return access.without_key(text)[:LONGEST_RESPONSE_CHARACTERS]


def record(answers: Sequence[Answered]) -> None:
    """Write down what came of hand-overs. Repeating it changes nothing, so it may be tried until it succeeds.

    One answer that the database rejects never keeps its neighbours from being written.
    """
    settled = [item for item in answers if not isinstance(item.reply, Refused)]
    try:
        too_late = record_settled(settled)
    except IntegrityError:
        # Two workers were given the same id at the same moment: the constraint shows which one is second.
        too_late = [late for item in settled for late in _record_alone(item)]
    for item in answers:
        if isinstance(item.reply, Refused):
            _record_refusal(item, item.reply)
    for item in too_late:
        if isinstance(item.reply, Accepted):
            placed_after_all(
                order_id=item.hand_over.order_id,
                fulfilment_id=item.hand_over.fulfilment_id,
                external_id=item.reply.external_id,
                actor="",
            )
    for item in answers:
        DISPATCHES.labels(outcome=_outcome(item.reply).value).inc()


def _record_alone(item: Answered) -> list[Answered]:
    try:
        return record_settled([item])
    except IntegrityError:
        unclear = Unclear("the provider gave an id that another order has")
        return record_settled(
            [
                Answered(
                    hand_over=item.hand_over,
                    reply=unclear,
                    http_status=item.http_status,
                    response=item.response,
                )
            ]
        )


@transaction.atomic
def record_settled(answers: Sequence[Answered]) -> list[Answered]:
    """Write down acceptances with their costs, and outcomes that nobody can tell.

    Returns the acceptances that came too late: of hand-overs that were settled otherwise meanwhile. Raises
    `IntegrityError` when a provider gave an id that another order has.
    """
    if not answers:
        return []
    accepted = [item for item in answers if isinstance(item.reply, Accepted)]
    taken = _accept(accepted)
    too_late = _too_late([item for item in accepted if item.hand_over.fulfilment_id not in taken])
    taken |= {item.hand_over.fulfilment_id for item in too_late}
    unknown = [item for item in answers if item.hand_over.fulfilment_id not in taken]
    if unknown:
        why = {item.hand_over.fulfilment_id: _why_unknown(item.reply) for item in unknown}
        for item in unknown:
            reason = why[item.hand_over.fulfilment_id]
            _log.error("hand_over_unknown", order_id=item.hand_over.order_id, why=reason)
        _leave_unknown(why)
        UNKNOWN.inc(len(unknown))
    _answer_attempts(
        [
            (item, Outcome.ACCEPTED if item.hand_over.fulfilment_id in taken else Outcome.UNKNOWN)
            for item in answers
        ]
    )
    recovered = {
        item.hand_over.provider.id
        for item in answers
        if item.hand_over.fulfilment_id in taken and item.hand_over.provider.troubles
    }
    _note_standings(unknown, recovered)
    return too_late


def _too_late(answers: Sequence[Answered]) -> list[Answered]:
    """Those whose hand-overs are neither being sent nor unknown any more."""
    if not answers:
        return []
    ids = id_array(item.hand_over.fulfilment_id for item in answers)
    settled = {row.id for row in fetch_all(_SQL["settled_otherwise"], {"ids": ids})}
    return [item for item in answers if item.hand_over.fulfilment_id in settled]


def _why_unknown(reply: Accepted | Refused | Unclear) -> str:
    return reply.why if isinstance(reply, Unclear) else f"the id is not new: {reply}"


def _leave_unknown(why: Mapping[int, str]) -> None:
    """Make hand-overs that are being sent unknown, and tell staff why, by fulfilment id."""
    rows = fetch_all(_SQL["leave_unknown"], {"fulfilments": id_array(why), "look_after": FIRST_LOOK_SECONDS})
    announce_unknown(
        HandOverUnknown(
            order_id=row.order_id, fulfilment_id=row.id, provider_id=row.provider_id, why=why[row.id]
        )
        for row in rows
    )
    note_promises(row.order_id for row in rows)


def _accept(answers: Sequence[Answered]) -> set[int]:
    """Accept what can be accepted, book its cost, and return the fulfilments that are accepted now."""
    first: dict[tuple[int, str], Answered] = {}
    for item in answers:
        assert isinstance(item.reply, Accepted)  # noqa: S101  (the caller's filter, told to the type checker)
        first.setdefault((item.hand_over.provider.id, item.reply.external_id), item)
    if not first:
        return set()
    # As everybody who holds several, so that two never wait for each other in a ring.
    in_order = sorted(first.items(), key=lambda pair: pair[1].hand_over.fulfilment_id)
    parameters = {
        "ids": id_array(item.hand_over.fulfilment_id for _, item in in_order),
        "answers": as_json(
            [
                {
                    "fulfilment_id": item.hand_over.fulfilment_id,
                    "external_id": external_id,
                    "poll_after_seconds": _poll_after_seconds(item.hand_over),
                }
                for (_, external_id), item in in_order
            ]
        ),
    }
    accepted = fetch_all(_SQL["accept"], parameters)
    taken = {row.id for row in accepted}
    if any(row.anything_is_promised for row in accepted):
        note_promises(row.order_id for row in accepted)
    move(
        [
            Movement(
                kind=TransferKind.PROVIDER_COST,
                cause_id=item.hand_over.fulfilment_id,
                source_id=item.hand_over.provider.wallet_id,
                destination_id=House.COST,
                amount=item.hand_over.cost,
            )
            for item in first.values()
            if item.hand_over.fulfilment_id in taken and item.hand_over.cost
        ],
        wallets_are_locked=True,  # no customer's wallet is among them
    )
    announce_settled(
        HandOverSettled(
            order_id=row.order_id,
            fulfilment_id=row.id,
            provider_id=row.provider_id,
            placed_as=row.external_id,
            by="",
        )
        for row in accepted
        if row.was_unknown
    )
    if len(taken) < len(first):
        taken |= {row.id for row in fetch_all(_SQL["accepted_before"], parameters)}
    return taken


def _poll_after_seconds(hand_over: HandOver) -> float | None:
    """None of what people deliver: they tell by themselves."""
    return None if hand_over.provider.by_hand else first_delay(usual=hand_over.usual).total_seconds()


def _answer_attempts(answers: Sequence[tuple[Answered, Outcome]]) -> None:
    with hot_cursor() as cursor:
        cursor.execute(
            _SQL["answer_attempts"].encode(),
            {
                "ids": id_array(item.hand_over.attempt_id for item, _ in answers),
                "answers": as_json(
                    [
                        {
                            "attempt_id": item.hand_over.attempt_id,
                            "outcome": outcome.value,
                            "http_status": item.http_status,
                            "response": item.response,
                        }
                        for item, outcome in answers
                    ]
                ),
            },
        )


def _note_standings(unknown: Sequence[Answered], recovered: Collection[int]) -> None:
    """Provider by provider in order of id, as everybody locks them: none waits for another in a ring."""
    unusable: dict[int, list[Answered]] = {provider_id: [] for provider_id in recovered}
    for item in unknown:
        unusable.setdefault(item.hand_over.provider.id, []).append(item)
    for provider_id in sorted(unusable):
        for item in unusable[provider_id]:
            note_setback(
                provider_id=provider_id,
                key=item.hand_over.provider.access.key,
                setback=Setback.NO_USABLE_ANSWER,
                text=item.response[:200],
            )
        if provider_id in recovered:
            note_success([provider_id])


@transaction.atomic
def _record_refusal(item: Answered, refused: Refused) -> None:
    """Write down a definite refusal, and let the order wait, try elsewhere, or end."""
    order_id = item.hand_over.order_id
    order = lock_order(order_id)
    rows = fetch_all(
        _SQL["refuse"],
        {
            "fulfilment": item.hand_over.fulfilment_id,
            "refusal": refused.refusal.value,
            "text": refused.text[:LONGEST_REASON_CHARACTERS],
        },
    )
    _answer_attempts([(item, _outcome(refused))])
    if not rows:
        return
    _log.info("hand_over_refused", order_id=order_id, refusal=refused.refusal.value, text=refused.text)
    (fulfilment,) = rows
    if fulfilment.was_unknown:
        settled = HandOverSettled(
            order_id=order_id,
            fulfilment_id=item.hand_over.fulfilment_id,
            provider_id=fulfilment.provider_id,
            placed_as=None,
            by="",
        )
        announce_settled([settled])
    doubted = None
    if refused.refusal is RefusalClass.DUPLICATE and fulfilment.refill_id is None:
        provider_id = fulfilment.provider_id
        doubted = doubt_not_placed(order_id=order_id, provider_id=provider_id, text=refused.text)
    if doubted is not None:
        _announce_doubt(doubted, order_id=order_id, provider_id=fulfilment.provider_id)
    else:
        # Money, if any returns, before providers and routes: so a charge that is looked at locks them, too.
        give_back(order, refused, refill_id=fulfilment.refill_id)
    if setback := SETBACKS.get(refused.refusal):
        note_setback(
            provider_id=fulfilment.provider_id,
            key=item.hand_over.provider.access.key,
            setback=setback,
            text=refused.text,
        )
    if refused.refusal is RefusalClass.SERVICE:
        reason = refused.text[:LONGEST_REASON_CHARACTERS]
        closed = Route.objects.filter(pk=fulfilment.route_id, enabled=True)
        if closed.update(enabled=False, closed_reason=reason):
            announce_closed([fulfilment.route_id], reason=reason)
        _log.error("route_closed", route_id=fulfilment.route_id, text=refused.text)
    elif refused.refusal is RefusalClass.DUPLICATE:
        note_duplicate(order_id=order_id, provider_id=fulfilment.provider_id, text=refused.text)


def _announce_doubt(fulfilment_id: int, *, order_id: int, provider_id: int) -> None:
    """Tell staff of a hand-over that was said not to have been placed and is unknown again."""
    _log.error("hand_over_unknown", order_id=order_id, why=_DUPLICATE_OF_ITSELF)
    UNKNOWN.inc()
    unknown = HandOverUnknown(
        order_id=order_id, fulfilment_id=fulfilment_id, provider_id=provider_id, why=_DUPLICATE_OF_ITSELF
    )
    announce_unknown([unknown])


@transaction.atomic
def give_up_expired() -> int:
    """Make hand-overs of workers that died unknown, and return how many: they may have been sent, or not."""
    rows = fetch_all(_SQL["expired_attempts"], {"limit": MOST_EXPIRED_AT_ONCE})
    if not rows:
        return 0
    fulfilments = [row.fulfilment_id for row in rows]
    _leave_unknown(dict.fromkeys(fulfilments, _WORKER_DIED))
    with hot_cursor() as cursor:
        cursor.execute(
            _SQL["answer_attempts"].encode(),
            {
                "ids": id_array(row.attempt_id for row in rows),
                "answers": as_json(
                    [
                        {
                            "attempt_id": row.attempt_id,
                            "outcome": Outcome.UNKNOWN.value,
                            "response": _WORKER_DIED,
                        }
                        for row in rows
                    ]
                ),
            },
        )
    LEASES_EXPIRED.inc(len(rows))
    UNKNOWN.inc(len(rows))
    _log.error("hand_overs_abandoned", fulfilments=fulfilments)
    return len(rows)


def _outcome(reply: Accepted | Refused | Unclear) -> Outcome:
    match reply:
        case Accepted():
            return Outcome.ACCEPTED
        case Refused(refusal=RefusalClass.NOT_SENT | RefusalClass.GIVEN_BACK | RefusalClass.RATE):
            return Outcome.NOT_SENT
        case Refused():
            return Outcome.REFUSED
        case Unclear():
            return Outcome.UNKNOWN
