"""Protocol §9, "what a consumer must tolerate", row by row: each with the odd answers in it.

The parts are tested to the last corner beside them (decoding, words, refusals, replies, client); here each
row is read from whole answers, as they come over the wire, and what hangs on it is shown. Where §9 wants a
negative `remains` to be 0, money rule 3 goes before it: unknown, so that nothing is refunded or kept by it.
"""

import json
from decimal import Decimal
from typing import Any

import pytest

from purveyor.orders.models import RefillStatus, Status
from purveyor.providers.outcomes.outcomes import response_text
from purveyor.providers.protocol.add_fields import add_fields
from purveyor.providers.protocol.client import Access
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import (
    Accepted,
    Answer,
    Balance,
    Catalogue,
    RefillReply,
    Refused,
    StatusReply,
    Unclear,
    read_add,
    read_balance,
    read_cancels,
    read_refill,
    read_refill_statuses,
    read_services,
    read_statuses,
)
from purveyor.providers.sync.offers import order_type_named

WARNING = b"<br />\n<b>Warning</b>:  Undefined index: a[0] in <b>api.php</b> on line 7<br />\n"
PAGE = b"<!DOCTYPE html><html><title>Just a moment...</title><script>var a = {b: [1]}</script></html>"


def answer(body: Any, http_status: int = 200) -> Answer:
    """An answer with this JSON, or these bytes."""
    return Answer(http_status, body if isinstance(body, bytes) else json.dumps(body).encode())


def status_of(order: Any) -> StatusReply:
    """What is read of an order in a status reply."""
    replies = read_statuses(answer({"7": order}), ["7"])
    assert isinstance(replies, dict)
    reply = replies["7"]
    assert isinstance(reply, StatusReply)
    return reply


@pytest.mark.parametrize("id", [23501, "23501", " 23501", "ord_8fj2", "0d6c5f2e-1b7a-4d38"])
def test_ids(id: int | str) -> None:
    assert read_add(answer({"order": id})) == Accepted(str(id).strip())
    (known,) = read_statuses(answer([{"order": id, "status": "Pending"}]), [str(id).strip()])  # type: ignore[misc]
    assert known == str(id).strip()


@pytest.mark.parametrize(
    ("told", "charge", "remains"),
    [
        ({"charge": "1,234.5", "remains": "12,000"}, Decimal("1234.5"), 12_000),
        ({"charge": 0.27819, "remains": 157}, Decimal("0.27819"), 157),
        ({"charge": "", "remains": ""}, None, None),
        ({"charge": None, "remains": None}, None, None),
        ({"charge": "Unknown", "remains": "Unknown"}, None, None),
        ({"charge": "0,27", "remains": "-25"}, None, None),
        ({}, None, None),
    ],
)
def test_numbers(told: dict[str, Any], charge: Decimal | None, remains: int | None) -> None:
    reply = status_of({"status": "Partial", **told})
    assert (reply.charge, reply.remains) == (charge, remains)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        *((yes, True) for yes in (True, 1, "1", "true", "yes")),
        *((no, False) for no in (False, 0, "0", "", None)),
    ],
)
def test_bools(value: object, *, meant: bool) -> None:
    row = {"service": 1, "name": "Survey answers", "rate": "1", "refill": value, "cancel": value}
    catalogue = read_services(answer([row]))
    assert isinstance(catalogue, Catalogue)
    (service,) = catalogue.services
    assert (service.refill, service.cancel, service.dripfeed) == (meant, meant, False)


ROW = {"service": "1", "name": "Q &amp; A &amp;lt;", "rate": "0.5", "type": "custom_comments"}


@pytest.mark.parametrize(
    "body", [[ROW], {"services": [ROW]}, {"data": [ROW]}, [ROW, ROW, {"service": 2, "rate": "notice"}, None]]
)
def test_services(body: Any) -> None:
    catalogue = read_services(answer(body))
    assert isinstance(catalogue, Catalogue)
    (service,) = catalogue.services
    assert service.name == "Q & A &lt;"
    assert (service.category, service.description, service.min, service.max) == ("", "", None, None)
    assert order_type_named(service.type) is order_type_named("Custom Comments") is not None


def test_services_that_are_an_error_or_empty() -> None:
    assert isinstance(read_services(answer({"error": "Invalid API key"})), Refused)
    assert read_services(answer({"status": "success", "data": "Empty Data"})) == Catalogue((), 0)


@pytest.mark.parametrize(
    ("body", "http_status"),
    [
        ({"order": 7}, 200),
        ({"order_id": "7"}, 200),
        ({"id": 7}, 201),
        ({"status": "success", "order": 7}, 201),
        ({"status": "Pending", "order": 7, "charge": "0.2"}, 200),
    ],
)
def test_add_reply(body: Any, http_status: int) -> None:
    assert read_add(answer(body, http_status)) == Accepted("7")


@pytest.mark.parametrize(
    "body", [{"refill": "5"}, {"refill_id": 5}, {"id": "5"}, [{"order": 1, "refill": 5}]]
)
def test_refill_id(body: Any) -> None:
    assert read_refill(answer(body)) == Accepted("5")


