"""The desk's door: one JSON request from its key to its answer, for people and tools of the panel's owner.

Unlike API v2 it says with HTTP's own statuses what happened; an error's body is
`{"error": {"code": "…", "message": "…"}}`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
import structlog
from django.core.exceptions import TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.csrf import csrf_exempt

from purveyor.accounts.models import StaffKey
from purveyor.desk.authentication import authenticate
from purveyor.desk.errors import (
    Broken,
    DeskError,
    InvalidField,
    NotHere,
    NotInScope,
    OutOfOrder,
    UnreadableBody,
    WrongMethod,
)

BODY_MAX_BYTES: Final = 256 * 1024
"""Of a request; held by whoever reads it from the wire."""

Shape = TypeVar("Shape")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request whose key is known."""

    key: StaffKey
    query: QueryDict
    body: bytes

    def require(self, scope: str) -> None:
        """Go on only with a key that has this scope. Raises `NotInScope`."""
        if scope not in self.key.scopes:
            raise NotInScope(f"This key is not good for {scope}")

    def read(self, shape: type[Shape]) -> Shape:
        """The body as a msgspec type; none at all counts as `{}`. Raises `UnreadableBody`, `InvalidField`."""
        try:
            return msgspec.json.decode(self.body or b"{}", type=shape)
        except msgspec.ValidationError as wrong:
            raise InvalidField(str(wrong)) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
            raise UnreadableBody(f"The body is not JSON: {wrong}") from None

    def read_query(self, shape: type[Shape]) -> Shape:
        """The query as a msgspec type, numbers read from their text. Raises `InvalidField`."""
        try:
            return msgspec.convert(self.query.dict(), type=shape, strict=False)
        except msgspec.ValidationError as wrong:
            raise InvalidField(str(wrong)) from None


View = Callable[..., Any]
"""Takes a `Call` and the parts of the address, returns what becomes JSON. May raise `DeskError`."""


def door(**views: View) -> Callable[..., HttpResponse]:
    """A Django view that answers each named method by its own function: `door(GET=…, POST=…)`."""

    @csrf_exempt  # no cookie is read here, so there is nothing to forge
    def answer(request: HttpRequest, **address: Any) -> HttpResponse:
        try:
            return _json(200, msgspec.json.encode(_answer(views, request, address)))
        except DeskError as error:
            response = _error(error)
            if isinstance(error, WrongMethod):
                response["Allow"] = ", ".join(views)
            return response
        except (InterfaceError, OperationalError) as trouble:
            _log.warning("desk_waits_for_database", path=request.path, error=str(trouble).strip())
            return _error(OutOfOrder("The database does not answer; try again"))
        except Exception:  # noqa: BLE001  (whatever it is: a program is never answered with a page)
            _log.exception("desk_failed", method=request.method, path=request.path)
            return _error(Broken("This is a mistake of the panel's; its log tells more"))

    return answer


def _answer(views: dict[str, View], request: HttpRequest, address: dict[str, Any]) -> Any:
    key = authenticate(request)
    if request.method not in views:
        raise WrongMethod(f"This address takes {', '.join(views)}")
    try:
        query = request.GET
    except TooManyFieldsSent:
        raise InvalidField("The query has too many fields") from None
    return views[request.method](Call(key=key, query=query, body=request.body), **address)


def nowhere(_: Call, **__: Any) -> None:
    """The answer of every address that is none of the desk's."""
    raise NotHere("There is nothing at this address")


def own_key(call: Call) -> Any:
    """What the key is good for, for whoever tries it."""
    return {"name": call.key.name, "scopes": call.key.scopes}


def error_body(error: DeskError) -> bytes:
    """An error as the desk writes it."""
    return msgspec.json.encode({"error": {"code": error.code, "message": str(error)}})


def _error(error: DeskError) -> HttpResponse:
    response = _json(error.status, error_body(error))
    for name, value in error.headers.items():
        response[name] = value
    return response


def _json(status: int, body: bytes) -> HttpResponse:
    return HttpResponse(
        body, status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )
