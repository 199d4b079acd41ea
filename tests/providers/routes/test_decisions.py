"""A decision as it is kept, and as people read it."""

import json

import pytest

from purveyor.providers.models import Policy
from purveyor.providers.routes.decisions import MOST_ROUTES_KEPT, compact, sentences
from purveyor.providers.routes.routing import Why
from purveyor.providers.standing.holds import Hold
from tests.providers.routes.test_routing import decide, option


def test_a_decision_is_kept_with_each_route_its_cost_score_and_reason() -> None:
    options = [
        option(1, rate="1.5"),
        option(2, rate="0.8", score=81.26),
        option(3, hold=Hold.OUT_OF_FUNDS.value),
        option(4, closed=True),
    ]
    assert compact(decide(options, policy=Policy.CHEAPEST)) == {
        "policy": "cheapest",
        "routes": [
            {
                "route": 1,
                "provider": "Provider 1",
                "service": "1",
                "cost": "0.15",
                "score": 70.0,
                "why": "behind",
            },
            {
                "route": 2,
                "provider": "Provider 2",
                "service": "2",
                "cost": "0.08",
                "score": 81.3,
                "why": "cheapest",
            },
            {
                "route": 3,
                "provider": "Provider 3",
                "service": "3",
                "cost": "0.1",
                "score": 70.0,
                "why": "waits",
                "hold": "out_of_funds",
            },
        ],
    }


def test_closed_routes_are_told_where_an_order_waits() -> None:
    kept = compact(decide([option(1, closed=True), option(2, rate="3")]))
    assert [(each["route"], each["why"]) for each in kept["routes"]] == [(1, "closed"), (2, "below_margin")]


def test_of_very_many_routes_the_chosen_one_is_kept() -> None:
    options = [option(number, rate=str(2 - number / 1000)) for number in range(1, 101)]
    kept = compact(decide(options, policy=Policy.CHEAPEST))
    assert len(kept["routes"]) == MOST_ROUTES_KEPT
    assert kept["routes"][-1]["route"] == 100
    assert kept["more"] == 100 - MOST_ROUTES_KEPT
    assert sentences(kept)[-1] == "88 more routes are not listed."


def test_sentences() -> None:
    options = [
        option(1, rate="1.5", hold=Hold.OUT_OF_FUNDS.value),
        option(2, rate="0.8", score=81.26),
        option(3, rate="1.2"),
        option(4, rate="2.5"),
        option(5, hold="Somebody's own words"),
    ]
    kept = json.loads(json.dumps(compact(decide(options, policy=Policy.CHEAPEST))))
    assert sentences(kept) == [
        "Policy: The cheapest, by true cost.",
        (
            "Taken: route 2 (Provider 2, service 2, score 81.3) at a cost of 0.08 USD, "
            "because it is the cheapest that can."
        ),
        (
            "Passed over: route 1 (Provider 1, service 1, score 70) at a cost of 0.15 USD: "
            "the provider is out of funds."
        ),
        "Passed over: route 3 (Provider 3, service 3, score 70) at a cost of 0.12 USD: another is preferred.",
        (
            "Passed over: route 4 (Provider 4, service 4, score 70) at a cost of 0.25 USD: "
            "at this cost it leaves less than its margin floor."
        ),
        (
            "Passed over: route 5 (Provider 5, service 5, score 70) at a cost of 0.1 USD: "
            "nothing is sent to the provider for now."
        ),
    ]


def test_sentences_of_an_order_without_any_route() -> None:
    assert sentences(compact(decide([]))) == [
        "Policy: The first that works, by position.",
        "The service has no route.",
    ]


@pytest.mark.parametrize("why", Why)
def test_every_reason_has_its_sentence(why: Why) -> None:
    told = {"route": 1, "provider": "A", "service": "2", "score": 70.0, "why": why.value, "hold": "slow_down"}
    (_, line) = sentences({"policy": "first", "routes": [told]})
    assert line.startswith(("Taken: ", "Passed over: "))


@pytest.mark.parametrize("reason", Hold)
def test_every_hold_has_its_words(reason: Hold) -> None:
    kept = compact(decide([option(1, hold=reason.value)]))
    assert sentences(kept)[-1].lower().endswith(f": {reason.value.lower()}.")
