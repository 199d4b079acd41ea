"""Two transactions at the same hand-over: the second sees what the first did, and none waits for ever."""

import asyncio

import pytest
from django.db import OperationalError, transaction
from psycopg.errors import DeadlockDetected

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.testing import make_service
from purveyor.money.moving import lock_wallets
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import CancelRequest, CancelStatus, Order, Status
from purveyor.orders.placing import PlacingInterrupted
from purveyor.orders.testing import place_one
from purveyor.providers.models import Attempt, Fulfilment, Handover
from purveyor.providers.outcomes import outcomes
from purveyor.providers.outcomes.outcomes import Answered, give_up_expired, record
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Accepted, Refused, Unclear
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.standing.standing import Setback, note_setback
from purveyor.providers.testing import make_provider, make_route
from purveyor.providers.workplace import Workplace
from tests.audited import violations
from tests.committed import committed
from tests.racing import Second, until_somebody_waits

pytestmark = committed


def test_a_wish_to_cancel_that_is_taken_while_a_refusal_is_written_is_seen() -> None:
    customer, service = make_customer("10"), make_service(cancel=True)
    make_route(service, make_provider())
    order = place_one(customer, service, quantity=10)
    (item,) = hand_over(busy={}).hand_overs
    with transaction.atomic():
        assert request_cancels([(customer.pk, order.pk)]) == [None]
        refused = Answered(hand_over=item, reply=Refused(RefusalClass.OTHER, "Try on Monday"))
        second = Second(lambda: record([refused]))
        until_somebody_waits()
    second.finish()
    order.refresh_from_db()
    assert order.status == Status.CANCELED
    assert CancelRequest.objects.get().status == CancelStatus.DONE
    assert balance_of(customer) == 10
    assert violations() == {}


def test_a_late_answer_and_the_end_of_its_lease_do_not_wait_for_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = make_service()
    make_route(service, make_provider())
    place_one(make_customer(), service, quantity=10)
    (item,) = hand_over(busy={}).hand_overs
    Attempt.objects.update(lease_until="2020-01-01T00:00:00Z")
    accept = outcomes._accept  # noqa: SLF001  (the moment between two locks has no other name)

    def accept_and_let_the_other_in(answers: list[Answered]) -> set[int]:
        taken = accept(answers)
        second = Second(give_up_expired)
        second.finish()  # it passes over what is being answered, and does not wait with half of the locks
        return taken

    monkeypatch.setattr(outcomes, "_accept", accept_and_let_the_other_in)
    record([Answered(hand_over=item, reply=Accepted("9"))])
    assert Fulfilment.objects.get().handover == Handover.ACCEPTED
    assert Attempt.objects.get().outcome == "accepted"
    assert violations() == {}


def test_a_refusal_returns_money_before_it_stops_the_provider() -> None:
    """As following does: it refunds what was canceled, and then looks at what the provider charged."""
    customer, service = make_customer("10"), make_service(cancel=True)
    provider = make_provider()
    make_route(service, provider)
    order = place_one(customer, service, quantity=10)
    (item,) = hand_over(busy={}).hand_overs
    assert request_cancels([(customer.pk, order.pk)]) == [None]
    refused = Answered(hand_over=item, reply=Refused(RefusalClass.FUNDS, "Not enough funds"))
    with transaction.atomic():
        lock_wallets([customer.wallet_id])
        second = Second(lambda: record([refused]))
        until_somebody_waits()
        note_setback(provider_id=provider.pk, key=provider.key, setback=Setback.SLOW_DOWN)
    second.finish()
    assert balance_of(customer) == 10
    assert violations() == {}


@pytest.mark.parametrize("replies", [(Unclear("?"), Unclear("?")), (Accepted("9"), Unclear("?"))])
def test_providers_suffer_and_recover_in_order(replies: tuple[Accepted | Unclear, Unclear]) -> None:
    """Whoever else holds several of them took them in order of id."""
    first, last = make_provider(troubles=1), make_provider(troubles=1)
    for provider in (first, last):
        service = make_service()
        make_route(service, provider)
        place_one(make_customer(), service, quantity=10)
    items = {item.provider.id: item for item in hand_over(busy={}).hand_overs}
    answers = [
        Answered(hand_over=items[last.pk], reply=replies[1]),
        Answered(hand_over=items[first.pk], reply=replies[0]),
    ]
    with transaction.atomic():
        note_setback(provider_id=first.pk, key=first.key, setback=Setback.NO_USABLE_ANSWER)
        second = Second(lambda: record(answers))
        until_somebody_waits()
        note_setback(provider_id=last.pk, key=last.key, setback=Setback.NO_USABLE_ANSWER)
    second.finish()
    assert violations() == {}


def _deadlock() -> OperationalError:
    error = OperationalError("deadlock detected")
    error.__cause__ = DeadlockDetected("deadlock detected")
    return error


def _interrupted() -> PlacingInterrupted:
    error = PlacingInterrupted(may_have_been_placed=False)
    error.__cause__ = _deadlock()
    return error


def _in_database(errors: list[Exception]) -> int:
    """How often database code is tried that fails with these, one after the other."""
    tries = 0

    def work() -> int:
        nonlocal tries
        tries += 1
        if errors:
            raise errors.pop(0)
        return Order.objects.count()

    async def run() -> None:
        workplace = Workplace()
        try:
            await workplace.in_database(work)
        finally:
            await workplace.close()

    try:
        asyncio.run(run())
    except OperationalError:
        return -tries
    return tries


def test_the_victim_of_a_deadlock_is_tried_once_more() -> None:
    assert _in_database([]) == 1
    assert _in_database([_deadlock()]) == 2
    assert _in_database([_interrupted()]) == 2
    assert _in_database([_deadlock(), _deadlock()]) == -2
    assert _in_database([OperationalError("the connection is lost")]) == -1
