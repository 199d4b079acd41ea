"""What a provider's answer means, in every shape that panels give it (protocol §4, §9).

Pure functions from an answer to typed values. Whatever does not clearly say yes or no is `Unclear`: nothing
here guesses, because an order may hang on it.
"""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final, TypeVar

from purveyor.money.models import LARGEST_AMOUNT
from purveyor.orders.models import RefillStatus, Status
from purveyor.providers.protocol import words
from purveyor.providers.protocol.decoding import (
    Garbage,
    count_of,
    decimal_of,
    decode,
    error_of,
    flag_of,
    id_of,
    ids_of,
    layers_of,
    row_id_of,
    rows_by_id,
    text_of,
)
from purveyor.providers.protocol.refusals import RefusalClass, classify, says_no

T = TypeVar("T")

LONGEST_WORD_CHARACTERS: Final = 60
LONGEST_REFUSAL_CHARACTERS: Final = 200
LARGEST_RATE: Final = Decimal(10) ** 12
"""Per 1000. Panels price rows that are notices, not services, at 10^12; beyond, it is garbage."""
_STORED: Final = Decimal("1e-8")

_OK: Final = range(200, 300)
_REQUEST_TIMEOUT: Final = 408
_SURELY_REFUSED: Final = frozenset(range(400, 500)) - {_REQUEST_TIMEOUT}
_TOO_MANY_REQUESTS: Final = 429

_TIMED_OUT: Final = re.compile(r"\btimed? ?out\b|\bexecution time\b", re.IGNORECASE)
"""The provider waited in vain, or was stopped at its work: by then it may have taken the order."""
_OF_AN_ORDER: Final = ("order", "order_id", "charge", "remains", "start_count", "currency", "runs", "posts")
"""What stands beside the word in a status of an order. Without any of it, "fail" may be said of the call."""
_NAMES_IN_A_STATUS: Final = frozenset({*_OF_AN_ORDER, "quantity", "link", "service", "id"})
_FEWEST_NAMES: Final = 2
"""Of those: so many make a row of a status, though none has a value (§4.3: each may be null or empty)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP."""

    http_status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it, under this id of its own."""

    external_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider surely did not do it."""

    refusal: RefusalClass
    text: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nobody can tell from the answer."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReply:
    """What `status` tells about one order; None is unknown, never zero (money rule 3)."""

    word: str
    status: Status | None
    start_count: int | None = None
    remains: int | None = None
    charge: Decimal | None = None
    posts: int | None = None
    orders: tuple[str, ...] = ()
    old_orders: tuple[str, ...] = ()
    """Of a subscription: the provider's orders for its new and its old posts."""
    reason: str = ""
    """Why, in words that a customer can read: only people tell it."""


@dataclass(frozen=True, slots=True)
class RefillReply:
    """What `refill_status` tells about one refill."""

    word: str
    status: RefillStatus | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedService:
    """A row of `services`."""

    external_id: str
    name: str
    type: str
    category: str
    rate: Decimal
    min: int | None
    max: int | None
    refill: bool
    cancel: bool
    dripfeed: bool
    description: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A provider's `services`; rows without an id, a name or a rate are only counted."""

    services: tuple[ListedService, ...]
    unreadable: int


@dataclass(frozen=True, slots=True)
class Balance:
    """Our deposit with the provider, in its currency; the code is empty where it tells none."""

    amount: Decimal
    currency: str


def read_add(answer: Answer) -> Accepted | Refused | Unclear:
    """The answer to `add` (§4.2). Both an id and an error, or neither, is unclear."""
    return _read_id(answer, ("order", "order_id", "id"))


def read_refill(answer: Answer) -> Accepted | Refused | Unclear:
    """The answer to `refill` of one order (§4.7)."""
    return _read_id(answer, ("refill", "refill_id", "id"))


def _read_id(answer: Answer, names: Sequence[str]) -> Accepted | Refused | Unclear:
    document = _document(answer)
    if isinstance(document, Refused | Unclear):
        return document
    layers = layers_of(document)
    inner = layers[-1]
    if not isinstance(inner, Mapping):
        return Unclear("the reply is not an object")
    nested = inner.get(names[0])
    external_id = row_id_of(inner, names)
    # What is wrapped may only repeat what was asked: whether it was done, the wrapping may tell.
    error = next((found for layer in layers if (found := _error_in(layer, answer))), error_of(nested))
    if error is not None:
        if any(row_id_of(part, names) for part in (*layers, nested)):
            return Unclear(f"both an id and an error: {error[:LONGEST_REFUSAL_CHARACTERS]}")
        if _TIMED_OUT.search(error):
            return Unclear(error[:LONGEST_REFUSAL_CHARACTERS])
        return _refused(error, answer)
    if external_id is None:
        return Unclear("neither an id nor an error")
    if answer.http_status not in _OK:
        return Unclear(f"an id with HTTP status {answer.http_status}")
    return Accepted(external_id)


