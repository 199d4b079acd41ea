"""Who gets in at the desk, and what everybody else is told."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from structlog.testing import capture_logs

from purveyor.accounts.keys import create_staff_key, revoke_staff_key
from purveyor.accounts.models import StaffKey
from purveyor.accounts.throttling import GUESSES_AT_ONCE, Throttle
from purveyor.desk import authentication, door

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_guesses_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "_guesses", Throttle())


def get(client: Client, path: str, key: str | None, **headers: str) -> Any:
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    return client.get(f"/desk/v1/{path}", headers={"Host": "localhost"} | headers)


def error_of(answer: Any) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"
    assert answer.json()["error"]["message"]
    return answer.status_code, answer.json()["error"]["code"]


def test_a_key_opens_the_door_and_its_use_is_noted(client: Client) -> None:
    key, text = create_staff_key(name="Team A", scopes=["posts", "desk:3", "posts"])
    answer = get(client, "key", text)
    assert (answer.status_code, answer.json()) == (200, {"name": "Team A", "scopes": ["desk:3", "posts"]})
    key.refresh_from_db()
    assert key.last_used_at is not None
    assert text not in str(StaffKey.objects.values_list())
    assert not answer.cookies


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic {key}", "{key}", "Bearer {key}0"])
def test_anything_else_does_not(client: Client, header: str) -> None:
    _, text = create_staff_key(name="", scopes=["posts"])
    answer = client.get(
        "/desk/v1/key", headers={"Host": "localhost", "Authorization": header.format(key=text)}
    )
    assert error_of(answer) == (401, "unknown_key")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_the_scheme_has_any_case(client: Client) -> None:
    _, text = create_staff_key(name="", scopes=["posts"])
    assert get(client, "key", None, Authorization=f"bearer  {text} ").status_code == 200


def test_a_revoked_key_is_nobodys(client: Client) -> None:
    _, text = create_staff_key(name="", scopes=["posts"])
    revoke_staff_key(prefix=text[:8])
    assert error_of(get(client, "key", text)) == (401, "unknown_key")


def test_guesses_are_slowed_down_and_good_keys_are_not(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, text = create_staff_key(name="", scopes=["posts"])
    monkeypatch.setattr(authentication, "monotonic", lambda: 100.0)
    for number in range(GUESSES_AT_ONCE):
        assert error_of(get(client, "key", f"guess {number}")) == (401, "unknown_key")
    answer = get(client, "key", "x" * 1000)
    assert error_of(answer) == (429, "too_many_guesses")
    assert answer["Retry-After"] == "2"
    assert get(client, "key", text).status_code == 200
    # Without a proxy of ours nobody chooses their own address.
    assert get(client, "key", "x", **{"X-Forwarded-For": "1.1.1.1"}).status_code == 429


def test_an_address_that_is_none_of_the_desks_is_told_in_json(client: Client) -> None:
    _, text = create_staff_key(name="", scopes=["posts"])
    assert error_of(get(client, "nothing/here", text)) == (404, "not_found")
    assert error_of(get(client, "nothing/here", "x")) == (401, "unknown_key")


def test_another_method_is_refused_with_those_that_serve(client: Client) -> None:
    _, text = create_staff_key(name="", scopes=["posts"])
    headers = {"Host": "localhost", "Authorization": f"Bearer {text}"}
    answer = client.post("/desk/v1/key", headers=headers)
    assert error_of(answer) == (405, "wrong_method")
    assert answer["Allow"] == "GET"


def test_trouble_with_the_database_is_told_as_such(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(door, "authenticate", away)
    answer = get(client, "key", "x")
    assert error_of(answer) == (503, "out_of_order")
    assert answer["Retry-After"] == "2"


def test_a_mistake_of_ours_is_told_in_json_and_logged_with_its_traceback(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(door, "authenticate", wrong)
    with capture_logs() as lines:
        assert error_of(get(client, "key", "x")) == (500, "broken")
    (line,) = lines
    assert (line["event"], line["path"], line["exc_info"]) == ("desk_failed", "/desk/v1/key", True)


def test_a_query_of_too_many_fields_is_refused(client: Client) -> None:
    _, text = create_staff_key(name="", scopes=["posts"])
    query = "&".join(["after=1"] * 1_001)
    assert error_of(get(client, f"subscriptions?{query}", text)) == (422, "invalid_field")
