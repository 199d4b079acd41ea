"""Between the routes that can take an order, the policy decides: tables, and what always holds."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from purveyor.providers.costs.margin import Terms
from purveyor.providers.models import Policy
from purveyor.providers.routes.routing import Candidate, RouteOption, Why, choose_route
from purveyor.providers.standing.holds import Hold
from tests.providers.routes.test_routing import decide, option, sold, taken

BROKE = Hold.OUT_OF_FUNDS.value


def reasons(options: list[RouteOption], **others: object) -> dict[int, Why]:
    return {each.option.route_id: each.why for each in decide(options, **others).candidates}


DEAR, CHEAP, DEAREST = option(1, rate="1.2"), option(2, rate="0.8"), option(3, rate="1.5")
TABLE = [
    ("the position decides", Policy.FIRST, [DEAR, CHEAP, DEAREST], {}, 1),
    ("the cost decides", Policy.CHEAPEST, [DEAR, CHEAP, DEAREST], {}, 2),
    ("the cheapest refused it", Policy.CHEAPEST, [DEAR, CHEAP, DEAREST], {"refused_by": {2}}, 1),
    ("the two cheapest refused it", Policy.CHEAPEST, [DEAR, CHEAP, DEAREST], {"refused_by": {1, 2}}, 3),
    ("the cheapest waits", Policy.CHEAPEST, [DEAR, option(2, rate="0.8", hold=BROKE), DEAREST], {}, 1),
    ("the cheapest has other limits", Policy.CHEAPEST, [DEAR, option(2, rate="0.8", largest=5)], {}, 1),
    ("the cheapest is closed", Policy.CHEAPEST, [DEAR, option(2, rate="0.8", closed=True)], {}, 1),
    ("the cheapest has a high floor", Policy.CHEAPEST, [DEAR, option(2, rate="0.8", floor="70")], {}, 1),
    ("among equals the position decides", Policy.CHEAPEST, [option(2), option(1)], {}, 2),
    (
        "an absurd price is the dearest",
        Policy.CHEAPEST,
        [option(1, rate="9" * 40, floor=None), DEAREST],
        {},
        3,
    ),
    ("the score decides", Policy.SCORE, [option(1, score=60), option(2, score=80)], {}, 2),
    ("unknown counts as ordinary", Policy.SCORE, [option(1, score=60), option(2)], {}, 2),
    ("the best refused it", Policy.SCORE, [option(1, score=60), option(2, score=80)], {"refused_by": {2}}, 1),
    ("among equal scores the position decides", Policy.SCORE, [option(2), option(1)], {}, 2),
    ("no weight takes nothing", Policy.WEIGHT, [option(1, weight=0), option(2)], {}, 2),
    (
        "no weight takes what nobody else can",
        Policy.WEIGHT,
        [option(1, weight=0), option(2)],
        {"refused_by": {2}},
        1,
    ),
    (
        "without any weight the position decides",
        Policy.WEIGHT,
        [option(2, weight=0), option(1, weight=0)],
        {},
        2,
    ),
    ("the link's last route goes first", Policy.CHEAPEST, [DEAR, CHEAP], {"last_of_link": 1}, 1),
    ("not when it refused", Policy.CHEAPEST, [DEAR, CHEAP], {"last_of_link": 1, "refused_by": {1}}, 2),
    ("not when it waits", Policy.FIRST, [option(1, hold=BROKE), CHEAP], {"last_of_link": 1}, 2),
    ("not at a loss", Policy.FIRST, [option(1, rate="3"), CHEAP], {"last_of_link": 1}, 2),
    ("not outside its limits", Policy.FIRST, [option(1, largest=5), CHEAP], {"last_of_link": 1}, 2),
    ("not when it is gone", Policy.FIRST, [DEAR, CHEAP], {"last_of_link": 9}, 1),
]


@pytest.mark.parametrize(
    ("why", "policy", "options", "others", "route_id"), TABLE, ids=[row[0] for row in TABLE]
)
def test_choice(
    why: str, policy: Policy, options: list[RouteOption], others: dict[str, object], route_id: int
) -> None:
    assert taken(options, policy=policy, **others) == route_id, why


def test_fx_bonus_and_fee_are_part_of_the_cost() -> None:
    def bought(route_id: int, rate: str, **terms: str) -> RouteOption:
        usual = {"fx_rate": "1"} | terms
        return RouteOption(
            route_id=route_id,
            provider_id=route_id,
            provider="",
            external_id="1",
            rate=Decimal(rate),
            terms=Terms(**{name: Decimal(value) for name, value in usual.items()}),
            margin_floor_percent=None,
            min=None,
            max=None,
            hold_reason="",
        )

    plain, dollars = bought(1, "1"), bought(2, "0.9", fx_rate="1.2")
    with_bonus, with_fee = bought(3, "1.05", top_up_bonus_percent="10"), bought(4, "0.95", fee_percent="10")
    assert taken([plain, dollars], policy=Policy.CHEAPEST) == 1
    assert taken([plain, with_bonus], policy=Policy.CHEAPEST) == 3
    assert taken([plain, with_fee], policy=Policy.CHEAPEST) == 1


def test_every_route_is_told_with_a_reason() -> None:
    options = [
        option(1, closed=True),
        option(2),
        option(3, rate="3"),
        option(4, hold=BROKE),
        option(5, largest=5),
        option(6, rate="0.5"),
        option(7),
    ]
    assert reasons(options, policy=Policy.CHEAPEST, refused_by={2}) == {
        1: Why.CLOSED,
        2: Why.REFUSED,
        3: Why.BELOW_MARGIN,
        4: Why.WAITS,
        5: Why.OUTSIDE_LIMITS,
        6: Why.CHEAPEST,
        7: Why.BEHIND,
    }


@pytest.mark.parametrize("policy", Policy)
def test_the_only_one_that_can_is_taken_under_every_policy(policy: Policy) -> None:
    assert reasons([option(1, hold=BROKE), option(2)], policy=policy) == {1: Why.WAITS, 2: Why.ONLY}


WEIGHTS = st.lists(st.integers(0, 20), min_size=2, max_size=5).filter(any)
ORDERS = 4000


@settings(max_examples=10, deadline=None)
@given(weights=WEIGHTS, first=st.integers(0, 10**12))
def test_shares_converge_to_the_weights(weights: list[int], first: int) -> None:
    options = [option(number, weight=weight) for number, weight in enumerate(weights, start=1)]
    shares = Counter(
        taken(options, policy=Policy.WEIGHT, order_id=order_id) for order_id in range(first, first + ORDERS)
    )
    for number, weight in enumerate(weights, start=1):
        # Six standard deviations of the widest share.
        assert shares[number] / ORDERS == pytest.approx(weight / sum(weights), abs=0.048)
        assert (shares[number] == 0) if weight == 0 else True


@given(order_id=st.integers(1, 10**15), weights=WEIGHTS, gone=st.integers(0, 4))
def test_by_weight_a_route_that_falls_out_moves_its_own_orders_only(
    order_id: int, weights: list[int], gone: int
) -> None:
    options = [option(number, weight=weight) for number, weight in enumerate(weights)]
    before = taken(options, policy=Policy.WEIGHT, order_id=order_id)
    assert taken(options, policy=Policy.WEIGHT, order_id=order_id) == before
    after = taken(options, policy=Policy.WEIGHT, order_id=order_id, refused_by={gone} - {before})
    assert after == before


OPTIONS = st.lists(
    st.builds(
        option,
        st.integers(1, 9),
        hold=st.sampled_from(["", "", BROKE]),
        largest=st.sampled_from([1000, 1000, 50]),
        rate=st.sampled_from(["0.5", "1", "1.5", "2.5", "9" * 40]),
        floor=st.sampled_from(["0", "40", None]),
        weight=st.integers(0, 3),
        score=st.floats(0, 100),
        closed=st.sampled_from([False, False, True]),
    ),
    max_size=6,
    unique_by=lambda each: each.route_id,
)


@given(
    options=OPTIONS,
    policy=st.sampled_from(Policy),
    refused_by=st.sets(st.integers(1, 9), max_size=3),
    last_of_link=st.none() | st.integers(1, 9),
)
def test_the_policy_decides_which_but_never_whether(
    options: list[RouteOption], policy: Policy, refused_by: set[int], last_of_link: int | None
) -> None:
    """Under every policy an order is sent, waits or ends exactly when it would by position."""
    plain = choose_route(options, order_id=7, refused_by=refused_by, sale=sold(100), counts=True).choice
    decision = decide(options, policy=policy, order_id=7, refused_by=refused_by, last_of_link=last_of_link)
    chosen = decision.choice
    if not isinstance(plain, Candidate):
        assert type(chosen) is type(plain)
        assert getattr(chosen, "reason", "") == getattr(plain, "reason", "")
        return
    assert isinstance(chosen, Candidate)
    route = chosen.option
    assert not route.closed
    assert not route.hold_reason
    assert route.route_id not in refused_by
    pool = [each for each in decision.candidates if each.why is Why.BEHIND or each is chosen]
    if policy is Policy.CHEAPEST and chosen.why is Why.CHEAPEST:
        assert all(each.cost is None or chosen.cost <= each.cost for each in pool if chosen.cost is not None)
    if policy is Policy.SCORE and chosen.why is Why.SCORE:
        assert route.score == max(each.option.score for each in pool)