def read_statuses(answer: Answer, ids: Sequence[str]) -> dict[str, StatusReply | Refused] | Refused | Unclear:
    """The answer to `status` of one or many orders, by id (§4.3 to §4.6). An id that it lacks is left out."""
    document = _told(answer, by_id=True, status_is_word=True)
    if isinstance(document, Refused | Unclear):
        return document
    lone = layers_of(document)[-1]
    if isinstance(lone, Mapping) and not _is_about_an_order(lone, ids):
        word = text_of(lone.get("status"))
        if words.may_be_about_the_call(word):
            return _refused(word, answer)
    rows = rows_by_id(document, ids, names=("order", "order_id", "id"), value="status")
    found: dict[str, StatusReply | Refused | None] = {}
    for asked, row in rows:
        reply = _status(row, answer)
        # Two that say different things about one order say nothing about it.
        found[asked] = reply if found.setdefault(asked, reply) == reply else None
    return _believed({asked: reply for asked, reply in found.items() if reply is not None}, answer)


def _is_about_an_order(row: Mapping[str, object], ids: Sequence[str]) -> bool:
    told = any(row.get(name) not in (None, "") for name in _OF_AN_ORDER)
    return told or len(_NAMES_IN_A_STATUS & row.keys()) >= _FEWEST_NAMES or id_of(row.get("id")) in ids


def _status(row: object, answer: Answer) -> StatusReply | Refused | None:
    if isinstance(row, str):
        return _refused(text_of(row), answer) if row.strip() else None
    if not isinstance(row, Mapping):
        return None
    error = error_of(row, status_is_word=True)
    if error is not None:
        return _refused(error, answer)
    word = text_of(row.get("status"))[:LONGEST_WORD_CHARACTERS]
    if not word:
        return None
    return StatusReply(
        word=word,
        status=words.order_status(word),
        start_count=count_of(row.get("start_count")),
        remains=count_of(row.get("remains")),
        charge=decimal_of(row.get("charge")),
        posts=count_of(row.get("posts")),
        orders=ids_of(row.get("orders")),
        old_orders=ids_of(row.get("old_orders")),
    )


def read_refill_statuses(
    answer: Answer, ids: Sequence[str]
) -> dict[str, RefillReply | Refused] | Refused | Unclear:
    """The answer to `refill_status` of one or many refills, by id (§4.8)."""
    document = _told(answer, by_id=True, status_is_word=True)
    if isinstance(document, Refused | Unclear):
        return document
    replies: dict[str, RefillReply | Refused] = {}
    for asked, row in rows_by_id(document, ids, names=("refill", "refill_id", "id"), value="status"):
        status = row.get("status") if isinstance(row, Mapping) else None
        error = error_of(row, status_is_word=True) or error_of(status)
        if error is None and isinstance(row, str):
            error = text_of(row)
        if error:
            replies[asked] = _refused(error, answer)
        elif word := text_of(status)[:LONGEST_WORD_CHARACTERS]:
            replies[asked] = RefillReply(word, words.refill_status(word))
    return _believed(replies, answer)


def read_cancels(answer: Answer, ids: Sequence[str]) -> dict[str, bool | Refused] | Refused | Unclear:
    """The answer to `cancel`, by order id (§4.9): True where the request was taken, which is not its end."""
    document = _told(answer, by_id=True)
    if isinstance(document, Refused | Unclear):
        return document
    replies: dict[str, bool | Refused] = {}
    for asked, row in rows_by_id(document, ids, names=("order", "order_id", "id"), value="cancel"):
        wish = row.get("cancel") if isinstance(row, Mapping) else row
        error = error_of(row) or error_of(wish)
        if error is not None:
            replies[asked] = _refused(error, answer)
        elif _is_taken(wish, row, asked):
            replies[asked] = True
        elif isinstance(wish, str) and wish.strip():
            replies[asked] = _refused(text_of(wish), answer)
    # A yes to the call is one to each wish only where nothing is said of any.
    if not replies and isinstance(document, Mapping) and "cancel" not in document and _says_yes(document):
        replies = dict.fromkeys(ids, True)
    return _believed(replies, answer)


def _is_taken(wish: object, row: object, asked: str) -> bool:
    """Whether a wish was taken: it says so itself, or its row does and it says nothing else."""
    if _is_yes(wish):
        return True
    if not isinstance(row, Mapping):
        return False
    if id_of(wish) == asked or (isinstance(wish, list) and asked in ids_of(wish)):
        return True
    # Words, not a number or "false".
    in_words = isinstance(wish, str) and " " in wish.strip()
    return _says_yes(row) and (wish is None or (in_words and not says_no(text_of(wish))))


