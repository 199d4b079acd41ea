"""What happens with providers is told to staff, once, and a batch in one statement."""

import pytest

from purveyor.accounts.testing import make_customer
from purveyor.catalog.testing import make_service
from purveyor.orders.testing import place_one
from purveyor.providers.models import Attempt, Fulfilment, Provider, Route
from purveyor.providers.outcomes.outcomes import Answered, give_up_expired, record
from purveyor.providers.outcomes.settling import settle_as_not_placed, settle_as_placed
from purveyor.providers.outcomes.under_way import HandOver
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Accepted, Refused, Unclear
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.standing.standing import Setback, note_setback, note_success, use_again
from purveyor.providers.testing import make_provider, make_route
from tests.outbox.told import statements, told

pytestmark = pytest.mark.django_db

LONG_AGO = "2020-01-01T00:00:00Z"
ACTOR = "staff@example.com"


@pytest.fixture
def provider() -> Provider:
    return make_provider(name="Upstream")


@pytest.fixture
def hand_overs(provider: Provider) -> list[HandOver]:
    """Five orders, written down as being sent."""
    service = make_service(rate="10.00")
    make_route(service, provider, rate="4.00", external_id="77")
    customer = make_customer("1000")
    for _ in range(5):
        place_one(customer, service, quantity=1000)
    return hand_over(busy={}).hand_overs


def unknown(item: HandOver, why: str) -> tuple[str, str, None, dict[str, object]]:
    data = {"fulfilment": item.fulfilment_id, "provider": item.provider.id, "why": why}
    return "handover.unknown", f"order:{item.order_id}", None, data


def test_unknown_outcomes_of_a_batch_are_told_once_in_one_statement(hand_overs: list[HandOver]) -> None:
    answers = [Answered(hand_over=item, reply=Unclear("time-out")) for item in hand_overs]
    record(answers)
    record(answers)
    assert told("handover.unknown") == [unknown(item, "time-out") for item in hand_overs]
    assert statements()["handover.unknown"] == 1


def test_accepted_orders_are_no_event_of_their_own(hand_overs: list[HandOver]) -> None:
    record([Answered(hand_over=item, reply=Accepted(str(item.order_id))) for item in hand_overs])
    assert told() == []


def test_hand_overs_of_a_worker_that_died_are_told(hand_overs: list[HandOver]) -> None:
    Attempt.objects.update(lease_until=LONG_AGO)
    give_up_expired()
    why = "The worker died before it could write the answer down."
    assert sorted(told()) == sorted(unknown(item, why) for item in hand_overs)
    assert statements() == {"handover.unknown": 1}


def test_who_settled_it_and_how(hand_overs: list[HandOver]) -> None:
    first, second = hand_overs[:2]
    record([Answered(hand_over=item, reply=Unclear("time-out")) for item in (first, second)])
    settle_as_placed(fulfilment=Fulfilment.objects.get(pk=first.fulfilment_id), external_id="55", actor=ACTOR)
    settle_as_not_placed(fulfilment=Fulfilment.objects.get(pk=second.fulfilment_id), actor=ACTOR)
    assert [(about, data["placed_as"], data["by"]) for _, about, _, data in told("handover.settled")] == [
        (f"order:{first.order_id}", "55", ACTOR),
        (f"order:{second.order_id}", None, ACTOR),
    ]


def test_a_late_answer_settles_it_too(hand_overs: list[HandOver]) -> None:
    first, second = hand_overs[:2]
    Attempt.objects.update(lease_until=LONG_AGO)
    give_up_expired()
    record(
        [
            Answered(hand_over=first, reply=Accepted("55")),
            Answered(hand_over=second, reply=Refused(RefusalClass.LINK, "bad link")),
        ]
    )
    assert [(about, data["placed_as"], data["by"]) for _, about, _, data in told("handover.settled")] == [
        (f"order:{first.order_id}", "55", ""),
        (f"order:{second.order_id}", None, ""),
    ]


def test_a_pause_is_told_once_until_the_provider_has_recovered(provider: Provider) -> None:
    for _ in range(3):
        note_setback(
            provider_id=provider.pk, key=provider.key, setback=Setback.OUT_OF_FUNDS, text="no balance"
        )
        Provider.objects.update(paused_until=LONG_AGO)
    note_success([provider.pk])
    note_success([provider.pk])
    note_setback(provider_id=provider.pk, key=provider.key, setback=Setback.KEY_REFUSED, text="bad key")
    use_again(provider=provider)
    about = f"provider:{provider.pk}"
    funds = {"name": "Upstream", "reason": "The provider is out of funds", "text": "no balance"}
    key = {"name": "Upstream", "reason": "The provider refuses our key", "text": "bad key"}
    assert told() == [
        ("provider.paused", about, None, funds),
        ("provider.recovered", about, None, {"name": "Upstream"}),
        ("provider.paused", about, None, key),
        ("provider.recovered", about, None, {"name": "Upstream"}),
    ]


def test_a_single_mishap_is_no_event(provider: Provider) -> None:
    note_setback(provider_id=provider.pk, key=provider.key, setback=Setback.NO_USABLE_ANSWER, text="502")
    note_success([provider.pk])
    assert told() == []


def test_a_route_that_closes_by_itself_is_told_once(hand_overs: list[HandOver], provider: Provider) -> None:
    for item in hand_overs[:2]:
        record([Answered(hand_over=item, reply=Refused(RefusalClass.SERVICE, "no such service"))])
    route = Route.objects.get()
    data = {
        "service": route.service_id,
        "provider": provider.pk,
        "provider_service": "77",
        "reason": "no such service",
    }
    assert told("route.closed") == [("route.closed", f"route:{route.pk}", None, data)]
