"""What each fault does to a call: whether it is carried out, and what becomes of the honest reply."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from purveyor.simulator import catalogue, ordering, refusals
from purveyor.simulator.behaviours import Behaviour, Fault
from purveyor.simulator.books import Books
from purveyor.simulator.life import ENDED, Status

JSON: Final = "application/json"
HTML: Final = "text/html; charset=UTF-8"
HTTP_OK: Final = 200
HTTP_TOO_MANY: Final = 429
HTTP_TROUBLE: Final = 500
PAGE: Final = (
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
    b"<body><h1>Checking your browser</h1></body></html>"
)
WARNING: Final = (
    b"\xef\xbb\xbf<br />\n<b>Warning</b>:  Undefined index: drip in <b>api.php</b> on line 7<br />\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes back over the wire; None instead of a reply drops the connection."""

    body: bytes
    http_status: int = HTTP_OK
    content_type: str = JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A fault, taken apart."""

    accepts: bool = True
    refusal: str | None = None
    """The error that is answered instead of carrying the call out."""
    change: Callable[[Books, object], object] | None = None
    """Turns the honest reply into another value."""
    body: bytes | None = None
    """Takes the place of the JSON."""
    spoil: Callable[[bytes], bytes] | None = None
    """Turns the right JSON text into other bytes."""
    http_status: int = HTTP_OK
    content_type: str = JSON
    drops: bool = False


def wrong_types(_books: Books, reply: object) -> object:
    """Every value replaced by one of a kind that does not belong there."""
    match reply:
        case dict():
            odd: tuple[object, ...] = ([], {}, None, True, [None])
            return {name: odd[place % len(odd)] for place, name in enumerate(reply)}
        case list():
            return {"0": None}
        case _:
            return None


def numbers_as_strings(_books: Books, reply: object) -> object:
    """Every number, wherever it stands, as text; booleans as "1" and "0" as PHP sends them."""
    match reply:
        case dict():
            return {name: numbers_as_strings(_books, value) for name, value in reply.items()}
        case list():
            return [numbers_as_strings(_books, value) for value in reply]
        case bool():
            return "1" if reply else "0"
        case int() | float():
            return str(reply)
        case _:
            return reply


def strings_as_numbers(_books: Books, reply: object) -> object:
    """Every text that is a number as a JSON number."""
    match reply:
        case dict():
            return {name: strings_as_numbers(_books, value) for name, value in reply.items()}
        case list():
            return [strings_as_numbers(_books, value) for value in reply]
        case str():
            return _number(reply)
        case _:
            return reply


def _number(text: str) -> object:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if not number.is_finite():
        return text
    return int(number) if number == number.to_integral_value() else float(number)


def reused_id(books: Books, reply: object) -> object:
    """The id of the first order there is, unless this is the first."""
    if isinstance(reply, dict) and "order" in reply:
        return {**reply, "order": next(iter(books.orders))}
    return reply


def unknown_status(_books: Books, reply: object) -> object:
    """A word that no table of statuses has."""
    return _each_standing(reply, lambda order: {**order, "status": "Awaiting moderation"})


def negative_remains(_books: Books, reply: object) -> object:
    """Delivered more than ordered."""
    return _each_standing(reply, lambda order: {**order, "remains": "-25"})


def status_backwards(_books: Books, reply: object) -> object:
    """In progress again after the end, and Pending before it."""

    def back(order: dict[str, object]) -> dict[str, object]:
        ended = order["status"] in ENDED
        return {**order, "status": (Status.IN_PROGRESS if ended else Status.PENDING).value}

    return _each_standing(reply, back)


def _each_standing(reply: object, change: Callable[[dict[str, object]], dict[str, object]]) -> object:
    """Change each object that tells an order's status, in a reply to one id or to many."""
    if not isinstance(reply, dict):
        return reply
    if "status" in reply:
        return change(reply)
    return {
        name: change(value) if isinstance(value, dict) and "status" in value else value
        for name, value in reply.items()
    }


def empty_balance(_books: Books, reply: object) -> object:
    """Nothing left, where the call asks for the balance."""
    if isinstance(reply, dict) and "balance" in reply:
        return {**reply, "balance": "0"}
    return reply


def refill_rejected(books: Books, reply: object) -> object:
    """See to it that the refills just accepted end Rejected; the reply is honest."""
    rows = reply if isinstance(reply, list) else [reply]
    for row in rows:
        number = ordering.whole_number(str(row.get("refill", ""))) if isinstance(row, dict) else None
        if number is not None and number in books.refills:
            books.decide_refill(books.refills[number], rejected=True)
    return reply


