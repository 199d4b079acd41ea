"""Orders sent over real HTTP to a provider that does what the test says: nothing is ever bought twice."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

import pytest

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.orders.models import Dispatch, Order
from purveyor.orders.placing import place
from purveyor.orders.testing import place_one, request
from purveyor.providers.housekeeping import release_held
from purveyor.providers.models import Attempt, Fulfilment, Handover, Outcome, Provider
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.sending import dispatch as module
from purveyor.providers.sending.dispatch import Dispatcher
from purveyor.providers.sending.handing_over import Claim, hand_over
from purveyor.providers.standing import standing
from purveyor.providers.testing import make_provider, make_route
from purveyor.providers.workplace import Workplace
from purveyor.simulator.behaviours import Behaviour, Fault
from purveyor.simulator.testing import Simulator, running_simulator
from tests.audited import violations
from tests.committed import committed
from tests.providers.rounds import LOOK_AGAIN_SECONDS, SECONDS_TO_FINISH, dispatch, drain_queue

pytestmark = committed

FIELDS = {
    "comments": "First, with a comma\nSecond",
    "keywords": "one\ntwo",
    "usernames": "ann\nbob",
    "hashtags": "spring\nsummer",
    "hashtag": "spring",
    "username": "ann",
    "media": "https://example.com/m",
    "answer_number": 2,
    "groups": "https://example.com/g",
    "country": "US",
    "device": 5,
    "type_of_traffic": 3,
    "min": 100,
    "max": 200,
    "delay": 0,
    "posts": 2,
}


def place_many(service: Service, number: int) -> None:
    customer = make_customer("100000")
    place([request(customer, service, quantity=service.min) for _ in range(number)])


async def until_bought(simulator: Simulator, number: int, *, workplace: Workplace) -> None:
    """Wait until the provider has carried out so many orders, whose answers may still be on their way."""
    async with asyncio.timeout(SECONDS_TO_FINISH):
        while len(simulator.orders) < number:
            await workplace.pause(LOOK_AGAIN_SECONDS)


def hand_overs() -> Counter[str]:
    return Counter(Fulfilment.objects.values_list("handover", flat=True))


def test_every_type_of_order_arrives_as_it_was_placed(simulator: Simulator, catalogue: Provider) -> None:
    customer = make_customer("10000")
    placed = {}
    for order_type in OrderType:
        service = Service.objects.filter(type=order_type).order_by("pk")[0]
        placed[order_type] = place_one(customer, service, quantity=service.min, **FIELDS)
    dispatch()
    bought = {str(item.id): item for item in simulator.orders}
    for order_type, order in placed.items():
        item = bought[Fulfilment.objects.get(order=order).external_id]
        assert item.link == order.link, order_type
        assert item.quantity == order.quantity, order_type
    assert hand_overs() == {Handover.ACCEPTED: len(OrderType)}
    assert violations() == {}


def test_what_was_sent_and_received_is_kept_without_the_key(simulator: Simulator, service: Service) -> None:
    order = place_one(make_customer(), service, quantity=200)
    dispatch()
    attempt = Attempt.objects.get()
    (bought,) = simulator.orders
    assert attempt.request == {
        "action": "add",
        "service": bought.service,
        "link": order.link,
        "quantity": "200",
    }
    assert (attempt.http_status, attempt.response) == (200, f'{{"order":{bought.id}}}')
    assert simulator.key not in str(Attempt.objects.values_list("request", "response"))


LATE = [
    Behaviour(fault=Fault.DELAY_BEFORE_ACCEPTING, seconds=4),
    Behaviour(fault=Fault.DELAY_AFTER_ACCEPTING, seconds=4),
]
SILENT_MISHAPS = [
    *LATE,
    Behaviour(fault=Fault.ACCEPT_THEN_DROP),
    Behaviour(fault=Fault.DROP_WITHOUT_ACCEPTING),
    Behaviour(fault=Fault.ERROR_500_BEFORE_ACCEPTING),
    Behaviour(fault=Fault.ERROR_500_AFTER_ACCEPTING),
    Behaviour(fault=Fault.HTML_PAGE),
    Behaviour(fault=Fault.HTML_PAGE, accepts=False),
    Behaviour(fault=Fault.EMPTY_BODY),
    Behaviour(fault=Fault.TRUNCATED_JSON),
    Behaviour(fault=Fault.WRONG_TYPES),
    Behaviour(fault=Fault.ARBITRARY, http_status=302, body=""),
    Behaviour(fault=Fault.ARBITRARY, http_status=200, body='{"status":"success"}'),
]


@pytest.mark.parametrize("mishap", SILENT_MISHAPS, ids=lambda mishap: f"{mishap.fault}-{mishap.accepts}")
def test_what_nobody_can_tell_is_unknown_and_never_sent_again(
    simulator: Simulator, service: Service, provider: Provider, mishap: Behaviour
) -> None:
    if mishap in LATE:
        Provider.objects.update(timeout_seconds=2)
    simulator.script.next("add", mishap)
    place_many(service, 4)
    dispatch()
    dispatch()
    assert hand_overs() == {Handover.UNKNOWN: 1, Handover.ACCEPTED: 3}
    unknown = Fulfilment.objects.get(handover=Handover.UNKNOWN)
    order = unknown.order
    assert (order.status, order.dispatch, order.refunded) == ("Pending", Dispatch.HANDED, 0)
    sent = [call for call in simulator.requests if call.action == "add"]
    assert Counter(call.fields["link"] for call in sent).most_common(1)[0][1] == 1
    assert violations() == {}


def test_an_id_used_before_is_unknown_and_its_neighbours_are_accepted(
    simulator: Simulator, service: Service
) -> None:
    place_many(service, 1)
    dispatch()
    simulator.script.next("add", Fault.NONE, Fault.REUSED_ID)
    place_many(service, 5)
    dispatch()
    assert hand_overs() == {Handover.ACCEPTED: 5, Handover.UNKNOWN: 1}
    assert len(simulator.orders) == 6
    assert violations() == {}


TOLERATED = [Fault.WARNING_BEFORE_JSON, Fault.NUMBERS_AS_STRINGS, Fault.STRINGS_AS_NUMBERS]


@pytest.mark.parametrize("oddity", TOLERATED)
def test_odd_but_clear_answers_are_understood(simulator: Simulator, service: Service, oddity: Fault) -> None:
    simulator.script.always("add", oddity)
    place_many(service, 3)
    dispatch()
    assert hand_overs() == {Handover.ACCEPTED: 3}


REFUSALS = [
    (Fault.TOO_MANY_REQUESTS, "rate", Dispatch.HELD),
    (Fault.EMPTY_BALANCE, "funds", Dispatch.HELD),
    (Fault.BAD_KEY, "key", Dispatch.HELD),
    (Fault.DUPLICATE_LINK, "duplicate", Dispatch.HELD),
    (Fault.SERVICE_GONE, "service", Dispatch.HELD),
    (Fault.QUEUE_FULL, "other", Dispatch.HELD),
    (Fault.BAD_LINK, "link", Dispatch.NEVER),
]


@pytest.mark.parametrize(("fault", "refusal", "then"), REFUSALS)
def test_a_definite_refusal_buys_nothing_and_has_its_consequence(
    simulator: Simulator, service: Service, fault: Fault, refusal: str, then: str
) -> None:
    simulator.script.always("add", fault)
    place_many(service, 1)
    dispatch()
    assert simulator.orders == []
    assert set(Fulfilment.objects.values_list("handover", "refusal")) == {(Handover.REFUSED, refusal)}
    order = Order.objects.get()
    assert order.dispatch == then
    assert order.refunded == (order.charge if then == Dispatch.NEVER else 0)
    assert violations() == {}


def test_a_provider_nobody_can_reach_gets_nothing_and_loses_nothing(
    provider: Provider, service: Service
) -> None:
    Provider.objects.update(url="http://127.0.0.1:9/api/v2")
    place_many(service, 50)
    dispatch()
    assert set(Order.objects.values_list("dispatch", flat=True)) == {Dispatch.HELD}
    assert set(Attempt.objects.values_list("outcome", flat=True)) == {Outcome.NOT_SENT}
    assert hand_overs()[Handover.UNKNOWN] == 0
    assert violations() == {}


def test_a_provider_that_gives_no_usable_answers_does_not_swallow_the_queue(
    simulator: Simulator, service: Service
) -> None:
    Provider.objects.update(parallel_calls=4)
    simulator.script.always("add", Fault.ERROR_500_BEFORE_ACCEPTING)
    place_many(service, 100)
    dispatch()
    assert 3 <= hand_overs()[Handover.UNKNOWN] <= 3 + 4
    assert Order.objects.filter(dispatch=Dispatch.HELD).count() >= 93


def test_a_random_mix_of_faults_buys_nothing_twice(
    simulator: Simulator, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "FIRST_SILENCE_SECONDS", 0)
    Provider.objects.update(timeout_seconds=1)
    simulator.script.mix(
        {
            Fault.NONE: 60,
            Fault.ACCEPT_THEN_DROP: 4,
            Fault.DROP_WITHOUT_ACCEPTING: 4,
            Fault.ERROR_500_AFTER_ACCEPTING: 4,
            Fault.ERROR_500_BEFORE_ACCEPTING: 4,
            Fault.TOO_MANY_REQUESTS: 4,
            Fault.HTML_PAGE: 4,
            Fault.EMPTY_BODY: 4,
            Fault.WARNING_BEFORE_JSON: 4,
            Fault.REUSED_ID: 4,
            Behaviour(fault=Fault.DELAY_AFTER_ACCEPTING, seconds=1.5): 4,
        },
        seed=7,
    )
    place_many(service, 300)
    dispatch()
    while Order.objects.filter(dispatch=Dispatch.HELD).exists():  # by troubles that came in a row
        assert release_held() > 0
        dispatch()
    links = Counter(item.link for item in simulator.orders)
    assert links.most_common(1)[0][1] == 1
    told = hand_overs()
    assert told[Handover.SENDING] == 0
    assert Order.objects.filter(dispatch=Dispatch.HANDED).count() == 300
    assert told[Handover.ACCEPTED] + told[Handover.UNKNOWN] == 300
    accepted = set(Fulfilment.objects.filter(handover="accepted").values_list("external_id", flat=True))
    assert accepted <= {str(item.id) for item in simulator.orders}
    assert violations() == {}


def test_two_workers_at_once_send_no_order_twice(simulator: Simulator, service: Service) -> None:
    place_many(service, 200)
    simulator.set_latency(milliseconds=5)

    async def both() -> None:
        workplaces = Workplace(), Workplace()
        await asyncio.gather(*(drain_queue(workplace) for workplace in workplaces))
        await asyncio.gather(*(workplace.close() for workplace in workplaces))

    asyncio.run(both())
    assert len({item.link for item in simulator.orders}) == len(simulator.orders) == 200
    assert hand_overs() == {Handover.ACCEPTED: 200}
    assert set(Fulfilment.objects.values_list("number", flat=True)) == {1}
    assert violations() == {}


def test_no_more_calls_at_a_time_than_the_provider_takes(simulator: Simulator, service: Service) -> None:
    Provider.objects.update(parallel_calls=3)
    simulator.set_latency(milliseconds=40)
    place_many(service, 12)
    began = asyncio.new_event_loop()
    try:
        start = began.time()
        dispatch()
        assert began.time() - start >= 12 / 3 * 0.04
    finally:
        began.close()
    assert hand_overs() == {Handover.ACCEPTED: 12}


async def stop_after_two(simulator: Simulator, *, seconds: float) -> None:
    """Send what is queued, and stop within so long when the provider has taken two orders of it."""
    workplace = Workplace()
    dispatcher = Dispatcher(workplace)
    await dispatcher.step()
    await until_bought(simulator, 2, workplace=workplace)
    workplace.stopping.set()
    await dispatcher.finish(seconds=seconds)
    await workplace.close()


def test_stopping_gives_back_what_was_not_sent(simulator: Simulator, service: Service) -> None:
    Provider.objects.update(parallel_calls=2)
    simulator.set_latency(milliseconds=2000)
    place_many(service, 3)

    asyncio.run(stop_after_two(simulator, seconds=SECONDS_TO_FINISH))  # and the third waits for a place
    assert hand_overs() == {Handover.ACCEPTED: 2, Handover.REFUSED: 1}
    assert Fulfilment.objects.get(handover=Handover.REFUSED).refusal == "given_back"
    assert Order.objects.filter(dispatch=Dispatch.QUEUED).count() == 1
    assert Provider.objects.get().troubles == 0


def test_stopping_abandons_calls_that_hang_to_their_leases(simulator: Simulator, service: Service) -> None:
    simulator.set_latency(milliseconds=4000)
    place_many(service, 2)

    asyncio.run(stop_after_two(simulator, seconds=0.2))
    assert hand_overs() == {Handover.SENDING: 2}
    assert set(Attempt.objects.values_list("outcome", flat=True)) == {Outcome.SENDING}


def test_a_provider_that_is_full_for_long_slows_down_nobody_else(
    simulator: Simulator, service: Service, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 60.0)  # so that only room wakes the loop
    simulator.set_latency(milliseconds=4500)
    Provider.objects.filter(pk=provider.pk).update(parallel_calls=1)
    place_many(service, 10)
    offer = service.routes.get().provider_service
    with running_simulator(key="key-of-the-quick", frozen=True) as quick:
        other = make_provider(quick.url, key=quick.key, parallel_calls=2)
        of_other = make_service(rate=service.rate, min=service.min, max=service.max)
        make_route(of_other, other, external_id=offer.external_id, rate=offer.rate)
        place_many(of_other, 40)

        async def run() -> None:
            workplace = Workplace()
            dispatcher = Dispatcher(workplace)
            async with asyncio.timeout(30):  # its ten orders one by one take longer
                while len(quick.orders) < 40:
                    await dispatcher.step()
            await dispatcher.finish(seconds=SECONDS_TO_FINISH)
            await workplace.close()

        asyncio.run(run())


def test_an_outcome_that_nobody_can_write_stops_no_other(
    simulator: Simulator, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_many(service, 3)
    unlucky = Order.objects.earliest("pk").pk

    def record_others(answers: Sequence[Answered]) -> None:
        if any(item.hand_over.order_id == unlucky for item in answers):
            raise ValueError("nobody has thought of this")
        record(answers)

    monkeypatch.setattr(module, "record", record_others)
    Provider.objects.update(parallel_calls=1)  # so that the unlucky one is not the last

    async def run() -> None:
        workplace = Workplace()
        dispatcher = Dispatcher(workplace)
        while await dispatcher.step():
            pass
        await dispatcher.finish(seconds=SECONDS_TO_FINISH)
        await workplace.close()

    asyncio.run(run())
    assert len(simulator.orders) == 3
    assert hand_overs() == {Handover.ACCEPTED: 2, Handover.SENDING: 1}


def test_a_hand_over_that_waited_too_long_to_be_sent_is_given_back(
    simulator: Simulator, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(*, busy: Mapping[int, int]) -> Claim:
        claim = hand_over(busy=busy)
        time.sleep(2 * limit)
        return claim

    limit = 0.2
    monkeypatch.setattr(module, "SEND_WITHIN_SECONDS", limit)
    monkeypatch.setattr(module, "hand_over", slowly)
    place_many(service, 1)

    async def run() -> None:
        workplace = Workplace()
        dispatcher = Dispatcher(workplace)
        await dispatcher.step()
        await dispatcher.finish(seconds=SECONDS_TO_FINISH)
        await workplace.close()

    asyncio.run(run())
    assert simulator.orders == []
    assert Order.objects.get().dispatch == Dispatch.QUEUED


def test_what_it_cost_is_what_the_provider_took(simulator: Simulator, service: Service) -> None:
    place_many(service, 10)
    before = simulator.balance
    dispatch()
    booked = sum(Fulfilment.objects.values_list("cost", flat=True), Decimal(0))
    assert before - simulator.balance == booked > 0
