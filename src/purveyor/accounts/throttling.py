"""How fast one address may try keys that nobody has: a bucket of tokens per address."""

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

GUESSES_AT_ONCE: Final = 20
"""Unknown keys that an address may show in a burst, as a forgotten cron job does."""
GUESSES_PER_SECOND: Final = 0.5
ADDRESSES_MAX: Final = 50_000
"""Addresses remembered; the longest idle ones are forgotten first."""
_IPV6_NETWORK_BITS: Final = 64  # a customer of any network has that many addresses of their own


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Throttle:
    """Counts guesses per address. Times are seconds of any steady clock."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def is_spent(self, address: str, *, now: float) -> bool:
        """Whether the address has used up its guesses for now."""
        bucket = self._buckets.get(_network(address))
        return bucket is not None and self._tokens(bucket, now) < 1

    def count(self, address: str, *, now: float) -> None:
        """Take one guess off the address."""
        network = _network(address)
        bucket = self._buckets.setdefault(network, _Bucket(GUESSES_AT_ONCE, now))
        bucket.tokens = max(self._tokens(bucket, now) - 1, 0.0)
        bucket.filled_at = now
        self._buckets.move_to_end(network)
        if len(self._buckets) > ADDRESSES_MAX:
            self._buckets.popitem(last=False)

    @staticmethod
    def _tokens(bucket: _Bucket, now: float) -> float:
        return min(bucket.tokens + (now - bucket.filled_at) * GUESSES_PER_SECOND, GUESSES_AT_ONCE)


def _network(address: str) -> str:
    """The address itself, or its /64 where it is IPv6."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], _IPV6_NETWORK_BITS), strict=False))
    except ValueError:
        return address
