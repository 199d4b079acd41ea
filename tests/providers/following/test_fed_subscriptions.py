"""Fed subscriptions over real HTTP: their posts reach the provider as ordinary orders."""

from decimal import Decimal

from purveyor.accounts.people import credit
from purveyor.accounts.testing import balance_of, make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.orders.feeding import tell_post
from purveyor.orders.models import FedPost, Order, Status
from purveyor.orders.pausing import resume
from purveyor.orders.testing import place_one
from purveyor.providers.models import Provider
from purveyor.simulator.testing import Simulator
from tests.audited import violations
from tests.committed import committed
from tests.providers.rounds import dispatch, poll, work_until

pytestmark = committed


def subscriptions(likes: Service, *, rate: Decimal) -> Service:
    return make_service(OrderType.SUBSCRIPTIONS, rate=rate, min=likes.min, max=likes.max, posts_service=likes)


def url(number: int) -> str:
    return f"https://example.com/p/{number}"


def test_three_posts_one_of_them_after_a_top_up(
    simulator: Simulator, provider: Provider, service: Service
) -> None:
    fed = subscriptions(service, rate=service.rate * 2)
    price = fed.rate * 100 / 1000
    customer = make_customer(price * 3)
    order = place_one(customer, fed, username="ann", min=100, max=100, posts=3, delay=0)
    # Something else is bought meanwhile.
    place_one(customer, make_service(rate=fed.rate), quantity=100)
    dispatch()
    assert simulator.orders == []
    for number in (1, 2):
        assert tell_post(subscription_id=order.pk, url=url(number), old=False).is_new
    assert tell_post(subscription_id=order.pk, url=url(3), old=False).order_id is None
    order.refresh_from_db()
    assert order.status == Status.PAUSED
    assert balance_of(customer) == 0
    credit(customer=customer, amount=price, reason="top-up", actor="test")
    resume(order_id=order.pk)
    assert tell_post(subscription_id=order.pk, url=url(3), old=False).is_new
    dispatch()
    assert [item.link for item in simulator.orders] == [url(number) for number in (1, 2, 3)]
    assert {item.quantity for item in simulator.orders} == {100}
    for _ in range(3):
        simulator.advance(24 * 3600)
        poll()
    children = Order.objects.filter(parent=order)
    assert [child.status for child in children] == [Status.COMPLETED] * 3
    order.refresh_from_db()
    assert order.status == Status.COMPLETED
    assert order.charge == balance_of(customer) == 0
    assert violations() == {}


def test_a_worker_starts_a_post_when_its_delay_is_over(
    simulator: Simulator, provider: Provider, service: Service
) -> None:
    fed = subscriptions(service, rate=service.rate)
    order = place_one(make_customer(), fed, username="ann", min=100, max=100, delay=5)
    tell_post(subscription_id=order.pk, url=url(1), old=False)
    dispatch()
    assert simulator.orders == []
    FedPost.objects.update(starts_at="2020-01-01T00:00:00Z")
    work_until(lambda: len(simulator.orders) == 1)
    assert violations() == {}
