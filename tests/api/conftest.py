"""One panel for all tests of the API in a process."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from tests.api.panel import Caller, Panel, connected_to, database, every_service, serving


@pytest.fixture(scope="session")
def panel_database(worker_id: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    with django_db_blocker.unblock(), database(f"panel_for_api_tests_{worker_id}") as name:
        yield name


@pytest.fixture(scope="session")
def running_panel(panel_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[Panel]:
    with django_db_blocker.unblock(), connected_to(panel_database):
        services = every_service()
    with serving(panel_database) as panel:
        panel.services = services
        yield panel


@pytest.fixture
def at_the_panel(panel_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let the test itself read and write the panel's database."""
    with django_db_blocker.unblock(), connected_to(panel_database):
        yield


@pytest.fixture
def panel(running_panel: Panel, at_the_panel: None) -> Panel:
    return running_panel


@pytest.fixture
def caller(panel: Panel) -> Caller:
    return panel.caller()
