"""How what a provider lists differs from what is kept of it: a pure function of both."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Final

from purveyor.providers.models.changes import ChangeKind
from purveyor.providers.protocol.replies import ListedService

Value = Decimal | int | str | bool | None

LISTED_FIELDS: Final = tuple(field.name for field in fields(ListedService) if field.name != "external_id")
_KINDS: Final = {
    "min": ChangeKind.MIN,
    "max": ChangeKind.MAX,
    "refill": ChangeKind.REFILL,
    "cancel": ChangeKind.CANCEL,
    "dripfeed": ChangeKind.DRIPFEED,
    "name": ChangeKind.RENAMED,
    "description": ChangeKind.DESCRIPTION,
    "category": ChangeKind.CATEGORY,
    "type": ChangeKind.TYPE,
}
_PRESENCE: Final = frozenset({ChangeKind.NEW, ChangeKind.BACK, ChangeKind.GONE})
_PRICE: Final = frozenset({ChangeKind.DEARER, ChangeKind.CHEAPER})
PRICE: Final = "price"
UNFELT_PRICE: Final = "cost"
"""What a change of price is about that moves no rate of ours: it overtakes none that does."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A service as its provider last listed it."""

    listed: ListedService
    gone: bool
    """Whether it counts as listed no more."""
    missed_long: bool = False
    """Whether an earlier list lacked it too, long enough ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is other than before."""

    external_id: str
    kind: ChangeKind
    before: Mapping[str, Value]
    """The fields it is about, as they were; of a new service there are none."""
    after: Mapping[str, Value]


def differences(kept: Mapping[str, Kept], listed: Mapping[str, ListedService]) -> Iterator[Difference]:
    """Every difference between the kept services and the listed ones, both by the provider's id.

    In the order in which they take effect on each service. A service that is back differs also in what
    changed while it was away; one that is gone differs in nothing else. What is missed for the
    first time does not differ.
    """
    for external_id, now in listed.items():
        was = kept.get(external_id)
        if was is None:
            yield Difference(external_id=external_id, kind=ChangeKind.NEW, before={}, after=values_of(now))
            continue
        if was.gone:
            yield _presence(external_id, ChangeKind.BACK, listed=True)
        yield from _of_one(was.listed, now)
    for external_id, was in kept.items():
        if external_id not in listed and was.missed_long and not was.gone:
            yield _presence(external_id, ChangeKind.GONE, listed=False)


def values_of(service: ListedService) -> dict[str, Value]:
    """The fields of a listed service, by name."""
    return {name: getattr(service, name) for name in LISTED_FIELDS}


def aspect_of(kind: ChangeKind) -> str:
    """What a change is about: of two that share it, the later one holds."""
    if kind in _PRESENCE:
        return "presence"
    return PRICE if kind in _PRICE else kind.value


def _presence(external_id: str, kind: ChangeKind, *, listed: bool) -> Difference:
    return Difference(
        external_id=external_id, kind=kind, before={"listed": not listed}, after={"listed": listed}
    )


def _of_one(was: ListedService, now: ListedService) -> Iterator[Difference]:
    if now.rate != was.rate:
        kind = ChangeKind.DEARER if now.rate > was.rate else ChangeKind.CHEAPER
        yield _of_field("rate", kind, was, now)
    for name, kind in _KINDS.items():
        if getattr(was, name) != getattr(now, name):
            yield _of_field(name, kind, was, now)


def _of_field(name: str, kind: ChangeKind, was: ListedService, now: ListedService) -> Difference:
    return Difference(
        external_id=now.external_id,
        kind=kind,
        before={name: getattr(was, name)},
        after={name: getattr(now, name)},
    )
