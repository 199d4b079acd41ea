"""The hot path is told from the ordinary one by nothing but its speed."""

from decimal import Decimal

import pytest
from django.db import DataError, InternalError, OperationalError, connection, transaction

from purveyor.database import fetch_all
from purveyor.exchanges import fetch_hot, hot_transaction, queue_hot
from tests.committed import break_connection, committed

STATEMENT = "SELECT %(a)s::int AS a, %(b)s::numeric / 4 AS b, %(a)s::text || '%%' AS c, now()::date AS today"
VALUES = {"a": "7", "b": "1"}


@pytest.fixture(params=[3, None], ids=["prepared", "behind a pooler"])
def driver(request: pytest.FixtureRequest) -> None:
    connection.ensure_connection()
    connection.connection.prepare_threshold = request.param


@committed
@pytest.mark.usefixtures("driver")
class TestFetchHot:
    def test_its_rows_are_those_of_fetch_all(self) -> None:
        for _ in range(3):
            assert fetch_hot(STATEMENT, VALUES) == fetch_all(STATEMENT, VALUES)
        (row,) = fetch_hot(STATEMENT, VALUES)
        assert (row.a, row.b, row.c) == (7, Decimal("0.25"), "7%")
        assert fetch_hot("SELECT 1 AS one WHERE %(no)s::bool", {"no": "f"}) == []

    def test_within_a_transaction(self) -> None:
        with transaction.atomic():
            assert fetch_hot(STATEMENT, VALUES) == fetch_all(STATEMENT, VALUES)

    def test_after_a_rollback(self) -> None:
        """The driver lets go of every prepared statement then, its own and others'."""
        fetch_hot(STATEMENT, VALUES)
        for _ in range(2):
            with pytest.raises(DataError):
                self.roll_back()
            assert fetch_hot(STATEMENT, VALUES)[0].a == 7

    @transaction.atomic
    def roll_back(self) -> None:
        for _ in range(10):  # often enough for the driver to prepare it
            fetch_all("SELECT %(a)s::int AS a", {"a": "1"})
        fetch_all("SELECT 1 / %(a)s::int AS a", {"a": "0"})

    def test_errors_are_djangos(self) -> None:
        with pytest.raises(DataError, match="division by zero"):
            fetch_hot("SELECT 1 / %(a)s::int AS a", {"a": "0"})
        assert fetch_hot(STATEMENT, VALUES)[0].a == 7

    def test_a_broken_connection(self) -> None:
        break_connection()
        with pytest.raises(OperationalError):
            fetch_hot(STATEMENT, VALUES)
        with pytest.raises(OperationalError):
            fetch_hot(STATEMENT, VALUES)
        connection.close()
        assert fetch_hot(STATEMENT, VALUES)[0].a == 7


@committed
@pytest.mark.usefixtures("driver")
class TestHotTransaction:
    def write(self, number: int) -> None:
        statement = "INSERT INTO catalog_category (name, position, enabled) VALUES (%(name)s, 0, true)"
        fetch_hot(f"{statement} RETURNING id", {"name": str(number)})

    def names(self) -> set[str]:
        return {row.name for row in fetch_all("SELECT name FROM catalog_category")}

    def test_it_commits_as_a_whole(self) -> None:
        for number in range(3):
            with hot_transaction():
                self.write(number)
                self.write(number + 10)
        assert self.names() == {"0", "10", "1", "11", "2", "12"}

    def test_it_rolls_back_as_a_whole_and_the_next_one_works(self) -> None:
        for number in range(3):
            with pytest.raises(DataError), hot_transaction():
                self.fail_after(number)
            with hot_transaction():
                self.write(number + 10)
                fetch_hot(STATEMENT, VALUES)
        assert self.names() == {"10", "11", "12"}

    def fail_after(self, number: int) -> None:
        self.write(number)
        for _ in range(10):  # the driver prepares this, and lets go of everything at the rollback
            fetch_all("SELECT %(a)s::int AS a", {"a": "1"})
        fetch_hot(STATEMENT, VALUES)
        fetch_hot("SELECT 1 / %(a)s::int AS a", {"a": "0"})

    def test_one_that_begins_with_another_statement_after_a_rollback(self) -> None:
        with hot_transaction():
            self.write(1)
            fetch_hot(STATEMENT, VALUES)
        with pytest.raises(DataError), hot_transaction():
            self.fail_after(2)
        with hot_transaction():
            fetch_hot("SELECT %(a)s::int AS a", {"a": "1"})
            self.write(3)
            fetch_hot(STATEMENT, VALUES)
        assert self.names() == {"1", "3"}

    def test_within_another_transaction_it_is_a_savepoint(self) -> None:
        with transaction.atomic():
            self.write(1)
            with pytest.raises(DataError), hot_transaction():
                self.fail_after(2)
            with hot_transaction():
                self.write(3)
        assert self.names() == {"1", "3"}


