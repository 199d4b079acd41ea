"""A route's score: bounded, monotonic in every measure, and careful with few orders."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.providers.models import NEUTRAL_SCORE
from purveyor.providers.routes.scoring import ORDERS_OF_DOUBT, WEIGHTS, Quality, score

PERFECT = Quality(
    orders=10**6,
    start_seconds=0,
    finish_seconds_per_1000=0,
    partial_percent=0,
    cancel_percent=0,
    refill_success_percent=100,
    cost_drift_percent=0,
    uptime_percent=100,
)
WORST = Quality(
    orders=10**6,
    start_seconds=1e12,
    finish_seconds_per_1000=1e12,
    partial_percent=100,
    cancel_percent=100,
    refill_success_percent=0,
    cost_drift_percent=1e12,
    uptime_percent=0,
)
LESS_IS_BETTER = (
    "start_seconds",
    "finish_seconds_per_1000",
    "partial_percent",
    "cancel_percent",
    "cost_drift_percent",
)
MORE_IS_BETTER = ("refill_success_percent", "uptime_percent")


def measure(name: str) -> st.SearchStrategy[float]:
    return st.floats(0, 100) if name.endswith("_percent") else st.floats(0, 1e9)


QUALITIES = st.builds(
    Quality,
    orders=st.integers(0, 10**9),
    **{name: st.none() | measure(name) for name in LESS_IS_BETTER + MORE_IS_BETTER},
)


@given(quality=QUALITIES)
def test_it_lies_between_0_and_100(quality: Quality) -> None:
    assert 0 <= score(quality) <= 100


@given(data=st.data(), quality=QUALITIES, name=st.sampled_from(LESS_IS_BETTER + MORE_IS_BETTER))
def test_better_in_one_measure_is_never_a_lower_score(data: Any, quality: Quality, name: str) -> None:
    smaller, larger = sorted((data.draw(measure(name)), data.draw(measure(name))))
    worse, better = (larger, smaller) if name in LESS_IS_BETTER else (smaller, larger)
    assert score(replace(quality, **{name: better})) >= score(replace(quality, **{name: worse}))


@pytest.mark.parametrize("name", LESS_IS_BETTER + MORE_IS_BETTER)
def test_every_measure_counts(name: str) -> None:
    assert score(replace(PERFECT, **{name: getattr(WORST, name)})) < score(PERFECT) - 4


def test_the_ends_of_the_scale() -> None:
    assert score(PERFECT) == pytest.approx(100, abs=0.01)
    assert score(WORST) == pytest.approx(0, abs=0.01)
    assert sum(WEIGHTS.values()) == 100


def test_of_a_route_without_orders_it_is_neutral() -> None:
    assert score(Quality(orders=0)) == NEUTRAL_SCORE
    assert score(replace(WORST, orders=0)) == NEUTRAL_SCORE


def test_a_route_of_which_only_the_number_of_orders_is_known_stays_neutral() -> None:
    assert score(Quality(orders=1000)) == pytest.approx(NEUTRAL_SCORE)


@given(quality=QUALITIES)
def test_with_more_orders_it_moves_from_neutral_towards_what_was_measured(quality: Quality) -> None:
    measured = score(replace(quality, orders=10**12))
    distances = [
        round(abs(score(replace(quality, orders=orders)) - measured), 6) for orders in (0, 5, 50, 5000)
    ]
    assert distances == sorted(distances, reverse=True)
    half = score(replace(quality, orders=ORDERS_OF_DOUBT))
    assert half == pytest.approx((NEUTRAL_SCORE + measured) / 2, abs=0.01)
