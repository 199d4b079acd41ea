"""Who calls: API keys looked up in a cache that lets go as soon as a key, a customer or a group changes."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from time import monotonic
from typing import Final

from purveyor.accounts.keys import KeyHolder, digest, holders
from purveyor.accounts.throttling import Throttle
from purveyor.api.batching import Batcher

CACHED_KEYS_MAX: Final = 100_000
KEY_MAX_CHARACTERS: Final = 256
"""A longer text is no key of ours and is not worth a look-up."""
SUSPECT_LOOKUPS_MAX: Final = 20
"""Look-ups at the same time for addresses that guess; the others of theirs wait their turn."""
STALE_SECONDS: Final = 0.9
"""How long cached keys are believed without news from the database: a revocation holds within a second."""


class TooManyGuesses(Exception):
    """The key is nobody's, and so were too many from this address before it."""


def look_up(digests: Sequence[bytes]) -> list[KeyHolder | None]:
    """The holder of each key, None where nobody holds it; for a batch."""
    found = holders(digests)
    return [found.get(wanted) for wanted in digests]


class KeyCache:
    """The keys seen lately. Used on the event loop only, so without locks; times are `time.monotonic`."""

    def __init__(self, *, lookups: Batcher[bytes, KeyHolder | None]) -> None:
        self._lookups = lookups
        self._throttle = Throttle()
        self._suspects = asyncio.Semaphore(SUSPECT_LOOKUPS_MAX)
        self._holders: dict[bytes, KeyHolder] = {}
        # Digests that were a customer's at any time: they need not queue up with guesses on an emptied cache.
        self._familiar: OrderedDict[bytes, None] = OrderedDict()
        self._version: int | None = None
        self._confirmed_at = 0.0
        self._generation = 0
        self._used: set[int] = set()

    def known(self, key: str, *, now: float) -> KeyHolder | None:
        """The holder, where the cache knows the key and may be believed."""
        if now - self._confirmed_at > STALE_SECONDS:
            return None
        return self._holders.get(digest(key))

    async def find(self, key: str, *, address: str) -> KeyHolder | None:
        """The holder, asked of the database; None where nobody holds the key.

        Raises `TooManyGuesses` where nobody holds it and the address guesses: a good key is served whatever
        its neighbours do. Unknown keys are not remembered: one made a moment ago must work.
        """
        wanted = digest(key)
        if len(key) > KEY_MAX_CHARACTERS:
            holder = None
        elif wanted not in self._familiar and self._throttle.is_spent(address, now=monotonic()):
            async with self._suspects:
                holder = await self._ask(wanted)
        else:
            holder = await self._ask(wanted)
        if holder is not None:
            return holder
        now = monotonic()
        if self._throttle.is_spent(address, now=now):
            raise TooManyGuesses
        self._throttle.count(address, now=now)
        return None

    def confirm(self, version: int, *, now: float) -> None:
        """Take in the version read from the database at `now`; another one than before empties the cache."""
        if version != self._version:
            self.forget()
            self._version = version
        self._confirmed_at = now

    def forget(self) -> None:
        """Believe nothing any more: something changed, or the database does not answer."""
        self._holders.clear()
        self._generation += 1

    def note(self, holder: KeyHolder) -> None:
        """Remember that a key was used."""
        self._used.add(holder.key_id)

    def take_used(self) -> set[int]:
        """The keys used since the last call."""
        used, self._used = self._used, set()
        return used

    async def _ask(self, wanted: bytes) -> KeyHolder | None:
        generation = self._generation
        holder = (await self._lookups.submit([wanted]))[0]
        if holder is not None:
            self._remember(wanted, holder, generation)
        return holder

    def _remember(self, wanted: bytes, holder: KeyHolder, generation: int) -> None:
        if generation != self._generation:
            return  # the answer may be older than the change that emptied the cache
        if len(self._holders) >= CACHED_KEYS_MAX:
            self._holders.clear()
        self._holders[wanted] = holder
        self._familiar[wanted] = None
        if len(self._familiar) > CACHED_KEYS_MAX:
            self._familiar.popitem(last=False)