@committed
@pytest.mark.usefixtures("driver")
class TestQueue:
    def insert(self, name: str) -> None:
        queue_hot(
            "INSERT INTO catalog_category (name, position, enabled) VALUES (%(name)s, 0, true)",
            {"name": name},
        )

    def count(self) -> int:
        return int(fetch_all("SELECT count(*) AS n FROM catalog_category")[0].n)

    def test_answers_come_in_the_order_of_the_questions(self) -> None:
        for _ in range(3):
            with hot_transaction():
                answers = [queue_hot("SELECT %(a)s::int AS a", {"a": str(number)}) for number in range(20)]
                rows = queue_hot("SELECT %(a)s::int AS a, 'x' AS b", {"a": "20"})
                assert rows.rows() == [(20, "x")]
                assert [answer.rows()[0].a for answer in answers] == list(range(20))

    def test_the_end_runs_what_nobody_asked_for(self) -> None:
        with hot_transaction():
            self.insert("a")
            self.insert("b")
        assert self.count() == 2
        with hot_transaction():
            pass
        assert self.count() == 2

    def test_a_failure_at_the_end_undoes_everything(self) -> None:
        for _ in range(2):
            with pytest.raises(DataError, match="division by zero"):
                self.insert_and_fail()
            assert self.count() == 0
        with hot_transaction():
            self.insert("c")
        assert self.count() == 1

    @hot_transaction()
    def insert_and_fail(self) -> None:
        self.insert("a")
        queue_hot("SELECT 1 / %(a)s::int AS a", {"a": "0"})
        self.insert("b")

    def test_after_a_failure_nothing_is_answered(self) -> None:
        with pytest.raises(InternalError, match="one before it failed"):
            self.ask_behind_a_failure()

    @hot_transaction()
    def ask_behind_a_failure(self) -> None:
        failing = queue_hot("SELECT 1 / %(a)s::int AS a", {"a": "0"})
        behind = queue_hot(STATEMENT, VALUES)
        with pytest.raises(DataError):
            failing.rows()
        behind.rows()

    def test_an_exception_of_the_caller_sends_nothing(self) -> None:
        with pytest.raises(LookupError):
            self.insert_and_raise()
        assert self.count() == 0
        assert fetch_hot(STATEMENT, VALUES)[0].a == 7

    @hot_transaction()
    def insert_and_raise(self) -> None:
        self.insert("a")
        raise LookupError

    def test_questions_and_answers_larger_than_every_buffer(self) -> None:
        text = "x" * 3_000_000
        with hot_transaction():
            answers = [queue_hot("SELECT %(text)s::text AS text", {"text": text}) for _ in range(6)]
            assert [answer.rows()[0].text == text for answer in answers] == [True] * 6

    def test_a_connection_that_breaks_before_the_commit(self) -> None:
        with pytest.raises(OperationalError):
            self.insert_and_break()
        connection.close()
        assert self.count() == 0
        with hot_transaction():
            self.insert("b")
        assert self.count() == 1

    @hot_transaction()
    def insert_and_break(self) -> None:
        self.insert("a")
        break_connection()

    def test_in_a_transaction_that_was_given_up(self) -> None:
        with hot_transaction():
            self.insert("a")
            transaction.set_rollback(True)
        assert self.count() == 0

    def test_a_savepoint_takes_only_its_own_with_it(self) -> None:
        with hot_transaction():
            self.insert("outer")
            with pytest.raises(LookupError):
                self.insert_and_raise()
            with hot_transaction():
                self.insert("inner")
        assert {row.name for row in fetch_all("SELECT name FROM catalog_category")} == {"outer", "inner"}
