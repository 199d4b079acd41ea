"""A provider's catalogue: kept as it lists it, and made into services of ours where a person asks for it."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from purveyor import configuration
from purveyor.catalog.models import LARGEST_QUANTITY, RATE_DIGITS, RATE_PLACES, Category, Service
from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.providers.client import Client, ProviderTrouble
from purveyor.providers.models import Provider, ProviderService, Route
from purveyor.providers.replies import (
    Answer,
    Balance,
    Catalogue,
    ListedService,
    Refused,
    Unclear,
    read_balance,
    read_services,
)
from purveyor.providers.standing import access_of

LARGEST_SANE_RATE: Final = Decimal(10) ** 9
"""Per 1000, in the provider's currency. Panels price rows that are notices, not services, at 10^12."""
LONGEST_NAME_CHARACTERS: Final = 255
_RATE_STEP: Final = Decimal(1).scaleb(-RATE_PLACES)
_RATE_LIMIT: Final = Decimal(10) ** (RATE_DIGITS - RATE_PLACES) - 1
"""Of a service of ours, in panel currency: what its column holds."""
_HUNDRED: Final = Decimal(100)
_ROWS_AT_ONCE: Final = 1000
_LISTED_FIELDS: Final = (
    "name",
    "type",
    "category",
    "rate",
    "min",
    "max",
    "refill",
    "cancel",
    "dripfeed",
    "description",
)

_log = structlog.get_logger(__name__)


class ImportTrouble(Exception):
    """The provider's catalogue could not be read or made into services; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What a look at a provider's catalogue brought, in numbers of services."""

    listed: int
    added: int
    changed: int
    gone: int
    unreadable: int
    """Rows without an id, a name or a rate."""


def sync_provider(provider: Provider) -> Synced:
    """Read a provider's services and balance now, and keep them as they are; our own prices stay.

    Blocks for as long as the provider takes. Raises `ImportTrouble`.
    """
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
    """Bring the rows of a provider's services up to its answer. Raises `ImportTrouble` when it is none.

    An empty list is taken for a fault of the provider: it would make every route unusable.
    """
    catalogue = read_services(answer)
    if not isinstance(catalogue, Catalogue):
        raise ImportTrouble(f"no catalogue: {_why(catalogue)}")
    if not catalogue.services:
        raise ImportTrouble("the catalogue is empty")
    known = {row.external_id: row for row in _rows_of(provider_id)}
    now = timezone.now()
    added, changed = [], []
    for listed in catalogue.services:
        row = known.pop(listed.external_id, None)
        if row is None:
            added.append(ProviderService(provider_id=provider_id, external_id=listed.external_id))
            row = added[-1]
        elif row.gone_at is not None or _differs(row, listed):
            changed.append(row)
            if row.rate != listed.rate:
                row.price_doubted_at = None  # the list has told what an order's charge told before
        for name in _LISTED_FIELDS:
            setattr(row, name, getattr(listed, name))
        row.gone_at = None
        row.seen_at = now
    gone = [row.pk for row in known.values() if row.gone_at is None]
    ProviderService.objects.bulk_create(added, batch_size=_ROWS_AT_ONCE)
    ProviderService.objects.bulk_update(
        changed, [*_LISTED_FIELDS, "gone_at", "price_doubted_at"], batch_size=_ROWS_AT_ONCE
    )
    ProviderService.objects.filter(provider_id=provider_id, pk__in=gone).update(gone_at=now)
    ProviderService.objects.filter(provider_id=provider_id, gone_at=None).update(
        seen_at=now, price_in_doubt=False
    )
    synced = Synced(
        listed=len(catalogue.services),
        added=len(added),
        changed=len(changed),
        gone=len(gone),
        unreadable=catalogue.unreadable,
    )
    if added or changed or gone:
        _log.info("provider_services_changed", provider_id=provider_id, **_numbers(synced))
    return synced


def _rows_of(provider_id: int) -> QuerySet[ProviderService]:
    """The provider's services; the provider is held, so that two imports at once follow each other."""
    Provider.objects.select_for_update(no_key=True).get(pk=provider_id)
    return ProviderService.objects.filter(provider_id=provider_id)


