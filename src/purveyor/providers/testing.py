"""Providers for tests, in one line."""

import itertools
from decimal import Decimal
from typing import Any

from django.utils import timezone

from purveyor.catalog.models import Service
from purveyor.money.models import Wallet, WalletKind
from purveyor.providers.desks.desks import create_desk, offer_by_hand
from purveyor.providers.models import Provider, ProviderService, Route

NOBODY_LISTENS: str = "http://127.0.0.1:9/api/v2"
_numbers = itertools.count(1)


def make_provider(url: str = NOBODY_LISTENS, *, key: str = "a-key-of-a-test", **others: Any) -> Provider:
    """A provider without services, whose address may be private, and which may be asked without limit."""
    name = others.pop("name", f"Provider {next(_numbers)}")
    wallet = Wallet.objects.create(kind=WalletKind.PROVIDER, name=name)
    options = {
        "allow_private_address": True,
        "timeout_seconds": 5,
        "status_calls_per_minute": None,
    } | others
    return Provider.objects.create(name=name, url=url, key=key, wallet=wallet, **options)


def make_route(
    service: Service,
    provider: Provider,
    *,
    external_id: str = "",
    rate: Decimal | str = "0.50",
    position: int = 0,
    **others: Any,
) -> Route:
    """A way to have a service fulfilled by a provider, at a rate in the provider's currency."""
    offer = ProviderService.objects.create(
        provider=provider,
        external_id=external_id or str(next(_numbers)),
        name=service.name,
        type=service.type,
        rate=Decimal(rate),
        min=others.pop("min", service.min),
        max=others.pop("max", service.max),
        refill=service.refill,
        cancel=service.cancel,
        seen_at=timezone.now(),
    )
    return Route.objects.create(service=service, provider_service=offer, position=position, **others)


def make_desk(service: Service | None = None, *, cost: Decimal | str = "0.50", name: str = "") -> Provider:
    """A desk where people deliver; of a service, if one is given."""
    desk = create_desk(name=name or f"Desk {next(_numbers)}")
    if service is not None:
        offer_by_hand(desk=desk, service_id=service.pk, cost=Decimal(cost))
    return desk
