"""The door itself: one request of API v2 from its first byte to its answer (protocol §1, §6)."""

import asyncio
import contextlib
from typing import Any, Final

from purveyor.accounts.keys import KeyHolder
from purveyor.api import replies
from purveyor.api.actions import ACTIONS, SERVICES, Call, recognised
from purveyor.api.addresses import client_address
from purveyor.api.authentication import KeyCache, TooManyGuesses
from purveyor.api.bodies import BodyTooLarge, BodyTooSlow, ClientGone, Receive, Scope, Send, read_body
from purveyor.api.catalogue import PriceLists
from purveyor.api.decoding import Parameters, Undecodable, decode
from purveyor.api.observation import Figures, Outcome
from purveyor.api.rooms import Rooms
from purveyor.configuration import Configuration
from purveyor.orders.refusals import AccountSuspended, IncorrectRequest, Refusal

Header = tuple[bytes, bytes]

_JSON: Final[list[Header]] = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
_JSON_START: Final = {"type": "http.response.start", "status": 200, "headers": _JSON}
_GZIP: Final[list[Header]] = [*_JSON, (b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
_PLAIN: Final[list[Header]] = [*_JSON, (b"vary", b"accept-encoding")]
_RETRY: Final[Header] = (b"retry-after", b"2")

KEY_NAMES: Final = ("key", "api_token", "api")
"""`key`, and the names that other panels' clients use for it (§1.1)."""
SHOWN_PREFIX_CHARACTERS: Final = 8


class UnknownKey(Refusal):
    """Invalid API key"""


class Answer:
    """What goes out, and what is told about it in the log."""

    __slots__ = ("action", "address", "body", "headers", "holder", "outcome", "status", "trouble")

    def __init__(self) -> None:
        self.status = 200
        self.headers = _JSON
        self.body = b""
        self.outcome = Outcome.OK
        self.action = ""
        self.holder: KeyHolder | None = None
        self.address = ""
        self.trouble: BaseException | None = None


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
        log: Any,
    ) -> None:
        self._configuration = configuration
        self._errors_as_keys = configuration.error_form == "key"
        self._rooms = rooms
        self._keys = keys
        self._price_lists = price_lists
        self._figures = figures
        self._log = log
        self._time = asyncio.get_running_loop().time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; every outcome is logged and counted."""
        started = self._time()
        answer = Answer()
        try:
            await self._answer(answer, scope, receive)
        except Refusal as refusal:
            answer.outcome = Outcome.REFUSED
            self._refuse(answer, refusal)
        except ClientGone:
            answer.outcome = Outcome.GONE
        except Exception as trouble:  # noqa: BLE001  (whatever it was, it is ours, and the caller learns nothing)
            # An empty body: a JSON error on `status` would make consumers give their order up (§5).
            answer.status, answer.headers, answer.body = 503, [_RETRY], b""
            answer.outcome, answer.trouble = Outcome.TROUBLE, trouble
        if answer.outcome is not Outcome.GONE:
            await _send(send, answer)
        self._observe(answer, started)

    async def _answer(self, answer: Answer, scope: Scope, receive: Receive) -> None:
        method = scope["method"]
        if method not in {"GET", "POST"}:
            _answer_other_method(answer, method)
            return
        parameters, accepts_gzip = await self._parameters(scope, receive, answer)
        if parameters is None:
            return
        holder = await self._holder(parameters, scope, answer)
        if holder is None:
            return
        answer.holder = holder
        self._keys.note(holder)
        if not holder.active:
            raise AccountSuspended
        action = answer.action = recognised(parameters)
        if action == SERVICES:
            page = await self._price_lists.page(holder)
            answer.headers = _GZIP if accepts_gzip else _PLAIN
            answer.body = page.compressed if accepts_gzip else page.plain
        elif action:
            call = Call(holder, parameters, self._rooms, self._errors_as_keys)
            answer.body = await ACTIONS[action](call)
        else:
            raise IncorrectRequest

    async def _parameters(
        self, scope: Scope, receive: Receive, answer: Answer
    ) -> tuple[Parameters | None, bool]:
        content_type = b""
        announced: int | None = 0
        accepts_gzip = False
        for name, value in scope["headers"]:
            if name == b"content-length":
                announced = int(value) if value.isdigit() else None
            elif name == b"content-type":
                content_type = value
            elif name == b"transfer-encoding":
                announced = None
            elif name == b"accept-encoding":
                accepts_gzip = b"gzip" in value
        try:
            body = b"" if announced == 0 else await read_body(receive, announced=announced)
        except BodyTooLarge:
            self._reject(answer, 413, "Request too large", Outcome.UNREADABLE)
            return None, accepts_gzip
        except BodyTooSlow:
            self._reject(answer, 408, "Request timed out", Outcome.UNREADABLE)
            return None, accepts_gzip
        try:
            decoded = decode(content_type=content_type, query=scope["query_string"], body=body)
        except Undecodable:
            raise IncorrectRequest from None
        return decoded, accepts_gzip

    async def _holder(self, parameters: Parameters, scope: Scope, answer: Answer) -> KeyHolder | None:
        """Whose key it is; None when the answer is ready because nobody's is."""
        key = next((text for name in KEY_NAMES if (text := parameters.get(name, "").strip())), "")
        holder = self._keys.known(key, now=self._time()) if key else None
        if holder is not None:
            return holder
        answer.address = client_address(scope, trusted_proxies=self._configuration.trusted_proxies)
        with contextlib.suppress(TooManyGuesses):
            holder = await self._keys.find(key, address=answer.address) if key else None
            if holder is None:
                answer.outcome = Outcome.UNAUTHORISED
                self._refuse(answer, UnknownKey())
            return holder
        self._reject(answer, 429, "Too many requests", Outcome.THROTTLED)
        answer.headers = [*_JSON, _RETRY]
        return None

    def _refuse(self, answer: Answer, refusal: Refusal) -> None:
        answer.body = replies.encode(replies.error(refusal, as_key=self._errors_as_keys))

    @staticmethod
    def _reject(answer: Answer, status: int, words: str, outcome: Outcome) -> None:
        answer.status, answer.outcome = status, outcome
        answer.body = replies.encode(replies.ErrorReply(words))

    def _observe(self, answer: Answer, started: float) -> None:
        seconds = self._time() - started
        action = answer.action or "none"
        holder = answer.holder
        facts: dict[str, Any] = {"action": action, "outcome": answer.outcome, "ms": round(seconds * 1000, 2)}
        if holder is not None:
            facts["customer"] = holder.customer_id
            facts["key"] = holder.prefix
        else:
            facts["address"] = answer.address
        if answer.status != 200:  # noqa: PLR2004
            facts["status"] = answer.status
        if answer.trouble is not None:
            facts["trouble"] = repr(answer.trouble)
        self._figures.count(action=action, outcome=answer.outcome, seconds=seconds)
        self._log.info("api", **facts)


async def _send(send: Send, answer: Answer) -> None:
    if answer.headers is _JSON and answer.status == 200:  # noqa: PLR2004
        await send(_JSON_START)
    else:
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


def _answer_other_method(answer: Answer, method: str) -> None:
    """HEAD and OPTIONS are harmless (§6.3); other methods carry nothing that we read."""
    if method == "HEAD":
        return
    if method == "OPTIONS":
        answer.status, answer.headers = 204, [(b"allow", b"GET, POST, HEAD, OPTIONS")]
        return
    raise IncorrectRequest
