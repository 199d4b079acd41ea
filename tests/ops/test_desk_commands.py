"""Desks on the command line: made, given services and keys, and reported for by staff."""

import re
from decimal import Decimal

import pytest
from click.testing import CliRunner, Result

from purveyor.accounts.keys import find_staff_key
from purveyor.accounts.testing import make_customer
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.snapshot import forget
from purveyor.catalog.testing import make_service
from purveyor.ops import cli, trouble
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import CancelRequest, Order, Refill, Status
from purveyor.orders.refilling import request_refills
from purveyor.orders.testing import place_one
from purveyor.providers.desks.desks import adopt_refills
from purveyor.providers.desks.queue import LONGEST_PAGE, Taking, take_jobs
from purveyor.providers.models import DeskJob, Provider, Route
from purveyor.providers.testing import make_desk
from tests.audited import violations
from tests.committed import committed
from tests.providers.desks.by_hand import LONG_AGO
from tests.providers.rounds import dispatch


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.commands, words, prog_name="purveyor")


def line_of(result: Result) -> str | None:
    assert result.exception is not None
    return trouble.in_one_line(result.exception, embedded_in=None)


@pytest.fixture
def desk() -> Provider:
    forget()
    return make_desk(make_service(rate="2", refill=True, cancel=True), name="Team A")


def ordered(number: int = 1) -> list[int]:
    """The ids of new jobs."""
    service = Route.objects.get().service
    customer = make_customer("1000")
    before = set(DeskJob.objects.values_list("pk", flat=True))
    for _ in range(number):
        place_one(customer, service, quantity=1000)
    dispatch()
    return sorted(set(DeskJob.objects.values_list("pk", flat=True)) - before)


@committed
def test_a_desk_is_made_and_given_a_service_and_a_key() -> None:
    service = make_service()
    made = run("desk", "create", "Team A")
    desk = Provider.objects.get()
    assert made.output == f"Made the desk Team A, number {desk.pk}\n"
    assert run("desk", "service", "Team A", str(service.pk), "--cost", "0.40").output == (
        f"Team A delivers service {service.pk} for 0.4, as route {Route.objects.get().pk}\n"
    )
    assert Route.objects.get().provider_service.rate == Decimal("0.4")
    text = run("desk", "key", "Team A", "--label", "bot").output.strip()
    key = find_staff_key(text)
    assert key is not None
    assert (key.name, key.scopes) == ("bot", [f"desk:{desk.pk}"])
    listed = run("desk", "keys").output
    assert listed.startswith(f"{text[:8]}…  live  last used ")
    assert listed.endswith(f"desk:{desk.pk}  bot\n")
    assert text not in listed
    assert run("desk", "revoke", text[:8]).output == f"The key {text[:8]}… (bot) is revoked\n"
    assert find_staff_key(text) is None
    assert "revoked" in run("desk", "keys").output
    refused = line_of(run("desk", "revoke", text))
    assert refused == f"no live key begins with {text[:8]}: the one that does is revoked already"


@committed
def test_what_cannot_be_done_is_said_in_one_line(desk: Provider) -> None:
    assert line_of(run("desk", "create", "Team A")) == "there is a provider with the name Team A already"
    assert line_of(run("desk", "key", "Team B")) == "there is no desk with the name Team B"
    assert line_of(run("desk", "service", "Team A", "999999", "--cost", "1")) == "there is no service 999999"
    assert line_of(run("desk", "complete", "1")) == "There is no job 1 here"
    assert line_of(run("provider", "log", "Team A")) == "Team A is a desk: `purveyor desk` has its commands"
    assert line_of(run("desk", "create", " ")) == "a desk needs a name"
    subscriptions = make_service(OrderType.SUBSCRIPTIONS).pk
    refused = line_of(run("desk", "service", "Team A", str(subscriptions), "--cost", "1"))
    assert str(refused).startswith("a desk takes no subscription as a whole: with `purveyor service posts ")
    assert not Route.objects.filter(service_id=subscriptions).exists()
    assert line_of(run("desk", "create", "x" * 101)) == (
        "this cannot be kept: value too long for type character varying(100)"
    )
    assert line_of(
        run("desk", "service", "Team A", str(Route.objects.get().service_id), "--cost", "1e30")
    ) == ("this cannot be kept: numeric field overflow")
    (job,) = ordered()
    assert line_of(run("desk", "partial", str(job), "1000")) == (
        "remains must be from 1 to 999; nothing left is complete, everything is cancel"
    )
    assert line_of(run("desk", "reject", str(job), "--reason", "x")) == (
        "reject cannot be said of a job of kind order"
    )


