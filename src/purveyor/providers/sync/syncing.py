"""A provider's list read again: its services are kept as listed, and the differences become a change set."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Case, Q, When
from django.db.models.functions import Now
from django.utils import timezone

from purveyor.database import as_json, fetch_all, hot_cursor, load_sql
from purveyor.providers.models import ChangeKind, Provider, ProviderKind, ProviderService
from purveyor.providers.protocol.client import Client, ProviderTrouble
from purveyor.providers.protocol.replies import (
    Answer,
    Balance,
    Catalogue,
    ListedService,
    Refused,
    Unclear,
    read_balance,
    read_services,
)
from purveyor.providers.standing.standing import access_of
from purveyor.providers.sync.deciding import write_change_set
from purveyor.providers.sync.differences import LISTED_FIELDS, Difference, Kept, differences
from purveyor.providers.sync.importing import ImportTrouble

LEAST_LEFT: Final = 2
"""A list that has less than one in so many of its services left is taken for a fault of the provider."""
GONE_AFTER_SECONDS: Final = 300
"""What a list lacks is gone when one that is read so much later lacks it too, and none in between had it."""
_SQL: Final = load_sql(__file__, "syncing.sql")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What a look at a provider's catalogue brought, in numbers of services."""

    listed: int
    added: int
    changed: int
    gone: int
    missing: int
    """What this list lacks and is not gone yet: look again after `GONE_AFTER_SECONDS`."""
    unreadable: int
    """Rows without an id, a name or a rate."""
    change_set: int | None
    """None where nothing differed, and of the first list."""


def sync_provider(provider: Provider) -> Synced:
    """Read a provider's services and balance now, keep them as they are, and do what the rules say.

    Blocks for as long as the provider takes. Raises `ImportTrouble`.
    """
    if provider.kind == ProviderKind.MANUAL:
        raise ImportTrouble(f"{provider.name} is a desk: there is no list to read")
    try:
        services, balance = asyncio.run(_fetch(provider))
    except ProviderTrouble as trouble:
        raise ImportTrouble(f"{provider.name} does not answer: {trouble}") from trouble
    keep_balance(provider_id=provider.pk, answer=balance)
    synced = keep_services(provider_id=provider.pk, answer=services)
    provider.refresh_from_db()
    return synced


async def _fetch(provider: Provider) -> tuple[Answer, Answer]:
    client = Client(access_of(provider))
    try:
        balance = await client.call({"action": "balance"})
        services = await client.call({"action": "services"})
    finally:
        await client.close()
    return services, balance


@transaction.atomic
def keep_services(*, provider_id: int, answer: Answer) -> Synced:
    """Bring the rows of a provider's services up to its answer, and what differs into a change set.

    The rows follow the list at once, because the margin guard counts on them; the rules decide what becomes
    of our own services. The first list is no change. What one list lacks is kept, and used, until another
    some minutes later lacks it too: lists come incomplete now and then. An empty one is taken for a fault of
    the provider. Raises `ImportTrouble` when the answer is no list.
    """
    catalogue = read_services(answer)
    if not isinstance(catalogue, Catalogue):
        raise ImportTrouble(f"no catalogue: {_why(catalogue)}")
    if not catalogue.services:
        raise ImportTrouble("the catalogue is empty")
    # Held, so that two readings at once follow each other.
    provider = Provider.objects.select_for_update(no_key=True).get(pk=provider_id)
    kept = _kept(provider_id)
    listed = {service.external_id: service for service in catalogue.services}
    found = list(differences(kept, listed))
    lacking = {external_id for external_id, was in kept.items() if not was.gone} - listed.keys()
    missing = lacking - {item.external_id for item in found}
    shrunk = bool(lacking) and _has_shrunk(provider_id, kept, lacking)
    _keep(provider_id, found, listed, missing)
    change_set = None
    if found and kept:
        offers = ProviderService.objects.filter(provider_id=provider_id)
        differing = {item.external_id for item in found}
        change_set = write_change_set(
            provider=provider,
            found=found,
            shrunk=shrunk,
            offers={row.external_id: row for row in offers if row.external_id in differing},
        ).pk
    numbers = Counter(_told_as(kinds) for kinds in _kinds(found).values())
    synced = Synced(
        listed=len(listed),
        added=numbers["added"],
        changed=numbers["changed"],
        gone=numbers["gone"],
        missing=len(missing),
        unreadable=catalogue.unreadable,
        change_set=change_set,
    )
    if found or missing:
        _log.info("provider_services_changed", provider_id=provider_id, **asdict(synced))
    return synced


