"""Reading a call off the wire: form, query or JSON, into fields of text (protocol §1.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

LARGEST_BODY_BYTES: Final = 2 * 1024 * 1024
LINE_LISTS: Final = frozenset({"comments", "usernames", "keywords", "hashtags", "groups"})


class Unreadable(Exception):
    """The body is neither a form nor a JSON object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a panel wants to be called; API v2 by default."""

    path: str = "/api/v2"
    get_only: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    """API v2's name of a field, by this panel's, which then does not know API v2's."""
    actions: Mapping[str, str] = field(default_factory=dict)
    """The same of actions."""

    def understood(self, fields: Mapping[str, str]) -> dict[str, str]:
        """The fields of a call as API v2 calls them."""
        foreign = set(self.names.values()) - set(self.names)
        known = {self.names.get(name, name): text for name, text in fields.items() if name not in foreign}
        if "action" in known:
            action = known["action"]
            known["action"] = self.actions.get(action, "" if action in self.actions.values() else action)
        return known


async def read_fields(request: web.Request) -> dict[str, str]:
    """The fields of a call; those of the body go before those of the query.

    Raises:
        Unreadable: see there.
    """
    fields = _form(request.query_string) if request.query_string else {}
    body = await request.read()
    if not body:
        return fields
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Unreadable from error
    if text.lstrip().startswith(("{", "[")):
        fields.update(_json(text))
    else:
        fields.update(_form(text))
    return fields


def _form(text: str) -> dict[str, str]:
    """A form's fields; what is sent as `name[]` or repeatedly is joined into a list."""
    gathered: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        gathered.setdefault(name.partition("[")[0], []).append(value)
    return {name: _joined(name, values) for name, values in gathered.items()}


def _json(text: str) -> dict[str, str]:
    try:
        value = msgspec.json.decode(text, type=dict[str, object])
    except msgspec.DecodeError as error:
        raise Unreadable from error
    return {name: _text(name, item) for name, item in value.items() if item is not None}


def _text(name: str, item: object) -> str:
    match item:
        case str():
            return item
        case bool():
            return "1" if item else "0"
        case list():
            return _joined(name, [_text(name, entry) for entry in item])
        case Mapping():
            raise Unreadable
        case _:
            return str(item)


def _joined(name: str, values: list[str]) -> str:
    return ("\n" if name in LINE_LISTS else ",").join(values)
