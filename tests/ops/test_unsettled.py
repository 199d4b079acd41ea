"""Hand-overs of unknown outcome, seen and settled on the command line."""

import pytest

from purveyor.accounts.testing import make_customer
from purveyor.catalog.testing import make_service
from purveyor.orders.models import Dispatch, Order
from purveyor.orders.testing import place_one
from purveyor.providers.models import EvidenceKind, Fulfilment, Handover, HandoverEvidence
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.protocol.replies import Accepted, Unclear
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.testing import make_provider, make_route
from tests.committed import committed
from tests.ops.test_cli import line_of, run

LINK = "https://example.com/"


@pytest.fixture
def unknown() -> Fulfilment:
    """One of two hand-overs, the other of which the provider took as its order 1."""
    service = make_service(rate="10.00")
    make_route(service, make_provider(name="Upstream"), rate="4.00")
    customer = make_customer("100")
    for name in ("a", "b"):
        place_one(customer, service, quantity=1000, link=LINK + name)
    first, second = hand_over(busy={}).hand_overs
    answer = "\x1b[2J<html>\n  Bad gateway</html>"
    record(
        [
            Answered(hand_over=first, reply=Accepted("1")),
            Answered(hand_over=second, reply=Unclear("HTTP 502"), http_status=502, response=answer),
        ]
    )
    return Fulfilment.objects.select_related("order").get(pk=second.fulfilment_id)


@committed
def test_it_is_listed_with_the_last_answer_in_one_line(unknown: Fulfilment) -> None:
    what, answer = run("unknown", "list").output.splitlines()
    assert what == (
        f"{unknown.pk}  order {unknown.order_id}  Upstream  "
        f"{unknown.created_at:%Y-%m-%d %H:%M:%S} UTC  {unknown.order.link}"
    )
    assert answer == "    HTTP 502  [2J<html> Bad gateway</html>"


@committed
def test_the_evidence_is_listed_beneath_it_in_one_line_each(unknown: Fulfilment) -> None:
    told = HandoverEvidence.objects.create(
        fulfilment=unknown, kind=EvidenceKind.PROBE, text="unaccounted for: 12 (In\n\x1bprogress)"
    )
    told.refresh_from_db()
    lines = run("unknown", "list").output.splitlines()
    assert lines[2:] == [f"    {told.at:%Y-%m-%d %H:%M:%S} UTC  unaccounted for: 12 (In progress)"]


@committed
def test_it_was_placed(unknown: Fulfilment) -> None:
    taken = line_of(run("unknown", "placed", str(unknown.pk), "1"))
    assert taken is not None
    assert taken.startswith("the provider's order 1 belongs to order ")
    assert run("unknown", "placed", str(unknown.pk), "77").output == (
        f"Order {unknown.order_id} is followed as order 77 of Upstream\n"
    )
    unknown.refresh_from_db()
    assert (unknown.handover, unknown.external_id) == (Handover.ACCEPTED, "77")
    assert unknown.settled_by.endswith(" (command line)")
    assert run("unknown", "list").output == "No hand-over has an unknown outcome.\n"
    assert line_of(run("unknown", "not-placed", str(unknown.pk))) == "the hand-over is accepted, not unknown"


@committed
def test_it_was_not_placed(unknown: Fulfilment) -> None:
    assert run("unknown", "not-placed", str(unknown.pk)).output == (
        f"Order {unknown.order_id} was not placed at Upstream; it is Pending now\n"
    )
    unknown.refresh_from_db()
    assert unknown.handover == Handover.REFUSED
    assert Order.objects.get(pk=unknown.order_id).dispatch == Dispatch.QUEUED
