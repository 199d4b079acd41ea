"""How much a post of a fed subscription gets: anything from min to max, but for one post always the same."""

import hashlib
from typing import Final

_BYTES: Final = 8


def post_quantity(*, subscription_id: int, url_key: int, smallest: int, largest: int) -> int:
    """A quantity between `smallest` and `largest`, spread evenly over posts (protocol §3.1).

    It follows from the subscription and the post, so that a repetition never charges another amount.
    """
    digest = hashlib.blake2b(f"{subscription_id} {url_key}".encode(), digest_size=_BYTES).digest()
    return smallest + int.from_bytes(digest, "big") % (largest - smallest + 1)
