"""The memory of the simulated provider that survives its death: JSON lines, synced before an answer leaves.

Entries are gathered while the previous group is being written and synced, so that many calls share one
sync. A last line without its end, left by a death in the middle of a write, was never acknowledged and is
cut off at the next start.
"""

import asyncio
import fcntl
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from purveyor.simulator.orders import Order, Override, Refill

VERSION: Final = 1


class JournalBusy(Exception):
    """Another process is writing this journal."""


class JournalDamaged(Exception):
    """The journal holds a line that is not an entry of this version."""


class Entry(msgspec.Struct, tag_field="kind", tag=str.lower):
    """A line of the journal; `kind` says which."""


class Began(Entry):
    """The first line: what the lives of all orders in this journal are drawn from."""

    version: int
    seed: int


class Placed(Entry):
    """An order was accepted, or a parent has made a child."""

    order: Order


class Canceling(Entry):
    """A cancel was accepted."""

    order: int
    at: float


class Refilling(Entry):
    """A refill was accepted."""

    refill: Refill


class Decided(Entry):
    """The end of a refill was decided by hand."""

    refill: int
    rejected: bool


class Overridden(Entry):
    """An order was changed by hand."""

    order: int
    override: Override | None
    """None gave the order its own life back."""
    charge: Decimal


class Deposited(Entry):
    """The balance was set by hand; `deposit` is all that was ever paid in."""

    deposit: Decimal


class Priced(Entry):
    """A rate was changed by hand."""

    service: str
    rate: Decimal


AnyEntry = Began | Placed | Canceling | Refilling | Decided | Overridden | Deposited | Priced

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(AnyEntry).decode


class Journal:
    """An append-only file of entries, held by one process at a time.

    Raises:
        JournalBusy: another process holds it.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file: BinaryIO = path.open("a+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            self._file.close()
            raise JournalBusy(f"another process is writing {path}") from busy
        self._waiting: list[bytes] = []
        self._group: asyncio.Task[None] | None = None
        self._broken: OSError | None = None
        self._synced = 0
        self.appended = 0
        """Entries appended since the file was opened."""

    def replay(self) -> Iterator[AnyEntry]:
        """Yield every entry on file, oldest first, and cut off an unfinished last line.

        Raises:
            JournalDamaged: a finished line is not an entry.
        """
        self._file.seek(0)
        content = self._file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.ftruncate(self._file.fileno(), whole)
        for number, line in enumerate(content[:whole].splitlines(), 1):
            try:
                yield _decode(line)
            except msgspec.DecodeError as error:
                raise JournalDamaged(f"line {number} of {self._path} is not an entry: {error}") from error

    def append(self, entry: AnyEntry) -> None:
        """Add an entry; it is on disk once a `durable` called after this has returned."""
        self._waiting.append(_encode(entry) + b"\n")
        self.appended += 1

    async def durable(self) -> None:
        """Return when every entry appended so far is on disk.

        Raises:
            OSError: the disk refused. Nothing is written after that, so that no line follows half a one.
        """
        wanted = self.appended
        while self._synced < wanted:
            if self._broken is not None:
                raise OSError(*self._broken.args)
            if self._group is None or self._group.done():
                self._group = asyncio.create_task(self._write_group())
            await asyncio.shield(self._group)

    async def _write_group(self) -> None:
        group, self._waiting = self._waiting, []
        try:
            await asyncio.to_thread(self._write, b"".join(group))
        except OSError as error:
            self._broken = error
        else:
            self._synced += len(group)

    def _write(self, data: bytes) -> None:
        """Write and sync; unbuffered, so a short write is possible and continued."""
        written = 0
        while written < len(data):
            written += self._file.write(data[written:])
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write what is left, sync, and let the next process have it."""
        if self._file.closed:
            return
        group, self._waiting = self._waiting, []
        if group and self._broken is None:
            self._write(b"".join(group))
            self._synced += len(group)
        self._file.close()
