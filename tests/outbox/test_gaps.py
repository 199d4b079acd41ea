"""Whatever is committed is found once, however transactions overlap with each other and with the looks."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from purveyor.outbox.gaps import NOT_KNOWN, Gap, Seen, after_look


class Table:
    """A table whose rows appear when their transactions commit, and the transaction numbers of PostgreSQL.

    A snapshot ends behind the last transaction that has ended: one that is running may have a higher number.
    """

    def __init__(self) -> None:
        self.next_transaction, self.next_id = 100, 1
        self.last_ended = 99
        self.running: dict[int, list[int]] = {}
        self.committed: set[int] = set()

    def step(self, what: str, which: int) -> None:
        numbers = sorted(self.running)
        if what == "begin":
            self.running[self.next_transaction] = []
            self.next_transaction += 1
        elif numbers and what == "insert":
            self.running[numbers[which % len(numbers)]].append(self.next_id)
            self.next_id += 1
        elif numbers and what in {"commit", "roll back"}:
            ended = numbers[which % len(numbers)]
            self.last_ended = max(self.last_ended, ended)
            ids = self.running.pop(ended)
            if what == "commit":
                self.committed.update(ids)

    def look(
        self, seen: Seen, limit: int, *, meanwhile: Sequence[tuple[str, int]] = ()
    ) -> tuple[list[int], Seen]:
        """Look in a transaction of its own; `meanwhile` happens after it got its number."""
        own = self.next_transaction
        self.next_transaction += 1
        for what, which in meanwhile:
            self.step(what, which)
        snapshot_end = self.last_ended + 1
        late = [
            number
            for gap in seen.gaps
            for number in range(gap.first, gap.last + 1)
            if number in self.committed
        ]
        new = sorted(number for number in self.committed if number > seen.upto)[:limit]
        found = sorted(late) + new
        after = after_look(
            seen,
            found=found,
            oldest_running=min(own, snapshot_end, *self.running),
            own=own,
        )
        self.last_ended = max(self.last_ended, own)
        return found, after


STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "insert", "insert", "commit", "roll back"]), st.integers(0, 9)),
    max_size=20,
)


@given(st.lists(st.tuples(STEPS, STEPS), max_size=8), st.integers(1, 4))
def test_every_committed_row_is_found_exactly_once(
    looks: list[tuple[list[tuple[str, int]], list[tuple[str, int]]]], limit: int
) -> None:
    table, seen = Table(), Seen(upto=0)
    told: list[int] = []
    for before, meanwhile in looks:
        for what, which in before:
            table.step(what, which)
        found, seen = table.look(seen, limit, meanwhile=meanwhile)
        told += found
    while table.running:
        table.step("commit", 0)
    for _ in range(len(table.committed) + 3):
        found, seen = table.look(seen, limit)
        told += found
    assert sorted(told) == sorted(table.committed)
    assert seen.gaps == ()


def test_a_gap_is_closed_once_everything_of_its_time_has_ended() -> None:
    seen = after_look(Seen(upto=4), found=[8, 9], oldest_running=90, own=100)
    assert seen == Seen(upto=9, gaps=(Gap(5, 7, NOT_KNOWN),))
    seen = after_look(seen, found=[], oldest_running=99, own=103)
    assert seen == Seen(upto=9, gaps=(Gap(5, 7, 103),))
    seen = after_look(seen, found=[6], oldest_running=102, own=105)
    assert seen.gaps == (Gap(5, 5, 103), Gap(7, 7, 103))
    assert after_look(seen, found=[], oldest_running=103, own=107).gaps == ()


def test_who_is_running_beyond_the_snapshot_is_waited_for() -> None:
    # 101 took id 5 and runs; 100 took id 6 and has committed: the snapshot ends before 101.
    seen = after_look(Seen(upto=4), found=[6], oldest_running=101, own=102)
    seen = after_look(seen, found=[], oldest_running=101, own=103)
    assert after_look(seen, found=[5], oldest_running=104, own=104) == Seen(upto=6)
    assert seen.gaps == (Gap(5, 5, 103),)


def test_a_gap_of_another_server_is_closed() -> None:
    seen = Seen(upto=9, gaps=(Gap(5, 7, 1_000_000),))
    assert after_look(seen, found=[], oldest_running=700, own=701).gaps == ()
