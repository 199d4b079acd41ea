"""What each outcome of a hand-over means for the order, its money, and the provider."""

from decimal import Decimal

import pytest

from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.testing import make_service
from purveyor.money.models import Transfer, TransferKind
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import CancelRequest, Dispatch, Order, Status
from purveyor.orders.testing import place_one
from purveyor.providers.models import Attempt, Fulfilment, Handover, Outcome, Provider, Route
from purveyor.providers.outcomes.outcomes import Answered, give_up_expired, record, response_text
from purveyor.providers.outcomes.under_way import HandOver
from purveyor.providers.protocol.client import Access
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Accepted, Answer, Refused, Unclear, read_add
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.standing.holds import Hold
from purveyor.providers.standing.standing import ONE_BY_ONE_FROM
from purveyor.providers.testing import make_provider, make_route
from tests.audited import violations

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider() -> Provider:
    return make_provider()


@pytest.fixture
def service(provider: Provider) -> Service:
    service = make_service(rate="1.00", cancel=True)
    make_route(service, provider, rate="0.40")
    return service


def sent(service: Service, number: int = 1) -> list[HandOver]:
    """Orders of 1000 that are on their way."""
    customer = make_customer()
    for _ in range(number):
        place_one(customer, service, quantity=1000)
    return hand_over(busy={}).hand_overs


def settle(item: HandOver, reply: Accepted | Refused | Unclear) -> tuple[Order, Fulfilment, Attempt]:
    record([Answered(hand_over=item, reply=reply, http_status=200, response="as received")])
    return read(item)


def read(item: HandOver) -> tuple[Order, Fulfilment, Attempt]:
    return (
        Order.objects.get(pk=item.order_id),
        Fulfilment.objects.get(pk=item.fulfilment_id),
        Attempt.objects.get(pk=item.attempt_id),
    )


def test_accepted(service: Service, provider: Provider) -> None:
    (item,) = sent(service)
    order, fulfilment, attempt = settle(item, Accepted("55"))
    assert (order.status, order.dispatch) == (Status.PENDING, Dispatch.HANDED)
    assert (fulfilment.handover, fulfilment.external_id) == (Handover.ACCEPTED, "55")
    assert fulfilment.next_poll_at is not None
    assert fulfilment.cost == Decimal("0.40")
    assert (attempt.outcome, attempt.http_status, attempt.response) == (Outcome.ACCEPTED, 200, "as received")
    cost = Transfer.objects.get(kind=TransferKind.PROVIDER_COST)
    assert (cost.cause_id, cost.source_id, cost.amount) == (
        fulfilment.pk,
        provider.wallet_id,
        Decimal("0.40"),
    )
    assert violations() == {}


def test_writing_the_same_outcome_twice_changes_nothing(service: Service) -> None:
    items = sent(service, 2)
    answers = [
        Answered(hand_over=items[0], reply=Accepted("1")),
        Answered(hand_over=items[1], reply=Refused(RefusalClass.OTHER, "No")),
    ]
    record(answers)
    before = [*Fulfilment.objects.order_by("pk").values(), *Order.objects.order_by("pk").values()]
    record(answers)
    assert [*Fulfilment.objects.order_by("pk").values(), *Order.objects.order_by("pk").values()] == before
    assert Attempt.objects.get(pk=items[0].attempt_id).outcome == Outcome.ACCEPTED
    assert violations() == {}


def test_unclear_is_unknown_and_stays_so(service: Service) -> None:
    (item,) = sent(service)
    order, fulfilment, attempt = settle(item, Unclear("time-out"))
    assert (fulfilment.handover, attempt.outcome) == (Handover.UNKNOWN, Outcome.UNKNOWN)
    assert (order.status, order.dispatch, order.refunded) == (Status.PENDING, Dispatch.HANDED, 0)
    assert fulfilment.next_poll_at is None
    assert hand_over(busy={}).hand_overs == []
    assert violations() == {}


def test_an_id_that_another_order_has_is_unknown_and_hurts_nobody_else(service: Service) -> None:
    items = sent(service, 4)
    record([Answered(hand_over=items[0], reply=Accepted("1"))])
    record(
        [
            Answered(hand_over=items[1], reply=Accepted("1")),
            Answered(hand_over=items[2], reply=Accepted("2")),
            Answered(hand_over=items[3], reply=Accepted("2")),
        ]
    )
    assert [read(item)[1].handover for item in items] == ["accepted", "unknown", "accepted", "unknown"]
    assert [read(item)[2].outcome for item in items] == ["accepted", "unknown", "accepted", "unknown"]
    assert Transfer.objects.filter(kind=TransferKind.PROVIDER_COST).count() == 2
    assert violations() == {}


