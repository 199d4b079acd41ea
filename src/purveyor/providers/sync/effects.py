"""What a change of a provider's list means for one of our services: pure functions, so that they are tables.

The change says what it is about; what our service becomes is always taken from the list as it is now. So a
change that waited for a person does what is right on the day it is applied.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from purveyor.catalog.models import LARGEST_QUANTITY, Service
from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.providers.costs.margin import Terms
from purveyor.providers.models import ChangeKind, ImportedService, ProviderService, Rounding
from purveyor.providers.sync.differences import Value
from purveyor.providers.sync.offers import (
    order_type_named,
    our_category,
    our_dripfeed,
    our_limits,
    our_name,
    our_rate,
)
from purveyor.providers.sync.pricing import PricingRule

NO_PRICE: Final = "no price is meant by the provider's rate"
NO_LIMITS: Final = "the provider's limits make no sense"


@dataclass(slots=True, kw_only=True)
class Subject:
    """A service of ours that hangs on an offer."""

    service: Service
    imported: ImportedService | None
    """How it was imported, where it was imported from this offer."""
    off_by_sync: bool = False
    """Whether a change switched it off, and nothing has switched it on since."""
    elsewhere: bool = False
    """Whether another open route leads to a listed offer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Which fields of the service get which value. The category is named, not numbered."""

    edits: Mapping[str, Value] = field(default_factory=dict)
    over_hand: bool = False
    """Whether a value would go that a person set: that is a person's decision too."""
    trouble: str = ""
    """Why the service cannot follow; empty where it can."""


_NOTHING: Final = Effect()


def effect_of(
    kind: ChangeKind, before: Mapping[str, Value], *, offer: ProviderService, terms: Terms, subject: Subject
) -> Effect:
    """What a change of this kind does to a service; `before` is what was listed before it.

    Only what we left as it was imported follows: a name, a limit or a price of ours stays.
    """
    effect = _EFFECTS.get(kind)
    if effect is not None:
        return effect(offer, subject)
    if subject.imported is None:
        return _NOTHING
    if kind in {ChangeKind.DEARER, ChangeKind.CHEAPER}:
        return _rate(offer, terms, subject.service, subject.imported)
    if kind in {ChangeKind.MIN, ChangeKind.MAX}:
        return _limits(kind, before, offer, subject.service)
    return _texts_and_flags(kind, before, offer, subject.service)


def moves_rate(
    before: Mapping[str, Value],
    *,
    offer: ProviderService,
    terms_before: Terms,
    terms: Terms,
    imported: ImportedService,
) -> bool:
    """Whether the rule makes another rate of what an offer costs now than of what it cost before.

    `before` is what was listed before a change. A price that moves within a step of rounding moves none.
    """
    rule, rate = rule_of(imported), before.get("rate", offer.rate)
    was = our_rate(Decimal(str(rate)), terms=terms_before, rule=rule)
    return was != our_rate(offer.rate, terms=terms, rule=rule)


def rule_of(imported: ImportedService) -> PricingRule:
    """The rule that makes a service's price of the provider's."""
    return PricingRule(
        markup_percent=imported.markup_percent,
        fixed=imported.fixed,
        step=imported.step,
        rounding=Rounding(imported.rounding),
        below_cost=imported.below_cost,
    )


def _presence(offer: ProviderService, subject: Subject) -> Effect:
    """Off when no route leads anywhere any more; on again when it was the sync that switched it off."""
    service = subject.service
    if offer.gone_at is None:
        is_back = not service.enabled and subject.off_by_sync and _same_type(offer, service)
        return Effect(edits={"enabled": True}) if is_back else _NOTHING
    return Effect(edits={"enabled": False}) if service.enabled and not subject.elsewhere else _NOTHING


def _type(offer: ProviderService, subject: Subject) -> Effect:
    """Off while the offer is of another type.

    The type of a service never changes: its orders, and its customers' programs, are of that type. The offer
    can be imported anew, as another service.
    """
    service = subject.service
    if not _same_type(offer, service):
        return Effect(edits={"enabled": False}) if service.enabled else _NOTHING
    return _presence(offer, subject) if offer.gone_at is None else _NOTHING


_EFFECTS: Final[Mapping[ChangeKind, Callable[[ProviderService, Subject], Effect]]] = {
    ChangeKind.NEW: lambda _, __: _NOTHING,
    ChangeKind.BACK: _presence,
    ChangeKind.GONE: _presence,
    ChangeKind.TYPE: _type,
}


def _same_type(offer: ProviderService, service: Service) -> bool:
    order_type = order_type_named(offer.type)
    return order_type is not None and order_type.value == service.type


def _rate(offer: ProviderService, terms: Terms, service: Service, imported: ImportedService) -> Effect:
    rate = our_rate(offer.rate, terms=terms, rule=rule_of(imported))
    if rate is None:
        return Effect(trouble=NO_PRICE)
    if rate == service.rate:
        return _NOTHING
    return Effect(edits={"rate": rate}, over_hand=service.rate != imported.rate)


def _limits(
    kind: ChangeKind, before: Mapping[str, Value], offer: ProviderService, service: Service
) -> Effect:
    """A limit that we left as it was follows the offer's; one of ours stays as far as the offer allows."""
    if FORMS[OrderType(service.type)].is_package:
        return _NOTHING
    limits = our_limits(offer, OrderType(service.type))
    if limits is None:
        return Effect(trouble=NO_LIMITS)
    smallest, largest = limits
    wanted = {"min": service.min, "max": service.max}
    if kind is ChangeKind.MIN:
        wanted["min"] = smallest if service.min == before["min"] else _between(smallest, service.min, largest)
        if wanted["min"] > service.max:
            wanted["max"] = largest
    else:
        was = before["max"]
        follows = isinstance(was, int) and service.max == min(was, LARGEST_QUANTITY)
        wanted["max"] = largest if follows else _between(smallest, service.max, largest)
        if wanted["max"] < service.min:
            wanted["min"] = smallest
    return Effect(edits={name: value for name, value in wanted.items() if value != getattr(service, name)})


def _between(smallest: int, value: int, largest: int) -> int:
    return max(smallest, min(value, largest))


def _texts_and_flags(
    kind: ChangeKind, before: Mapping[str, Value], offer: ProviderService, service: Service
) -> Effect:
    """What the provider wrote follows while it still is what the provider wrote; so do flags."""
    ours: Value
    was: Value
    now: Value
    if kind is ChangeKind.RENAMED:
        name, ours = "name", service.name
        was, now = our_name(str(before["name"])), our_name(offer.name)
    elif kind is ChangeKind.DESCRIPTION:
        name, ours = "description", service.description
        was, now = before["description"], offer.description
    elif kind is ChangeKind.CATEGORY:
        name, ours = "category", service.category.name
        was, now = our_category(str(before["category"])), our_category(offer.category)
    else:
        name, ours = kind.value, getattr(service, kind.value)
        was = ours  # of two values there is but one other
        now = getattr(offer, kind.value)
        if kind is ChangeKind.DRIPFEED:
            now = our_dripfeed(offer, OrderType(service.type))
    return Effect(edits={name: now}) if ours == was and ours != now else _NOTHING
