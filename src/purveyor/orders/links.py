"""When two links are the same place."""

import hashlib
import re
from typing import Final

LONGEST_LINK_CHARACTERS: Final = 2048

_SCHEME = re.compile(r"^https?://", re.IGNORECASE)
_WWW = re.compile(r"^www\.", re.IGNORECASE)
_KEY_BYTES: Final = 8


def normalised(link: str) -> str:
    """The link without what does not change the place: scheme, `www.`, case of the host, a closing slash."""
    without_scheme = _WWW.sub("", _SCHEME.sub("", link.strip()))
    host, slash, rest = without_scheme.partition("/")
    return (host.lower() + slash + rest).rstrip("/")


def link_key(link: str) -> int:
    """A 64-bit hash of the normalised link, for an index that stays small."""
    digest = hashlib.blake2b(normalised(link).encode(), digest_size=_KEY_BYTES).digest()
    return int.from_bytes(digest, "big", signed=True)


def username_key(username: str) -> int:
    """The same hash of an account's name, or of its address; `@name` is `name`."""
    return link_key(username.strip().removeprefix("@"))
