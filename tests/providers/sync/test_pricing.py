"""Prices made of costs: exact, and never below what they must be."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.providers.models import Rounding
from purveyor.providers.sync.pricing import RATE_STEP, PricingRule, WrongPricing, rate_for

COSTS = st.decimals(min_value=0, max_value=10**9, places=8)
MARKUPS = st.decimals(min_value=-100, max_value=10_000, places=4)
PARTS = st.decimals(min_value=-1000, max_value=1000, places=5)
STEPS = st.one_of(
    st.sampled_from([RATE_STEP, Decimal("0.01"), Decimal("0.05"), Decimal("0.25"), Decimal(1), Decimal(50)]),
    st.decimals(min_value=RATE_STEP, max_value=100, places=5),
)


def exact(cost: Decimal, markup: Decimal, fixed: Decimal) -> Decimal:
    return cost * (100 + markup) / 100 + fixed


@given(cost=COSTS, markup=MARKUPS, fixed=PARTS, step=STEPS, rounding=st.sampled_from(Rounding))
def test_a_rate_is_never_below_cost_and_is_a_multiple_of_its_step(
    cost: Decimal, markup: Decimal, fixed: Decimal, step: Decimal, rounding: Rounding
) -> None:
    rule = PricingRule(markup_percent=markup, fixed=fixed, step=step, rounding=rounding)
    rate = rate_for(cost, rule=rule)
    assert rate >= cost
    assert rate % step == 0
    assert rate == round(rate, 5)


@given(cost=COSTS, markup=MARKUPS, fixed=PARTS, step=STEPS)
def test_rounded_up_it_is_never_below_the_marked_up_cost_nor_a_whole_step_above(
    cost: Decimal, markup: Decimal, fixed: Decimal, step: Decimal
) -> None:
    wanted = exact(cost, markup, fixed)
    rate = rate_for(cost, rule=PricingRule(markup_percent=markup, fixed=fixed, step=step))
    assert rate >= wanted
    assert rate - max(wanted, cost) < step


@given(cost=COSTS, markup=MARKUPS, fixed=PARTS, step=STEPS, rounding=st.sampled_from(Rounding))
def test_where_it_may_be_below_cost_only_rounding_moves_it(
    cost: Decimal, markup: Decimal, fixed: Decimal, step: Decimal, rounding: Rounding
) -> None:
    rule = PricingRule(markup_percent=markup, fixed=fixed, step=step, rounding=rounding, below_cost=True)
    wanted = max(exact(cost, markup, fixed), Decimal(0))
    off = rate_for(cost, rule=rule) - wanted
    limits = {
        Rounding.UP: (Decimal(0), step),
        Rounding.DOWN: (-step, Decimal(0)),
        Rounding.NEAREST: (-step / 2, step / 2),
    }
    least, most = limits[rounding]
    assert least <= off <= most


@given(costs=st.tuples(COSTS, COSTS), markup=MARKUPS, step=STEPS, rounding=st.sampled_from(Rounding))
def test_what_costs_more_is_never_cheaper(
    costs: tuple[Decimal, Decimal], markup: Decimal, step: Decimal, rounding: Rounding
) -> None:
    rule = PricingRule(markup_percent=markup, step=step, rounding=rounding)
    low, high = sorted(costs)
    assert rate_for(low, rule=rule) <= rate_for(high, rule=rule)


@pytest.mark.parametrize(
    ("cost", "options", "rate"),
    [
        ("0.90", {"markup_percent": "20"}, "1.08"),
        ("0.90", {"markup_percent": "20", "fixed": "0.10"}, "1.18"),
        ("0.91", {"markup_percent": "20", "step": "0.05"}, "1.10"),
        ("0.91", {"markup_percent": "20", "step": "0.05", "rounding": Rounding.NEAREST}, "1.10"),
        ("0.92", {"markup_percent": "20", "step": "0.05", "rounding": Rounding.DOWN}, "1.10"),
        ("0.98", {"markup_percent": "1", "step": "0.5", "rounding": Rounding.DOWN}, "1.0"),
        ("0.00000001", {"markup_percent": "0"}, "0.00001"),
        ("1", {"markup_percent": "-50"}, "1"),
        ("1", {"markup_percent": "-50", "below_cost": True}, "0.5"),
        ("1", {"markup_percent": "0", "fixed": "-5", "below_cost": True}, "0"),
    ],
)
def test_prices_as_a_person_reckons_them(cost: str, options: dict[str, Any], rate: str) -> None:
    texts = {name: Decimal(value) for name, value in options.items() if type(value) is str}
    assert rate_for(Decimal(cost), rule=PricingRule(**options | texts)) == Decimal(rate)


@pytest.mark.parametrize(
    "wrong",
    [
        {"markup_percent": Decimal("-100.01")},
        {"markup_percent": Decimal(10_001)},
        {"markup_percent": Decimal(1), "fixed": Decimal("0.000001")},
        {"markup_percent": Decimal(1), "step": Decimal(0)},
        {"markup_percent": Decimal(1), "step": Decimal("-0.01")},
        {"markup_percent": Decimal(1), "step": Decimal("0.000015")},
    ],
)
def test_a_rule_that_makes_no_prices_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(WrongPricing):
        PricingRule(**wrong)
