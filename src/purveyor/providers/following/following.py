"""What a provider told about fulfilments, brought to their orders and to what they cost us."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import structlog
from django.db import transaction

from purveyor.database import as_json, fetch_all, hot_cursor, id_array, load_sql
from purveyor.money.models import LARGEST_AMOUNT, House, TransferKind
from purveyor.money.moving import Movement, move
from purveyor.orders.following import Report, apply_reports
from purveyor.orders.models import FINAL_STATUSES, Status
from purveyor.providers.costs.charges import Charged, note_charges
from purveyor.providers.costs.costing import cost_at, remains_of_order
from purveyor.providers.costs.margin import Terms
from purveyor.providers.elsewhere.finishing import News, reports_of
from purveyor.providers.elsewhere.refilling import follow_refill
from purveyor.providers.following.list_sizes import limit_after_answer
from purveyor.providers.following.polling_schedule import delay_after_end, next_delay
from purveyor.providers.locking import lock_orders_of
from purveyor.providers.metrics import POLLED
from purveyor.providers.protocol.replies import LONGEST_WORD_CHARACTERS, Refused, StatusReply
from purveyor.providers.routes.rest import delivered_of

_SQL: Final = load_sql(__file__, "following.sql")
_log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class _Told:
    """A fulfilment as locked, and what becomes of it."""

    row: Any
    provider_status: str
    provider_charge: Decimal | None
    start_count: int | None
    remains: int | None
    delivered: int | None
    """Of what is wanted of it."""
    cost: Decimal
    cost_corrections: int
    started_at: datetime | None
    ended_at: datetime | None
    poll_after: timedelta | None


@transaction.atomic
def follow(
    replies: Mapping[int, StatusReply | Refused],
    *,
    asked: Mapping[int, int] | None = None,
    in_list: bool = False,
) -> None:
    """Apply what a provider told about ordinary orders, by fulfilment id.

    What is not told stays as it was. Only what changed is reported to the order: asking again is cheap.
    `asked` holds the numbers of the questions that were answered: an answer is dropped when a later question
    has been asked meanwhile, because what it tells may be older than what is known. `in_list` says that they
    were told in a list, so that a longer one may be tried.
    """
    # Orders before fulfilments, everywhere: two workers with the same ones never wait in a ring.
    lock_orders_of(replies)
    rows = fetch_all(_SQL["lock_followed"], {"ids": id_array(replies)})
    if asked is not None:
        rows = [row for row in rows if row.polls == asked[row.id]]
    replies = {row.id: _credible(row, replies[row.id]) for row in rows}
    told = [_told(row, replies[row.id]) for row in rows]
    news = []
    for item in told:
        report = _report(item, replies[item.row.id])
        if report is not None and item.row.refill_id is not None:
            follow_refill(
                refill_id=item.row.refill_id,
                status=report.status,
                remains=report.remains,
                ended=item.ended_at is not None,
            )
        elif report is not None:
            news.append(_news(item, report))
    if news:
        apply_reports(reports_of(news))
    _book_costs(told)
    _write(told, in_list=in_list)
    note_charges(charged for item in told if (charged := _charged(item, replies[item.row.id])) is not None)
    POLLED.labels(outcome="changed").inc(len(news))
    POLLED.labels(outcome="unchanged").inc(len(told) - len(news))


def _credible(row: Any, reply: StatusReply | Refused) -> StatusReply | Refused:
    """The reply, without what `remains` of one unit when that is more: it counts what the package holds.

    How much of the one unit that is, nobody can tell, so a Partial is for a person to settle.
    """
    if isinstance(reply, StatusReply) and row.quantity == 1 and (reply.remains or 0) > 1:
        return replace(reply, remains=None)
    return reply


def _told(row: Any, reply: StatusReply | Refused) -> _Told:
    if isinstance(reply, Refused):
        # It may have forgotten the order, or be confused: either way it says nothing about delivery.
        return _Told(
            row=row,
            provider_status=reply.text[:LONGEST_WORD_CHARACTERS],
            provider_charge=row.provider_charge,
            start_count=row.start_count,
            remains=row.remains,
            delivered=row.delivered,
            cost=row.cost,
            cost_corrections=row.cost_corrections,
            started_at=row.started_at,
            ended_at=row.ended_at,
            poll_after=_delay(row, remains=row.remains, ended=row.ended_at is not None),
        )
    cost = row.cost
    if reply.status is not None:
        due = cost_at(
            status=reply.status, expected=row.expected_cost, quantity=row.quantity, remains=reply.remains
        )
        cost = row.cost if due is None else due
    ended = row.ended_at is not None
    if reply.status is not None:
        # Without knowing what remains, a Partial has no refund to compute: it is asked about until it tells.
        ended = reply.status in FINAL_STATUSES and (
            reply.status is not Status.PARTIAL or reply.remains is not None
        )
    ended_at = (row.ended_at or row.now) if ended else None
    charge_is_sane = reply.charge is not None and abs(reply.charge) < LARGEST_AMOUNT
    return _Told(
        row=row,
        provider_status=reply.word,
        provider_charge=reply.charge if charge_is_sane else row.provider_charge,
        start_count=row.start_count if reply.start_count is None else reply.start_count,
        remains=row.remains if reply.remains is None else reply.remains,
        delivered=delivered_of(
            status=reply.status,
            remains=reply.remains,
            sent=row.quantity,
            wanted=row.wanted,
            before=row.delivered,
        ),
        cost=cost,
        cost_corrections=row.cost_corrections + (cost != row.cost),
        started_at=row.started_at or (row.now if _has_begun(row, reply) else None),
        ended_at=ended_at,
        poll_after=_delay(row, remains=reply.remains, ended=ended),
    )


def _has_begun(row: Any, reply: StatusReply) -> bool:
    """Whether a provider's word, or something delivered, shows that work on an order has begun."""
    delivered = reply.remains is not None and 0 <= reply.remains < row.quantity
    return delivered or reply.status in (Status.IN_PROGRESS, Status.COMPLETED, Status.PARTIAL)


