"""The list of kinds, the manual and the code name the same ones."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from purveyor.outbox.announcing import CannotAnnounce, Event, announce
from purveyor.outbox.kinds import KINDS

ROOT = Path(__file__).resolve().parents[2]


def announced_kinds() -> Iterator[str]:
    """The kind of every `Event(kind="...")` in the code."""
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Event":
                for keyword in node.keywords:
                    if keyword.arg == "kind":
                        assert isinstance(keyword.value, ast.Constant), f"{path}: a kind is written out"
                        yield str(keyword.value.value)


def test_the_code_announces_each_kind_and_no_other() -> None:
    assert sorted(set(announced_kinds())) == sorted(KINDS)


def test_one_place_announces_a_kind() -> None:
    found = list(announced_kinds())
    assert sorted(found) == sorted(set(found))


def test_the_manual_lists_each_kind_and_no_other() -> None:
    rows = re.findall(
        r"^\| `([a-z_.]+)` \| `(\w+)` \| (.*) \| (.*) \|$",
        (ROOT / "docs" / "events.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert rows == [
        (kind.name, kind.about, ", ".join(f"`{field}`" for field in kind.fields), kind.meaning)
        for kind in KINDS.values()
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        (Event(kind="order.stauts", about="order:1"), "'order.stauts' is no kind"),
        (Event(kind="order.status", about="provider:1"), "not 'provider:1'"),
        (Event(kind="order.status", about="order:1", data={"colour": "red"}), "has no colour in its data"),
    ],
)
def test_what_is_not_documented_is_not_announced(event: Event, complaint: str) -> None:
    with pytest.raises(CannotAnnounce, match=complaint):
        announce([event])