def change_prices(books: Books, *, factor: Decimal) -> None:
    """Make every rate a multiple of the standard catalogue's; doing it again changes nothing."""
    for service in catalogue.standard().values():
        rate = (service.rate * factor).quantize(catalogue.RATE_STEP)
        if books.services[service.id].rate != rate:
            books.set_rate(service.id, rate)


EFFECTS: Final[Mapping[Fault, Effect]] = {
    Fault.NONE: Effect(),
    Fault.DELAY_BEFORE_ACCEPTING: Effect(),
    Fault.DELAY_AFTER_ACCEPTING: Effect(),
    Fault.ACCEPT_THEN_DROP: Effect(drops=True),
    Fault.DROP_WITHOUT_ACCEPTING: Effect(accepts=False, drops=True),
    Fault.ERROR_500_BEFORE_ACCEPTING: Effect(
        accepts=False, body=b"Internal Server Error", http_status=HTTP_TROUBLE, content_type=HTML
    ),
    Fault.ERROR_500_AFTER_ACCEPTING: Effect(
        body=b"Internal Server Error", http_status=HTTP_TROUBLE, content_type=HTML
    ),
    Fault.TOO_MANY_REQUESTS: Effect(
        accepts=False, refusal=refusals.TOO_MANY_REQUESTS, http_status=HTTP_TOO_MANY
    ),
    Fault.HTML_PAGE: Effect(body=PAGE, content_type=HTML),
    Fault.EMPTY_BODY: Effect(body=b""),
    Fault.TRUNCATED_JSON: Effect(spoil=lambda text: text[: max(1, len(text) * 2 // 3)]),
    Fault.WARNING_BEFORE_JSON: Effect(spoil=lambda text: WARNING + text, content_type=HTML),
    Fault.WRONG_TYPES: Effect(change=wrong_types),
    Fault.REUSED_ID: Effect(change=reused_id),
    Fault.NUMBERS_AS_STRINGS: Effect(change=numbers_as_strings),
    Fault.STRINGS_AS_NUMBERS: Effect(change=strings_as_numbers),
    Fault.UNKNOWN_STATUS: Effect(change=unknown_status),
    Fault.NEGATIVE_REMAINS: Effect(change=negative_remains),
    Fault.STATUS_BACKWARDS: Effect(change=status_backwards),
    Fault.PRICE_CHANGE: Effect(),
    Fault.EMPTY_BALANCE: Effect(accepts=False, refusal=refusals.NOT_ENOUGH_FUNDS, change=empty_balance),
    Fault.REFILL_REFUSED: Effect(accepts=False, refusal=refusals.REFILL_DISABLED),
    Fault.REFILL_REJECTED: Effect(change=refill_rejected),
    Fault.QUEUE_FULL: Effect(accepts=False, refusal=refusals.QUEUE_FULL),
    Fault.BAD_KEY: Effect(accepts=False, refusal=refusals.INVALID_KEY),
    Fault.DUPLICATE_LINK: Effect(accepts=False, refusal=refusals.DUPLICATE_LINK),
    Fault.SERVICE_GONE: Effect(accepts=False, refusal=refusals.INCORRECT_SERVICE),
    Fault.BAD_LINK: Effect(accepts=False, refusal=refusals.BAD_LINK),
    Fault.ARBITRARY: Effect(),
}


def accepts(behaviour: Behaviour, *, action: str) -> bool:
    """Whether the call is carried out."""
    if behaviour.accepts is not None:
        return behaviour.accepts
    if behaviour.fault is Fault.EMPTY_BALANCE and action != "add":
        return True
    return EFFECTS[behaviour.fault].accepts


def misanswer(*, books: Books, behaviour: Behaviour, honest: object | None) -> Reply | None:
    """The reply on the wire, or None to drop the connection.

    `honest` is the value of the honest reply, None where the call was not carried out.
    """
    effect = EFFECTS[behaviour.fault]
    if effect.drops:
        return None
    text = msgspec.json.encode(_value(books=books, behaviour=behaviour, effect=effect, honest=honest))
    body = effect.body
    if body is None:
        body = text if effect.spoil is None else effect.spoil(text)
    return Reply(
        body=body if behaviour.body is None else behaviour.body.encode(),
        http_status=effect.http_status if behaviour.http_status is None else behaviour.http_status,
        content_type=behaviour.content_type or effect.content_type,
    )


def _value(*, books: Books, behaviour: Behaviour, effect: Effect, honest: object | None) -> object:
    """The JSON value of the reply; a refusal with `accepts=True` lies about a call it has carried out."""
    lies = behaviour.accepts is True and effect.refusal is not None
    if honest is None or lies:
        return {"error": behaviour.text or effect.refusal or refusals.TROUBLE}
    value = honest if effect.change is None else effect.change(books, honest)
    return value if behaviour.change is None else behaviour.change(value)
