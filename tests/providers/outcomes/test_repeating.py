"""Requests that are sent once more under their idempotency key, to a simulated provider that takes those."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.utils import timezone

from purveyor.accounts.models import Customer
from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import CancelRequest, Dispatch, Order
from purveyor.orders.testing import place_one
from purveyor.providers.models import Attempt, EvidenceKind, Fulfilment, Handover, Provider, ProviderService
from purveyor.providers.outcomes import reconciling
from purveyor.providers.outcomes.cases import Case
from purveyor.providers.outcomes.evidence import LATE_BY, Undecided, Verdict
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.outcomes.reconciling import claim, conclude
from purveyor.providers.outcomes.repeating import begin_repeat
from purveyor.providers.outcomes.settling import CannotSettle, settle_as_not_placed, settle_as_placed
from purveyor.providers.outcomes.under_way import HandOver
from purveyor.providers.protocol.idempotency import FIELD
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Refused
from purveyor.providers.standing.standing import standings
from purveyor.simulator.behaviours import Behaviour, Fault
from purveyor.simulator.testing import Simulator
from tests.audited import violations
from tests.committed import committed
from tests.providers.outcomes.lost import EXECUTED, NOTHING_EXECUTED, QUANTITY, evidence_of, fulfilment_of
from tests.providers.rounds import dispatch, reconcile

pytestmark = committed

ACTOR = "staff@example.com"


@pytest.fixture
def customer() -> Customer:
    return make_customer("100000")


@pytest.fixture
def purveyor(simulator: Simulator, provider: Provider) -> Provider:
    """A provider that is a Purveyor itself."""
    simulator.take_idempotency_keys()
    Provider.objects.filter(pk=provider.pk).update(takes_idempotency_key=True)
    return provider


@pytest.mark.parametrize("fault", [*EXECUTED, *NOTHING_EXECUTED], ids=str)
def test_another_purveyor_is_asked_by_the_same_request_again(
    simulator: Simulator, purveyor: Provider, service: Service, customer: Customer, fault: Fault | Behaviour
) -> None:
    simulator.script.next("add", fault, fault)
    lost = place_one(customer, service, quantity=QUANTITY)
    dispatch()
    assert fulfilment_of(lost).handover == Handover.UNKNOWN
    reconcile()
    assert fulfilment_of(lost).handover == Handover.UNKNOWN
    reconcile()
    settled = fulfilment_of(lost)
    (bought,) = simulator.orders
    assert (settled.handover, settled.external_id) == (Handover.ACCEPTED, str(bought.id))
    assert evidence_of(lost) == f"the same request again is order {bought.id}"
    (attempt,) = Attempt.objects.all()
    assert attempt.request is not None
    sent = [call.fields[FIELD] for call in simulator.requests if call.action == "add"]
    assert sent == [attempt.request[FIELD]] * 3
    assert violations() == {}


def test_each_request_has_a_key_of_its_own(
    simulator: Simulator, purveyor: Provider, service: Service, customer: Customer
) -> None:
    for _ in range(2):
        place_one(customer, service, quantity=QUANTITY)
    dispatch()
    assert len(set(Attempt.objects.values_list(f"request__{FIELD}", flat=True))) == 2
    assert len(simulator.orders) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda: Provider.objects.update(takes_idempotency_key=False),
        lambda: Provider.objects.update(enabled=False),
        lambda: Provider.objects.update(url=Concat("url", Value("?other"))),
        lambda: ProviderService.objects.update(rate=F("rate") + 1),
        lambda: ProviderService.objects.update(gone_at=timezone.now()),
        lambda: Attempt.objects.update(created_at=timezone.now() - timedelta(hours=13)),
        lambda: CancelRequest.objects.create(order=Order.objects.get()),
        lambda: Order.objects.update(remains=0),
    ],
    ids=[
        "no keys any more",
        "switched off",
        "another account",
        "dearer now",
        "not sold any more",
        "long ago",
        "to be canceled",
        "delivered meanwhile",
    ],
)
def test_a_request_is_not_repeated_where_it_might_be_a_second_order_a_loss_or_unwanted(
    simulator: Simulator,
    purveyor: Provider,
    service: Service,
    customer: Customer,
    change: Callable[[], object],
) -> None:
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP)
    lost = place_one(customer, service, quantity=QUANTITY)
    dispatch()
    change()
    reconcile()
    assert fulfilment_of(lost).handover == Handover.UNKNOWN
    assert sum(call.action == "add" for call in simulator.requests) == 1


def test_a_request_without_a_key_is_never_repeated(
    simulator: Simulator, provider: Provider, service: Service, customer: Customer
) -> None:
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP)
    place_one(customer, service, quantity=QUANTITY)
    dispatch()
    Provider.objects.update(takes_idempotency_key=True)
    reconcile()
    assert sum(call.action == "add" for call in simulator.requests) == 1


def test_a_repeated_request_that_is_refused_stays_unknown(
    simulator: Simulator, purveyor: Provider, service: Service, customer: Customer
) -> None:
    simulator.script.next("add", Fault.DROP_WITHOUT_ACCEPTING, Fault.EMPTY_BALANCE)
    lost = place_one(customer, service, quantity=QUANTITY)
    dispatch()
    reconcile()
    assert fulfilment_of(lost).handover == Handover.UNKNOWN
    assert evidence_of(lost) == "the same request again is refused: Not enough funds on balance"
    assert Provider.objects.get().paused_reason == "The provider is out of funds"


@pytest.fixture
def lost(simulator: Simulator, purveyor: Provider, service: Service, customer: Customer) -> Order:
    """An order that the provider did not take, which nobody knows."""
    simulator.script.next("add", Fault.DROP_WITHOUT_ACCEPTING)
    order = place_one(customer, service, quantity=QUANTITY)
    dispatch()
    return order


def claimed() -> Case:
    """The one case there is, when it is due."""
    Fulfilment.objects.exclude(next_look_at=None).update(next_look_at=timezone.now())
    (case,) = claim(busy=[])
    return case


def test_what_was_settled_while_others_were_looked_into_is_not_bought_a_second_time(
    simulator: Simulator,
    purveyor: Provider,
    service: Service,
    customer: Customer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulator.script.next("add", *[Fault.DROP_WITHOUT_ACCEPTING] * 2)
    orders = [place_one(customer, service, quantity=QUANTITY) for _ in range(2)]
    dispatch()

    def settle_the_other(case: Case, kind: EvidenceKind, verdict: Verdict) -> None:
        conclude(case, kind, verdict)
        for other in Fulfilment.objects.filter(handover=Handover.UNKNOWN):
            settle_as_not_placed(fulfilment=other, actor=ACTOR)

    monkeypatch.setattr(reconciling, "conclude", settle_the_other)
    reconcile()
    assert len(simulator.orders) == 1
    dispatch()
    assert sorted(item.link for item in simulator.orders) == sorted(order.link for order in orders)
    assert not Fulfilment.objects.filter(handover=Handover.UNKNOWN).exists()


def test_what_its_customer_gave_up_since_it_was_claimed_is_not_repeated(lost: Order) -> None:
    case = claimed()
    request_cancels([(lost.customer_id, lost.pk)])
    assert begin_repeat(case) is None
    settle_as_not_placed(fulfilment=fulfilment_of(lost), actor=ACTOR)


def test_what_is_being_repeated_is_settled_by_nobody_and_repeated_by_nobody_else(lost: Order) -> None:
    case = claimed()
    assert begin_repeat(case) is not None
    assert begin_repeat(case) is None
    with pytest.raises(CannotSettle, match="sent once more just now"):
        settle_as_not_placed(fulfilment=fulfilment_of(lost), actor=ACTOR)
    with pytest.raises(CannotSettle, match="sent once more just now"):
        settle_as_placed(fulfilment=fulfilment_of(lost), external_id="77", actor=ACTOR)
    conclude(case, EvidenceKind.REPEAT, Undecided("no clear answer"))
    settle_as_not_placed(fulfilment=fulfilment_of(lost), actor=ACTOR)
    assert Order.objects.get().dispatch == Dispatch.QUEUED


def test_a_repetition_may_have_become_the_order_as_late_as_the_first_request(lost: Order) -> None:
    Attempt.objects.update(
        created_at=F("created_at") - 2 * LATE_BY,
        answered_at=F("answered_at") - 2 * LATE_BY,
        lease_until=F("lease_until") - 2 * LATE_BY,
    )
    case = claimed()
    assert case.unsettled.closes_at < timezone.now()
    begin_repeat(case)
    conclude(case, EvidenceKind.REPEAT, Undecided("no clear answer"))
    assert claimed().unsettled.closes_at > timezone.now() + LATE_BY / 2


def test_a_refusal_that_comes_late_proves_nothing_once_the_request_was_repeated(lost: Order) -> None:
    begin_repeat(claimed())
    (attempt,) = Attempt.objects.all()
    (provider,) = standings().values()
    first = HandOver(
        order_id=lost.pk,
        fulfilment_id=attempt.fulfilment_id,
        attempt_id=attempt.pk,
        provider=provider,
        fields=attempt.request or {},
        cost=fulfilment_of(lost).expected_cost,
        usual=None,
    )
    record([Answered(hand_over=first, reply=Refused(RefusalClass.OTHER, "Try on Monday"))])
    assert fulfilment_of(lost).handover == Handover.UNKNOWN
    assert Order.objects.get().dispatch == Dispatch.HANDED
    assert violations() == {}
