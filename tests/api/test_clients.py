"""Published clients that we did not write, unmodified, through every call they have."""

from datetime import timedelta

import pytest
import safesmm  # type: ignore[import-untyped]
import smmpy  # type: ignore[import-untyped]
from django.utils import timezone

from purveyor.catalog.order_types import OrderType
from purveyor.orders.models import Dispatch, Order, Status
from tests.api.panel import Caller, Panel


def complete(*ids: int) -> None:
    Order.objects.filter(pk__in=ids).update(
        status=Status.COMPLETED, remains=0, status_at=timezone.now() - timedelta(hours=25)
    )


def hand_over(*ids: int) -> None:
    Order.objects.filter(pk__in=ids).update(dispatch=Dispatch.HANDED)


@pytest.mark.parametrize("slash", ["", "/"])
def test_smmpy(panel: Panel, caller: Caller, slash: str) -> None:
    client = smmpy.smm(panel.api + slash, caller.key)
    assert client.get_balance() == {"balance": "1000", "currency": "USD"}

    services = {row["service"]: row for row in client.get_services()}
    plain, comments = panel.services[OrderType.DEFAULT].pk, panel.services[OrderType.CUSTOM_COMMENTS].pk
    assert services[plain]["rate"] == "1.50"

    first = client.add_order(plain, "https://example.com/1", 100)["order"]
    second = client.add_order(comments, "https://example.com/2", 0, comments="one\ntwo")["order"]
    drip = client.add_order(plain, "https://example.com/3", 10, runs=2, interval=30)["order"]
    assert client.get_balance()["balance"] == "999.817"

    pending = {"start_count": "0", "status": "Pending", "currency": "USD"}
    assert client.get_status(first) == pending | {"charge": "0.15", "remains": "100"}
    many = client.get_multi_status([first, second, 999999999])
    assert many[str(second)] == pending | {"charge": "0.003", "remains": "2"}
    assert many["999999999"] == {"error": "Incorrect order ID"}
    assert client.get_status(drip) == {"status": "In progress", "runs": "0", "orders": []}

    complete(first, second)
    refill = client.create_refill(first)["refill"]
    assert client.create_multi_refill([second, drip])[0]["order"] == second
    assert client.get_refill_status(refill) == {"status": "Pending"}
    assert client.get_multi_refill_status([refill]) == [{"refill": int(refill), "status": "Pending"}]

    third = client.add_order(plain, "https://example.com/4", 100)["order"]
    assert client.cancel_orders([third, first])[0] == {"order": third, "cancel": 1}
    assert client.get_status(third)["status"] == "Canceled"
    with pytest.raises(Exception, match=r"^Incorrect service ID$"):
        client.add_order(999999, "https://example.com", 1)


def test_safesmm(panel: Panel, caller: Caller) -> None:
    client = safesmm.SafeSMM(caller.key, api_url=panel.api)
    assert client.balance() == {"balance": "1000", "currency": "USD"}
    plain, comments = panel.services[OrderType.DEFAULT].pk, panel.services[OrderType.CUSTOM_COMMENTS].pk
    assert {plain, comments} <= {row["service"] for row in client.services()}

    first = client.add_order(plain, "https://example.com/1", 100)["order"]
    second = client.add_order(comments, "https://example.com/2", comments="a\nb")["order"]
    hand_over(first, second)
    assert client.status(first)["status"] == "Pending"
    assert list(client.multi_status([second, first])) == [str(second), str(first)]
    assert client.cancel(first) == [{"order": first, "cancel": 1}]
    complete(second)
    assert list(client.refill(second)) == ["refill"]
    with pytest.raises(safesmm.SafeSMMError, match=r"^Bad link$"):
        client.add_order(plain, "", 100)
    with pytest.raises(safesmm.SafeSMMError, match=r"^Invalid API key$"):
        safesmm.SafeSMM("nobody's", api_url=panel.api).balance()
