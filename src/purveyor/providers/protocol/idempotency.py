"""Keys that make an `add` repeatable where the provider is a Purveyor too: the same key, the same order.

A key begins with a mark of the account it was sent to, so that it is never repeated at another one: there it
would be new, and a second order. The rest is random rather than our own number of the hand-over: numbers come
again when a database is restored from a copy.
"""

import hashlib
import uuid
from collections.abc import Mapping
from typing import Final

from purveyor.providers.protocol.client import Access

FIELD: Final = "idempotency_key"
MARK_CHARACTERS: Final = 16


def with_key(fields: Mapping[str, str], *, access: Access) -> dict[str, str]:
    """The fields of an `add` with a key of its own."""
    return {**fields, FIELD: f"{_mark(access)}-{uuid.uuid4().hex}"}


def is_repeatable(fields: Mapping[str, str], *, access: Access) -> bool:
    """Whether an `add` may be sent once more: it had a key, and went to the account that is called now."""
    return fields.get(FIELD, "").startswith(f"{_mark(access)}-")


def _mark(access: Access) -> str:
    account = f"{access.url}\n{access.key}".encode()
    return hashlib.blake2b(account, digest_size=MARK_CHARACTERS // 2).hexdigest()
