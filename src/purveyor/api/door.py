"""The door itself: one request of API v2 from its first byte to its answer (protocol §1, §6)."""

from collections.abc import Iterable
from http import HTTPStatus
from time import monotonic
from typing import Final

from purveyor.accounts.keys import KeyHolder
from purveyor.api import replies
from purveyor.api.actions import ACTIONS, SERVICES, Call, recognised
from purveyor.api.addresses import client_address
from purveyor.api.authentication import KeyCache, TooManyGuesses
from purveyor.api.bodies import (
    BodyTooLarge,
    BodyTooSlow,
    ClientGone,
    Deadlines,
    Receive,
    Scope,
    Send,
    content_length,
    drain,
)
from purveyor.api.catalogue import PriceLists
from purveyor.api.decoding import Parameters, Undecodable, decode
from purveyor.api.observation import Figures, Outcome, RequestLine, RequestLog
from purveyor.api.rooms import Rooms
from purveyor.configuration import Configuration
from purveyor.orders.refusals import AccountSuspended, IncorrectRequest, Refusal

Header = tuple[bytes, bytes]

_JSON: Final[list[Header]] = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
_PLAIN: Final[list[Header]] = [*_JSON, (b"vary", b"accept-encoding")]
_GZIP: Final[list[Header]] = [*_PLAIN, (b"content-encoding", b"gzip")]
_RETRY: Final[Header] = (b"retry-after", b"2")
_REFUSED: Final[list[Header]] = list(_JSON)  # with another status than 200
_START: Final = {"type": "http.response.start", "status": 200, "headers": _JSON}

KEY_NAMES: Final = ("key", "api_token", "api")
"""`key`, and the names that clients of other panels use for it (§1.1)."""


class UnknownKey(Refusal):
    """Invalid API key"""


class Rejected(Exception):
    """A request that is not taken, for a reason that HTTP has a status for.

    Without words its body is empty: a JSON error on `status` would make consumers give their order up (§5).
    """

    def __init__(self, status: int, outcome: Outcome, *, words: str = "", again: bool = False) -> None:
        super().__init__(words)
        self.status = status
        self.outcome = outcome
        self.words = words
        self.again = again
        """Whether the same request may be taken in a while."""


class Answer:
    """What goes out, and what is told about it in the log."""

    __slots__ = ("action", "address", "body", "headers", "holder", "outcome", "status", "trouble")

    def __init__(self) -> None:
        self.status = 200
        self.headers = _JSON
        self.body = b""
        self.outcome = Outcome.OK
        self.action = "none"
        self.holder: KeyHolder | None = None
        self.address = ""
        self.trouble = ""


