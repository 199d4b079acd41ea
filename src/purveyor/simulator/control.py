"""The control door of the simulated provider: JSON over HTTP, for scripts in other processes.

Only from loopback, with `Authorization: Bearer <key>`. A wrong body answers 400 with the reason.

    GET  /control/state      counts and settings
    GET  /control/orders     accepted orders; ?after=ID, ?limit=N, ?children=1
    GET  /control/calls      the calls remembered, without keys; ?action=NAME
    POST /control/script     `ToldScript`: what the next calls get
    POST /control/order      `ToldOrder`: what `status` tells about an order
    POST /control/settings   `ToldSettings`: latency, speed, balance, prices, outcomes
    POST /control/clock      `ToldClock`: stand, run, jump
"""

import ipaddress
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Final, Literal

import msgspec
from aiohttp import web

from purveyor.simulator import panel
from purveyor.simulator.behaviours import (
    DEFAULT_DELAY_SECONDS,
    DEFAULT_PRICE_FACTOR,
    EVERY_ACTION,
    Behaviour,
    Fault,
)
from purveyor.simulator.misbehaving import change_prices
from purveyor.simulator.orders import Order
from purveyor.simulator.provider import Provider, kept

PROVIDER: Final[web.AppKey[Provider]] = web.AppKey("provider", Provider)
LARGEST_PAGE: Final = 100_000


class ToldBehaviour(msgspec.Struct, forbid_unknown_fields=True):
    """A behaviour as it is told over HTTP; the fields of `behaviours.Behaviour` that JSON can carry."""

    fault: Fault
    accepts: bool | None = None
    seconds: float = DEFAULT_DELAY_SECONDS
    factor: Decimal = DEFAULT_PRICE_FACTOR
    http_status: int | None = None
    body: str | None = None
    content_type: str | None = None
    text: str | None = None
    weight: float = 1.0
    """In a mix only."""

    def behaviour(self) -> Behaviour:
        """The same, as the script takes it."""
        return Behaviour(
            fault=self.fault,
            accepts=self.accepts,
            seconds=self.seconds,
            factor=self.factor,
            http_status=self.http_status,
            body=self.body,
            content_type=self.content_type,
            text=self.text,
        )


