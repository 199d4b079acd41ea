"""A provider's services made into services of ours, where a person asks for it: chosen, priced, previewed."""

import shlex
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import structlog
from django.db import transaction
from django.db.models import QuerySet

from purveyor import configuration
from purveyor.catalog.models import Category, Service
from purveyor.catalog.updates import ServiceChange, Shown, note_changes
from purveyor.providers.costs.margin import Terms, true_cost
from purveyor.providers.models import (
    Change,
    ChangeKind,
    ChangeState,
    ImportedService,
    Provider,
    ProviderService,
    Route,
)
from purveyor.providers.sync.offers import (
    order_type_named,
    our_category,
    our_dripfeed,
    our_limits,
    our_name,
    our_rate,
    terms_of,
)
from purveyor.providers.sync.pricing import PricingRule

_ROWS_AT_ONCE: Final = 1000

_log = structlog.get_logger(__name__)


class ImportTrouble(Exception):
    """The provider's catalogue could not be read or made into services; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What of a provider's list becomes services of ours, at which price, and where."""

    pricing: PricingRule
    categories: Collection[str] = ()
    """The provider's names of them. Without categories and services it is the whole list."""
    services: Collection[str] = ()
    """The provider's ids, in addition to the categories."""
    into: str = ""
    """The category of ours, made where it is missing; empty: one by the name of each of the provider's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What would become of one service of the provider."""

    offer: ProviderService
    cost: Decimal | None
    """The true cost in panel currency, like `rate` per 1000, or per package; None where no price is meant."""
    rate: Decimal | None
    skipped: str
    """Why nothing is made of it: "exists", "unknown type", "price" or "limits"; empty where something is."""
    category: str
    """Of ours."""
    service: Service | None
    """As it would be, not saved and without its category; None where it is skipped."""


@transaction.atomic
def preview(*, provider: Provider, choice: Choice) -> list[Proposal]:
    """What an import would make and what it would pass over, in the order of the provider's list.

    What one of our services of the same type is routed to exists already. The price is the true cost by the
    rule. Rows of an unknown type, or without sane limits or price, are passed over. Raises `ImportTrouble`.
    """
    if provider.currency != configuration.current().currency and provider.fx_rate == 1:
        raise ImportTrouble(
            f"{provider.name} sells in {provider.currency}: set what that is worth in "
            f"{configuration.current().currency} first"
        )
    offers = list(_chosen(provider, choice))
    known = Route.objects.filter(provider_service__provider=provider)
    exists = set(known.values_list("provider_service_id", "service__type"))
    terms = terms_of(provider)
    return [propose(offer, terms=terms, choice=choice, exists=exists) for offer in offers]


@transaction.atomic
def import_services(*, provider: Provider, choice: Choice) -> list[Service]:
    """Make services of ours of what a provider offers, with categories and routes; returns them.

    All of it or nothing, and as `preview` tells: what exists is left alone, so importing again adds only what
    is new. The rule of the prices is remembered with each service. Raises `ImportTrouble`.
    """
    Provider.objects.select_for_update(no_key=True).get(pk=provider.pk)  # two imports follow each other
    proposals = preview(provider=provider, choice=choice)
    categories = Categories()
    made: list[tuple[Service, ProviderService]] = []
    for proposal in proposals:
        if proposal.service is not None:
            proposal.service.category = categories.named(proposal.category)
            proposal.service.position = len(made)
            made.append((proposal.service, proposal.offer))
    Service.objects.bulk_create([service for service, _ in made], batch_size=_ROWS_AT_ONCE)
    Route.objects.bulk_create(
        [Route(service=service, provider_service=offer) for service, offer in made], batch_size=_ROWS_AT_ONCE
    )
    rule = choice.pricing
    ImportedService.objects.bulk_create(
        [
            ImportedService(
                service=service,
                provider_service=offer,
                markup_percent=rule.markup_percent,
                fixed=rule.fixed,
                step=rule.step,
                rounding=rule.rounding,
                below_cost=rule.below_cost,
                rate=service.rate,
            )
            for service, offer in made
        ],
        batch_size=_ROWS_AT_ONCE,
    )
    _settle_news([offer.pk for _, offer in made])
    note_changes(ServiceChange(service.pk, None, Shown(service.rate, service.enabled)) for service, _ in made)
    skipped = Counter(proposal.skipped for proposal in proposals if proposal.skipped)
    _log.info("services_imported", provider_id=provider.pk, made=len(made), skipped=dict(skipped))
    return [service for service, _ in made]


class Categories:
    """Our categories by name; one that is missing is made at the end of the list."""

    def __init__(self) -> None:
        self._by_name = {category.name: category for category in Category.objects.order_by("-position")}
        self._position = max((category.position for category in self._by_name.values()), default=-1)

    def named(self, name: str) -> Category:
        """The category of this name; of several the first in the list."""
        if name not in self._by_name:
            self._position += 1
            self._by_name[name] = Category.objects.create(name=name, position=self._position)
        return self._by_name[name]


def _chosen(provider: Provider, choice: Choice) -> QuerySet[ProviderService]:
    """The listed services that a choice names. Raises `ImportTrouble` where one is not listed."""
    listed = ProviderService.objects.filter(provider=provider, gone_at=None).order_by("pk")
    if provider.listed_at is None and not listed.exists():
        raise ImportTrouble(
            f"the list of {provider.name} was never read: "
            f"`purveyor catalogue sync {shlex.quote(provider.name)}` reads it"
        )
    if not choice.categories and not choice.services:
        return listed
    by_category = listed.filter(category__in=choice.categories)
    by_id = listed.filter(external_id__in=choice.services)
    missing = [
        *sorted(set(choice.categories) - set(by_category.values_list("category", flat=True))),
        *sorted(set(choice.services) - set(by_id.values_list("external_id", flat=True))),
    ]
    if missing:
        raise ImportTrouble(f"{provider.name} does not list {', '.join(missing)}")
    return by_category | by_id


def propose(
    offer: ProviderService, *, terms: Terms, choice: Choice, exists: Collection[tuple[int, str]]
) -> Proposal:
    """What would become of one offer; `exists` has each that is sold, with the type it is sold as."""
    rate = our_rate(offer.rate, terms=terms, rule=choice.pricing)
    service = _service(offer, rate=rate)
    order_type = order_type_named(offer.type)
    if order_type is not None and (offer.pk, order_type.value) in exists:
        service = "exists"
    return Proposal(
        offer=offer,
        cost=None if rate is None else true_cost(offer.rate, terms=terms),
        rate=rate,
        skipped=service if isinstance(service, str) else "",
        category=choice.into or our_category(offer.category),
        service=None if isinstance(service, str) else service,
    )


def _service(offer: ProviderService, *, rate: Decimal | None) -> Service | str:
    """A service of ours that sells an offer, or why there can be none."""
    order_type = order_type_named(offer.type)
    if order_type is None:
        return "unknown type"
    limits = our_limits(offer, order_type)
    if rate is None:
        return "price"
    if limits is None:
        return "limits"
    return Service(
        name=our_name(offer.name),
        description=offer.description,
        type=order_type,
        rate=rate,
        min=limits[0],
        max=limits[1],
        refill=offer.refill,
        cancel=offer.cancel,
        dripfeed=our_dripfeed(offer, order_type),
    )


def _settle_news(offers: Collection[int]) -> None:
    """What was listed as new and waited is applied by being imported."""
    Change.objects.filter(
        provider_service_id__in=offers, aspect="presence", kind=ChangeKind.NEW, state=ChangeState.WAITING
    ).update(state=ChangeState.APPLIED)