def test_two_providers_may_use_the_same_ids(service: Service) -> None:
    other = make_service()
    make_route(other, make_provider())
    for item in (*sent(service), *sent(other)):
        assert settle(item, Accepted("1"))[1].handover == Handover.ACCEPTED


BACK_TO_QUEUE = [
    RefusalClass.FUNDS,
    RefusalClass.KEY,
    RefusalClass.RATE,
    RefusalClass.NOT_SENT,
    RefusalClass.GIVEN_BACK,
    RefusalClass.SERVICE,
    RefusalClass.LINK,
    RefusalClass.QUANTITY,
]


@pytest.mark.parametrize("refusal", BACK_TO_QUEUE)
def test_a_refusal_that_may_end_otherwise_puts_the_order_back(
    service: Service, refusal: RefusalClass
) -> None:
    (item,) = sent(service)
    order, fulfilment, attempt = settle(item, Refused(refusal, "As the provider says"))
    assert (order.status, order.dispatch, order.refunded) == (Status.PENDING, Dispatch.QUEUED, 0)
    assert (fulfilment.handover, fulfilment.refusal) == (Handover.REFUSED, refusal.value)
    assert fulfilment.refusal_text == "As the provider says"
    executed_never = {RefusalClass.NOT_SENT, RefusalClass.GIVEN_BACK, RefusalClass.RATE}
    assert attempt.outcome == (Outcome.NOT_SENT if refusal in executed_never else Outcome.REFUSED)
    assert Transfer.objects.filter(kind=TransferKind.PROVIDER_COST).count() == 0
    assert violations() == {}


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (RefusalClass.DUPLICATE, Hold.SAME_LINK.value),
        (RefusalClass.OTHER, "Refused by the provider: Try on Monday"),
        (RefusalClass.ORDER, "Refused by the provider: Try on Monday"),
        (RefusalClass.REPEATED, "Refused by the provider: Try on Monday"),
    ],
)
def test_a_refusal_that_holds_the_order(service: Service, refusal: RefusalClass, reason: str) -> None:
    (item,) = sent(service)
    order, _, _ = settle(item, Refused(refusal, "Try on Monday"))
    assert (order.status, order.dispatch, order.hold_reason) == (Status.PENDING, Dispatch.HELD, reason)
    assert order.refunded == 0
    assert violations() == {}


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (RefusalClass.FUNDS, Hold.OUT_OF_FUNDS),
        (RefusalClass.KEY, Hold.KEY_REFUSED),
        (RefusalClass.RATE, Hold.SLOW_DOWN),
        (RefusalClass.NOT_SENT, Hold.UNREACHABLE),
    ],
)
def test_a_refusal_about_the_provider_stops_it_and_holds_its_orders(
    service: Service, provider: Provider, refusal: RefusalClass, reason: Hold
) -> None:
    (item,) = sent(service)
    settle(item, Refused(refusal, "No"))
    provider.refresh_from_db()
    assert provider.paused_reason == reason.value
    assert hand_over(busy={}).hand_overs == []
    order = read(item)[0]
    assert (order.dispatch, order.hold_reason) == (Dispatch.HELD, reason.value)


def test_an_order_refused_for_itself_keeps_no_provider_from_proving_itself(
    service: Service, provider: Provider
) -> None:
    Provider.objects.update(troubles=ONE_BY_ONE_FROM)
    (item,) = sent(service, 2)
    refused = read_add(Answer(200, b'{"error":"Too many comments"}'))
    order, _, _ = settle(item, refused)
    assert (order.dispatch, order.hold_reason) == (
        Dispatch.HELD,
        "Refused by the provider: Too many comments",
    )
    (other,) = hand_over(busy={}).hand_overs
    settle(other, Accepted("1"))
    provider.refresh_from_db()
    assert (provider.troubles, provider.silent_until) == (0, None)


def test_a_hand_over_given_back_is_not_the_providers_fault(service: Service, provider: Provider) -> None:
    (item,) = sent(service)
    settle(item, Refused(RefusalClass.GIVEN_BACK, "The worker stopped"))
    provider.refresh_from_db()
    assert (provider.troubles, provider.paused_reason) == (0, "")


