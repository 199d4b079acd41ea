"""What a client sent, in whichever of the eight encodings and list forms of protocol §1.2 and §1.3.

Everything becomes plain text by parameter name. Text that is not valid Unicode keeps its damage as lone
surrogates: no id, key or word matches it, and placing refuses to store it.
"""

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from purveyor.catalog.order_types import FORMS, FieldKind

FIELDS_MAX: Final = 20_000
"""Form fields in one request; a client with a legitimate list of 16 000 lines fits."""

LARGEST_NUMBER_BITS: Final = 128
"""Of a JSON number; nothing of ours is near, and longer ones are slow to write out."""

Parameters = dict[str, str]

UNREADABLE: Final = "\udcff"
"""Stands for a value that is no text and no number, where one is needed: whatever reads it refuses it."""

ID_LISTS: Final = frozenset({"orders", "refills"})
TEXT_LISTS: Final = frozenset(
    field.name
    for form in FORMS.values()
    for field in form.fields
    if field.kind in (FieldKind.LINES, FieldKind.COMMENTS)
)
_LISTS: Final = ID_LISTS | TEXT_LISTS

_BRACKETS = re.compile(r"([^\[\]]+)\[[^\[\]]*\]")  # orders[], orders[0]
_FORM: Final = b"application/x-www-form-urlencoded"
_BEFORE_JSON: Final = b"{\xef \t\r\n"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def _number_text(written: str) -> str:
    """A number with a point or an exponent as written: 1e9 must not become a quantity, nor 1.5 an id.

    Without its decimals where they are noughts: what calculates in floats writes 1.0 for an id.
    """
    whole, _, decimals = written.partition(".")
    return written if decimals.strip("0") else whole


_decode_json = msgspec.json.Decoder(float_hook=_number_text).decode


class Undecodable(Exception):
    """The request cannot be read: broken JSON, no object, a broken multipart body, or too many fields."""


def decode(*, content_type: bytes, query: bytes, body: bytes) -> Parameters:
    """Read the parameters of a request from its query and its body, the body before the query.

    Empty parameters are absent (protocol §1.3). Raises `Undecodable`.
    """
    if not query:
        return _decode_body(content_type, body)
    parameters = _gather(_form_pairs(query))
    if body:
        parameters.update(_decode_body(content_type, body))
    return parameters


def _decode_body(content_type: bytes, body: bytes) -> Parameters:
    if content_type[: len(_FORM)].lower() == _FORM and body[:1] not in _BEFORE_JSON:
        return _gather(_form_pairs(body))  # nearly every request
    if content_type[:19].lower() == b"multipart/form-data":
        return _gather(_multipart_pairs(content_type, body))
    start = body[:64].removeprefix(_BYTE_ORDER_MARK).lstrip()[:1]
    # JSON comes as application/json, as text/plain, and from `curl -d '{...}'` as a form; no form starts so.
    if start == b"{" or (start and b"json" in content_type.lower()):
        return _gather_json(body)
    return _gather(_form_pairs(body))


def _form_pairs(form: bytes) -> list[tuple[str, str]]:
    """Split an urlencoded form or query. Decodes once: `+` and `%` inside links stay what they are (§1.3)."""
    text = form.decode("utf-8", "surrogateescape")
    parts = text.split("&", FIELDS_MAX)
    if len(parts) > FIELDS_MAX:
        raise Undecodable
    pairs = []
    escaped = "%" in text or "+" in text
    for part in parts:
        name, _, value = part.partition("=")
        pairs.append((_unquoted(name), _unquoted(value)) if escaped else (name, value))
    return pairs


def _unquoted(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    if "%" not in text:
        return text
    raw = unquote_to_bytes(text.encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "surrogateescape")


def _multipart_pairs(content_type: bytes, body: bytes) -> list[tuple[str, str]]:
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise Undecodable
    parts = _MultipartParts()
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise Undecodable from None
    return parts.pairs


class _MultipartParts:
    """Collects the parts of a multipart body as the parser meets them; a file counts as its text."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []
        self._header = bytearray()
        self._header_value = bytearray()
        self._name: bytes | None = None
        self._value = bytearray()

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header_value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_part_data": lambda data, start, end: self._value.extend(data[start:end]),
            "on_part_end": self._end,
        }

    def _begin(self) -> None:
        self._name = None
        self._value = bytearray()

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._name = parse_options_header(bytes(self._header_value))[1].get(b"name")
        self._header.clear()
        self._header_value.clear()

    def _end(self) -> None:
        if self._name is None:
            return
        name, value = self._name, bytes(self._value)
        self.pairs.append((name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape")))


def _gather(pairs: Iterable[tuple[str, str]]) -> Parameters:
    """Put pairs together by name: lists joined, of other repeated names the last one, as PHP does."""
    gathered: Parameters = {}
    lists: dict[str, list[str]] | None = None
    for name, value in pairs:
        if not value:
            continue
        if name.endswith("]") and (brackets := _BRACKETS.fullmatch(name)):
            name = brackets[1]  # noqa: PLW2901  (the plain name of the array)
        elif name not in _LISTS:
            gathered[name] = value
            continue
        if lists is None:
            lists = {}
        lists.setdefault(name, []).append(value)
    if lists:
        for name, values in lists.items():
            gathered[name] = _joined(name, values)
    return gathered


def _joined(name: str, values: list[str]) -> str:
    if name in TEXT_LISTS:
        return "\n".join(values)
    if name in ID_LISTS:
        return ",".join(values)
    return values[0] if len(values) == 1 else UNREADABLE  # only lists are sent as arrays (§1.3)


def _gather_json(body: bytes) -> Parameters:
    try:
        sent = _decode_json(body.removeprefix(_BYTE_ORDER_MARK))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Undecodable from None
    if not isinstance(sent, dict) or len(sent) > FIELDS_MAX:
        raise Undecodable
    pairs: list[tuple[str, str]] = []
    for name, value in sent.items():
        if isinstance(value, list | dict):
            pairs.append((name, _json_list_text(name, value)))
        elif value is not False:  # said of something that is not wanted: as good as absent
            pairs.append((name, _json_text(value)))
    return _gather(pairs)


def _json_list_text(name: str, value: list[object] | dict[str, object]) -> str:
    """The text of a list; `UNREADABLE` for a parameter that is none."""
    plain_name = name.partition("[")[0]
    if not value:
        return ""
    # PHP encodes an array with gaps as an object: its values are the list.
    entries = [_json_text(entry) for entry in (value.values() if isinstance(value, dict) else value)]
    if plain_name in ID_LISTS:
        # Junk is answered in its own row, by the name that PHP gives to a list within a list (§1.4).
        entries = ["Array" if entry == UNREADABLE else entry for entry in entries]
    elif plain_name not in TEXT_LISTS:
        return UNREADABLE
    return _joined(plain_name, entries)


def _json_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= LARGEST_NUMBER_BITS:
        return str(value)
    return UNREADABLE
