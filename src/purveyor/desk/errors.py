"""What the desk answers instead of a result. Each error knows its HTTP status and its code.

DeskError
├── UnreadableBody 400
├── UnknownStaffKey 401
├── NotInScope 403
├── NotHere 404
├── WrongMethod 405
├── BodyTooSlow 408
├── JobRefused 409
├── PostRefused 409
├── BodyTooLarge 413
├── InvalidField 422
├── TooManyGuesses 429
├── Broken 500
└── OutOfOrder 503
"""

from http import HTTPStatus
from typing import ClassVar


class DeskError(Exception):
    """An answer that is not what was asked for; its text is for the person who reads the caller's log."""

    status: ClassVar[HTTPStatus]
    code: str
    headers: ClassVar[dict[str, str]] = {}


class UnreadableBody(DeskError):
    """The body is not JSON."""

    status = HTTPStatus.BAD_REQUEST
    code = "unreadable_body"


class UnknownStaffKey(DeskError):
    """There is no key, or nobody has it."""

    status = HTTPStatus.UNAUTHORIZED
    code = "unknown_key"
    headers: ClassVar = {"WWW-Authenticate": "Bearer"}


class NotInScope(DeskError):
    """The key is not good for this."""

    status = HTTPStatus.FORBIDDEN
    code = "not_in_scope"


class NotHere(DeskError):
    """There is no such thing, at least for this key."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"


class WrongMethod(DeskError):
    """The address takes another method."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    code = "wrong_method"


class BodyTooSlow(DeskError):
    """The body did not arrive within its deadline."""

    status = HTTPStatus.REQUEST_TIMEOUT
    code = "body_too_slow"


class JobRefused(DeskError):
    """What is told of a job cannot be, as it stands."""

    status = HTTPStatus.CONFLICT

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class PostRefused(DeskError):
    """No order can be made of the post, as the panel is set."""

    status = HTTPStatus.CONFLICT
    code = "post_refused"


class BodyTooLarge(DeskError):
    """The body is larger than the cap."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "body_too_large"


class InvalidField(DeskError):
    """A field is missing, of the wrong type, or out of its range."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid_field"


class TooManyGuesses(DeskError):
    """The key is nobody's, and so were too many from this address before it."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many_guesses"
    headers: ClassVar = {"Retry-After": "2"}


class Broken(DeskError):
    """A mistake in the panel; its log has the traceback."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    code = "broken"


class OutOfOrder(DeskError):
    """The panel cannot answer now; the same request may be sent again."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "out_of_order"
    headers: ClassVar = {"Retry-After": "2"}
