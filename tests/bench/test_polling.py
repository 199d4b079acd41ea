"""The simulation of following, small."""

from array import array

import pytest

from bench.polling import Size, quantile, simulate

SMALL = Size(orders=4_000, providers=2, settle_seconds=300, warm_up_seconds=300, seconds=600)


def test_the_same_seed_gives_the_same_figures() -> None:
    first, second = (simulate(SMALL, calls_per_minute=10, seed=7) for _ in range(2))
    assert (first.calls, first.asked, first.delays) == (second.calls, second.asked, second.delays)


def test_calls_stay_within_the_budget_and_a_smaller_one_sees_changes_later() -> None:
    ample, scarce = (simulate(SMALL, calls_per_minute=calls, seed=7) for calls in (60, 1))
    minutes = SMALL.seconds / 60
    assert 0 < scarce.calls <= (minutes + 1) * SMALL.providers
    assert 0 < ample.calls <= (60 * minutes + 10) * SMALL.providers
    assert quantile(ample.delays, 0.5) < quantile(scarce.delays, 0.5)


def test_nothing_measured_is_an_error_and_not_a_delay_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing changed"):
        quantile(array("d"), 0.5)
