import asyncio
import time
from decimal import Decimal

import pytest

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.orders.models import Order
from purveyor.orders.placing import place
from purveyor.orders.testing import place_one, request
from purveyor.providers.dispatch import Dispatcher
from purveyor.providers.models import Attempt, Fulfilment, Provider
from purveyor.providers.workplace import Workplace
from purveyor.simulator.testing import Simulator

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


async def _dispatch(rounds=1, until=None) -> None:
    workplace = Workplace()
    dispatcher = Dispatcher(workplace)
    try:
        while await dispatcher.step() or dispatcher._calls:
            await asyncio.sleep(0)
        await dispatcher.finish(seconds=5)
    finally:
        await workplace.close()


def test_an_order_reaches_the_provider(simulator: Simulator, service: Service, provider: Provider) -> None:
    order = place_one(make_customer(), service, quantity=200)
    asyncio.run(_dispatch())
    (bought,) = simulator.orders
    fulfilment = Fulfilment.objects.get()
    assert fulfilment.external_id == str(bought.id)
    assert fulfilment.handover == "accepted"
    assert Attempt.objects.get().outcome == "accepted"


def test_speed(simulator: Simulator, service: Service, provider: Provider) -> None:
    import cProfile
    customer = make_customer("100000")
    place([request(customer, service, quantity=service.min) for _ in range(3000)])
    simulator.set_latency(milliseconds=50)
    t = time.time(); c=time.process_time()
    asyncio.run(_dispatch())
    dt = time.time() - t
    print("RATE", 3000 / dt, "cpu", (time.process_time()-c)/3000*1000, "ms")
    assert len(simulator.orders) == 3000
    assert Fulfilment.objects.filter(handover="accepted").count() == 3000
