"""The figures that must hold, and whether they do: pure arithmetic, no measuring."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What a figure is, and how far it must reach."""

    name: str
    unit: str
    """Of the value and the baseline."""
    bar: float
    """What the ratio must reach; where lower is better, what it must not pass."""
    lower_is_better: bool = False

    def is_met_by(self, ratio: float) -> bool:
        """Whether a ratio is good enough; reaching the bar exactly is."""
        return ratio <= self.bar if self.lower_is_better else ratio >= self.bar


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement of a figure with the measurement of its baseline that lies next to it in time."""

    value: float
    baseline: float

    @property
    def ratio(self) -> float:
        """Value ÷ baseline."""
        return self.value / self.baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measured figure. Value, baseline and ratio are each the median of their rounds."""

    bar: Bar
    value: float
    baseline: float
    ratio: float

    @property
    def met(self) -> bool:
        """Whether the bar is met."""
        return self.bar.is_met_by(self.ratio)


def figure(bar: Bar, rounds: Sequence[Round]) -> Figure:
    """Sum rounds up. The ratio is the median of the rounds' ratios, not the ratio of the medians.

    A machine that slows down for a while slows a round's value and baseline alike, so their ratio stays true.
    Raises ValueError without rounds.
    """
    if not rounds:
        raise ValueError(f"{bar.name} was not measured")
    return Figure(
        bar=bar,
        value=statistics.median(each.value for each in rounds),
        baseline=statistics.median(each.baseline for each in rounds),
        ratio=statistics.median(each.ratio for each in rounds),
    )


def as_json(figures: Sequence[Figure]) -> list[dict[str, object]]:
    """The figures in the form of bench/results/latest.json."""
    return [
        {
            "name": each.bar.name,
            "value": round(each.value, 3),
            "baseline": round(each.baseline, 3),
            "ratio": round(each.ratio, 3),
            "bar": each.bar.bar,
            "met": each.met,
        }
        for each in figures
    ]


def as_table(figures: Sequence[Figure]) -> str:
    """The figures for a person to read, a line each."""
    heading = ("figure", "value", "baseline", "unit", "ratio", "bar", "")
    rows = [
        (
            each.bar.name,
            _number(each.value),
            _number(each.baseline),
            each.bar.unit,
            f"{each.ratio:.2f}",
            f"{'≤' if each.bar.lower_is_better else '≥'} {each.bar.bar:g}",
            "met" if each.met else "NOT MET",
        )
        for each in figures
    ]
    widths = [max(len(row[column]) for row in (heading, *rows)) for column in range(len(heading))]
    return "\n".join(_line(row, widths) for row in (heading, *rows))


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        text.rjust(width) if column in {1, 2, 4} else text.ljust(width)
        for column, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
