"""A provider's bytes as plain values, however they are written (protocol §9): no floats, no guesses."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

LONGEST_ID_CHARACTERS: Final = 64
LARGEST_COUNT: Final = 2**63 - 1
LONGEST_NUMBER_CHARACTERS: Final = 40
MOST_STARTS_TRIED: Final = 50
"""How many opening brackets are tried in a reply that has something before its JSON."""

_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_ID: Final = re.compile(rf"[^\s\x00-\x1f]{{1,{LONGEST_ID_CHARACTERS}}}")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,2})?")
_THOUSANDS: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]*)?")
"""Commas anywhere else may be decimal ones: "0,50" is not 50, and nobody can tell what "12,50" is to mean."""
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_UNREADABLE: Final = "\ufffd"


class Garbage(Exception):
    """The reply holds no JSON."""


def decode(body: bytes) -> Any:
    """The JSON document in a reply, also behind a byte order mark or a PHP warning, and in any charset.

    Numbers with a point become `Decimal`, exactly as written. What is no UTF-8 becomes U+FFFD. Raises
    `Garbage`, also for two documents: one may say yes and the other no.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK).strip()
    # The structure of JSON is ASCII: only words suffer, such as those of an error in Latin-1.
    body = body if _is_utf8(body) else body.decode(errors="replace").encode()
    for start in _starts(body):
        try:
            return _DECODER.decode(body[start:])
        except msgspec.DecodeError as error:
            if "trailing characters" in str(error) and body.startswith(b'{"', start):
                raise Garbage("more than one document in the reply") from None
        except RecursionError:
            continue
    raise Garbage("no JSON in the reply")


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _starts(body: bytes) -> Iterator[int]:
    """Where the document may begin: at the front, else at any opening bracket of what follows a warning."""
    yield 0
    for tried, found in enumerate(re.finditer(rb"[{\[]", body)):
        if tried == MOST_STARTS_TRIED:
            return
        if found.start():
            yield found.start()


def layers_of(document: object) -> list[object]:
    """A document and, outermost first, what it wraps: the one row of a list, the object in `data`."""
    layers = [document]
    if isinstance(document, list) and len(document) == 1:
        layers.append(document[0])
    outer = layers[-1]
    if isinstance(outer, Mapping) and isinstance(outer.get("data"), Mapping):
        layers.append(outer["data"])
    return layers


def decimal_of(value: object) -> Decimal | None:
    """A number in any form: JSON number, text, with commas between its thousands. None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip() if isinstance(value, int | Decimal | str) else ""
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    if len(text) > LONGEST_NUMBER_CHARACTERS or not _NUMBER.fullmatch(text):
        return None
    return Decimal(text)


def count_of(value: object) -> int | None:
    """A whole number of zero or more. Empty, null, "Unknown", negative, broken: all of them unknown, None."""
    number = decimal_of(value)
    if number is None or number != number.to_integral_value() or not 0 <= number <= LARGEST_COUNT:
        return None
    return int(number)


def id_of(value: object) -> str | None:
    """An id as text: a positive number, or a text without blanks. None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    if not _ID.fullmatch(text) or not text.strip("0") or text.startswith("-") or text.lower() in _NO_IDS:
        return None
    return None if _UNREADABLE in text else text


_NO_IDS: Final = frozenset({"null", "none", "false", "true", "undefined", "nan", "array"})
"""Words that a faulty panel writes where an id should stand."""


def ids_of(value: object) -> tuple[str, ...]:
    """A list of ids, once each; a mapping counts by its values, as PHP writes lists with gaps."""
    items = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(items, list):
        return ()
    return tuple(dict.fromkeys(found for item in items if (found := id_of(item))))


def flag_of(value: object) -> bool:
    """A yes or no in any form: true, 1, "1", "true", "yes"; everything else is no."""
    if isinstance(value, str):
        return value.strip().lower() in _TRUE
    return value is True or (isinstance(value, int) and value == 1)


def text_of(value: object) -> str:
    """A text, a number as its text, and nothing for anything else; NUL cannot be stored and is dropped."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return ""
    return str(value).replace("\0", "").strip()


def error_of(document: object, *, http_status: int = 200, status_is_word: bool = False) -> str | None:
    """The text of an error in any of the forms panels use (protocol §9), or None.

    With `status_is_word` a lone `status` is the word asked for and says nothing about the call:
    `{"status": "Fail"}` may be an order that failed.
    """
    if not isinstance(document, Mapping):
        return None
    for name in ("error", "errors"):
        value = document.get(name)
        if value:
            return _words_in(value) or _message(document) or name
    message = _message(document)
    failed = text_of(document.get("status")).lower() in _FAILED or document.get("status") is False
    if failed and (message or not status_is_word):
        return message or "fail"
    success = document.get("success")
    unsuccessful = success is False or text_of(success).lower() in _UNSUCCESSFUL
    if unsuccessful or (http_status >= _CLIENT_ERROR and message):
        return message or "fail"
    return None


_FAILED: Final = frozenset({"fail", "failed", "error", "false"})
_UNSUCCESSFUL: Final = frozenset({"0", "no", *_FAILED})
_CLIENT_ERROR: Final = 400
_MESSAGES: Final = ("message", "msg")


def _message(document: Mapping[str, object]) -> str:
    return next((words for name in _MESSAGES if (words := _words_in(document.get(name)))), "")


def _words_in(value: object) -> str:
    """The first words in an error that is a text, a list or an object, where a message goes before a code."""
    if isinstance(value, Mapping):
        messages_first = sorted(value, key=lambda name: name not in _MESSAGES)
        return next((words for name in messages_first if (words := _words_in(value[name]))), "")
    if isinstance(value, list):
        return next((words for item in value if (words := _words_in(item))), "")
    return text_of(value)


def row_id_of(row: object, names: Sequence[str]) -> str | None:
    """The id in a row, under the first of these names that holds one."""
    if not isinstance(row, Mapping):
        return None
    return next((found for name in names if (found := id_of(row.get(name)))), None)


def rows_by_id(
    document: object, ids: Sequence[str], *, names: Sequence[str], value: str
) -> Iterator[tuple[str, object]]:
    """Each asked id with its part of the document: rows of a list, values by id, or one bare object.

    `names` are those of an id in a row, surest first. What is about another id is left out.
    """
    asked = set(ids)
    if isinstance(document, Mapping) and isinstance(document.get("data"), Mapping | list):
        document = document["data"]
    if isinstance(document, list):
        for row in document:
            row_id = row_id_of(row, names)
            if row_id is None and len(asked) == 1 and len(document) == 1:
                row_id = ids[0]
            if row_id in asked:
                yield row_id, row
    elif isinstance(document, Mapping) and value in document and not asked & set(document):
        # Of one that was asked about alone, `id` may be a number of the panel's own, but `order` is none.
        alone = len(asked) == 1 and row_id_of(document, names[:-1]) is None
        row_id = ids[0] if alone else row_id_of(document, names)
        if row_id in asked:
            yield row_id, document
    elif isinstance(document, Mapping):
        yield from ((key.strip(), row) for key, row in document.items() if key.strip() in asked)