def _says_yes(document: Mapping[str, object]) -> bool:
    return _is_yes(document.get("status", document.get("success")))


def _is_yes(value: object) -> bool:
    said = value.strip().lower() if isinstance(value, str) else ""
    return flag_of(value) or said in {"requested", "success", "ok", "accepted", "canceled", "cancelled"}


def read_services(answer: Answer) -> Catalogue | Refused | Unclear:
    """The answer to `services` (§4.1): a list, or one wrapped in `services` or `data`."""
    document = _told(answer)
    if isinstance(document, Refused | Unclear):
        return document
    rows: object = document
    if isinstance(document, Mapping):
        rows = document.get("services", document.get("data"))
        if text_of(rows).lower() == "empty data":
            rows = []
    if not isinstance(rows, list):
        return Unclear("no list of services")
    found = [_service(row) for row in rows]
    by_id = {service.external_id: service for service in found if service is not None}
    return Catalogue(tuple(by_id.values()), len(rows) - len(by_id))


def _service(row: object) -> ListedService | None:
    if not isinstance(row, Mapping):
        return None
    external_id = id_of(row.get("service", row.get("id")))
    rate = decimal_of(row.get("rate"))
    name = html.unescape(text_of(row.get("name")))
    if external_id is None or not name or rate is None or not 0 <= rate <= LARGEST_RATE:
        return None
    return ListedService(
        external_id=external_id,
        name=name,
        type=text_of(row.get("type"))[:LONGEST_WORD_CHARACTERS] or "Default",
        category=html.unescape(text_of(row.get("category"))),
        rate=rate.quantize(_STORED, ROUND_CEILING),
        min=count_of(row.get("min")),
        max=count_of(row.get("max")),
        refill=flag_of(row.get("refill")),
        cancel=flag_of(row.get("cancel")),
        dripfeed=flag_of(row.get("dripfeed")),
        description=html.unescape(text_of(row.get("description")) or text_of(row.get("desc"))),
    )


def read_balance(answer: Answer) -> Balance | Refused | Unclear:
    """The answer to `balance` (§4.10)."""
    document = _told(answer)
    if isinstance(document, Refused | Unclear):
        return document
    inner = layers_of(document)[-1]
    if not isinstance(inner, Mapping):
        return Unclear("no balance in the reply")
    error = error_of(inner)
    if error is not None:
        return _refused(error, answer)
    amount = decimal_of(inner.get("balance"))
    if amount is None or abs(amount) >= LARGEST_AMOUNT:
        return Unclear("no balance in the reply")
    currency = text_of(inner.get("currency")).upper()
    return Balance(amount, currency if len(currency) == 3 and currency.isalpha() else "")  # noqa: PLR2004  (ISO 4217)


def _document(answer: Answer) -> Any:
    """The JSON of an answer, or why there is nothing to read in it.

    429 is the only status that says by itself that nothing was done. A redirect, a time-out or a server error
    may hide anything.
    """
    if answer.http_status == _TOO_MANY_REQUESTS:
        return Refused(RefusalClass.RATE, "Too many requests")
    if answer.http_status not in _OK and answer.http_status not in _SURELY_REFUSED:
        return Unclear(f"HTTP status {answer.http_status}")
    try:
        return decode(answer.body)
    except Garbage as garbage:
        return Unclear(f"HTTP status {answer.http_status}, {garbage}")


def _told(answer: Answer, *, by_id: bool = False, status_is_word: bool = False) -> Any:
    """The JSON of an answer that tells what was asked for, the refusal that it is, or why it is neither.

    With `by_id` also under an HTTP status that says no: each may be refused there, see `_believed`. With
    `status_is_word` a `status` is the word asked for, unless it stands beside `data`.
    """
    document = _document(answer)
    if isinstance(document, Refused | Unclear):
        return document
    is_wrapped = isinstance(document, Mapping) and "data" in document
    error = _error_in(document, answer, status_is_word=status_is_word and not is_wrapped)
    if error is not None:
        return _refused(error, answer)
    if answer.http_status not in _OK and not by_id:
        return Unclear(f"HTTP status {answer.http_status} without an error")
    return document


def _believed(replies: dict[str, T], answer: Answer) -> dict[str, T] | Unclear:
    """What was read by id; under an HTTP status that says no, only what is refused there."""
    ok = answer.http_status in _OK
    believed = {asked: reply for asked, reply in replies.items() if ok or isinstance(reply, Refused)}
    return believed if ok or believed else Unclear(f"HTTP status {answer.http_status} without an error")


def _error_in(document: object, answer: Answer, *, status_is_word: bool = False) -> str | None:
    return error_of(document, http_status=answer.http_status, status_is_word=status_is_word)


def _refused(text: str, answer: Answer) -> Refused:
    return Refused(classify(text, http_status=answer.http_status), text[:LONGEST_REFUSAL_CHARACTERS])
