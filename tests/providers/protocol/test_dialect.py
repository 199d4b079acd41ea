"""What is sent to a provider that differs from API v2, and which differences cannot be meant."""

import asyncio
import json
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.providers.models import Method
from purveyor.providers.protocol.dialect import ACTIONS, FIELDS, Dialect, WrongDialect, check
from tests.providers.protocol.test_client import ADD, http, serving

RENAMED = {"key": "api_token", "link": "url", "order": "id", "refill": "id"}
V1 = Dialect(
    field_names=RENAMED,
    action_names={"services": "packages"},
    extra_fields={"lang": "en"},
    user_agent="Purveyor/1",
)


def test_the_fields_are_translated_and_others_added() -> None:
    assert V1.translated({"key": "k", "action": "add", "link": "l", "service": "1"}) == {
        "api_token": "k",
        "action": "add",
        "url": "l",
        "service": "1",
        "lang": "en",
    }
    assert V1.translated({"action": "services"})["action"] == "packages"
    assert V1.translated({"action": "status", "order": "services"})["id"] == "services"


def sent(dialect: Dialect, *, path: str) -> tuple[str, dict[str, str], bytes]:
    """The first line, the headers and the body of a call."""
    received: list[bytes] = []

    async def run() -> None:
        async def handle(request: bytes, writer: asyncio.StreamWriter) -> None:
            received.append(request)
            writer.write(http(b"{}"))

        async with serving(handle, dialect=dialect, path=path) as client:
            await client.call(ADD)

    asyncio.run(run())
    head, _, body = received[0].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, {name.lower(): text for name, _, text in (line.partition(": ") for line in lines)}, body


SAID = {
    "api_token": "the-key",
    "action": "add",
    "url": ADD["link"],
    "comments": ADD["comments"],
    "lang": "en",
}


def test_get_puts_everything_into_the_address_beside_its_own_query() -> None:
    dialect = Dialect(**{name: getattr(V1, name) for name in V1.__slots__} | {"method": Method.GET})
    first, headers, body = sent(dialect, path="/api.php?version=1")
    method, address, _ = first.split(" ")
    assert (method, body) == ("GET", b"")
    assert urlsplit(address).path == "/api.php"
    assert dict(parse_qsl(urlsplit(address).query)) == {"version": "1"} | SAID
    assert headers["user-agent"] == "Purveyor/1"
    assert "content-type" not in headers


def test_json_is_an_object_of_text() -> None:
    dialect = Dialect(**{name: getattr(V1, name) for name in V1.__slots__} | {"method": Method.POST_JSON})
    first, headers, body = sent(dialect, path="/api/v1")
    assert first.startswith("POST /api/v1 ")
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == SAID


def test_a_form_is_sent_where_nothing_else_is_said() -> None:
    first, headers, body = sent(V1, path="/")
    assert first.startswith("POST / ")
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert {name: value for name, (value,) in parse_qs(body.decode()).items()} == SAID


@pytest.mark.parametrize(
    "dialect",
    [
        Dialect(),
        V1,
        Dialect(field_names={"order": "orders"}),
        Dialect(field_names={"link": "service", "service": "link"}),
        Dialect(extra_fields={"secret": "x"}, user_agent="Mozilla/5.0"),
    ],
)
def test_what_can_be_meant(dialect: Dialect) -> None:
    check(dialect)


@pytest.mark.parametrize(
    ("dialect", "why"),
    [
        (Dialect(field_names={"lnik": "url"}), "no field that is sent"),
        (Dialect(action_names={"balances": "b"}), "is no action that is sent"),
        (Dialect(field_names={"link": "quantity"}), "both 'link' and 'quantity' would be sent as 'quantity'"),
        (Dialect(field_names={"key": "token", "action": "token"}), "both 'action' and 'key'"),
        (Dialect(action_names={"balance": "add"}), "both 'add' and 'balance' would be sent as 'add'"),
        (Dialect(field_names={"link": "u r l"}), "cannot be the name"),
        (Dialect(action_names={"add": ""}), "cannot be the name"),
        (Dialect(extra_fields={"key": "x"}), "would replace one of ours"),
        (Dialect(field_names={"key": "token"}, extra_fields={"token": "x"}), "would replace one of ours"),
        (Dialect(extra_fields={"lang": "x" * 501}), "longer than"),
        (Dialect(user_agent="a\r\nX-Evil: 1"), "printable"),
        (Dialect(user_agent=""), "printable"),
    ],
)
def test_what_cannot_be_meant(dialect: Dialect, why: str) -> None:
    with pytest.raises(WrongDialect, match=why):
        check(dialect)


NAMES = st.sampled_from([*sorted(FIELDS), "url", "token", "id"])


@given(names=st.dictionaries(st.sampled_from(sorted(FIELDS)), NAMES), action=st.sampled_from(ACTIONS))
def test_no_field_is_lost_in_what_passes_the_check(names: dict[str, str], action: str) -> None:
    dialect = Dialect(field_names=names)
    try:
        check(dialect)
    except WrongDialect:
        return
    fields = (
        {"key": "k", "action": action, "order": "1"} if action == "status" else {"key": "k", "action": action}
    )
    if action == "add":
        fields |= {
            name: name for name in ("service", "link", "quantity", "comments", "username", "min", "max")
        }
    said = dialect.translated(fields)
    assert sorted(said.values()) == sorted(fields.values())
