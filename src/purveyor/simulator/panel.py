"""The seven actions of API v2 as the simulated provider answers them: form fields in, a JSON value out."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final

from purveyor.simulator import catalogue, life, ordering, refusals, standing
from purveyor.simulator.books import Books
from purveyor.simulator.life import Status
from purveyor.simulator.orders import Order, Refill
from purveyor.simulator.refusals import Refused

IDS_PER_CALL: Final = 100
CURRENCY: Final = "USD"
SECONDS_PER_DAY: Final = 86_400

Fields = Mapping[str, str]


def answer(*, books: Books, action: str, fields: Fields) -> object:
    """Carry out one call, whose key is already found right.

    Raises:
        Refused: the call as a whole; single ids of a list have their error inside the reply.
    """
    carry_out = _ACTIONS.get(action)
    if carry_out is None:
        raise Refused(refusals.INCORRECT_REQUEST)
    books.settle()
    return carry_out(books, fields)


def _services(books: Books, _fields: Fields) -> object:
    return catalogue.rows(books.services.values())


def _add(books: Books, fields: Fields) -> object:
    service = books.services.get(fields.get("service", "").strip())
    if service is None:
        raise Refused(refusals.INCORRECT_SERVICE)
    repeated = _placed_before(books, fields)
    if repeated is not None:
        return {"order": repeated.id}
    request = ordering.understand(service=service, fields=fields, now=books.clock.now())
    return {"order": books.place(request).id}


def _placed_before(books: Books, fields: Fields) -> Order | None:
    """The order that was placed under the same idempotency key, where those are heeded."""
    key = fields.get(ordering.IDEMPOTENCY_KEY)
    if not (key and books.takes_idempotency_keys):
        return None
    orders = books.orders.values()
    return next((one for one in orders if one.request.fields.get(ordering.IDEMPOTENCY_KEY) == key), None)


def _status(books: Books, fields: Fields) -> object:
    if fields.get("order"):
        return _order_standing(books, fields["order"])
    return {text: _each(_order_standing, books, text) for text in _ids(fields, "orders")}


def _refill(books: Books, fields: Fields) -> object:
    if fields.get("order"):
        return {"refill": str(_ask_refill(books, fields["order"]))}
    return [
        {"order": _echo(text), "refill": _each(_ask_refill, books, text)} for text in _ids(fields, "orders")
    ]


def _refill_status(books: Books, fields: Fields) -> object:
    if fields.get("refill"):
        return {"status": _refill_standing(books, fields["refill"])}
    return [
        {
            "refill": _echo(text),
            "status": _each(_refill_standing, books, text),
        }
        for text in _ids(fields, "refills")
    ]


def _cancel(books: Books, fields: Fields) -> object:
    if fields.get("order"):
        text = fields["order"]
        return {"order": _echo(text), "cancel": _ask_cancel(books, text)}
    return [
        {"order": _echo(text), "cancel": _each(_ask_cancel, books, text)} for text in _ids(fields, "orders")
    ]


def _balance(books: Books, _fields: Fields) -> object:
    return {"balance": money_text(books.balance), "currency": CURRENCY}


_ACTIONS: Final[Mapping[str, Callable[[Books, Fields], object]]] = {
    "services": _services,
    "add": _add,
    "status": _status,
    "refill": _refill,
    "refill_status": _refill_status,
    "cancel": _cancel,
    "balance": _balance,
}


def money_text(amount: Decimal) -> str:
    """An amount in plain digits, without closing zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _order_standing(books: Books, text: str) -> dict[str, object]:
    """The reply to `status` for one order: ordinary, drip-feed or subscription (§4.3, §4.5, §4.6)."""
    order = _order(books, text)
    if order.request.dripfeed is not None:
        return {
            "status": books.status(order),
            "runs": str(len(order.children)),
            "orders": [str(child) for child in order.children],
        }
    if order.request.subscription is not None:
        return {
            "status": books.status(order),
            "expiry": order.request.subscription.expiry,
            "posts": str(len(order.children)),
            "orders": [str(child) for child in order.children],
            "old_orders": [str(child) for child in order.old_children],
        }
    now = standing.progress(order, at=books.clock.now())
    net = life.net_charge(
        charge=order.charge, quantity=order.request.quantity, status=now.status, remains=now.remains
    )
    return {
        "charge": money_text(net),
        "start_count": "" if now.start_count is None else str(now.start_count),
        "status": now.status,
        "remains": str(now.remains),
        "currency": CURRENCY,
    }


def _refill_standing(books: Books, text: str) -> Status:
    return books.refill_status(_find_refill(books, text))


def _ask_refill(books: Books, text: str) -> int:
    order = _order(books, text)
    service = books.services[order.request.service]
    if not service.refill:
        raise Refused(refusals.REFILL_DISABLED)
    if standing.is_parent(order) or books.status(order) != Status.COMPLETED:
        raise Refused(refusals.REFILL_NOT_COMPLETED)
    now = books.clock.now()
    completed_at = min(now, order.placed_at + order.fate.ends_at / order.speed)  # by hand, it may be sooner
    if any(_is_recent(books, books.refills[refill]) for refill in order.refills):
        raise Refused(refusals.REFILL_TOO_SOON)
    if now < completed_at + books.refill_wait_seconds:
        raise Refused(refusals.REFILL_TOO_SOON)
    if now > completed_at + service.refill_days * SECONDS_PER_DAY:
        raise Refused(refusals.REFILL_TOO_LATE)
    return books.refill(order).id


def _is_recent(books: Books, refill: Refill) -> bool:
    """Whether a refill still runs or was asked for too short a time ago."""
    running = books.refill_status(refill) not in (Status.COMPLETED, Status.REJECTED)
    return running or books.clock.now() < refill.requested_at + books.refill_wait_seconds


def _ask_cancel(books: Books, text: str) -> int:
    order = _order(books, text)
    if not books.services[order.request.service].cancel:
        raise Refused(refusals.CANCEL_NOT_OFFERED)
    if order.cancel_requested_at is not None:
        raise Refused(refusals.CANCEL_REPEATED)
    if books.status(order) in life.ENDED or books.status(order) == Status.EXPIRED:
        raise Refused(refusals.CANCEL_TOO_LATE)
    books.cancel(order)
    return 1


def _order(books: Books, text: str) -> Order:
    number = ordering.whole_number(text)
    order = None if number is None else books.orders.get(number)
    if order is None:
        raise Refused(refusals.INCORRECT_ORDER)
    return order


def _find_refill(books: Books, text: str) -> Refill:
    number = ordering.whole_number(text)
    refill = None if number is None else books.refills.get(number)
    if refill is None:
        raise Refused(refusals.REFILL_NOT_FOUND)
    return refill


def _ids(fields: Fields, name: str) -> Iterable[str]:
    """The first `IDS_PER_CALL` unique ids of a comma list, as they were written.

    Raises:
        Refused: there is none.
    """
    ids = dict.fromkeys(text.strip() for text in fields.get(name, "").split(",") if text.strip())
    if not ids:
        raise Refused(refusals.INCORRECT_REQUEST)
    return list(ids)[:IDS_PER_CALL]


def _each(carry_out: Callable[[Books, str], object], books: Books, text: str) -> object:
    """One item of a list: what comes of it, or its error."""
    try:
        return carry_out(books, text)
    except Refused as refused:
        return {"error": refused.text}


def _echo(text: str) -> int | str:
    """An id as the reply repeats it: a number where it is one."""
    number = ordering.whole_number(text)
    return text if number is None else number
