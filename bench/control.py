"""The simulated provider's control door, used from another process."""

import http.client
import json
from typing import Any, Final

from purveyor.ops.simulation import HOST, Place

_PATIENCE_SECONDS: Final = 60.0


def control(place: Place, path: str, settings: dict[str, object] | None = None) -> Any:
    """Read `/control/<path>`, or change what it stands for. Raises OSError, AssertionError if refused."""
    client = http.client.HTTPConnection(HOST, place.port, timeout=_PATIENCE_SECONDS)
    try:
        client.request(
            "GET" if settings is None else "POST",
            f"/control/{path}",
            None if settings is None else json.dumps(settings),
            {"Authorization": f"Bearer {place.key}"},
        )
        answer = client.getresponse()
        told = json.load(answer)
        assert answer.status == http.HTTPStatus.OK, told
        return told
    finally:
        client.close()