class ToldScript(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /control/script`."""

    do: Literal["next", "always", "mix", "when", "clear"]
    action: str = EVERY_ACTION
    """For `clear`, `*` is all of them."""
    behaviours: list[ToldBehaviour] = []
    seed: int = 0
    """Of a mix."""
    fields: dict[str, str] = {}
    """Of `when`: what a call must hold."""


class ToldOrder(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /control/order`; what is absent stays."""

    id: int
    status: str | None = None
    start_count: int | None = None
    remains: int | None = None
    charge: Decimal | None = None
    released: bool = False
    """Instead of the others: the order gets its own life back."""


class ToldSettings(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /control/settings`; what is absent stays."""

    latency_ms: float | None = None
    speed: float | None = None
    """For orders placed from now on."""
    balance: Decimal | None = None
    partial_share: float | None = None
    canceled_share: float | None = None
    duplicates_refused: bool | None = None
    refill_wait_seconds: float | None = None
    rates: dict[str, Decimal] = {}
    """Rates by service id."""
    price_factor: Decimal | None = None
    """All rates, as a multiple of the standard catalogue's."""


class ToldClock(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /control/clock`: first freeze or resume, then advance."""

    frozen: bool | None = None
    advance_seconds: float = 0.0


Handler = Callable[[web.Request], Awaitable[web.Response]]


def add_routes(app: web.Application) -> None:
    """Put the control door on an application that holds a provider."""
    app.router.add_get("/control/state", _guarded(_state))
    app.router.add_get("/control/orders", _guarded(_orders))
    app.router.add_get("/control/calls", _guarded(_calls))
    app.router.add_post("/control/script", _guarded(_script))
    app.router.add_post("/control/order", _guarded(_order))
    app.router.add_post("/control/settings", _guarded(_settings))
    app.router.add_post("/control/clock", _guarded(_clock))


def _guarded(handler: Handler) -> Handler:
    """Let in loopback with the key, and nobody else; what was changed is on disk before the answer."""

    async def guarded(request: web.Request) -> web.Response:
        provider = request.app[PROVIDER]
        loopback = request.remote is not None and ipaddress.ip_address(request.remote).is_loopback
        if not loopback or request.headers.get("Authorization") != f"Bearer {provider.key}":
            return _json({"error": "loopback only, with the key"}, status=web.HTTPForbidden.status_code)
        before = provider.books.noted
        provider.books.settle()
        try:
            response = await handler(request)
        except (msgspec.DecodeError, ValueError, KeyError) as error:
            return _json({"error": str(error)}, status=web.HTTPBadRequest.status_code)
        await kept(provider.books, since=before)
        return response

    return guarded


async def _state(request: web.Request) -> web.Response:
    """Counts and settings at this moment."""
    provider = request.app[PROVIDER]
    books = provider.books
    return _json(
        {
            "now": books.clock.now(),
            "speed": books.speed,
            "latency_ms": provider.latency_seconds * 1000,
            "balance": panel.money_text(books.balance),
            "orders": len(books.orders),
            "bought": sum(order.parent is None for order in books.orders.values()),
            "refills": len(books.refills),
            "calls_remembered": len(provider.calls),
        }
    )


async def _orders(request: web.Request) -> web.Response:
    """Accepted orders with an id above `after`, at most `limit`; with `children=1` those of parents too."""
    books = request.app[PROVIDER].books
    after = int(request.query.get("after", "0"))
    limit = min(int(request.query.get("limit", str(LARGEST_PAGE))), LARGEST_PAGE)
    children = request.query.get("children") == "1"
    wanted = [
        order for order in books.orders.values() if order.id > after and (children or order.parent is None)
    ][:limit]
    return _json({"orders": [_told(order, status=books.status(order)) for order in wanted]})


async def _calls(request: web.Request) -> web.Response:
    """The calls remembered, oldest first, without keys; with `action=` only those of one action."""
    action = request.query.get("action")
    calls = [call for call in request.app[PROVIDER].calls if action in (None, call.action)]
    return _json({"calls": calls})


async def _script(request: web.Request) -> web.Response:
    told = msgspec.json.decode(await request.read(), type=ToldScript)
    script = request.app[PROVIDER].script
    behaviours = [behaviour.behaviour() for behaviour in told.behaviours]
    if told.do != "clear" and not behaviours:
        raise ValueError("behaviours: at least one is needed")
    match told.do:
        case "next":
            script.next(told.action, *behaviours)
        case "always":
            script.always(told.action, behaviours[0])
        case "when":
            script.when(told.action, told.fields, behaviours[0])
        case "mix":
            weights = [behaviour.weight for behaviour in told.behaviours]
            script.mix(dict(zip(behaviours, weights, strict=True)), seed=told.seed, action=told.action)
        case "clear":
            script.clear(None if told.action == EVERY_ACTION else told.action)
    return _json({})


async def _order(request: web.Request) -> web.Response:
    told = msgspec.json.decode(await request.read(), type=ToldOrder)
    books = request.app[PROVIDER].books
    order = books.orders[told.id]
    if told.released:
        books.release_order(order)
    else:
        books.set_order(
            order,
            status=told.status,
            start_count=told.start_count,
            remains=told.remains,
            charge=told.charge,
        )
    return _json(_told(order, status=books.status(order)))


async def _settings(request: web.Request) -> web.Response:
    told = msgspec.json.decode(await request.read(), type=ToldSettings)
    provider = request.app[PROVIDER]
    books = provider.books
    if told.latency_ms is not None:
        provider.latency_seconds = told.latency_ms / 1000
    if told.speed is not None:
        books.set_speed(told.speed)
    if told.balance is not None:
        books.set_balance(told.balance)
    books.set_outcomes(partial=told.partial_share, canceled=told.canceled_share)
    if told.duplicates_refused is not None:
        books.refuse_duplicates(wanted=told.duplicates_refused)
    if told.refill_wait_seconds is not None:
        books.refill_wait_seconds = told.refill_wait_seconds
    if told.price_factor is not None:
        change_prices(books, factor=told.price_factor)
    for service_id, rate in told.rates.items():
        books.set_rate(service_id, rate)
    return _json({})


async def _clock(request: web.Request) -> web.Response:
    told = msgspec.json.decode(await request.read(), type=ToldClock)
    books = request.app[PROVIDER].books
    if told.frozen is True:
        books.clock.freeze()
    elif told.frozen is False:
        books.clock.resume()
    books.clock.advance(told.advance_seconds)
    books.settle()
    return _json({"now": books.clock.now()})


def _told(order: Order, *, status: str) -> dict[str, object]:
    """An order as this door tells it."""
    return {
        "id": order.id,
        "service": order.request.service,
        "link": order.request.link,
        "quantity": order.request.quantity,
        "fields": order.request.fields,
        "charge": panel.money_text(order.charge),
        "paid": panel.money_text(order.paid),
        "placed_at": order.placed_at,
        "status": status,
        "parent": order.parent,
        "children": order.children + order.old_children,
    }


def _json(value: object, *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")