def _has_shrunk(provider_id: int, kept: Mapping[str, Kept], lacking: Collection[str]) -> bool:
    """Whether a list has lost more than half of its services.

    What came in place of those that are missing does not count: a list may be numbered anew.
    """
    (newcomers,) = fetch_all(_SQL["newcomers"], {"provider": provider_id})
    before = sum(not one.gone for one in kept.values()) - newcomers.number
    return bool((before - len(lacking)) * LEAST_LEFT < before)


def _kept(provider_id: int) -> dict[str, Kept]:
    missed_long = Q(missed_at__lte=Now() - timedelta(seconds=GONE_AFTER_SECONDS))
    rows = ProviderService.objects.filter(provider_id=provider_id).annotate(
        missed_long=Case(When(missed_long, then=True), default=False)
    )
    return {
        external_id: Kept(
            ListedService(external_id=external_id, **dict(zip(LISTED_FIELDS, values, strict=True))),
            gone=gone_at is not None,
            missed_long=missed_long,
        )
        for external_id, gone_at, missed_long, *values in rows.values_list(
            "external_id", "gone_at", "missed_long", *LISTED_FIELDS
        )
    }


def _keep(
    provider_id: int,
    found: Sequence[Difference],
    listed: Mapping[str, ListedService],
    missing: Collection[str],
) -> None:
    """Write only what differs: most readings of a list tell nothing new."""
    gone = [item.external_id for item in found if item.kind is ChangeKind.GONE]
    rows = [
        {"external_id": external_id, **{name: getattr(listed[external_id], name) for name in LISTED_FIELDS}}
        for external_id in {item.external_id: None for item in found}
        if external_id in listed
    ]
    of_provider = {"provider": provider_id}
    with hot_cursor() as cursor:
        if rows:
            cursor.execute(_SQL["keep_offers"].encode(), of_provider | {"listed": as_json(rows)})
        if gone:
            cursor.execute(_SQL["lose_offers"].encode(), of_provider | {"gone": gone})
        if missing:
            cursor.execute(_SQL["miss_offers"].encode(), of_provider | {"missing": list(missing)})
        cursor.execute(_SQL["find_offers"].encode(), of_provider | {"missing": list(missing)})
        cursor.execute(_SQL["end_doubts"].encode(), of_provider)
        cursor.execute(_SQL["note_reading"].encode(), of_provider)


def _kinds(found: Sequence[Difference]) -> dict[str, set[ChangeKind]]:
    kinds: dict[str, set[ChangeKind]] = {}
    for item in found:
        kinds.setdefault(item.external_id, set()).add(item.kind)
    return kinds


def _told_as(kinds: set[ChangeKind]) -> str:
    if ChangeKind.NEW in kinds:
        return "added"
    return "gone" if ChangeKind.GONE in kinds else "changed"


def keep_balance(*, provider_id: int, answer: Answer) -> None:
    """Note what a provider says of our deposit with it. An answer without a balance changes nothing."""
    balance = read_balance(answer)
    if not isinstance(balance, Balance):
        _log.warning("provider_balance_unreadable", provider_id=provider_id, why=_why(balance))
        return
    provider = Provider.objects.get(pk=provider_id)
    provider.balance, provider.balance_at = balance.amount.quantize(Decimal("1e-8")), timezone.now()
    if balance.currency and balance.currency != provider.currency:
        # Its rate stays: what the new currency is worth in ours, only a person can say.
        _log.error("provider_currency_changed", provider_id=provider_id, currency=balance.currency)
        provider.currency = balance.currency
    provider.save(update_fields=["balance", "balance_at", "currency"])


def _why(reply: Refused | Unclear) -> str:
    return reply.text if isinstance(reply, Refused) else reply.why
