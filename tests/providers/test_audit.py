"""Each check of fulfilment finds what it is for."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models.functions import Now

from purveyor.accounts.testing import make_customer
from purveyor.catalog.testing import make_service
from purveyor.money.models import House, TransferKind
from purveyor.money.moving import Movement, move
from purveyor.orders.models import Dispatch, Order, Refill, RefillStatus
from purveyor.orders.testing import place_one
from purveyor.providers.models import (
    Attempt,
    Fulfilment,
    Handover,
    Outcome,
    Provider,
    ProviderKind,
    RefillElsewhere,
)
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.protocol.replies import Accepted
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.testing import make_provider, make_route
from tests.audited import violations

pytestmark = pytest.mark.django_db


@pytest.fixture
def fulfilment() -> Fulfilment:
    service = make_service()
    make_route(service, make_provider())
    place_one(make_customer(), service, quantity=1000)
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Accepted("1"))])
    assert violations() == {}
    return Fulfilment.objects.get()


def cost_without_fulfilment(fulfilment: Fulfilment) -> None:
    move(
        [
            Movement(
                kind=TransferKind.PROVIDER_COST,
                cause_id=fulfilment.pk + 1,
                source_id=fulfilment.provider.wallet_id,
                destination_id=House.COST,
                amount=Decimal(1),
            )
        ]
    )


def cost_of_another_provider(fulfilment: Fulfilment) -> None:
    Fulfilment.objects.update(provider=make_provider())


def cost_without_transfer(fulfilment: Fulfilment) -> None:
    Fulfilment.objects.update(cost=Decimal(3))


def two_live_hand_overs(fulfilment: Fulfilment) -> None:
    Fulfilment.objects.create(
        order=fulfilment.order,
        number=2,
        provider=fulfilment.provider,
        service_external_id="1",
        quantity=1000,
        provider_rate=1,
        fx_rate=1,
        expected_cost=1,
        handover=Handover.UNKNOWN,
    )


def handed_over_to_nobody(fulfilment: Fulfilment) -> None:
    place_one(make_customer(), fulfilment.order.service, quantity=5)
    Order.objects.update(dispatch=Dispatch.HANDED)


def in_the_queue_again(fulfilment: Fulfilment) -> None:
    Order.objects.update(dispatch=Dispatch.QUEUED)


def an_attempt_left_open(fulfilment: Fulfilment) -> None:
    Attempt.objects.update(outcome=Outcome.SENDING)


def accepted_without_an_id(fulfilment: Fulfilment) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE providers_fulfilment DROP CONSTRAINT an_accepted_hand_over_has_an_id")
    Fulfilment.objects.update(external_id="")


def part_that_nobody_counts(fulfilment: Fulfilment) -> None:
    Fulfilment.objects.update(superseded=True, delivered=500)
    Order.objects.update(dispatch=Dispatch.QUEUED, remains=400)


def part_larger_than_its_order(fulfilment: Fulfilment) -> None:
    Fulfilment.objects.update(wanted=1001)


def more_delivered_than_wanted(fulfilment: Fulfilment) -> None:
    Fulfilment.objects.update(wanted=10, delivered=11)


def refill_of_another_order(fulfilment: Fulfilment) -> None:
    other = place_one(make_customer(), fulfilment.order.service, quantity=5)
    refill = Refill.objects.create(order=other)
    Fulfilment.objects.create(
        order=fulfilment.order,
        refill=refill,
        number=2,
        provider=fulfilment.provider,
        service_external_id="1",
        quantity=5,
        provider_rate=1,
        fx_rate=1,
        expected_cost=1,
        handover=Handover.REFUSED,
    )


def queued_refill_that_ended(fulfilment: Fulfilment) -> None:
    refill = Refill.objects.create(order=fulfilment.order, status=RefillStatus.REJECTED)
    RefillElsewhere.objects.create(refill=refill, quantity=5, actor="a test", next_at=Now())


def a_desk_without_the_job(fulfilment: Fulfilment) -> None:
    Provider.objects.filter(pk=fulfilment.provider_id).update(kind=ProviderKind.MANUAL)


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (cost_without_fulfilment, "provider costs have fulfilments"),
        (cost_of_another_provider, "provider costs have fulfilments"),
        (cost_without_transfer, "costs of fulfilments"),
        (two_live_hand_overs, "one live hand-over"),
        (handed_over_to_nobody, "handed orders have hand-overs"),
        (in_the_queue_again, "handed orders have hand-overs"),
        (an_attempt_left_open, "attempts and hand-overs agree"),
        (accepted_without_an_id, "accepted hand-overs have ids"),
        (part_that_nobody_counts, "parts of orders"),
        (part_larger_than_its_order, "no part is more than its order"),
        (more_delivered_than_wanted, "no part is more than its order"),
        (refill_of_another_order, "refills elsewhere"),
        (queued_refill_that_ended, "refills elsewhere"),
        (a_desk_without_the_job, "desks have their jobs"),
    ],
)
def test_damage_is_found(fulfilment: Fulfilment, damage: Callable[[Fulfilment], None], check: str) -> None:
    damage(fulfilment)
    assert list(violations()) == [check]
