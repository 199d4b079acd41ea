"""How a provider wants to be spoken to, where it differs from API v2: method, names of fields, more fields.

Our own side always builds the fields of API v2; they are translated at the edge, just before they are sent.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

import msgspec

from purveyor.catalog.order_types import FORMS
from purveyor.providers.models import Method

USER_AGENT: Final = "Mozilla/4.0 (compatible; MSIE 5.01; Windows NT 5.0)"
"""That of the PHP example which most panels hand out (protocol §1.4): their firewalls let it pass."""
ACTIONS: Final = ("services", "add", "status", "refill", "refill_status", "cancel", "balance")
_TOGETHER: Final = (
    frozenset(
        {
            *("key", "action", "service", "link", "quantity", "runs", "interval", "idempotency_key"),
            *(item.name for form in FORMS.values() for item in form.fields),
        }
    ),
    *(frozenset({"key", "action", name}) for name in ("order", "orders", "refill", "refills")),
)
"""The fields that one call may hold, for each kind of call: these must not be mixed up."""
FIELDS: Final = frozenset().union(*_TOGETHER)
"""Every name that we send."""
LONGEST_USER_AGENT_CHARACTERS: Final = 300
LONGEST_VALUE_CHARACTERS: Final = 500
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,63}")


class WrongDialect(Exception):
    """A provider cannot be spoken to so; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What differs from API v2; nothing does by default."""

    method: Method = Method.POST_FORM
    field_names: Mapping[str, str] = field(default_factory=dict)
    """The provider's name of a field, by ours: `order` → `order_id`."""
    action_names: Mapping[str, str] = field(default_factory=dict)
    """The provider's name of an action, by ours: `services` → `packages`."""
    extra_fields: Mapping[str, str] = field(default_factory=dict)
    """Sent with every call beside ours."""
    user_agent: str = USER_AGENT

    @property
    def content_type(self) -> str | None:
        """Of a call's body; None where it has none."""
        return _CONTENT_TYPES[self.method]

    def translated(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Fields of API v2 as the provider calls them."""
        if not (self.field_names or self.action_names or self.extra_fields):
            return dict(fields)
        said = {
            self.field_names.get(name, name): self.action_names.get(value, value)
            if name == "action"
            else value
            for name, value in fields.items()
        }
        return {**self.extra_fields, **said}

    def request(self, url: str, fields: Mapping[str, str]) -> tuple[str, bytes | None]:
        """The address to call and the body to send for the fields of API v2."""
        said = self.translated(fields)
        match self.method:
            case Method.GET:
                return f"{url}{'&' if '?' in url else '?'}{urlencode(said)}", None
            case Method.POST_JSON:
                return url, msgspec.json.encode(said)
            case Method.POST_FORM:
                return url, urlencode(said).encode()


_CONTENT_TYPES: Final = {
    Method.POST_FORM: "application/x-www-form-urlencoded",
    Method.POST_JSON: "application/json",
    Method.GET: None,
}


def check(dialect: Dialect) -> None:
    """Raises `WrongDialect` where fields of one call would be mixed up, or a name is nobody's."""
    _check_known("field", dialect.field_names, sorted(FIELDS))
    _check_known("action", dialect.action_names, ACTIONS)
    for together in _TOGETHER:
        _check_distinct(sorted(together), dialect.field_names)
    _check_distinct(ACTIONS, dialect.action_names)
    for name in (*dialect.field_names.values(), *dialect.action_names.values(), *dialect.extra_fields):
        if not _NAME.fullmatch(name):
            raise WrongDialect(f"{name!r} cannot be the name of a field or an action")
    ours = {dialect.field_names.get(name, name) for name in FIELDS}
    for name, value in dialect.extra_fields.items():
        if name in ours:
            raise WrongDialect(f"the fixed field {name!r} would replace one of ours")
        if len(value) > LONGEST_VALUE_CHARACTERS:
            raise WrongDialect(
                f"the fixed field {name!r} is longer than {LONGEST_VALUE_CHARACTERS} characters"
            )
    agent = dialect.user_agent
    if not (agent.isascii() and agent.isprintable() and 0 < len(agent) <= LONGEST_USER_AGENT_CHARACTERS):
        raise WrongDialect(
            f"the user agent must be 1 to {LONGEST_USER_AGENT_CHARACTERS} printable ASCII characters"
        )


def _check_known(what: str, renamed: Iterable[str], known: Sequence[str]) -> None:
    for name in renamed:
        if name not in known:
            raise WrongDialect(f"{name!r} is no {what} that is sent; these are: {', '.join(known)}")


def _check_distinct(names: Iterable[str], renamed: Mapping[str, str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        theirs = renamed.get(name, name)
        other = seen.setdefault(theirs, name)
        if other != name:
            raise WrongDialect(f"both {other!r} and {name!r} would be sent as {theirs!r}")
