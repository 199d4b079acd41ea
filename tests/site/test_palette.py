"""Contrasts of the palette, by WCAG 2.2: 4.5 for text (1.4.3), 3 for the edges of controls (1.4.11)."""

import re
from pathlib import Path

import pytest

from purveyor import site

CSS = (Path(site.__file__).parent / "static/site/site.css").read_text(encoding="utf-8")
COLOURS = {
    name: (by_day, by_night)
    for name, by_day, by_night in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", CSS)
}
TEXT = 4.5
EDGE = 3.0
PAIRS = [
    *((ink, ground, TEXT) for ink in ("ink", "muted", "accent") for ground in ("page", "surface", "tint")),
    ("page", "accent", TEXT),  # the skip link
    *(("edge", ground, EDGE) for ground in ("page", "surface")),
    *(("accent", ground, EDGE) for ground in ("page", "surface", "tint")),  # the focus ring
    *((ink, "code-page", TEXT) for ink in ("code-ink", "code-key", "code-text", "code-word")),
    *((ink, "code-bar", TEXT) for ink in ("code-ink", "code-muted")),
    *(("code-key", ground, EDGE) for ground in ("code-page", "code-bar")),  # the focus ring
]


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("time_of_day", [0, 1], ids=["by day", "by night"])
@pytest.mark.parametrize(("ink", "ground", "least"), PAIRS)
def test_what_is_to_be_seen_stands_out(ink: str, ground: str, least: float, time_of_day: int) -> None:
    assert contrast(COLOURS[ink][time_of_day], COLOURS[ground][time_of_day]) >= least


def test_every_colour_of_the_palette_is_in_the_table() -> None:
    # Lines and the edge of a code block only decorate.
    held = {name for ink, ground, _ in PAIRS for name in (ink, ground)}
    assert set(COLOURS) - held == {"line", "code-edge"}


def test_colours_are_named_in_the_palette_only() -> None:
    palette, _, rest = CSS.partition(":root:has(")
    assert "light-dark(" in palette
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)|\b(?:rgb|hsl|oklch)a?\(", rest)


def test_directions_are_logical() -> None:
    assert not re.findall(
        r"\b(?:margin|padding|border|inset)?-?(?:left|right)\b\s*:|text-align: (?:left|right)", CSS
    )
