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
from purveyor.orders.testing import place_one
from purveyor.providers.forgetting import _SQL, forget_exchanges
from purveyor.providers.models import Attempt, EvidenceKind, Fulfilment, HandoverEvidence
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.outcomes.settling import settle_as_not_placed, settle_as_placed
from purveyor.providers.outcomes.under_way import HandOver
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Accepted, Refused, Unclear
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.testing import make_provider, make_route
from purveyor.providers.timeline.timeline import timeline
from tests.committed import committed
from tests.providers.following.test_polling_plan import steps

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


def scans_of(statement: str, table: str) -> Iterator[dict[str, Any]]:
    """The scans of a table that a statement would make, after it was made."""
    ((answer,),) = fetch_all(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", {"days": DAYS, "limit": 100}
    )
    for step in steps(answer[0]["Plan"]):
        if step.get("Relation Name") == table and step["Node Type"] != "ModifyTable":
            yield step


@committed
def test_what_is_forgotten_already_costs_nothing(answered: list[HandOver]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO providers_attempt (fulfilment_id, outcome, lease_until, created_at)
            SELECT %s, 'accepted', now(), now() - interval '90 days' + number * interval '1 second'
            FROM generate_series(1, %s) AS number
            """,
            [answered[0].fulfilment_id, PAST],
        )
        cursor.execute("ANALYZE providers_attempt")
    grow_older(OLD)
    scans = list(scans_of(_SQL["clear_attempts"], "providers_attempt"))
    assert "attempts_to_forget" in [step.get("Index Name") for step in scans]
    for step in scans:
        assert step["Node Type"] != "Seq Scan"
        assert step["Shared Hit Blocks"] + step["Shared Read Blocks"] < 100
    assert kept()[:3] == [False, False, True]


def test_the_story_of_an_order_says_that_it_is_not_kept_any_more(answered: list[HandOver]) -> None:
    grow_older(OLD)
    forget_exchanges()
    story = timeline(answered[0].order_id)
    assert story is not None
    assert " ".join(line.text for line in story).count("nothing that is kept") == 2