def test_a_service_refused_closes_its_route_and_the_next_is_tried(service: Service) -> None:
    other = make_route(service, make_provider(), position=5)
    (item,) = sent(service)
    settle(item, Refused(RefusalClass.SERVICE, "Incorrect service ID"))
    closed = Route.objects.get(position=0)
    assert (closed.enabled, closed.closed_reason) == (False, "Incorrect service ID")
    (again,) = hand_over(busy={}).hand_overs
    assert Fulfilment.objects.get(pk=again.fulfilment_id).route == other


def test_a_link_refused_by_the_only_route_is_canceled_and_refunded(service: Service) -> None:
    customer = make_customer("10")
    order = place_one(customer, service, quantity=1000)
    (item,) = hand_over(busy={}).hand_overs
    settle(item, Refused(RefusalClass.LINK, "Bad link"))
    hand_over(busy={})
    order.refresh_from_db()
    assert order.status == Status.CANCELED
    assert balance_of(customer) == 10
    assert violations() == {}


def test_who_asked_to_cancel_meanwhile_gets_that_instead(service: Service) -> None:
    customer = make_customer("10")
    order = place_one(customer, service, quantity=1000)
    (item,) = hand_over(busy={}).hand_overs
    assert request_cancels([(customer.pk, order.pk)]) == [None]
    settle(item, Refused(RefusalClass.FUNDS, "Not enough funds on balance"))
    order.refresh_from_db()
    assert (order.status, order.dispatch) == (Status.CANCELED, Dispatch.NEVER)
    assert balance_of(customer) == 10
    assert CancelRequest.objects.get().status == "done"
    assert violations() == {}


def test_one_outcome_the_database_refuses_keeps_no_other_from_being_written(service: Service) -> None:
    items = sent(service, 3)
    record(
        [
            Answered(hand_over=items[0], reply=Accepted("1")),
            Answered(hand_over=items[1], reply=Refused(RefusalClass.OTHER, "No")),
            Answered(hand_over=items[2], reply=Unclear("garbage")),
        ]
    )
    assert [read(item)[1].handover for item in items] == ["accepted", "refused", "unknown"]


def _expire(*items: HandOver) -> None:
    Attempt.objects.filter(pk__in=[item.attempt_id for item in items]).update(
        lease_until="2020-01-01T00:00:00Z"
    )


def test_a_hand_over_whose_worker_died_is_unknown(service: Service) -> None:
    dead, alive = sent(service, 2)
    _expire(dead)
    assert give_up_expired() == 1
    assert [read(item)[1].handover for item in (dead, alive)] == ["unknown", "sending"]
    assert [read(item)[2].outcome for item in (dead, alive)] == ["unknown", "sending"]
    assert hand_over(busy={}).hand_overs == []
    assert give_up_expired() == 0
    assert violations() == {}


def test_an_answer_that_comes_after_all_settles_what_was_given_up(service: Service) -> None:
    accepted, refused = sent(service, 2)
    _expire(accepted, refused)
    give_up_expired()
    order, fulfilment, attempt = settle(accepted, Accepted("9"))
    assert (fulfilment.handover, attempt.outcome) == (Handover.ACCEPTED, Outcome.ACCEPTED)
    order, fulfilment, attempt = settle(refused, Refused(RefusalClass.QUANTITY, "Too much"))
    assert (fulfilment.handover, order.dispatch) == (Handover.REFUSED, Dispatch.QUEUED)
    assert violations() == {}


def access(key: str) -> Access:
    return Access(url="https://example.com", key=key, timeout_seconds=1)


def test_a_reply_is_kept_trimmed_and_without_the_key() -> None:
    kept = response_text(b'{"error":"key a-secret is wrong \x00"}' + b"x" * 10_000, access=access("a-secret"))
    assert kept.startswith('{"error":"key [key] is wrong "}')
    assert len(kept) == 2000


def test_a_key_cut_in_two_by_the_trimming_is_not_kept_either() -> None:
    kept = response_text(b"x" * 1995 + b"a-secret", access=access("a-secret"))
    assert "a-sec" not in kept


def test_without_a_key_there_is_nothing_to_redact() -> None:
    assert response_text(b"as it came", access=access("")) == "as it came"
