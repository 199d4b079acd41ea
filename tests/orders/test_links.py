"""Two spellings of one place are one link."""

import pytest

from purveyor.orders.links import link_key, normalised


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.com/a", "http://example.com/a"),
        ("https://www.example.com/a/", "example.com/a"),
        ("HTTPS://Example.COM/a", "https://example.com/a"),
        (" https://example.com/a ", "https://example.com/a"),
    ],
)
def test_the_same_place(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)
    assert link_key(one) == link_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.com/a", "https://example.com/A"),
        ("https://example.com/a?v=1", "https://example.com/a?v=2"),
        ("https://example.com/a", "https://example.org/a"),
    ],
)
def test_another_place(one: str, other: str) -> None:
    assert link_key(one) != link_key(other)
