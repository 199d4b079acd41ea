"""Orders take the routes that their service's policy chooses, and what was decided is kept with them."""

from collections import Counter
from itertools import cycle

import pytest

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.database import fetch_all
from purveyor.orders.models import Order, OrderEvent
from purveyor.orders.testing import place_one
from purveyor.providers.models import Fulfilment, Handover, Policy, Route, RoutePolicy, RouteQuality
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.outcomes.under_way import HandOver
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Accepted, Refused
from purveyor.providers.routes.decisions import sentences
from purveyor.providers.sending.handing_over import _SQL, MOST_CLAIMS, hand_over
from purveyor.providers.testing import make_provider, make_route
from tests.audited import violations

pytestmark = pytest.mark.django_db

NOBODY_BUSY: dict[int, int] = {}
LINK = "https://example.com/the-same"


def sold(policy: Policy = Policy.FIRST, *, sticky: bool = False, rates: tuple[str, ...]) -> list[Route]:
    """The routes of a service, by position, each of a provider of its own."""
    service = make_service()
    RoutePolicy.objects.create(service=service, policy=policy, sticky_per_link=sticky)
    return [
        make_route(service, make_provider(), rate=rate, position=place) for place, rate in enumerate(rates)
    ]


def order(service: Service, number: int = 1, **fields: object) -> list[Order]:
    customers = [make_customer("1000")]
    if "link" in fields:  # each customer may have one order with it
        customers += [make_customer("1000") for _ in range(number - 1)]
    return [
        place_one(customer, service, quantity=100, **fields)
        for customer, _ in zip(cycle(customers), range(number), strict=False)
    ]


def route_of(item: HandOver) -> int | None:
    return Fulfilment.objects.get(pk=item.fulfilment_id).route_id


def refuse(item: HandOver, refusal: RefusalClass) -> None:
    record([Answered(hand_over=item, reply=Refused(refusal, "No"))])


def test_the_cheapest_is_taken_and_why_is_kept() -> None:
    dear, cheap = sold(Policy.CHEAPEST, rates=("0.60", "0.40"))
    order(dear.service)
    (item,) = hand_over(busy=NOBODY_BUSY).hand_overs
    fulfilment = Fulfilment.objects.get(pk=item.fulfilment_id)
    assert fulfilment.route == cheap
    assert fulfilment.decision is not None
    assert [(each["route"], each["why"], each["cost"]) for each in fulfilment.decision["routes"]] == [
        (dear.pk, "behind", "0.06"),
        (cheap.pk, "cheapest", "0.04"),
    ]
    assert sentences(fulfilment.decision)[0] == "Policy: The cheapest, by true cost."


def test_shares_follow_the_weights() -> None:
    routes = sold(Policy.WEIGHT, rates=("0.50", "0.50", "0.50"))
    for route, weight in zip(routes, (3, 1, 0), strict=True):
        Route.objects.filter(pk=route.pk).update(weight=weight)
    order(routes[0].service, 60)
    shares = Counter(route_of(item) for item in hand_over(busy=NOBODY_BUSY).hand_overs)
    assert set(shares) == {routes[0].pk, routes[1].pk}
    assert shares[routes[0].pk] > shares[routes[1].pk]


def test_the_best_score_is_taken() -> None:
    first, second = sold(Policy.SCORE, rates=("0.50", "0.50"))
    RouteQuality.objects.create(route=first, score=69.9)
    order(first.service)
    (item,) = hand_over(busy=NOBODY_BUSY).hand_overs
    assert route_of(item) == second.pk


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("refusal", [RefusalClass.LINK, RefusalClass.FUNDS, RefusalClass.SERVICE])
def test_a_definite_refusal_moves_the_order_on_in_the_policys_order(
    policy: Policy, refusal: RefusalClass
) -> None:
    routes = sold(policy, rates=("0.50", "0.40", "0.30"))
    for place, route in enumerate(routes):
        RouteQuality.objects.create(route=route, score=50 + place)
    order(routes[0].service)
    taken = []
    for _ in routes:
        (item,) = hand_over(busy=NOBODY_BUSY).hand_overs
        taken.append(route_of(item))
        refuse(item, refusal)
    assert sorted(filter(None, taken)) == [route.pk for route in routes], "each once"
    if policy is Policy.FIRST:
        assert taken == [route.pk for route in routes]
    elif policy in (Policy.CHEAPEST, Policy.SCORE):
        assert taken == [route.pk for route in reversed(routes)]
    numbers = Fulfilment.objects.order_by("number").values_list("number", "handover")
    assert list(numbers) == [(number, Handover.REFUSED) for number in (1, 2, 3)]
    assert hand_over(busy=NOBODY_BUSY).hand_overs == []
    assert violations() == {}


