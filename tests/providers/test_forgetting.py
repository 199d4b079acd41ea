"""What was said is forgotten after its time, and not before nobody needs it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from purveyor import configuration
from purveyor.accounts.testing import make_customer
from purveyor.catalog.testing import make_service
from purveyor.database import fetch_all
from purveyor.orders.models import Refill
from purveyor.orders.testing import place_one
from purveyor.providers.forgetting import _SQL, forget_exchanges
from purveyor.providers.models import (
    Attempt,
    CancelTask,
    Change,
    ChangeSet,
    EvidenceKind,
    ForwardState,
    Fulfilment,
    HandoverEvidence,
    RefillTask,
)
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.outcomes.settling import settle_as_not_placed, settle_as_placed
from purveyor.providers.outcomes.under_way import HandOver
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Accepted, Refused, Unclear
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.tasks.cancels import CancelWish, record_cancel
from purveyor.providers.tasks.refills import RefillWish, record_asked
from purveyor.providers.testing import make_provider, make_route
from purveyor.providers.timeline.timeline import timeline
from tests.committed import committed
from tests.providers.following.test_polling_plan import steps
from tests.providers.lists import keep, row, sell

pytestmark = pytest.mark.django_db

DAYS = 30  # the default
OLD = timedelta(days=DAYS + 1)
PAST = 50_000
REPLIES: tuple[Accepted | Refused | Unclear, ...] = (
    Accepted("1"),
    Refused(RefusalClass.OTHER, "No"),
    Unclear("HTTP 502"),
)


@pytest.fixture
def answered() -> list[HandOver]:
    """Hand-overs that were accepted, refused and left unknown, with evidence about the last."""
    service = make_service()
    make_route(service, make_provider())
    customer = make_customer("1000")
    for _ in REPLIES:
        place_one(customer, service, quantity=100)
    sent = hand_over(busy={}).hand_overs
    record(
        [
            Answered(hand_over=item, reply=reply, http_status=200, response="what was said")
            for item, reply in zip(sent, REPLIES, strict=True)
        ]
    )
    unknown = sent[2].fulfilment_id
    HandoverEvidence.objects.create(fulfilment_id=unknown, kind=EvidenceKind.PROBE, text="nothing there")
    return sent


def grow_older(by: timedelta) -> None:
    Attempt.objects.update(created_at=F("created_at") - by, answered_at=F("answered_at") - by)
    HandoverEvidence.objects.update(at=F("at") - by)
    Fulfilment.objects.update(
        created_at=F("created_at") - by, accepted_at=F("accepted_at") - by, settled_at=F("settled_at") - by
    )


def kept() -> list[bool]:
    """Of each attempt, whether its wording is still there."""
    rows = Attempt.objects.order_by("pk").values_list("request", "response")
    assert all((request is None) == (response == "") for request, response in rows)
    return [request is not None for request, _ in rows]


def test_what_is_old_is_forgotten_but_of_unknown_outcomes_and_once(answered: list[HandOver]) -> None:
    grow_older(timedelta(days=DAYS - 1))
    assert forget_exchanges() == 0
    assert kept() == [True, True, True]
    grow_older(timedelta(days=2))
    assert forget_exchanges() == 2
    assert kept() == [False, False, True]
    assert HandoverEvidence.objects.exists()
    assert forget_exchanges() == 0
    told = Attempt.objects.order_by("pk").values_list("outcome", "http_status")
    assert list(told) == [("accepted", 200), ("refused", 200), ("unknown", 200)]


@pytest.mark.parametrize("placed", [True, False])
def test_a_settled_one_is_kept_for_its_time_again(answered: list[HandOver], *, placed: bool) -> None:
    grow_older(OLD)
    unknown = Fulfilment.objects.get(pk=answered[2].fulfilment_id)
    if placed:
        settle_as_placed(fulfilment=unknown, external_id="77", actor="a person")
    else:
        settle_as_not_placed(fulfilment=unknown, actor="a person")
    forget_exchanges()
    assert kept() == [False, False, True]
    assert HandoverEvidence.objects.exists()
    grow_older(OLD)
    forget_exchanges()
    assert kept() == [False, False, False]
    assert not HandoverEvidence.objects.exists()


def test_one_that_is_being_sent_is_kept(answered: list[HandOver]) -> None:
    Fulfilment.objects.filter(pk=answered[0].fulfilment_id).update(handover="sending", external_id="")
    grow_older(OLD)
    forget_exchanges()
    assert kept() == [True, False, True]


def test_it_goes_in_batches_oldest_first(answered: list[HandOver]) -> None:
    grow_older(OLD)
    assert forget_exchanges(limit=1) == 1
    assert kept() == [False, True, True]


def test_the_setting_says_how_long(answered: list[HandOver], monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(configuration.current(), exchange_days=3)
    monkeypatch.setattr(configuration, "current", lambda: settings)
    grow_older(timedelta(days=4))
    assert forget_exchanges() == 2


@pytest.fixture
def wishes(answered: list[HandOver]) -> list[CancelTask | RefillTask]:
    """What customers wanted of an accepted order, and what the provider said to it."""
    order_id, fulfilment_id = answered[0].order_id, answered[0].fulfilment_id
    return [
        CancelTask.objects.create(fulfilment_id=fulfilment_id),
        RefillTask.objects.create(
            refill=Refill.objects.create(order_id=order_id), fulfilment_id=fulfilment_id
        ),
    ]


def words(wishes: list[CancelTask | RefillTask]) -> list[str]:
    for task in wishes:
        task.refresh_from_db()
    return [task.response for task in wishes]


def tell(answered: HandOver, wishes: list[CancelTask | RefillTask], text: str) -> None:
    """The provider says so to each wish."""
    cancel, refill = wishes
    refused = Refused(RefusalClass.RATE, text)
    record_cancel(
        CancelWish(
            task_id=cancel.pk,
            cancel_request_id=None,
            fulfilment_id=answered.fulfilment_id,
            provider_id=answered.provider.id,
            external_id="1",
            tries=1,
        ),
        refused,
    )
    wish = RefillWish(
        refill_id=refill.pk,
        state=ForwardState.WAITING,
        external_id="",
        order_external_id="1",
        provider_id=answered.provider.id,
        tries=1,
        age=timedelta(),
        silence=timedelta(),
    )
    record_asked(wish, refused)


def test_what_was_said_to_wishes_is_forgotten_a_time_after_the_last_words(
    answered: list[HandOver], wishes: list[CancelTask | RefillTask]
) -> None:
    tell(answered[0], wishes, "Slow down")
    for model in (CancelTask, RefillTask):
        model.objects.update(told_at=F("told_at") - OLD)
    tell(answered[0], wishes, "Slow down still")
    assert forget_exchanges() == 0
    assert words(wishes) == ["Slow down still"] * 2
    for model in (CancelTask, RefillTask):
        model.objects.update(told_at=F("told_at") - OLD)
    assert forget_exchanges() == 1
    assert words(wishes) == ["", ""]
    assert [task.state for task in wishes] == [ForwardState.WAITING] * 2
    assert forget_exchanges() == 0


def changes() -> list[tuple[str, str]]:
    """The changes of lists that are kept, of prices, oldest first."""
    return list(Change.objects.filter(aspect="price").order_by("pk").values_list("kind", "state"))


def test_of_lists_what_nothing_of_ours_followed_is_forgotten() -> None:
    provider = make_provider()
    keep(provider, row(1), row(2))
    sell(provider, services=["1"])
    keep(provider, row(1, rate="1.00"), row(2, rate="1.00"))
    assert changes() == [("dearer", "applied"), ("dearer", "noted")]
    ChangeSet.objects.update(created_at=F("created_at") - OLD)
    keep(provider, row(1, rate="1.00"), row(2, rate="2.00"))
    assert forget_exchanges() == 1
    assert changes() == [("dearer", "applied"), ("dearer", "noted")]
    assert Change.objects.filter(aspect="price").latest("pk").change_set == ChangeSet.objects.latest("pk")
    assert forget_exchanges() == 0


@committed
def test_changes_that_are_kept_are_not_looked_at() -> None:
    provider = make_provider()
    keep(provider, row(1))
    keep(provider, row(1, rate="2.00"))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO providers_change (
                change_set_id, provider_service_id, kind, aspect, before, after, state
            )
            SELECT max(change_set_id), max(provider_service_id), 'dearer', 'price', '{}', '{}', 'applied'
            FROM providers_change, generate_series(1, %s) AS number GROUP BY number
            """,
            [PAST],
        )
        cursor.execute("ANALYZE providers_change")
    ChangeSet.objects.update(created_at=F("created_at") - OLD)
    (oldest,) = (
        step
        for step in scans_of(_SQL["delete_noted_changes"], "providers_change")
        if step.get("Index Name") == "changes_to_forget"
    )
    assert oldest["Actual Rows"] == 1
    assert changes().count(("dearer", "noted")) == 0


