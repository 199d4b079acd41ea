"""The hot path of a look-up is told from the ordinary one by nothing but its speed."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import DataError, OperationalError, connection, transaction

from purveyor.database import fetch_all, fetch_hot, hot_transaction
from tests.committed import committed

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
        name = uuid4().hex
        fetch_all("SELECT set_config('application_name', %(name)s, false)", {"name": name})
        with connection.copy().cursor() as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [name]
            )
            other.connection.close()
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
