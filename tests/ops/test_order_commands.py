"""Commands about single orders."""

import re

from purveyor.accounts.testing import make_customer
from purveyor.catalog.testing import make_service
from purveyor.orders.models import Status
from purveyor.orders.testing import place_one
from purveyor.providers.following.following import follow
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.protocol.replies import Accepted, StatusReply, Unclear
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.testing import make_provider, make_route
from tests.committed import committed
from tests.ops.test_cli import line_of, run


@committed
def test_an_order_explains_itself_in_lines() -> None:
    service = make_service(rate="10.00", name="Likes")
    make_route(service, make_provider(name="Upstream"), rate="4.00")
    order = place_one(make_customer("100"), service, quantity=1000)
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Unclear("?"), http_status=502, response="\x1b[2J\nBad gateway")])
    lines = run("order", "explain", str(order.pk)).output.splitlines()
    told = [re.sub(r"^[0-9-]{10} [0-9:]{8} UTC  ", "", line) for line in lines]
    assert told[0].startswith("placed       customer: Ordered “Likes”: 1000 × 10 per 1000 = 10 USD;")
    assert told[-1] == "answered     Upstream: Unknown, HTTP 502: [2J Bad gateway"


@committed
def test_what_the_customer_may_see_of_it() -> None:
    order = place_one(make_customer("100"), make_service(rate="10.00", name="Likes"), quantity=1000)
    output = run("order", "explain", str(order.pk), "--for-customer").output
    assert output.splitlines()[0].endswith(
        "placed       customer: Ordered “Likes”: 1000 × 10 per 1000 = 10 USD"
    )
    assert len(output.splitlines()) == 2


@committed
def test_an_order_that_does_not_exist_is_named() -> None:
    assert line_of(run("order", "explain", "999999999")) == "there is no order 999999999"


@committed
def test_the_rest_of_a_partial_order_is_sent_elsewhere_or_the_reason_told() -> None:
    service = make_service(rate="10.00", finish_rest="ask")
    for position in (0, 1):
        make_route(service, make_provider(), rate="4.00", position=position)
    order = place_one(make_customer("100"), service, quantity=1000)
    early = run("order", "finish-elsewhere", str(order.pk))
    assert line_of(early) == "Only a Partial order can be finished by another provider"
    (item,) = hand_over(busy={}).hand_overs
    record([Answered(hand_over=item, reply=Accepted("1"))])
    follow({item.fulfilment_id: StatusReply(word="Partial", status=Status.PARTIAL, remains=250)})
    done = run("order", "finish-elsewhere", str(order.pk))
    assert done.output == (
        f"What remains of order {order.pk} is charged again and goes to another provider\n"
    )
    (rest,) = hand_over(busy={}).hand_overs
    assert rest.fields["quantity"] == "250"


@committed
def test_what_can_be_asked_for_is_told() -> None:
    order = place_one(make_customer("100"), make_service(refill=True, cancel=True), quantity=10)
    output = run("order", "options", str(order.pk)).output
    assert output.splitlines() == [
        "refill  no: The order is not completed",
        f"cancel  yes; from {order.created_at:%Y-%m-%d %H:%M} UTC",
        "rest  no: Orders of this kind are not finished by another provider",
    ]
    assert line_of(run("order", "options", "999")) == "there is no order 999"