@pytest.mark.parametrize("policy", Policy)
def test_a_held_order_tells_why_no_route_took_it(policy: Policy) -> None:
    poor, silent = sold(policy, rates=("1.50", "0.50"))
    type(silent.provider_service.provider).objects.filter(pk=silent.provider_service.provider_id).update(
        enabled=False
    )
    (held,) = order(poor.service)
    hand_over(busy=NOBODY_BUSY)
    event = OrderEvent.objects.get(order=held)
    assert event.data["reason"] == "The provider is switched off"
    assert [(each["route"], each["why"]) for each in event.data["decision"]["routes"]] == [
        (poor.pk, "below_margin"),
        (silent.pk, "waits"),
    ]


def test_the_same_link_goes_the_same_way_whatever_the_policy_says_then() -> None:
    first, second = sold(Policy.CHEAPEST, sticky=True, rates=("0.40", "0.50"))
    order(first.service, link=LINK)
    (item,) = hand_over(busy=NOBODY_BUSY).hand_overs
    record([Answered(hand_over=item, reply=Accepted("1"))])
    first.provider_service.rate = "0.60"
    first.provider_service.save()
    order(first.service, link="http://www.EXAMPLE.com/the-same/")
    order(first.service, link="https://example.com/another")
    taken = [route_of(each) for each in hand_over(busy=NOBODY_BUSY).hand_overs]
    assert taken == [first.pk, second.pk]
    first.enabled = False
    first.save()
    order(first.service, link=LINK)
    (item,) = hand_over(busy=NOBODY_BUSY).hand_overs
    assert route_of(item) == second.pk


def test_a_route_that_refused_the_link_is_not_the_one_that_took_it() -> None:
    first, second = sold(Policy.FIRST, sticky=True, rates=("0.40", "0.50"))
    order(first.service, link=LINK)
    (item,) = hand_over(busy=NOBODY_BUSY).hand_overs
    refuse(item, RefusalClass.LINK)
    (item,) = hand_over(busy=NOBODY_BUSY).hand_overs
    assert route_of(item) == second.pk
    order(first.service, link=LINK)
    (item,) = hand_over(busy=NOBODY_BUSY).hand_overs
    assert route_of(item) == second.pk


def test_orders_with_one_link_that_are_taken_together_go_together() -> None:
    routes = sold(Policy.WEIGHT, sticky=True, rates=("0.50", "0.50", "0.50"))
    order(routes[0].service, 12, link=LINK)
    assert len({route_of(item) for item in hand_over(busy=NOBODY_BUSY).hand_overs}) == 1


def test_links_of_other_services_and_of_services_that_do_not_care_lead_nowhere() -> None:
    mine, _ = sold(Policy.CHEAPEST, sticky=True, rates=("0.40", "0.50"))
    others, _ = sold(Policy.CHEAPEST, sticky=False, rates=("0.50", "0.40"))
    order(others.service, link=LINK)
    order(mine.service, link=LINK)
    hand_over(busy=NOBODY_BUSY)
    assert Fulfilment.objects.filter(link_key__isnull=False).get().route == mine


def test_a_subscription_sticks_by_its_user_name() -> None:
    service = make_service(OrderType.SUBSCRIPTIONS)
    RoutePolicy.objects.create(service=service, policy=Policy.CHEAPEST, sticky_per_link=True)
    cheap = make_route(service, make_provider(), rate="0.40")
    make_route(service, make_provider(), rate="0.50")
    terms = {"username": "ann", "min": 10, "max": 20, "posts": 3, "delay": 0}
    place_one(make_customer(), service, **terms)
    hand_over(busy=NOBODY_BUSY)
    cheap.provider_service.rate = "0.60"
    cheap.provider_service.save()
    place_one(make_customer(), service, **terms)
    (item,) = hand_over(busy=NOBODY_BUSY).hand_overs
    assert route_of(item) == cheap.pk
    assert item.cost == 0