@committed
def test_the_queue_tells_what_is_to_be_done(desk: Provider) -> None:
    first, second = ordered(2)
    take_jobs(desk_id=desk.pk, taking=Taking(worker="tool-1", count=1))
    order = Order.objects.earliest("pk")
    request_cancels([(order.customer_id, order.pk)])
    lines = run("desk", "queue", "Team A").output.splitlines()
    service = Route.objects.get().service_id
    assert re.split(" {2,}", lines[0]) == [
        str(first),
        "order",
        "taken by tool-1",
        f"order {order.pk}",
        f"service {service}",
        "1000 of 1000 left",
        order.link,
        "CANCEL REQUESTED",
    ]
    assert re.split(" {2,}", lines[1])[:3] == [str(second), "order", "new"]
    rest = run("desk", "queue", "Team A", "--after", str(first)).output
    assert rest.split() == lines[1].split()
    assert run("desk", "queue", "Team A", "--after", str(second)).output == "No job is open on Team A.\n"


@committed
def test_nothing_that_somebody_else_wrote_commands_the_terminal(desk: Provider) -> None:
    ordered()
    take_jobs(desk_id=desk.pk, taking=Taking(worker="tool\n\x1b[2J", count=1))
    assert "taken by tool [2J  order" in run("desk", "queue", "Team A").output


@committed
def test_a_long_queue_says_that_there_may_be_more(desk: Provider) -> None:
    jobs = ordered(LONGEST_PAGE)
    assert run("desk", "queue", "Team A").output.splitlines()[-1] == (
        f"There may be more: purveyor desk queue Team A --after {jobs[-1]}"
    )


@committed
def test_staff_report_without_taking_and_correct_themselves(desk: Provider) -> None:
    (job,) = ordered()
    order = Order.objects.get()
    done = run("desk", "complete", str(job), "--start-count", "7")
    assert done.output == f"Job {job} of order {order.pk}: completed\n"
    order.refresh_from_db()
    assert (order.status, order.start_count) == (Status.COMPLETED, 7)
    assert DeskJob.objects.get().ended_by.endswith("(command line)")
    assert run("desk", "partial", str(job), "500").exit_code == 0
    order.refresh_from_db()
    assert (order.status, order.remains) == (Status.PARTIAL, 500)
    assert violations() == {}


@committed
def test_wishes_and_refills_are_answered(desk: Provider) -> None:
    jobs = ordered(2)
    take_jobs(desk_id=desk.pk, taking=Taking(worker="tool-1", count=2))
    orders = list(Order.objects.order_by("pk"))
    request_cancels([(order.customer_id, order.pk) for order in orders])
    assert run("desk", "refuse-cancel", str(jobs[0]), "--reason", "Too late").output.endswith(": taken\n")
    assert CancelRequest.objects.get(order=orders[0]).reason == "Too late"
    assert run("desk", "cancel", str(jobs[1]), "--reason", "As you wish").output.endswith(": canceled\n")
    assert CancelRequest.objects.get(order=orders[1]).status == "done"
    run("desk", "complete", str(jobs[0]))
    Order.objects.update(status_at=LONG_AGO)
    request_refills([(orders[0].customer_id, orders[0].pk)])
    adopt_refills()
    refill = DeskJob.objects.get(kind="refill")
    assert run("desk", "reject", str(refill.pk), "--reason", "No drop").output.endswith(": rejected\n")
    assert Refill.objects.get().reason == "No drop"
    assert violations() == {}
