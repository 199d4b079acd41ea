"""What can be asked for: the actions of protocol §2, with the aliases that clients in the wild need."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from purveyor.accounts.keys import KeyHolder
from purveyor.api import ids, replies
from purveyor.api.decoding import Parameters
from purveyor.api.rooms import Rooms
from purveyor.catalog.order_types import FORMS
from purveyor.orders.models import Source
from purveyor.orders.refusals import IncorrectOrderId, IncorrectRequest, RefillNotFound, Refusal
from purveyor.orders.requests import OrderRequest

ORDER_FIELDS: Final[frozenset[str]] = frozenset({"link", "quantity", "runs", "interval"}).union(
    field.name for form in FORMS.values() for field in form.fields
)
"""Every field that an order of any type can have; whatever else a client sends is ignored (§1.2)."""


@dataclass(slots=True)  # not frozen: one is made per request, and freezing costs
class Call:
    """A call by someone whose key is good."""

    holder: KeyHolder
    parameters: Parameters
    rooms: Rooms
    errors_as_keys: bool

    def error(self, refusal: Refusal) -> replies.ErrorReply:
        """A refusal of one item, in words or as a key."""
        return replies.error(refusal, as_key=self.errors_as_keys)

    def first(self, *names: str) -> str:
        """The first of these parameters that was sent, trimmed; empty where none was."""
        for name in names:
            if text := self.parameters.get(name, "").strip():
                return text
        return ""

    def wanted_ids(self, *names: str) -> list[str]:
        """The ids of the first of these lists that was sent. Raises `IncorrectRequest` without one."""
        asked = ids.listed(self.first(*names))
        if not asked:
            raise IncorrectRequest
        return asked

    def owned(self, asked: list[str]) -> dict[str, tuple[int, int]]:
        """The ids that can be ids, by their text, as this customer's."""
        customer_id = self.holder.customer_id
        return {text: (customer_id, number) for text in asked if (number := ids.number(text)) is not None}


async def status(call: Call) -> bytes:
    """One order's status (§4.3), or an object of many (§4.4)."""
    single = call.first("order", "order_id")
    if single:
        number = ids.number(single)
        if number is None:
            raise IncorrectOrderId
        found = (await call.rooms.statuses.submit([(call.holder.customer_id, number)]))[0]
        if found is None:
            raise IncorrectOrderId
        return replies.encode(found)
    asked = call.wanted_ids("orders")
    wanted = call.owned(asked)
    shapes = dict(zip(wanted, await call.rooms.statuses.submit(list(wanted.values())), strict=True))
    absent = call.error(IncorrectOrderId())
    return replies.encode({text: shapes.get(text) or absent for text in asked})


async def add(call: Call) -> bytes:
    """Place an order (§3, §4.2). `idempotency_key` is ours: the same key again gives the same order again."""
    service = call.first("service")
    if not service:
        raise IncorrectRequest
    sent = call.parameters
    fields = {name: text for name, text in sent.items() if name in ORDER_FIELDS}
    if "media" not in fields and "media_url" in sent:
        fields["media"] = sent["media_url"]  # the name that some clients use (§3.1)
    request = OrderRequest(
        customer_id=call.holder.customer_id,
        source=Source.API,
        service=service,
        fields=fields,
        idempotency_key=call.first("idempotency_key") or None,
    )
    answer = (await call.rooms.orders.submit([request]))[0]
    if isinstance(answer, Refusal):
        raise answer
    return replies.encode(replies.OrderReply(answer.order_id))


async def refill(call: Call) -> bytes:
    """Ask for a refill of one order, or of many (§4.7)."""
    single = call.first("order", "order_id", "refill")
    if single:
        number = ids.number(single)
        if number is None:
            raise IncorrectOrderId
        answer = (await call.rooms.refills.submit([(call.holder.customer_id, number)]))[0]
        if isinstance(answer, Refusal):
            raise answer
        return replies.encode(replies.RefillReply(str(answer)))
    asked = call.wanted_ids("orders", "refills")
    wanted = call.owned(asked)
    answers = dict(zip(wanted, await call.rooms.refills.submit(list(wanted.values())), strict=True))
    rows = []
    for text in asked:
        answer = answers.get(text, IncorrectOrderId())
        made = call.error(answer) if isinstance(answer, Refusal) else answer
        rows.append(replies.RefillRow(ids.echo(text), made))
    return replies.encode(rows)


async def refill_status(call: Call) -> bytes:
    """How one refill stands, or many (§4.8)."""
    single = call.first("refill", "order", "order_id")
    if single:
        number = ids.number(single)
        if number is None:
            raise RefillNotFound
        word = (await call.rooms.refill_statuses.submit([(call.holder.customer_id, number)]))[0]
        if word is None:
            raise RefillNotFound
        return replies.encode(replies.RefillStatusReply(word))
    asked = call.wanted_ids("refills", "orders")
    wanted = call.owned(asked)
    words = dict(zip(wanted, await call.rooms.refill_statuses.submit(list(wanted.values())), strict=True))
    absent = call.error(RefillNotFound())
    return replies.encode(
        [replies.RefillStatusRow(ids.echo(text), words.get(text) or absent) for text in asked]
    )


async def cancel(call: Call) -> bytes:
    """Ask for the cancel of many orders, or of one (§4.9)."""
    single = call.first("order", "order_id")
    if single:
        number = ids.number(single)
        if number is None:
            raise IncorrectOrderId
        refusal = (await call.rooms.cancels.submit([(call.holder.customer_id, number)]))[0]
        if refusal is not None:
            raise refusal
        return replies.encode(replies.CancelRow(number, 1))
    asked = call.wanted_ids("orders")
    wanted = call.owned(asked)
    answers = dict(zip(wanted, await call.rooms.cancels.submit(list(wanted.values())), strict=True))
    rows = []
    for text in asked:
        refusal = answers.get(text, IncorrectOrderId())
        rows.append(replies.CancelRow(ids.echo(text), 1 if refusal is None else call.error(refusal)))
    return replies.encode(rows)


async def balance(call: Call) -> bytes:
    """The customer's balance (§4.10)."""
    return replies.encode((await call.rooms.balances.submit([call.holder.customer_id]))[0])


SERVICES: Final = "services"
"""The one action that is not answered from the rooms but from rendered price lists."""

ACTIONS: Final[dict[str, Callable[[Call], Awaitable[bytes]]]] = {
    "status": status,
    "add": add,
    "refill": refill,
    "refill_status": refill_status,
    "cancel": cancel,
    "balance": balance,
}


def recognised(parameters: Parameters) -> str:
    """The action that a request means; empty where it names none.

    Old clients send refill look-ups without an action (protocol §1.4): that is guessed, as it only reads.
    With `order` or `orders` it could mean a change, so nothing is guessed.
    """
    action = parameters.get("action", "").strip().lower()
    if action in ACTIONS or action == SERVICES:
        return action
    asks_refills = "refill" in parameters or "refills" in parameters
    asks_orders = "order" in parameters or "orders" in parameters or "order_id" in parameters
    return "refill_status" if not action and asks_refills and not asks_orders else ""