def busy_services(service: Service, full: list[Route], sendable: list[Route]) -> list[int]:
    def providers(routes: list[Route]) -> list[int]:
        return [route.provider_service.provider_id for route in routes]

    parameters = {
        "services": [service.pk],
        "full": providers(full),
        "sendable": providers(sendable),
        "neutral_score": 70.0,
    }
    return [row.service_id for row in fetch_all(_SQL["usable_services"], parameters) if row.is_full]


@pytest.mark.parametrize(
    ("policy", "sticky", "full", "busy"),
    [
        (Policy.FIRST, False, (0,), True),
        (Policy.FIRST, False, (1,), False),
        (Policy.CHEAPEST, False, (0,), False),
        (Policy.CHEAPEST, False, (1,), True),
        (Policy.SCORE, False, (0,), True),
        (Policy.SCORE, False, (1,), False),
        (Policy.WEIGHT, False, (0,), False),
        (Policy.WEIGHT, False, (1,), False),
        (Policy.WEIGHT, False, (0, 1), True),
        (Policy.CHEAPEST, True, (1,), False),
        (Policy.FIRST, True, (0, 1), True),
    ],
)
def test_a_service_is_busy_when_its_choice_is_full(
    *, policy: Policy, sticky: bool, full: tuple[int, ...], busy: bool
) -> None:
    routes = sold(policy, sticky=sticky, rates=("0.60", "0.40"))
    RouteQuality.objects.create(route=routes[1], score=60)
    found = busy_services(routes[0].service, [routes[place] for place in full], routes)
    assert found == ([routes[0].service_id] if busy else [])


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("sticky", [False, True])
def test_a_full_provider_hides_nobody_elses_orders(*, policy: Policy, sticky: bool) -> None:
    """More orders wait for it than are looked at in one go, and the service itself does not tell."""
    full, spare = sold(policy, sticky=sticky, rates=("0.40", "0.40"))
    if policy is Policy.WEIGHT:
        Route.objects.filter(pk=spare.pk).update(weight=0)
    order(full.service, 30, **({"link": LINK} if sticky else {}))
    other = make_route(make_service(), make_provider(parallel_calls=4))
    (last,) = order(other.service)
    busy = {full.provider_service.provider_id: 64, spare.provider_service.provider_id: 50}
    claim = hand_over(busy=busy)
    assert last.pk in [item.order_id for item in claim.hand_overs]


def test_no_look_is_endless_and_none_takes_an_order_twice() -> None:
    """Ten services wait for one full provider, which each of their orders shows only when it is looked at."""
    full = make_provider()
    for _ in range(10):
        service = make_service()
        RoutePolicy.objects.create(service=service, policy=Policy.WEIGHT)
        make_route(service, full)
        make_route(service, make_provider(), weight=0)
        order(service, 13)
    other = make_route(make_service(), make_provider(parallel_calls=1))
    (last,) = order(other.service)
    claim = hand_over(busy={full.pk: 64})
    assert [item.order_id for item in claim.hand_overs] == [last.pk]
    assert claim.drained, "whoever waits for room is woken by it"


def test_little_room_is_found_by_whoever_it_is_for() -> None:
    """However many services wait for a full provider before it."""
    full, other = make_provider(), make_provider(parallel_calls=1)
    for _ in range(2 * MOST_CLAIMS):
        service = make_service()
        RoutePolicy.objects.create(service=service, policy=Policy.WEIGHT)
        make_route(service, full)
        make_route(service, other, weight=0)
        order(service, 3)
    (last,) = order(make_route(make_service(), other).service)
    claim = hand_over(busy={full.pk: 64})
    assert [item.order_id for item in claim.hand_overs] == [last.pk]


def test_a_look_in_which_nothing_moves_is_not_repeated_at_once() -> None:
    """However many services wait for a full provider, and even where none of its calls will wake anybody."""
    full = make_provider()
    for _ in range(2 * MOST_CLAIMS):
        service = make_service()
        RoutePolicy.objects.create(service=service, policy=Policy.WEIGHT)
        make_route(service, full)
        make_route(service, make_provider(parallel_calls=1), weight=0)
        order(service, 40)
    assert hand_over(busy={full.pk: 64}).drained