class Door:
    """The ASGI application of API v2, without its mounting. Lives on one event loop."""

    def __init__(
        self,
        *,
        configuration: Configuration,
        rooms: Rooms,
        keys: KeyCache,
        price_lists: PriceLists,
        figures: Figures,
        log: RequestLog,
    ) -> None:
        self._trusted_proxies = configuration.trusted_proxies
        self._errors_as_keys = configuration.error_form == "key"
        self._rooms = rooms
        self._keys = keys
        self._price_lists = price_lists
        self._figures = figures
        self._log = log
        self._bodies = Deadlines()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; every outcome is logged and counted."""
        started = monotonic()
        answer = Answer()
        try:
            await self._answer(answer, scope, receive)
        except Refusal as refusal:
            if answer.outcome is Outcome.OK:
                answer.outcome = Outcome.REFUSED
            answer.body = replies.encode(replies.error(refusal, as_key=self._errors_as_keys))
        except Rejected as rejected:
            answer.status, answer.outcome = rejected.status, rejected.outcome
            answer.headers = [_RETRY] if rejected.again else []
            if rejected.words:
                answer.headers = _REFUSED
                answer.body = replies.encode(replies.ErrorReply(rejected.words))
        except ClientGone:
            # Read by nobody, unless the server took a malformed chunk for the end of the client.
            answer.status, answer.headers, answer.outcome = HTTPStatus.BAD_REQUEST, [], Outcome.GONE
        except Exception as trouble:  # noqa: BLE001  (whatever it was, it is ours, and the caller learns nothing)
            # An empty body: a JSON error on `status` would make consumers give their order up (§5).
            answer.status, answer.headers, answer.body = 503, [_RETRY], b""
            answer.outcome, answer.trouble = Outcome.TROUBLE, repr(trouble)
        await _send(send, answer)
        self._observe(answer, monotonic() - started)
        if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            await drain(receive)

    async def _answer(self, answer: Answer, scope: Scope, receive: Receive) -> None:
        method = scope["method"]
        if method not in {"GET", "POST"}:
            _answer_other_method(answer, method)
            return
        parameters = await self._parameters(scope, receive)
        answer.holder = holder = await self._holder(parameters, scope, answer)
        if not holder.active:
            raise AccountSuspended
        action = recognised(parameters)
        if action:
            answer.action = action
        if action == SERVICES:
            page = await self._price_lists.page(holder)
            wants_gzip = _accepts_gzip(scope["headers"])
            answer.headers = _GZIP if wants_gzip else _PLAIN
            answer.body = page.compressed if wants_gzip else page.plain
        elif action in ACTIONS:
            call = Call(holder, parameters, self._rooms, self._errors_as_keys)
            answer.body = await ACTIONS[action](call)
        else:
            raise IncorrectRequest

    async def _parameters(self, scope: Scope, receive: Receive) -> Parameters:
        """What was sent. Raises `IncorrectRequest`, `Rejected`, `ClientGone`."""
        announced = content_length(scope)
        body = b""
        if announced != 0:
            try:
                body = await self._bodies.read_body(receive, announced=announced)
            except BodyTooLarge:
                raise Rejected(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Outcome.UNREADABLE, words="Request too large"
                ) from None
            except BodyTooSlow:
                raise Rejected(HTTPStatus.REQUEST_TIMEOUT, Outcome.UNREADABLE, again=True) from None
        try:
            return decode(
                content_type=_content_type(scope["headers"]), query=scope["query_string"], body=body
            )
        except Undecodable:
            raise IncorrectRequest from None

    async def _holder(self, parameters: Parameters, scope: Scope, answer: Answer) -> KeyHolder:
        """Whose key it is. Raises `UnknownKey`, or `Rejected` for one of too many from the same address."""
        key = parameters.get("key") or next(filter(None, map(parameters.get, KEY_NAMES)), "")
        key = key.strip()
        holder = self._keys.known(key, now=monotonic()) if key else None
        if holder is None:
            answer.address = client_address(scope, trusted_proxies=self._trusted_proxies)
            try:
                holder = await self._keys.find(key, address=answer.address) if key else None
            except TooManyGuesses:
                raise Rejected(HTTPStatus.TOO_MANY_REQUESTS, Outcome.THROTTLED, again=True) from None
            if holder is None:
                answer.outcome = Outcome.UNAUTHORISED
                raise UnknownKey
        self._keys.note(holder)
        return holder

    def _observe(self, answer: Answer, seconds: float) -> None:
        line = RequestLine(self._log.now(), "api", answer.action, answer.outcome, round(seconds * 1000, 2))
        if answer.holder is not None:
            line.customer, line.key = answer.holder.customer_id, answer.holder.prefix
        line.address, line.status, line.trouble = answer.address, answer.status, answer.trouble
        self._figures.count(action=answer.action, outcome=answer.outcome, seconds=seconds)
        self._log.write(line)


async def _send(send: Send, answer: Answer) -> None:
    if answer.headers is _JSON:
        await send(_START)
    else:
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


def _answer_other_method(answer: Answer, method: str) -> None:
    """HEAD and OPTIONS are harmless (§6.3); other methods carry nothing that we read."""
    if method == "OPTIONS":
        answer.status, answer.headers = 204, [(b"allow", b"GET, POST, HEAD, OPTIONS")]
    elif method != "HEAD":
        raise IncorrectRequest


def _content_type(headers: Iterable[Header]) -> bytes:
    for name, value in headers:
        if name == b"content-type":
            return value
    return b""


def _accepts_gzip(headers: Iterable[Header]) -> bool:
    """Whether the client asked for gzip; `gzip;q=0` is a refusal."""
    for name, value in headers:
        if name == b"accept-encoding":
            for offer in value.lower().split(b","):
                coding, _, quality = offer.replace(b" ", b"").partition(b";")
                if coding == b"gzip":
                    return quality.rstrip(b"0") not in {b"q=", b"q=0."}
    return False
