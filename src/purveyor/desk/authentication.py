"""Who calls the desk: a staff key in `Authorization: Bearer`, and never a cookie."""

import threading
from time import monotonic
from typing import Final

from django.http import HttpRequest

from purveyor import configuration
from purveyor.accounts.addresses import outermost_address
from purveyor.accounts.keys import find_staff_key
from purveyor.accounts.models import StaffKey
from purveyor.accounts.throttling import Throttle
from purveyor.desk.errors import TooManyGuesses, UnknownStaffKey

KEY_MAX_CHARACTERS: Final = 256
"""A longer text is no key of ours and is not worth a look-up."""

_guesses: Final = Throttle()
_guessing: Final = threading.Lock()


def authenticate(request: HttpRequest) -> StaffKey:
    """The live key that the request shows. A good key is served whatever its neighbours guess.

    Raises `UnknownStaffKey`, or `TooManyGuesses` where that was shown too often from the same address.
    """
    scheme, _, text = request.headers.get("Authorization", "").strip().partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not text:
        raise UnknownStaffKey("Send your key as: Authorization: Bearer <key>")
    key = find_staff_key(text) if len(text) <= KEY_MAX_CHARACTERS else None
    if key is None:
        _count_guess(_address(request))
        raise UnknownStaffKey("Nobody has this key, or it was revoked")
    return key


def _count_guess(address: str) -> None:
    with _guessing:
        now = monotonic()
        if _guesses.is_spent(address, now=now):
            raise TooManyGuesses("Too many unknown keys from your address; wait a little")
        _guesses.count(address, now=now)


def _address(request: HttpRequest) -> str:
    return outermost_address(
        direct=request.META.get("REMOTE_ADDR", ""),
        forwarded_for=[request.headers.get("X-Forwarded-For", "")],
        trusted_proxies=configuration.current().trusted_proxies,
    )
