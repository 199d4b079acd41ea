"""The reply to `services`, rendered once per price list and catalogue version."""

import asyncio
import gzip
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Final

from purveyor.accounts.keys import KeyHolder
from purveyor.api.database_threads import DatabaseThread
from purveyor.api.replies import ServiceRow, encode, rate_text
from purveyor.catalog.snapshot import Snapshot

KEPT_MAX_BYTES: Final = 48 * 1024 * 1024
"""Of rendered price lists in one process; the longest unused go first."""
GZIP_LEVEL: Final = 6


class NotReady(Exception):
    """The catalogue was not read yet: the database did not answer since the start."""


@dataclass(frozen=True, slots=True)
class Page:
    """A rendered price list."""

    plain: bytes
    compressed: bytes

    @property
    def size(self) -> int:
        """Bytes kept."""
        return len(self.plain) + len(self.compressed)


class PriceLists:
    """Keeps rendered price lists of the current snapshot. Used on the event loop only."""

    def __init__(self, *, thread: DatabaseThread, service_id_as_string: bool) -> None:
        self._thread = thread
        self._service_id_as_string = service_id_as_string
        self._snapshot: Snapshot | None = None
        self._pages: OrderedDict[Hashable, Page] = OrderedDict()
        self._rendering: dict[Hashable, asyncio.Future[Page]] = {}
        self._size = 0

    def replace(self, snapshot: Snapshot) -> None:
        """Use this snapshot from now on; another version lets go of every rendered list."""
        if self._snapshot is None or snapshot.version != self._snapshot.version:
            self._pages.clear()
            self._rendering = {}
            self._size = 0
        self._snapshot = snapshot

    async def page(self, holder: KeyHolder) -> Page:
        """The price list of this customer. Raises `NotReady`."""
        snapshot = self._snapshot
        if snapshot is None:
            raise NotReady
        name = snapshot.price_list_key(customer_id=holder.customer_id, group_id=holder.group_id)
        page = self._pages.get(name)
        if page is not None:
            self._pages.move_to_end(name)
            return page
        rendering = self._rendering.get(name)
        if rendering is None:
            rendering = self._thread.call(partial(_render, snapshot, holder, self._service_id_as_string))
            self._rendering[name] = rendering
            rendering.add_done_callback(lambda done: self._keep(snapshot, name, done))
        # Shielded: other customers may wait for the same list when this one hangs up.
        return await asyncio.shield(rendering)

    def _keep(self, snapshot: Snapshot, name: Hashable, done: "asyncio.Future[Page]") -> None:
        if self._snapshot is None or self._snapshot.version != snapshot.version:
            return
        self._rendering.pop(name, None)
        if done.cancelled() or done.exception() is not None:
            return
        self._pages[name] = done.result()
        self._size += done.result().size
        while self._size > KEPT_MAX_BYTES and len(self._pages) > 1:
            _, oldest = self._pages.popitem(last=False)
            self._size -= oldest.size


def _render(snapshot: Snapshot, holder: KeyHolder, service_id_as_string: bool) -> Page:  # noqa: FBT001
    rows = []
    for service in snapshot.services.values():
        price = snapshot.unit_price(service, customer_id=holder.customer_id, group_id=holder.group_id)
        rows.append(
            ServiceRow(
                service=str(service.id) if service_id_as_string else service.id,
                name=service.name,
                type=service.type,
                category=service.category,
                rate=rate_text(price.rate),
                min=str(service.min),
                max=str(service.max),
                dripfeed=service.dripfeed,
                refill=service.refill,
                cancel=service.cancel,
            )
        )
    plain = encode(rows)
    return Page(plain=plain, compressed=gzip.compress(plain, GZIP_LEVEL, mtime=0))