@pytest.mark.parametrize("http_status", [200, 400, 422])
@pytest.mark.parametrize(
    "body",
    [
        {"error": "Bad link"},
        {"errors": ["Bad link"]},
        {"errors": {"link": ["Bad link"]}},
        {"error": {"message": "Bad link"}},
        {"error": True, "message": "Bad link"},
        {"status": "fail", "message": "Bad link"},
        {"status": "error", "msg": "Bad link"},
        b'\xef\xbb\xbf{"error":"Bad link"}',
        WARNING + b'{"error":"Bad link"}',
    ],
)
def test_errors_that_say_no(body: Any, http_status: int) -> None:
    assert read_add(answer(body, http_status)) == Refused(RefusalClass.LINK, "Bad link")


@pytest.mark.parametrize(
    ("body", "http_status"),
    [
        (PAGE, 200),
        (PAGE, 403),
        (PAGE, 503),
        (b"", 200),
        (WARNING, 200),
        (b"\xef\xbb\xbf", 200),
        ({"error": "Bad link"}, 500),
    ],
)
def test_errors_that_say_nothing(body: Any, http_status: int) -> None:
    assert isinstance(read_add(answer(body, http_status)), Unclear)
    assert isinstance(read_statuses(answer(body, http_status), ["1", "2"]), Unclear)
    assert isinstance(read_cancels(answer(body, http_status), ["1", "2"]), Unclear)
    assert isinstance(read_refill_statuses(answer(body, http_status), ["1", "2"]), Unclear)


@pytest.mark.parametrize(
    "row",
    [
        {"error": "Incorrect order ID"},
        "Incorrect order ID",
        {"status": "fail", "message": "Incorrect order ID"},
    ],
)
def test_errors_of_one_item(row: Any) -> None:
    replies = read_statuses(answer({"1": row, "2": {"status": "Pending"}}), ["1", "2"])
    assert isinstance(replies, dict)
    assert replies["1"] == Refused(RefusalClass.ORDER, "Incorrect order ID")
    assert replies["2"] == StatusReply(word="Pending", status=Status.PENDING)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"1": {"status": "Pending"}, "2": {"status": "Pending"}}, {"1", "2"}),
        ([{"order": 1, "status": "Pending"}, {"id": "2", "status": "Pending"}], {"1", "2"}),
        ({"status": "success", "data": {"1": {"status": "Pending"}}}, {"1"}),
        ({"1": {"status": "Pending"}}, {"1"}),
        ({"order": "2", "status": "Pending"}, {"2"}),
        # Of two asked orders, nobody can tell whose this is.
        ({"status": "Pending"}, set()),
        ([{"status": "Pending"}], set()),
        ([], set()),
        ({"1": None, "2": []}, set()),
    ],
)
def test_multi_status(body: Any, found: set[str]) -> None:
    replies = read_statuses(answer(body), ["1", "2"])
    assert isinstance(replies, dict)
    assert set(replies) == found


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("IN_PROGRESS", Status.IN_PROGRESS),
        ("In  progress", Status.IN_PROGRESS),
        ("cancelled", Status.CANCELED),
        ("Partially completed", Status.PARTIAL),
        ("Awaiting moderation", None),
        ("Error", None),
    ],
)
def test_status_text(word: str, status: Status | None) -> None:
    assert status_of({"status": word}) == StatusReply(word=word, status=status)


@pytest.mark.parametrize(
    "body",
    [
        [{"order": 7, "cancel": 1}],
        [{"order": "7", "cancel": "1"}],
        [{"order": 7, "status": "success"}],
        {"order": 7, "cancel": True},
        {"7": {"cancel": 1}},
        {"7": "requested"},
        {"7": True},
        {"status": "success"},
    ],
)
def test_cancel(body: Any) -> None:
    assert read_cancels(answer(body), ["7"]) == {"7": True}


@pytest.mark.parametrize(
    ("told", "start_count"), [("", None), (0, 0), ("0", 0), (None, None), ("3,572", 3572)]
)
def test_start_count(told: object, start_count: int | None) -> None:
    assert status_of({"status": "Pending", "start_count": told}).start_count == start_count


@pytest.mark.parametrize(
    ("word", "status"),
    [("In progess", RefillStatus.IN_PROGRESS), ("tasks.status.completed", RefillStatus.COMPLETED)],
)
def test_status_text_of_a_refill(word: str, status: RefillStatus) -> None:
    assert read_refill_statuses(answer([{"refill": "5", "status": word}]), ["5"]) == {
        "5": RefillReply(word, status)
    }


@pytest.mark.parametrize(
    ("body", "balance"),
    [
        ({"balance": "1,234.50", "currency": "usd"}, Balance(Decimal("1234.50"), "USD")),
        ({"status": "success", "data": {"balance": 0}}, Balance(Decimal(0), "")),
    ],
)
def test_numbers_of_a_balance(body: Any, balance: Balance) -> None:
    assert read_balance(answer(body)) == balance
    assert isinstance(read_balance(answer({"balance": "12,50"})), Unclear)


def test_encoding_out() -> None:
    order_type = order_type_named("Custom Comments")
    assert order_type is not None
    fields = add_fields(
        external_id="7", type=order_type, link="https://example.com/a b?c=d&e", quantity=2,
        fields={"comments": "one, two\nthree"},
    )  # fmt: skip
    assert fields["comments"] == "one, two\nthree"
    assert set(fields) == {"action", "service", "link", "comments"}


@pytest.mark.parametrize("key", ["a-key", 'a"key', "clé/1"])
def test_log_is_redacted(key: str) -> None:
    access = Access(url="https://example.com", key=key, timeout_seconds=1)
    kept = response_text(json.dumps({"error": f"Invalid API key {key}"}).encode(), access=access)
    assert kept == '{"error": "Invalid API key [key]"}'
