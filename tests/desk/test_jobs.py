"""The pull API over real HTTP: list, take, report, and everything that can be wrong."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from purveyor.accounts.testing import balance_of
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import CancelRequest, Order, Refill, Status
from purveyor.orders.refilling import request_refills
from purveyor.providers.desks.desks import adopt_refills, desk_scope
from purveyor.providers.models import DeskJob
from purveyor.providers.testing import make_desk
from tests.audited import violations
from tests.desk.visitor import Visitor, ok, refused
from tests.providers.desks.by_hand import LONG_AGO

NOWHERE = 2**80


def test_a_job_shows_what_is_to_be_done_and_nothing_of_the_customer(visitor: Visitor) -> None:
    (order,) = visitor.ordered()
    (job,) = visitor.jobs()
    assert {**job, "id": 0, "created_at": ""} == {
        "id": 0,
        "kind": "order",
        "order": order.pk,
        "refill": None,
        "service": visitor.service.pk,
        "service_name": visitor.service.name,
        "service_type": "Default",
        "link": order.link,
        "quantity": 1000,
        "fields": {},
        "state": "new",
        "worker": "",
        "leased_until": None,
        "start_count": None,
        "remains": None,
        "cancel_requested": False,
        "outcome": "",
        "reason": "",
        "created_at": "",
        "ended_at": None,
    }
    assert ok(visitor.get(f"jobs/{job['id']}")) == job


def test_from_the_queue_to_the_end(visitor: Visitor) -> None:
    (order,) = visitor.ordered()
    (job,) = visitor.take(count=5)
    assert (job["worker"], job["leased_until"]) == ("delivery bot", None)
    path = f"jobs/{job['id']}"
    assert ok(visitor.post(f"{path}/start", start_count=20))["start_count"] == 20
    assert ok(visitor.post(f"{path}/progress", remains=300))["remains"] == 300
    ended = ok(visitor.post(f"{path}/partial", remains=250))
    assert (ended["state"], ended["outcome"], ended["remains"]) == ("ended", "partial", 250)
    order.refresh_from_db()
    assert (order.status, order.start_count, order.remains) == (Status.PARTIAL, 20, 250)
    assert balance_of(order.customer) == Decimal("998.50")
    assert DeskJob.objects.get(pk=job["id"]).ended_by.startswith("delivery bot (key ")
    assert ok(visitor.post(f"{path}/partial", remains=250)) == ended
    assert refused(visitor.post(f"{path}/complete")) == (409, "already_ended")
    assert visitor.jobs() == []
    assert [each["id"] for each in visitor.jobs(state="all")] == [job["id"]]
    assert violations() == {}


def test_two_who_take_at_once_are_given_different_jobs(visitor: Visitor) -> None:
    visitor.ordered(40)
    with ThreadPoolExecutor(8) as people:
        taken = list(
            people.map(
                lambda number: visitor.take(count=3, worker=f"tool-{number % 4}", lease_seconds=60), range(16)
            )
        )
    ids = [job["id"] for jobs in taken for job in jobs]
    assert len(ids) == len(set(ids)) == 40
    assert visitor.take(count=1) == []
    assert visitor.jobs(state="new") == []


def test_the_same_request_at_once_takes_once(visitor: Visitor) -> None:
    visitor.ordered(6)
    with ThreadPoolExecutor(4) as people:
        taken = list(people.map(lambda _: visitor.take(count=2, request_id="same"), range(4)))
    assert len({job["id"] for jobs in taken for job in jobs}) == 2
    assert len(visitor.jobs(state="new")) == 4


def test_a_lease_ends_and_somebody_else_goes_on(visitor: Visitor) -> None:
    visitor.ordered()
    (job,) = visitor.take(count=1, worker="tool-1", lease_seconds=60)
    assert visitor.take(count=1, worker="tool-2") == []
    DeskJob.objects.filter(pk=job["id"]).update(leased_until=LONG_AGO)
    (free,) = visitor.jobs(state="new")
    assert (free["id"], free["state"], free["worker"]) == (job["id"], "new", "")
    assert [each["id"] for each in visitor.take(count=1, worker="tool-2")] == [job["id"]]
    late = visitor.post(f"jobs/{job['id']}/complete", worker="tool-1")
    assert refused(late) == (409, "taken_by_another")


def test_a_wish_to_cancel_is_seen_and_answered(visitor: Visitor) -> None:
    (order,) = visitor.ordered()
    (job,) = visitor.take(count=1)
    path = f"jobs/{job['id']}"
    assert refused(visitor.post(f"{path}/refuse-cancel", reason="x")) == (409, "no_cancel_requested")
    request_cancels([(order.customer_id, order.pk)])
    assert visitor.jobs()[0]["cancel_requested"]
    ok(visitor.post(f"{path}/refuse-cancel", reason="Too late"))
    assert CancelRequest.objects.get(order=order).reason == "Too late"
    request_cancels([(order.customer_id, order.pk)])
    assert ok(visitor.post(f"{path}/cancel", reason="As you wish"))["reason"] == "As you wish"
    assert CancelRequest.objects.get(order=order).status == "done"
    assert balance_of(order.customer) == 1000
    assert violations() == {}


def test_refills_are_jobs_of_the_same_desk(visitor: Visitor) -> None:
    for verb, body, status in (("complete", {}, "Completed"), ("reject", {"reason": "No drop"}, "Rejected")):
        (order,) = visitor.ordered()
        (job,) = visitor.take(count=1)
        ok(visitor.post(f"jobs/{job['id']}/complete"))
        Order.objects.filter(pk=order.pk).update(status_at=LONG_AGO)
        request_refills([(order.customer_id, order.pk)])
        adopt_refills()
        assert visitor.take(count=1, kind="order") == []
        (refill,) = visitor.take(count=1, kind="refill")
        assert (refill["kind"], refill["order"]) == ("refill", order.pk)
        path = f"jobs/{refill['id']}"
        assert refused(visitor.post(f"{path}/partial", remains=1)) == (409, "wrong_kind")
        ok(visitor.post(f"{path}/{verb}", **body))
        assert Refill.objects.get(pk=refill["refill"]).status == status


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("start", {}),
        ("start", {"start_count": -1}),
        ("start", {"start_count": "5"}),
        ("start", {"start_count": 1.5}),
        ("start", {"start_count": 10**16}),
        ("progress", {"remains": 1001}),
        ("progress", {"remains": None}),
        ("partial", {"remains": 0}),
        ("partial", {"remains": 1000}),
        ("cancel", {}),
        ("cancel", {"reason": ""}),
        ("cancel", {"reason": "  "}),
        ("cancel", {"reason": "x" * 201}),
        ("cancel", {"reason": "x\0"}),
        ("refuse-cancel", {}),
        ("complete", {"remains": 5}),
        ("give-back", {"worker": ""}),
    ],
)
def test_a_field_that_cannot_be_meant_changes_nothing(
    visitor: Visitor, verb: str, body: dict[str, Any]
) -> None:
    visitor.ordered()
    (job,) = visitor.take(count=1)
    assert refused(visitor.post(f"jobs/{job['id']}/{verb}", **body)) == (422, "invalid_field")
    assert visitor.jobs()[0] == ok(visitor.get(f"jobs/{job['id']}")) == job


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "x"},
        {"after": -1},
        {"state": "ended"},
        {"kind": "x"},
        {"service": NOWHERE},
        {"page": 2},
    ],
)
def test_a_list_is_asked_for_rightly(visitor: Visitor, query: dict[str, Any]) -> None:
    assert refused(visitor.get("jobs", **query)) == (422, "invalid_field")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"count": 0},
        {"count": 101},
        {"count": 1, "lease_seconds": 0},
        {"count": 1, "worker": "x" * 101},
        {"count": 1, "worker": "x\0"},
        {"count": 1, "request_id": "\0"},
        {"count": 1, "number": 2},
    ],
)
def test_jobs_are_taken_rightly(visitor: Visitor, body: dict[str, Any]) -> None:
    assert refused(visitor.post("take", **body)) == (422, "invalid_field")


def test_nobody_sees_or_touches_another_desk(visitor: Visitor) -> None:
    visitor.ordered()
    (job,) = visitor.jobs()
    stranger = visitor.with_key(desk_scope(make_desk(name=f"Beside {visitor.desk.name}").pk))
    path = f"jobs/{job['id']}"
    assert stranger.jobs() == []
    assert stranger.take(count=100) == []
    for answer in (
        stranger.get(path),
        stranger.post(f"{path}/cancel", reason="x"),
        visitor.get("jobs/0"),
        visitor.get(f"jobs/{NOWHERE}"),
        visitor.post(f"jobs/{NOWHERE}/complete"),
        visitor.post(f"{path}/destroy"),
    ):
        assert refused(answer) == (404, "not_found")
    for answer in (
        stranger.get("jobs", desk=visitor.desk.pk),
        visitor.with_key("posts").get("jobs"),
        visitor.with_key("posts").post(f"{path}/complete"),
        visitor.with_key().post("take", count=1),
    ):
        assert refused(answer) == (403, "not_in_scope")
    assert refused(visitor.post(f"{path}/complete")) == (409, "not_taken")
    assert refused(visitor.get(f"{path}/complete")) == (405, "wrong_method")
    assert visitor.jobs() == [job]


def test_a_key_for_several_desks_says_which_one_it_means(visitor: Visitor) -> None:
    visitor.ordered()
    other = make_desk(name=f"Second to {visitor.desk.name}")
    both = visitor.with_key(desk_scope(visitor.desk.pk), desk_scope(other.pk))
    assert refused(both.get("jobs")) == (422, "invalid_field")
    assert both.jobs(desk=other.pk) == []
    (job,) = both.take(desk=visitor.desk.pk, count=1)
    assert ok(both.post(f"jobs/{job['id']}/complete"))["outcome"] == "completed"
