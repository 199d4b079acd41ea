"""Bodies as they come over the wire: in chunks, too large, too slow, and none that is meant."""

from collections.abc import Iterator

import pytest
import requests

from purveyor.desk.door import BODY_MAX_BYTES
from tests.api.panel import Panel, raw
from tests.desk.visitor import TIMEOUT_SECONDS, Visitor, ok, refused

DEEP = 40_000


def post(visitor: Visitor, body: bytes | Iterator[bytes], content_type: str) -> requests.Response:
    """Ask for jobs; an iterator is sent in chunks, without its length."""
    return requests.post(
        f"{visitor.url}/desk/v1/take",
        data=body,
        headers=visitor.headers | {"Content-Type": content_type},
        timeout=TIMEOUT_SECONDS,
    )


def test_a_body_in_chunks_is_read(visitor: Visitor) -> None:
    visitor.ordered(3)
    answer = post(visitor, iter([b'{"cou', b'nt":', b"2}"]), "application/json")
    assert len(ok(answer)["jobs"]) == 2


def test_a_length_told_twice_is_a_length(visitor: Visitor, running_panel: Panel) -> None:
    visitor.ordered()
    request = (
        f"POST /desk/v1/take HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: Bearer {visitor.key}\r\nContent-Length: 11\r\nContent-Length: 11\r\n\r\n"
    )
    answer = raw(running_panel.url, request.encode() + b'{"count":1}')
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"state":"taken"' in answer


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "nonsense"])
def test_json_is_taken_under_every_name(visitor: Visitor, content_type: str) -> None:
    assert ok(post(visitor, b'{"count":1}', content_type)) == {"jobs": []}


@pytest.mark.parametrize("size", [BODY_MAX_BYTES + 1, 20 * BODY_MAX_BYTES])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_refused(visitor: Visitor, size: int, *, chunked: bool) -> None:
    body = b"x" * size
    answer = post(visitor, iter([body]) if chunked else body, "application/json")
    assert refused(answer) == (413, "body_too_large")
    assert visitor.get("key").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"count=1",
        b"\xff",
        b'{"count":1,"worker":"\xff"}',
        b'{"count":1,"worker":"\\ud800"}',
        b'{"count":NaN}',
        b"\x1f\x8b\x08",
    ],
)
def test_what_is_no_json_is_told_so(visitor: Visitor, body: bytes) -> None:
    answer = post(visitor, body, "application/json")
    assert refused(answer) == (400, "unreadable_body")
    assert answer.json()["error"]["message"].startswith("The body is not JSON: ")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"1",
        b'{"count":1e999}',
        b'{"count":' + b"9" * 5_000 + b"}",
        b"[" * DEEP,
        b'{"count":' + b"[" * DEEP,
        b'{"count":1,"worker":' + b'{"a":' * DEEP,
    ],
    ids=lambda body: body[:20].decode(),
)
def test_json_that_is_not_what_was_asked_for_is_told_so(visitor: Visitor, body: bytes) -> None:
    assert refused(post(visitor, body, "application/json")) == (422, "invalid_field")
