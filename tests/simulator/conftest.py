from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from purveyor.simulator.testing import Simulator, running_simulator

Call = Callable[..., Any]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A provider whose clock stands still and whose orders all complete."""
    with running_simulator(seed=1, frozen=True) as running:
        yield running


@pytest.fixture
def call(simulator: Simulator) -> Iterator[Call]:
    """One call of API v2 over HTTP with the right key; returns the decoded answer."""
    with requests.Session() as session:

        def post(action: str, **fields: object) -> Any:
            form = {"key": simulator.key, "action": action, **fields}
            return session.post(simulator.url, data=form, timeout=10).json()

        yield post
