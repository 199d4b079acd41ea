import pytest

from purveyor.money.audit import Check
from purveyor.ops.audit import ROOMS, audit
from tests.committed import committed

HOLDS = Check(name="sums", explanation="One and one is two.", sql="SELECT 1 WHERE 1 + 1 <> 2")
BROKEN = Check(
    name="evens",
    explanation="Every number is even.",
    sql="SELECT n AS number, n * 10 AS tenfold FROM generate_series(1, 25) n WHERE n % 2 = 1",
)

# Its transaction is one of its own, so it cannot run inside that of a test.
pytestmark = committed


def test_the_report_of_a_sound_panel() -> None:
    said: list[str] = []
    assert audit(say=said.append, rooms=[("Money", [HOLDS]), ("Orders", [HOLDS])])
    line = "  ok     sums: One and one is two."
    assert said == ["Money", line, "Orders", line, "", "All 2 checks hold."]


def test_the_report_names_what_is_wrong_and_counts_the_rest() -> None:
    said: list[str] = []
    assert not audit(say=said.append, rooms=[("Money", [HOLDS, BROKEN])])
    assert said[2:5] == [
        "  WRONG  evens: Every number is even.",
        "           number 1, tenfold 10",
        "           number 3, tenfold 30",
    ]
    assert said[-3:] == ["           and 3 more", "", "1 of 2 checks are violated."]


def test_a_check_cannot_write() -> None:
    writes = Check(name="", explanation="", sql="DELETE FROM orders_order RETURNING id")
    with pytest.raises(Exception, match="read-only transaction"):
        audit(say=lambda _: None, rooms=[("Money", [writes])])


def test_every_check_of_every_room_runs_and_has_its_own_name() -> None:
    said: list[str] = []
    audit(say=said.append)
    checks = [check for _, of_room in ROOMS for check in of_room]
    assert len({check.name for check in checks}) == len(checks) > 0
    assert sum(line.startswith("  ok") for line in said) == len(checks)
