"""Lists of services as a provider tells them, for tests."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models.functions import Now

from purveyor.catalog.models import Service
from purveyor.providers.models import Change, Provider, ProviderService
from purveyor.providers.protocol.replies import Answer
from purveyor.providers.sync.importing import Choice, import_services
from purveyor.providers.sync.pricing import PricingRule
from purveyor.providers.sync.syncing import GONE_AFTER_SECONDS, Synced, keep_services


def row(external_id: int = 1, **others: Any) -> dict[str, Any]:
    """A service as a provider lists it."""
    return {
        "service": external_id,
        "name": f"Survey answers {external_id}",
        "type": "Default",
        "category": "Surveys",
        "rate": "0.90",
        "min": "10",
        "max": "1000",
        "refill": True,
        "cancel": False,
        "dripfeed": False,
    } | others


def told(*rows: object) -> Answer:
    """The answer to `services`."""
    return Answer(200, json.dumps(list(rows)).encode())


def keep(provider: Provider, *rows: dict[str, Any]) -> Synced:
    """Keep these services as the provider's list, whose lists have lacked long since what it lacks."""
    numbers = [str(one["service"]) for one in rows]
    lacking = ProviderService.objects.filter(provider=provider, gone_at=None)
    missed_at = Now() - timedelta(seconds=GONE_AFTER_SECONDS)
    lacking.exclude(external_id__in=numbers).update(missed_at=missed_at)
    return keep_once(provider, *rows)


def keep_once(provider: Provider, *rows: dict[str, Any]) -> Synced:
    """Keep these services as the provider's list, whatever its lists before lacked."""
    return keep_services(provider_id=provider.pk, answer=told(*rows))


def sell(
    provider: Provider, *, markup: Decimal | str = "20", step: Decimal | str = "0.00001", **chosen: Any
) -> list[Service]:
    """Import what the provider lists; returns all services of ours, in order."""
    pricing = PricingRule(markup_percent=Decimal(markup), step=Decimal(step))
    import_services(provider=provider, choice=Choice(pricing=pricing, **chosen))
    return list(Service.objects.order_by("pk"))


def states() -> list[tuple[str, str]]:
    """Every change and what became of it, oldest first."""
    return list(Change.objects.order_by("pk").values_list("kind", "state"))