def scans_of(statement: str, table: str) -> Iterator[dict[str, Any]]:
    """The scans of a table that a statement would make, after it was made."""
    ((answer,),) = fetch_all(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", {"days": DAYS, "limit": 100}
    )
    for step in steps(answer[0]["Plan"]):
        if step.get("Relation Name") == table and step["Node Type"] != "ModifyTable":
            yield step


FORGOTTEN = {
    "clear_attempts": """
        INSERT INTO providers_attempt (fulfilment_id, outcome, lease_until, created_at)
        SELECT %(fulfilment)s, 'accepted', now(), now() - interval '90 days' + number * interval '1 second'
        FROM generate_series(1, %(past)s) AS number
    """,
    "clear_cancel_tasks": """
        WITH past AS (
            INSERT INTO providers_fulfilment (order_id, number, provider_id, service_external_id, handover,
                quantity, provider_rate, fx_rate, expected_cost, created_at)
            SELECT order_id, 10 + past, provider_id, '1', 'refused', 1, 1, 1, 1, '2020-01-01'
            FROM providers_fulfilment, generate_series(1, %(past)s) AS past WHERE id = %(fulfilment)s
            RETURNING id
        )
        INSERT INTO providers_canceltask (fulfilment_id, told_at) SELECT id, '2020-01-01' FROM past
    """,
    "clear_refill_tasks": """
        WITH past AS (
            INSERT INTO orders_refill (order_id, status, reason)
            SELECT order_id, 'Completed', '' FROM orders_refill, generate_series(1, %(past)s)
            RETURNING id
        )
        INSERT INTO providers_refilltask (refill_id, fulfilment_id, told_at)
        SELECT id, %(fulfilment)s, '2020-01-01' FROM past
    """,
}
"""Much that was cleared long ago, by the statement that cleared it."""


