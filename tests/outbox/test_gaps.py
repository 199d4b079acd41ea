"""Whatever is committed is found once, however transactions overlap with each other and with the looks."""

from hypothesis import given
from hypothesis import strategies as st

from purveyor.outbox.gaps import Gap, Seen, after_look


class Table:
    """A table whose rows appear when their transactions commit."""

    def __init__(self) -> None:
        self.next_transaction, self.next_id = 100, 1
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
            ids = self.running.pop(numbers[which % len(numbers)])
            if what == "commit":
                self.committed.update(ids)

    def look(self, seen: Seen, limit: int) -> tuple[list[int], Seen]:
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
            oldest_running=min(self.running, default=self.next_transaction),
            next_to_begin=self.next_transaction,
        )
        return found, after


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "insert", "insert", "commit", "roll back", "look"]), st.integers(0, 9)
    ),
    max_size=60,
)


@given(STEPS, st.integers(1, 4))
def test_every_committed_row_is_found_exactly_once(steps: list[tuple[str, int]], limit: int) -> None:
    table, seen = Table(), Seen(upto=0)
    told: list[int] = []
    for what, which in steps:
        if what == "look":
            found, seen = table.look(seen, limit)
            told += found
        else:
            table.step(what, which)
    while table.running:
        table.step("commit", 0)
    for _ in range(len(table.committed) + 2):
        found, seen = table.look(seen, limit)
        told += found
    assert sorted(told) == sorted(table.committed)
    assert seen.gaps == ()


def test_a_gap_is_closed_once_everything_of_its_time_has_ended() -> None:
    seen = after_look(Seen(upto=4), found=[8, 9], oldest_running=90, next_to_begin=100)
    assert seen == Seen(upto=9, gaps=(Gap(5, 7, 100),))
    seen = after_look(seen, found=[6], oldest_running=99, next_to_begin=105)
    assert seen.gaps == (Gap(5, 5, 100), Gap(7, 7, 100))
    assert after_look(seen, found=[], oldest_running=100, next_to_begin=105).gaps == ()


def test_a_gap_of_another_server_is_closed() -> None:
    seen = Seen(upto=9, gaps=(Gap(5, 7, 1_000_000),))
    assert after_look(seen, found=[], oldest_running=700, next_to_begin=701).gaps == ()
