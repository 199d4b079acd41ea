"""Arranging a service's routes: which there are, on which terms each takes orders, how one is chosen."""

from decimal import Decimal
from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models import Max

from purveyor.catalog.models import Service
from purveyor.providers.models import Policy, Provider, ProviderService, Route, RoutePolicy
from purveyor.providers.sync.offers import order_type_named

LARGEST_WEIGHT: Final = 1_000_000
LARGEST_POSITION: Final = 2**15 - 1
_ALL_PERCENT: Final = 100

_log = structlog.get_logger(__name__)


class CannotArrange(Exception):
    """A route cannot be arranged so; the text says why."""


def policy_of(service: Service) -> RoutePolicy:
    """How a service chooses between its routes; the usual way where nobody has said."""
    return RoutePolicy.objects.filter(pk=service.pk).first() or RoutePolicy(service=service)


def choose_by(*, service: Service, policy: Policy, sticky: bool | None = None, actor: str) -> RoutePolicy:
    """Let a service choose between its routes by this policy, from the next order on.

    `sticky` says whether a link's next order goes where its last one went; None leaves that as it is.
    """
    defaults: dict[str, Any] = {"policy": policy}
    if sticky is not None:
        defaults["sticky_per_link"] = sticky
    chosen, _ = RoutePolicy.objects.update_or_create(service=service, defaults=defaults)
    _log.info(
        "route_policy_set",
        service_id=service.pk,
        policy=chosen.policy,
        sticky=chosen.sticky_per_link,
        actor=actor,
    )
    return chosen


@transaction.atomic
def add_route(*, service: Service, provider: Provider, external_id: str, actor: str) -> Route:
    """Let a provider's service, as last listed, fulfil one of ours: the last of its routes by position.

    Raises `CannotArrange` when the provider does not list it, when it is of another type, or a route already.
    """
    offer = ProviderService.objects.filter(provider=provider, external_id=external_id.strip()).first()
    if offer is None or offer.gone_at is not None:
        raise CannotArrange(f"{provider} lists no service {external_id.strip()}")
    if order_type_named(offer.type) != service.type:
        raise CannotArrange(
            f"{provider} lists service {offer.external_id} as {offer.type}, and ours is {service.type}"
        )
    if Route.objects.filter(service=service, provider_service=offer).exists():
        raise CannotArrange(f"service {service.pk} has that route already")
    last: int | None = Route.objects.filter(service=service).aggregate(last=Max("position"))["last"]
    position = 0 if last is None else min(last + 1, LARGEST_POSITION)
    route = Route.objects.create(service=service, provider_service=offer, position=position)
    _log.info("route_added", route_id=route.pk, service_id=service.pk, provider_id=provider.pk, actor=actor)
    return route


def set_floor(*, route: Route, percent: Decimal | None, actor: str) -> None:
    """Set what must be left of an order's charge after its cost, in percent; None accepts any loss.

    Raises `CannotArrange` when that is no share.
    """
    if percent is not None and not (percent.is_finite() and 0 <= percent <= _ALL_PERCENT):
        raise CannotArrange(f"a floor lies between 0 and 100 percent of the charge, and {percent} does not")
    _change(route, actor=actor, margin_floor_percent=percent)


def set_weight(*, route: Route, weight: int, actor: str) -> None:
    """Set a route's share of the orders where they are shared out by weight; 0 takes what nobody else can.

    Raises `CannotArrange` beyond `LARGEST_WEIGHT`.
    """
    if not 0 <= weight <= LARGEST_WEIGHT:
        raise CannotArrange(f"a weight lies between 0 and {LARGEST_WEIGHT}, and {weight} does not")
    _change(route, actor=actor, weight=weight)


def set_position(*, route: Route, position: int, actor: str) -> None:
    """Set a route's place among the others of its service, lowest first.

    Raises `CannotArrange` beyond `LARGEST_POSITION`.
    """
    if not 0 <= position <= LARGEST_POSITION:
        raise CannotArrange(f"a position lies between 0 and {LARGEST_POSITION}, and {position} does not")
    _change(route, actor=actor, position=position)


def open_route(*, route: Route, actor: str) -> None:
    """Let a route take orders again, whatever closed it; orders that waited for it go on by themselves."""
    _change(route, actor=actor, enabled=True, closed_reason="")


def close_route(*, route: Route, actor: str) -> None:
    """Let a route take no more orders; those that it has go on."""
    _change(route, actor=actor, enabled=False)


def _change(route: Route, *, actor: str, **changes: Any) -> None:
    Route.objects.filter(pk=route.pk).update(**changes)
    told = {name: str(value) for name, value in changes.items()}
    _log.info("route_changed", route_id=route.pk, actor=actor, **told)