@committed
@pytest.mark.parametrize(
    ("statement", "table", "index"),
    [
        ("clear_attempts", "providers_attempt", "attempts_to_forget"),
        ("clear_cancel_tasks", "providers_canceltask", "cancel_tasks_to_forget"),
        ("clear_refill_tasks", "providers_refilltask", "refill_tasks_to_forget"),
    ],
)
def test_what_is_forgotten_already_costs_nothing(
    answered: list[HandOver],
    wishes: list[CancelTask | RefillTask],
    statement: str,
    table: str,
    index: str,
) -> None:
    tell(answered[0], wishes, "Slow down")
    with connection.cursor() as cursor:
        cursor.execute(FORGOTTEN[statement], {"fulfilment": answered[0].fulfilment_id, "past": PAST})
        cursor.execute(f"ANALYZE {table}")
    grow_older(OLD)
    for model in (CancelTask, RefillTask):
        model.objects.exclude(response="").update(told_at=F("told_at") - OLD)
    scans = list(scans_of(_SQL[statement], table))
    assert index in [step.get("Index Name") for step in scans]
    for step in scans:
        assert step["Node Type"] != "Seq Scan"
        assert step["Shared Hit Blocks"] + step["Shared Read Blocks"] < 100
    said_to_cancel, said_to_refill = words(wishes)
    left = {
        "clear_attempts": kept()[0],
        "clear_cancel_tasks": bool(said_to_cancel),
        "clear_refill_tasks": bool(said_to_refill),
    }
    assert [name for name, is_kept in left.items() if not is_kept] == [statement]


def test_the_story_of_an_order_says_that_it_is_not_kept_any_more(answered: list[HandOver]) -> None:
    grow_older(OLD)
    forget_exchanges()
    story = timeline(answered[0].order_id)
    assert story is not None
    assert " ".join(line.text for line in story).count("nothing that is kept") == 2
