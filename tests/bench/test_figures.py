import json

import pytest

from bench import bars
from bench.figures import Bar, Figure, Round, as_json, as_table, figure

HIGH = Bar(name="orders", unit="orders/s", bar=1.5)
LOW = Bar(name="tail (lower is better)", unit="ms", bar=8, lower_is_better=True)


@pytest.mark.parametrize(
    ("bar", "ratio", "met"),
    [
        (HIGH, 1.49, False),
        (HIGH, 1.5, True),
        (HIGH, 7.0, True),
        (LOW, 8.01, False),
        (LOW, 8.0, True),
        (LOW, 1.0, True),
    ],
)
def test_a_bar_is_met_when_it_is_reached(bar: Bar, ratio: float, *, met: bool) -> None:
    assert bar.is_met_by(ratio) is met


def test_a_figure_is_the_median_of_its_rounds() -> None:
    found = figure(HIGH, [Round(900, 300), Round(500, 400), Round(700, 500)])
    assert (found.value, found.baseline) == (700, 400)


def test_the_ratio_is_the_median_of_the_rounds_ratios_so_that_a_slow_moment_does_not_bend_it() -> None:
    # The machine ran at half its speed in the second round; the medians alone would say 600 / 500.
    found = figure(HIGH, [Round(1000, 500), Round(600, 300), Round(500, 500)])
    assert found.ratio == 2.0
    assert found.met


def test_an_even_number_of_rounds_takes_the_middle_of_the_two() -> None:
    assert figure(HIGH, [Round(100, 100), Round(300, 100)]).ratio == 2.0


def test_a_figure_without_rounds_is_an_error_and_not_a_success() -> None:
    with pytest.raises(ValueError, match="orders was not measured"):
        figure(HIGH, [])


def test_the_results_have_the_promised_form() -> None:
    figures = [
        figure(HIGH, [Round(3000.12345, 2000)]),
        figure(LOW, [Round(90, 10)]),
    ]
    assert json.loads(json.dumps(as_json(figures))) == [
        {"name": "orders", "value": 3000.123, "baseline": 2000, "ratio": 1.5, "bar": 1.5, "met": True},
        {"name": "tail (lower is better)", "value": 90, "baseline": 10, "ratio": 9, "bar": 8, "met": False},
    ]


def test_a_bar_that_is_just_missed_is_not_rounded_into_a_success() -> None:
    found = figure(HIGH, [Round(1.49999, 1)])
    assert as_json([found])[0]["met"] is False


def test_the_table_says_what_is_not_met_and_which_way_is_better() -> None:
    table = as_table([figure(HIGH, [Round(3000, 2000)]), figure(LOW, [Round(90, 10)])])
    heading, first, second = table.split("\n")
    assert heading.split() == ["figure", "value", "baseline", "unit", "ratio", "bar"]
    assert first.split() == ["orders", "3,000", "2,000", "orders/s", "1.50", "≥", "1.5", "met"]
    assert second.split()[-4:] == ["≤", "8", "NOT", "MET"]


def test_the_bars_are_those_of_the_design() -> None:
    all_bars = [value for value in vars(bars).values() if isinstance(value, Bar)]
    assert {(each.name, each.bar, each.lower_is_better) for each in all_bars} == {
        ("add, 1 000 customers ÷ pgbench", 1.5, False),
        ("add, one customer ÷ pgbench, 1 000 customers", 1.5, False),
        ("add, p99 ÷ p50 (lower is better)", 8, True),
        ("status of one order ÷ pgbench", 0.25, False),
        ("status of 100 orders ÷ status of one", 4, False),
        ("services, 10 000 of them ÷ nginx", 1, False),
        ("dispatch ÷ 32 calls of 50 ms", 0.9, False),
        ("dispatch, two workers ÷ one, calls of 200 ms", 1.5, False),
        ("processor time per polled order ÷ 1 ms (lower is better)", 1, True),
        ("memory of one app process ÷ 200 MB (lower is better)", 1, True),
    }


def test_the_bars_beside_old_orders_are_all_the_same() -> None:
    bar = bars.beside_old_orders(bars.ADD)
    assert (bar.name, bar.bar) == ("add, 1 000 customers: 10 million old orders ÷ none", 0.8)


def test_a_figure_knows_whether_it_is_met() -> None:
    assert not Figure(bar=LOW, value=90, baseline=10, ratio=9).met