def _differs(row: ProviderService, listed: ListedService) -> bool:
    return any(getattr(row, name) != getattr(listed, name) for name in _LISTED_FIELDS)


def _numbers(synced: Synced) -> dict[str, int]:
    return {
        "listed": synced.listed,
        "added": synced.added,
        "changed": synced.changed,
        "gone": synced.gone,
        "unreadable": synced.unreadable,
    }


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


@transaction.atomic
def import_services(*, provider: Provider, markup_percent: Decimal) -> int:
    """Make services of ours of what a provider offers, with categories and routes; returns how many.

    What one of our services is routed to already is left alone, so importing again adds only what is new. The
    price is the provider's in panel currency plus the markup, rounded up. Rows of an unknown type, or without
    sane limits or price, are passed over and counted in the log. Raises `ImportTrouble`.
    """
    if provider.currency != configuration.current().currency and provider.fx_rate == 1:
        raise ImportTrouble(
            f"{provider.name} sells in {provider.currency}: set what that is worth in "
            f"{configuration.current().currency} first"
        )
    offers = _rows_of(provider.pk).filter(gone_at=None, routes=None).order_by("pk")
    skipped: Counter[str] = Counter()
    made: list[tuple[Service, ProviderService]] = []
    categories = _Categories()
    for offer in offers:
        service = _service(offer, provider=provider, markup_percent=markup_percent)
        if isinstance(service, str):
            skipped[service] += 1
            continue
        service.category = categories.named(offer.category)
        service.position = len(made)
        made.append((service, offer))
    Service.objects.bulk_create([service for service, _ in made], batch_size=_ROWS_AT_ONCE)
    Route.objects.bulk_create(
        [Route(service=service, provider_service=offer) for service, offer in made], batch_size=_ROWS_AT_ONCE
    )
    _log.info("services_imported", provider_id=provider.pk, made=len(made), skipped=dict(skipped))
    return len(made)


class _Categories:
    """Our categories by name; one that is missing is made at the end of the list."""

    def __init__(self) -> None:
        self._by_name = {category.name: category for category in Category.objects.order_by("-position")}
        self._position = max((category.position for category in self._by_name.values()), default=-1)

    def named(self, name: str) -> Category:
        name = name[:LONGEST_NAME_CHARACTERS] or "Other"
        if name not in self._by_name:
            self._position += 1
            self._by_name[name] = Category.objects.create(name=name, position=self._position)
        return self._by_name[name]


def _service(offer: ProviderService, *, provider: Provider, markup_percent: Decimal) -> Service | str:
    """A service of ours that sells an offer, or why there can be none."""
    order_type = order_type_named(offer.type)
    if order_type is None:
        return "unknown type"
    if not 0 < offer.rate <= LARGEST_SANE_RATE:
        return "price"
    smallest, largest = _limits(offer, order_type)
    if smallest is None or largest is None or not 1 <= smallest <= largest:
        return "limits"
    rate = offer.rate * provider.fx_rate * (_HUNDRED + markup_percent) / _HUNDRED
    if rate >= _RATE_LIMIT:
        return "price"
    return Service(
        name=offer.name[:LONGEST_NAME_CHARACTERS],
        description=offer.description,
        type=order_type,
        rate=rate.quantize(_RATE_STEP, ROUND_CEILING),
        min=smallest,
        max=largest,
        refill=offer.refill,
        cancel=offer.cancel,
        dripfeed=offer.dripfeed and FORMS[order_type].dripfeed,
    )


def _limits(offer: ProviderService, order_type: OrderType) -> tuple[int | None, int | None]:
    """The smallest and largest quantity; a package is one, whatever its row says (protocol §4.1)."""
    if FORMS[order_type].is_package:
        return 1, 1
    return offer.min, None if offer.max is None else min(offer.max, LARGEST_QUANTITY)


_TYPES: Final = {order_type.value.lower(): order_type for order_type in OrderType}


def order_type_named(name: str) -> OrderType | None:
    """The order type that a provider means, also by an identifier like `custom_comments`."""
    return _TYPES.get(" ".join(name.lower().replace("_", " ").split()))


def _why(reply: Refused | Unclear) -> str:
    return reply.text if isinstance(reply, Refused) else reply.why
