"""One running panel for all tests of the desk over HTTP."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from tests.api.panel import Panel, connected_to, database, serving
from tests.desk.visitor import Visitor, new_desk


@pytest.fixture(scope="session")
def panel_database(worker_id: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    with django_db_blocker.unblock(), database(f"panel_for_desk_tests_{worker_id}") as name:
        yield name


@pytest.fixture(scope="session")
def running_panel(panel_database: str) -> Iterator[Panel]:
    with serving(panel_database) as panel:
        yield panel


@pytest.fixture
def at_the_panel(panel_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let the test itself read and write the panel's database."""
    with django_db_blocker.unblock(), connected_to(panel_database):
        yield


@pytest.fixture
def visitor(running_panel: Panel, at_the_panel: None) -> Visitor:
    """Somebody with a key for a desk of their own."""
    return new_desk(running_panel.url)
