"""Fed subscriptions on the command line."""

import pytest

from purveyor.accounts.keys import find_staff_key
from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.orders.models import Order, Status
from purveyor.orders.testing import place_one
from tests.committed import committed
from tests.ops.test_cli import line_of, run

pytestmark = committed

URL = "https://example.com/p/1"


@pytest.fixture
def order() -> Order:
    service = make_service(
        OrderType.SUBSCRIPTIONS, name="Auto likes", max=1000, posts_service=make_service(name="Likes")
    )
    customer = make_customer(email="buyer@example.com")
    return place_one(customer, service, username="an\x1bn", min=5, max=9, posts=2, old_posts=1, delay=0)


def test_posts_are_told(order: Order) -> None:
    told = run("subscription", "post", URL, "--subscription", str(order.pk)).output
    child = Order.objects.get(parent=order)
    assert told == f"Subscription {order.pk}: order {child.pk}\n"
    again = run("subscription", "post", URL, "--subscription", str(order.pk)).output
    assert again == f"Subscription {order.pk}: order {child.pk} (It is an order already)\n"
    old = run("subscription", "post", URL + "0", "--username", "an\x1bn", "--old", "--service", "0").output
    assert old == "No subscription that post events feed follows this account\n"
    old = run("subscription", "post", URL + "0", "--username", "an\x1bn", "--old").output
    assert old == f"Subscription {order.pk}: order {Order.objects.latest('pk').pk}\n"
    assert line_of(run("subscription", "post", "", "--subscription", str(order.pk))) == "Bad link"
    assert run("subscription", "post", URL).exit_code == 2


def test_they_are_listed_paused_resumed_and_canceled(order: Order) -> None:
    name = str(order.pk)
    run("subscription", "post", URL, "--subscription", name)
    assert run("subscription", "pause", name, "--reason", "on holiday").exit_code == 0
    assert run("subscription", "list").output == (
        f"{order.pk}  Paused (on holiday)  an n  5 to 9, 1 of 2 posts, 0 of 1 old  buyer@example.com  "
        f"{order.service_id} Auto likes\n"
    )
    assert run("subscription", "resume", name).exit_code == 0
    order.refresh_from_db()
    assert order.status == Status.ACTIVE
    assert run("subscription", "cancel", name).output == f"Subscription {order.pk} is canceled\n"
    assert line_of(run("subscription", "resume", name)) == "The subscription is Canceled"
    assert run("subscription", "list").output == "No subscription is fed by post events.\n"
    assert line_of(run("subscription", "cancel", "0")) == "Order 0 is no subscription that post events feed"


def test_a_service_is_fed_by_post_events_or_by_a_provider() -> None:
    service, likes = make_service(OrderType.SUBSCRIPTIONS), make_service()
    fed = run("service", "posts", str(service.pk), "--by", str(likes.pk))
    assert fed.output == f"Posts are served from post events, by service {likes.pk}: {service}\n"
    assert Service.objects.get(pk=service.pk).posts_service == likes
    assert run("service", "posts", str(service.pk), "--by-provider").exit_code == 0
    assert Service.objects.get(pk=service.pk).posts_service is None
    wrong = run("service", "posts", str(likes.pk), "--by", str(likes.pk))
    assert line_of(wrong) == f"service {likes.pk} is not of type Subscriptions"
    wrong = run("service", "posts", str(service.pk), "--by", str(service.pk))
    assert line_of(wrong) == f"service {service.pk} is not of type Default"
    assert run("service", "posts", str(service.pk)).exit_code == 2


def test_a_program_gets_a_key_for_posts() -> None:
    text = run("subscription", "key", "--label", "Watcher").output.strip()
    key = find_staff_key(text)
    assert key is not None
    assert (key.name, key.scopes) == ("Watcher", ["posts"])
