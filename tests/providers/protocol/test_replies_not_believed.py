"""Answers that look like a yes, a no or an end, and are none: money would follow whoever believed them."""

import json
from typing import Any

import pytest

from purveyor.orders.models import RefillStatus, Status
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import (
    Accepted,
    Answer,
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


def answer(body: Any, http_status: int = 200) -> Answer:
    return Answer(http_status, json.dumps(body).encode())


@pytest.mark.parametrize(
    "body",
    [
        {"error": "Bad link", "data": {"id": 77}},
        {"status": "error", "message": "Insufficient balance", "data": {"id": 77, "service": 5}},
        {"success": False, "data": {"order": 77}},
        [{"error": "Bad link", "data": {"id": 77}}],
        {"order": 77, "error": "Mail could not be sent", "data": {}},
        {"order": {"id": 77}, "error": "Mail could not be sent"},
    ],
)
def test_an_id_beside_an_error_is_unclear_wherever_each_stands(body: Any) -> None:
    assert isinstance(read_add(answer(body)), Unclear)


@pytest.mark.parametrize(
    "body",
    [
        {"error": "Bad link", "data": {"link": "x"}},
        {"status": "fail", "message": "Bad link", "data": None},
        {"error": {"code": 400, "message": "Bad link"}},
        {"error": {"code": 400, "details": [], "msg": ["Bad link"]}},
        {"status": "error", "message": ["Bad link"]},
    ],
)
def test_a_refusal_is_known_by_its_words(body: Any) -> None:
    assert read_add(answer(body)) == Refused(RefusalClass.LINK, "Bad link")


@pytest.mark.parametrize(
    ("body", "http_status"),
    [
        # A panel that buys from another itself, and had no answer from it.
        ({"error": "cURL error 28: Operation timed out after 30001 milliseconds"}, 200),
        ({"error": "Request timed out"}, 400),
        ({"status": "error", "message": "Maximum execution time of 30 seconds exceeded"}, 200),
        ({"message": "Request Timeout"}, 408),
        ({"error": "Bad link"}, 408),
    ],
)
def test_a_time_out_at_the_provider_is_unclear(body: Any, http_status: int) -> None:
    assert isinstance(read_add(answer(body, http_status)), Unclear)
    assert isinstance(read_refill(answer(body, http_status)), Unclear)


LONE_FAILURES = [
    {"status": "fail"},
    {"status": "Failed", "reason": "Maintenance"},
    {"status": "rejected", "reason": "Firewall"},
    {"status": "fail", "data": None},
    {"status": "failed", "data": {}},
    {"data": {"status": "fail"}},
    {"status": "error", "data": {"1": {"status": "Canceled"}}},
    {"status": "fail", "charge": None},
    {"status": "fail", "reason": None, "message": None, "data": None},
    {"status": "failed", "id": 7, "reason": "Firewall"},
    {"status": "failed", "service": "Gateway", "message": ""},
    [{"status": "fail"}],
]


@pytest.mark.parametrize("body", LONE_FAILURES)
@pytest.mark.parametrize("ids", [["1"], ["1", "2"]])
def test_a_lone_failure_is_of_the_call_and_ends_no_order(body: Any, ids: list[str]) -> None:
    replies = read_statuses(answer(body), ids)
    assert isinstance(replies, Refused)
    assert replies.refusal is RefusalClass.OTHER


@pytest.mark.parametrize("word", ["Fail", "failed", "Rejected"])
@pytest.mark.parametrize(
    "body", [{"charge": "0"}, {"remains": 5}, {"start_count": "0"}, {"currency": "USD"}, {"order": 1}, None]
)
def test_a_failure_beside_something_of_the_order_ends_it(body: Any, word: str) -> None:
    told = {"1": {"status": word}} if body is None else {"status": word, **body}
    replies = read_statuses(answer(told), ["1"])
    assert isinstance(replies, dict)
    reply = replies["1"]
    assert isinstance(reply, StatusReply)
    assert reply.status is Status.CANCELED


@pytest.mark.parametrize(
    "row",
    [
        {"charge": None, "start_count": None, "status": "Rejected", "remains": None},
        {"status": "fail", "charge": None, "remains": ""},
        {"id": 5, "status": "Failed", "quantity": 100, "link": "x"},
        {"id": 5, "status": "Failed"},
    ],
)
def test_a_failure_in_a_row_with_the_names_of_an_order_ends_it_without_values(row: dict[str, Any]) -> None:
    for body in (row, [row], {"data": row}):
        replies = read_statuses(answer(body), ["5"])
        assert isinstance(replies, dict)
        reply = replies["5"]
        assert isinstance(reply, StatusReply)
        assert (reply.status, reply.remains) == (Status.CANCELED, None)
        others = read_statuses(answer(body), ["8", "9"])
        assert isinstance(others, Refused) or others == {}


CANCELED = {"status": "Canceled", "charge": "0", "remains": "100", "start_count": "0"}


@pytest.mark.parametrize("http_status", [400, 403, 404, 408, 422])
def test_nothing_is_told_beside_a_status_of_http_that_says_no(http_status: int) -> None:
    for body in (CANCELED, {"1": CANCELED}, [{"order": 1, **CANCELED}]):
        assert isinstance(read_statuses(answer(body, http_status), ["1"]), Unclear)
    completed = {"status": "Completed"}
    assert isinstance(read_refill_statuses(answer(completed, http_status), ["1"]), Unclear)
    assert isinstance(read_cancels(answer({"status": "success"}, http_status), ["1"]), Unclear)
    assert isinstance(read_cancels(answer([{"order": 1, "cancel": 1}], http_status), ["1"]), Unclear)
    assert isinstance(read_balance(answer({"balance": "5"}, http_status)), Unclear)
    assert isinstance(read_services(answer([], http_status)), Unclear)


NOT_KNOWN = Refused(RefusalClass.ORDER, "Incorrect order ID")


@pytest.mark.parametrize("http_status", [400, 403, 404, 422])
def test_of_many_only_refusals_are_told_beside_a_status_of_http_that_says_no(http_status: int) -> None:
    error = {"error": "Incorrect order ID"}
    both = {"5": NOT_KNOWN, "6": NOT_KNOWN}
    assert read_statuses(answer({"5": error, "6": error}, http_status), ["5", "6"]) == both
    assert read_statuses(answer({"5": error, "6": CANCELED}, http_status), ["5", "6"]) == {"5": NOT_KNOWN}
    rows = [{"order": 5, "cancel": error}, {"order": 6, "cancel": 1}]
    assert read_cancels(answer(rows, http_status), ["5", "6"]) == {"5": NOT_KNOWN}
    refills = [{"refill": 5, "status": error}, {"refill": 6, "status": "Completed"}]
    assert read_refill_statuses(answer(refills, http_status), ["5", "6"]) == {"5": NOT_KNOWN}
    assert read_refill_statuses(answer({"status": error}, http_status), ["5"]) == {"5": NOT_KNOWN}


def test_a_refused_call_stays_refused_whatever_its_status_of_http() -> None:
    refused = Refused(RefusalClass.ORDER, "Order not found.")
    for http_status in (200, 400, 404):
        told = answer({"error": "Order not found."}, http_status)
        assert read_statuses(told, ["1"]) == read_refill_statuses(told, ["1"]) == refused
        assert read_cancels(told, ["1"]) == refused


def test_a_word_of_a_refill_stands_alone() -> None:
    rejected = {"1": RefillReply("Rejected", RefillStatus.REJECTED)}
    assert read_refill_statuses(answer({"status": "Rejected"}), ["1"]) == rejected


@pytest.mark.parametrize(
    "body",
    [
        {"status": "success", "data": [{"order": 2, "cancel": {"error": "Cannot cancel"}}]},
        {"status": "success", "order": 2, "cancel": "Cannot cancel"},
        {"success": True, "data": {"2": {"status": "success", "cancel": "Cannot cancel"}}},
        {"success": True, "cancel": {"error": "Cannot cancel"}},
    ],
)
def test_a_call_that_went_well_took_no_wish_that_it_refuses(body: Any) -> None:
    assert read_cancels(answer(body), ["2"]) == {"2": Refused(RefusalClass.OTHER, "Cannot cancel")}


@pytest.mark.parametrize(
    "words",
    [
        "Order 5 can't be canceled",
        "Order already canceled",
        "Order is completed",
        "Incorrect order ID",
        "Failed to cancel",
        "Too late to cancel",
        "false",
    ],
)
def test_words_of_a_wish_that_refuse_it_go_before_the_yes_of_its_row(words: str) -> None:
    replies = read_cancels(answer({"status": "success", "cancel": words}), ["5"])
    assert isinstance(replies, dict)
    assert isinstance(replies["5"], Refused)


@pytest.mark.parametrize("cancel", ["Order 5 canceled", "Cancel request sent", [5], ["5"], [5, 6], None, 5])
def test_a_wish_is_taken_where_its_row_says_yes_and_it_says_no_no(cancel: Any) -> None:
    assert read_cancels(answer({"status": "success", "cancel": cancel}), ["5"]) == {"5": True}


def test_words_about_a_wish_are_no_yes_by_themselves() -> None:
    replies = read_cancels(answer({"cancel": "Order 5 is under review"}), ["5"])
    assert isinstance(replies, dict)
    assert isinstance(replies["5"], Refused)


@pytest.mark.parametrize("cancel", [0, False, "0", [6], [], {}, 7])
def test_a_no_beside_a_call_that_went_well_is_no_yes(cancel: Any) -> None:
    replies = read_cancels(answer({"status": "success", "order": 2, "cancel": cancel}), ["2"])
    assert isinstance(replies, dict)
    assert replies.get("2") is not True


def test_a_yes_to_the_call_is_one_to_those_it_names() -> None:
    assert read_cancels(answer({"status": "success", "data": [{"order": 2, "cancel": 1}]}), ["2", "9"]) == {
        "2": True
    }


@pytest.mark.parametrize("rows", ["Maintenance", "Something went wrong", "", None, 0])
def test_words_in_place_of_services_are_no_empty_list(rows: Any) -> None:
    for name in ("services", "data"):
        assert isinstance(read_services(answer({name: rows})), Unclear)


def test_a_balance_in_a_failed_call_is_none() -> None:
    assert isinstance(read_balance(answer({"status": "error", "data": {"balance": "0"}})), Refused)
    assert isinstance(
        read_balance(answer({"success": True, "data": {"error": "No", "balance": "0"}})), Refused
    )


def test_an_id_in_a_wrapping_that_says_yes_is_accepted() -> None:
    assert read_add(answer({"status": "success", "data": {"order": 7}})) == Accepted("7")
