"""Desks: providers that are people. What comes to them, and what they offer.

An order is handed to a desk as to any other provider, with the same routes, costs and refunds; only that
nothing is sent, asked or read over the network. What they report is followed as a provider's reply is.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from purveyor import configuration
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.database import hot_cursor, id_array, load_sql
from purveyor.money.models import Wallet, WalletKind
from purveyor.providers.models import Provider, ProviderKind, ProviderService, Route
from purveyor.providers.outcomes.outcomes import Answered, record_settled
from purveyor.providers.outcomes.under_way import HandOver
from purveyor.providers.protocol.replies import Accepted

_SQL: Final = load_sql(__file__, "desks.sql")

ON_THE_DESK: Final = "On the desk"
"""What stands in place of a provider's answer."""


class DeskTrouble(Exception):
    """The desk could not be made or changed; the text says why."""


@transaction.atomic
def create_desk(*, name: str) -> Provider:
    """Make a desk: a provider whose orders people deliver by hand. Raises `DeskTrouble`."""
    if not name.strip():
        raise DeskTrouble("a desk needs a name")
    if Provider.objects.filter(name=name).exists():
        raise DeskTrouble(f"there is a provider with the name {name} already")
    wallet = Wallet.objects.create(kind=WalletKind.PROVIDER, name=name)
    return Provider.objects.create(
        name=name, kind=ProviderKind.MANUAL, wallet=wallet, currency=configuration.current().currency
    )


def find_desk(name: str) -> Provider:
    """The desk with this name. Raises `DeskTrouble`."""
    desk = Provider.objects.filter(name=name, kind=ProviderKind.MANUAL).first()
    if desk is None:
        raise DeskTrouble(f"there is no desk with the name {name}")
    return desk


def desk_scope(desk_id: int) -> str:
    """The scope of staff keys for the people of this desk."""
    return f"desk:{desk_id}"


@transaction.atomic
def offer_by_hand(*, desk: Provider, service_id: int, cost: Decimal) -> Route:
    """Let a desk deliver a service of ours, at `cost` per 1000 (per package of a package), in panel currency.

    Told again it changes the cost. A new route is tried after those that the service has.
    Raises `DeskTrouble`.
    """
    service = Service.objects.filter(pk=service_id).first()
    if service is None:
        raise DeskTrouble(f"there is no service {service_id}")
    if service.type == OrderType.SUBSCRIPTIONS:
        raise DeskTrouble(
            f"a desk takes no subscription as a whole: with `purveyor service posts {service.pk} --by` "
            "each of its posts is an order for another service, which a desk can deliver"
        )
    if cost < 0:
        raise DeskTrouble("a cost cannot be negative")
    offer, _ = ProviderService.objects.update_or_create(
        provider=desk,
        external_id=str(service.pk),
        defaults={
            "name": service.name,
            "type": service.type,
            "category": service.category.name,
            "rate": cost,
            "min": service.min,
            "max": service.max,
            "refill": service.refill,
            "cancel": service.cancel,
            "seen_at": timezone.now(),
            "gone_at": None,
        },
    )
    last = service.routes.aggregate(last=Max("position"))["last"]
    route, _ = Route.objects.get_or_create(
        service=service, provider_service=offer, defaults={"position": 0 if last is None else last + 1}
    )
    return route


def put_on_desks(hand_overs: Sequence[HandOver]) -> None:
    """Make jobs of hand-overs to desks, in the transaction that writes them.

    They need no answer, and so are accepted at once, under a number of our own.
    """
    if not hand_overs:
        return
    record_settled(
        [
            Answered(hand_over=item, reply=Accepted(str(item.fulfilment_id)), response=ON_THE_DESK)
            for item in hand_overs
        ]
    )
    with hot_cursor() as cursor:
        ids = id_array(item.fulfilment_id for item in hand_overs)
        cursor.execute(_SQL["put_on_desks"].encode(), {"fulfilments": ids})


def adopt_refills() -> None:
    """Put refills of what desks delivered on the same desks."""
    with hot_cursor() as cursor:
        cursor.execute(_SQL["adopt_refills"].encode())
