"""What many waiting orders cost each look for those that can go: nothing that grows with them."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.testing import make_service
from purveyor.database import fetch_all
from purveyor.orders.models import Dispatch, Order
from purveyor.orders.queue import _SQL as _QUEUE
from purveyor.orders.queue import MOST_LOOKED_AT, Round, hold, waiting_services
from purveyor.orders.testing import place_one
from purveyor.providers.housekeeping import _SQL as _HOUSEKEEPING
from purveyor.providers.housekeeping import FEW_RELEASED, MOST_RELEASED_AT_ONCE, release_held
from purveyor.providers.models import Provider
from purveyor.providers.sending.handing_over import _SQL as _HANDING_OVER
from purveyor.providers.sending.handing_over import MOST_AT_ONCE, hand_over
from purveyor.providers.standing.holds import RELEASED_WHEN_USABLE, Hold
from purveyor.providers.testing import make_provider, make_route
from tests.committed import committed

pytestmark = committed

WAITING = 100_000
FEW_BLOCKS = 400
"""Of 8 KiB. All that waits lies in thousands."""

MANY_LIKE_IT = """
SET LOCAL session_replication_role = replica;
INSERT INTO orders_order ({columns})
SELECT {columns} FROM orders_order, generate_series(1, %(many)s) WHERE id = %(order)s;
SET LOCAL session_replication_role = DEFAULT;
ANALYZE orders_order;
"""


def copy(order: Order) -> None:
    names = [str(column.column) for column in Order._meta.concrete_fields if column.name != "id"]
    with connection.cursor() as cursor:
        cursor.execute(
            MANY_LIKE_IT.format(columns=", ".join(names)), {"order": order.pk, "many": WAITING - 1}
        )


@pytest.fixture
def stopped() -> Provider:
    """A provider without room, or paused."""
    return make_provider(parallel_calls=1)


@pytest.fixture
def waiting(stopped: Provider) -> Service:
    service = make_service()
    make_route(service, stopped)
    return service


@pytest.fixture
def going() -> Service:
    service = make_service()
    make_route(service, make_provider(parallel_calls=1))
    return service


def pause(provider: Provider) -> None:
    until = timezone.now() + timedelta(minutes=5)
    Provider.objects.filter(pk=provider.pk).update(paused_until=until, paused_reason=Hold.OUT_OF_FUNDS)


def blocks(statement: str, parameters: dict[str, Any]) -> int:
    """Blocks that a statement reads when it is really run."""
    ((answer,),) = fetch_all(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
    plan = answer[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def test_an_order_that_can_go_is_found_beside_many_that_wait_for_room(
    stopped: Provider, waiting: Service, going: Service
) -> None:
    customer = make_customer()
    copy(place_one(customer, waiting, quantity=5))
    order = place_one(customer, going, quantity=5)

    assert waiting_services() == [waiting.pk, going.pk]
    services = f"{{{going.pk}}}"
    assert blocks(_QUEUE["waiting_services"], {}) < FEW_BLOCKS
    claim = {"services": services, "limit": MOST_AT_ONCE, "after": 0}
    assert blocks(_QUEUE["claim_of_services"], claim) < FEW_BLOCKS
    forecast = {"services": services, "full": [stopped.pk], "sendable": [stopped.pk], "neutral_score": 70}
    assert blocks(_HANDING_OVER["usable_services"], forecast) < FEW_BLOCKS

    (item,) = hand_over(busy={stopped.pk: 2}).hand_overs
    assert item.order_id == order.pk


def test_an_order_that_can_go_is_not_kept_by_many_that_wait_for_a_paused_provider(
    stopped: Provider, waiting: Service, going: Service
) -> None:
    customer = make_customer()
    copy(place_one(customer, waiting, quantity=5))
    order = place_one(customer, going, quantity=5)
    pause(stopped)

    look = hand_over(busy={})
    assert [item.order_id for item in look.hand_overs] == [order.pk]
    assert not look.drained, "the others are held by and by"
    held = Order.objects.filter(dispatch=Dispatch.HELD)
    assert set(held.values_list("hold_reason", flat=True)) == {Hold.OUT_OF_FUNDS.value}
    assert held.count() == MOST_AT_ONCE
    assert held.latest("pk").pk < Order.objects.filter(dispatch=Dispatch.QUEUED).earliest("pk").pk


def _release() -> dict[str, Any]:
    usable = list(Provider.objects.filter(paused_until=None).values_list("pk", flat=True))
    return {
        "reasons": list(RELEASED_WHEN_USABLE),
        "providers": usable,
        "packages": [],
        "limit": MOST_RELEASED_AT_ONCE,
        "fewest": FEW_RELEASED + 1,
    }


def test_an_order_that_can_come_back_is_found_beside_many_that_are_held(
    stopped: Provider, waiting: Service, going: Service
) -> None:
    customer = make_customer()
    first = place_one(customer, waiting, quantity=5)
    order = place_one(customer, going, quantity=5)
    with transaction.atomic():
        hold([first.pk, order.pk], reason=Hold.OUT_OF_FUNDS)
    first.refresh_from_db()
    copy(first)
    # Sold at prices of their own: each is a step of the index.
    Order.objects.filter(service=waiting).update(unit_price=F("unit_price") + F("id") % 3)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE orders_order")
    pause(stopped)

    release = _HOUSEKEEPING["release"]
    assert blocks(release, _release()) < FEW_BLOCKS
    assert release_held() == 1
    order.refresh_from_db()
    assert order.dispatch == Dispatch.QUEUED
    assert blocks(release, _release()) < FEW_BLOCKS

    # What waits for its time is looked for in a part of them.
    part = Round().next_part(of="held")
    busy_links = {"reason": Hold.SAME_LINK.value, "wait": 1, "longest_wait": 1, "limit": 1}
    assert blocks(_QUEUE["part_held"], {"after": 0, "most": MOST_LOOKED_AT}) < 3 * MOST_LOOKED_AT
    assert blocks(_HOUSEKEEPING["release_same_link"], part | busy_links) < 3 * MOST_LOOKED_AT

    # After the top-up they come back in order, and no more of them are read than are taken.
    Provider.objects.update(paused_until=None)
    assert blocks(release, _release()) < 20 * MOST_RELEASED_AT_ONCE
    assert release_held() == MOST_RELEASED_AT_ONCE
    back = Order.objects.filter(service=waiting, dispatch=Dispatch.QUEUED)
    assert back.latest("pk").pk < Order.objects.filter(dispatch=Dispatch.HELD).earliest("pk").pk