def _delay(row: Any, *, remains: int | None, ended: bool) -> timedelta | None:
    if row.by_hand:
        return None  # people tell by themselves
    if ended:
        return delay_after_end(since_end=row.since_end or timedelta(0))
    return next_delay(
        age=row.age, remains=remains, quantity=row.quantity, usual=row.usual, stretch=row.stretch
    )


def _report(item: _Told, reply: StatusReply | Refused) -> Report | None:
    """What the order must hear; None where the provider told nothing new."""
    row = item.row
    before = (row.provider_status, row.start_count, row.remains, row.ended_at is None)
    if before == (item.provider_status, item.start_count, item.remains, item.ended_at is None):
        return None
    if isinstance(reply, Refused):
        return Report(order_id=row.order_id, word=item.provider_status)
    if reply.status is None:
        _log.error("provider_word_unknown", order_id=row.order_id, word=reply.word)
    return Report(
        order_id=row.order_id,
        status=reply.status,
        start_count=reply.start_count,
        remains=remains_of_order(remains=reply.remains, sent=row.quantity, ordered=row.wanted),
        word=reply.word,
        reason=reply.reason,
    )


def _news(item: _Told, report: Report) -> News:
    return News(
        fulfilment_id=item.row.id,
        report=report,
        delivered=item.delivered,
        delivered_before=item.row.delivered,
        ended=item.ended_at is not None,
        ended_before=item.row.ended_at is not None,
        one_of_several=item.row.one_of_several,
    )


def _book_costs(told: Sequence[_Told]) -> None:
    """Move the difference between what each fulfilment has cost so far and what it costs now."""
    movements = []
    for item in told:
        change = item.cost - item.row.cost
        if change:
            dearer = change > 0
            movements.append(
                Movement(
                    kind=TransferKind.PROVIDER_RECOST if dearer else TransferKind.PROVIDER_REFUND,
                    cause_id=item.row.id,
                    source_id=item.row.wallet_id if dearer else House.COST,
                    destination_id=House.COST if dearer else item.row.wallet_id,
                    amount=abs(change),
                    part=item.cost_corrections,
                )
            )
    move(movements, wallets_are_locked=True)  # no customer's wallet is among them


def _charged(item: _Told, reply: StatusReply | Refused) -> Charged | None:
    """What the provider charged, when that is news: told for the first time, changed, or final now."""
    row = item.row
    if isinstance(reply, Refused) or reply.status is None or reply.charge is None:
        return None
    ends = item.ended_at is not None and row.ended_at is None
    if item.provider_charge is None or (item.provider_charge == row.provider_charge and not ends):
        return None
    return Charged(
        fulfilment_id=row.id,
        charge=item.provider_charge,
        terms=Terms(
            fx_rate=row.fx_rate, top_up_bonus_percent=row.top_up_bonus_percent, fee_percent=row.fee_percent
        ),
        expected=row.expected_cost,
        due=item.cost,
        ended=item.ended_at is not None,
    )


def _write(told: Sequence[_Told], *, in_list: bool) -> None:
    if not told:
        return
    rows = [
        {
            "id": item.row.id,
            "provider_status": item.provider_status,
            "provider_charge": item.provider_charge,
            "start_count": item.start_count,
            "remains": item.remains,
            "delivered": item.delivered,
            "cost": item.cost,
            "cost_corrections": item.cost_corrections,
            "started_at": item.started_at,
            "ended_at": item.ended_at,
            "poll_together": limit_after_answer(
                item.row.poll_together, asked=item.row.polls, in_list=in_list
            ),
            "poll_after_seconds": item.poll_after and item.poll_after.total_seconds(),
        }
        for item in told
    ]
    with hot_cursor() as cursor:
        parameters = {
            "ids": id_array(item.row.id for item in told),
            "told": as_json(rows),
        }
        cursor.execute(_SQL["write_followed"].encode(), parameters)
