"""Settling what no answer of the provider tells, by a person or by evidence: placed as N, or not placed."""

import contextlib

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from purveyor.money.models import House, TransferKind
from purveyor.money.moving import Movement, move
from purveyor.orders.models import Dispatch
from purveyor.orders.promising import note_promises
from purveyor.orders.queue import mark_handed
from purveyor.providers.announcing import HandOverSettled, announce_doubled, announce_settled
from purveyor.providers.locking import lock_order
from purveyor.providers.models import Fulfilment, Handover
from purveyor.providers.outcomes.giving_back import give_back
from purveyor.providers.protocol.decoding import id_of
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Refused

_log = structlog.get_logger(__name__)


class CannotSettle(Exception):
    """The hand-over cannot be settled so; the text says why."""


@transaction.atomic
def settle_as_placed(*, fulfilment: Fulfilment, external_id: str, actor: str) -> None:
    """The provider did take the order, as its order `external_id`: it is followed, at the expected cost.

    Raises `CannotSettle` when the outcome is not unknown, its request is being sent once more just now, or
    another order has that id.
    """
    unknown = _lock_unknown(fulfilment)
    found = id_of(external_id)
    if found is None:
        raise CannotSettle(f"{external_id!r} is no order id")
    other = Fulfilment.objects.filter(provider_id=unknown.provider_id, external_id=found).first()
    if other is not None:
        raise CannotSettle(f"the provider's order {found} belongs to order {other.order_id}")
    Fulfilment.objects.filter(pk=unknown.pk).update(
        handover=Handover.ACCEPTED,
        external_id=found,
        accepted_at=Now(),
        cost=unknown.expected_cost,
        next_poll_at=Now(),
        settled_by=actor,
        settled_at=Now(),
    )
    note_promises([unknown.order_id])
    if unknown.expected_cost:
        cost = Movement(
            kind=TransferKind.PROVIDER_COST,
            cause_id=unknown.pk,
            source_id=unknown.provider.wallet_id,
            destination_id=House.COST,
            amount=unknown.expected_cost,
        )
        move([cost])
    _tell(unknown, placed_as=found, actor=actor)


@transaction.atomic
def settle_as_not_placed(*, fulfilment: Fulfilment, actor: str) -> None:
    """The provider did not take the order: back to the queue, or canceled if its customer asked for that.

    Raises `CannotSettle` when the outcome is not unknown, or its request is being sent once more just now.
    """
    unknown = _lock_unknown(fulfilment)
    Fulfilment.objects.filter(pk=unknown.pk).update(
        handover=Handover.REFUSED, refusal=RefusalClass.NOT_PLACED, settled_by=actor, settled_at=Now()
    )
    _tell(unknown, placed_as=None, actor=actor)
    refused = Refused(RefusalClass.NOT_PLACED, "Not placed")
    give_back(lock_order(unknown.order_id), refused, refill_id=unknown.refill_id)


@transaction.atomic
def placed_after_all(*, order_id: int, fulfilment_id: int, external_id: str, actor: str) -> None:
    """The provider has an order, as its `external_id`, whose hand-over was settled otherwise meanwhile.

    While the order waits, it is taken out of the queue again and followed there; `actor` found that out, and
    nobody where the provider told it by itself. Where it was sent once more, given to somebody else or ended,
    it may be bought twice, and staff are told.
    """
    order = lock_order(order_id)
    settled = Fulfilment.objects.select_for_update(no_key=True).get(pk=fulfilment_id)
    if settled.handover == Handover.UNKNOWN:
        # Doubted again meanwhile. Or another order has that id: then nothing is settled, nor sent again.
        with contextlib.suppress(CannotSettle, IntegrityError), transaction.atomic():
            settle_as_placed(fulfilment=settled, external_id=external_id, actor=actor)
        return
    if settled.handover == Handover.ACCEPTED and settled.external_id == external_id:
        return
    later = Fulfilment.objects.filter(order_id=order_id, number__gt=settled.number)
    waits = order.dispatch in (Dispatch.QUEUED, Dispatch.HELD)
    was_sent_again = later.exclude(handover=Handover.REFUSED).exists()
    if (
        waits
        and not was_sent_again
        and settled.refusal == RefusalClass.NOT_PLACED
        and settled.refill_id is None
    ):
        with contextlib.suppress(CannotSettle, IntegrityError), transaction.atomic():
            Fulfilment.objects.filter(pk=settled.pk).update(
                handover=Handover.UNKNOWN, refusal="", settled_by="", settled_at=None
            )
            settle_as_placed(fulfilment=settled, external_id=external_id, actor=actor)
            mark_handed([order_id])
            return
    announce_doubled(
        HandOverSettled(
            order_id=order_id,
            fulfilment_id=fulfilment_id,
            provider_id=settled.provider_id,
            placed_as=external_id,
            by=settled.settled_by,
        )
    )
    _log.error("hand_over_doubled", order_id=order_id, placed_as=external_id, settled_by=settled.settled_by)


def _tell(fulfilment: Fulfilment, *, placed_as: str | None, actor: str) -> None:
    announce_settled(
        [
            HandOverSettled(
                order_id=fulfilment.order_id,
                fulfilment_id=fulfilment.pk,
                provider_id=fulfilment.provider_id,
                placed_as=placed_as,
                by=actor,
            )
        ]
    )
    _log.info("hand_over_settled", order_id=fulfilment.order_id, placed_as=placed_as, actor=actor)


def _lock_unknown(fulfilment: Fulfilment) -> Fulfilment:
    lock_order(fulfilment.order_id)
    locked = (
        Fulfilment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("provider")
        .annotate(is_repeated=Q(repeated_until__gt=Now()))
        .get(pk=fulfilment.pk)
    )
    if locked.handover != Handover.UNKNOWN:
        raise CannotSettle(f"the hand-over is {locked.handover}, not unknown")
    if locked.is_repeated:
        raise CannotSettle("its request is being sent once more just now: see in a minute what came of it")
    return locked
