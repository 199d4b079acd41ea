"""Every shape of protocol §4 and every oddity of §9, as it comes over the wire."""

import json
from decimal import Decimal
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
    read_cancels,
    read_refill,
    read_refill_statuses,
    read_statuses,
)


def answer(body: Any, http_status: int = 200) -> Answer:
    return Answer(http_status, body if isinstance(body, bytes) else json.dumps(body).encode())


ACCEPTED = [
    ({"order": 23501}, 200, "23501"),
    ({"order": "23501"}, 200, "23501"),
    ({"order": "ord_8fj2"}, 200, "ord_8fj2"),
    ({"status": "success", "order": 7}, 200, "7"),
    ({"status": 100, "order": 7}, 200, "7"),
    ({"status": "success", "msg": "Thank you", "order": 7}, 200, "7"),
    ({"order": 7, "error": ""}, 200, "7"),
    ({"order": 7, "errors": []}, 200, "7"),
    ({"order": 7}, 201, "7"),
    ({"order_id": 7}, 200, "7"),
    ({"id": 7}, 200, "7"),
    ({"data": {"order": 7}}, 200, "7"),
    ([{"order": 7}], 200, "7"),
    (b'\xef\xbb\xbf{"order":7}', 200, "7"),
    (b'<br />\n<b>Warning</b>: Undefined variable $a in x.php<br />\n{"order":7}', 200, "7"),
]


@pytest.mark.parametrize(("body", "http_status", "external_id"), ACCEPTED)
def test_accepted(body: Any, http_status: int, external_id: str) -> None:
    assert read_add(answer(body, http_status)) == Accepted(external_id)


REFUSED = [
    ({"error": "Not enough funds on balance"}, 200, RefusalClass.FUNDS),
    ({"error": "Not enough funds on balance"}, 400, RefusalClass.FUNDS),
    ({"errors": ["Incorrect service ID"]}, 200, RefusalClass.SERVICE),
    ({"status": "fail", "message": "Bad link"}, 200, RefusalClass.LINK),
    ({"status": "error", "msg": "Quantity more than maximum 5"}, 422, RefusalClass.QUANTITY),
    ({"order": {"error": "Bad link"}}, 200, RefusalClass.LINK),
    ({"message": "Unauthenticated."}, 401, RefusalClass.KEY),
    ({"error": "No."}, 402, RefusalClass.FUNDS),
    ({"error": "Something went wrong."}, 200, RefusalClass.OTHER),
    (b"<html>slow down</html>", 429, RefusalClass.RATE),
    (b"", 429, RefusalClass.RATE),
    (b'\xef\xbb\xbf{"error":"Bad link"}', 200, RefusalClass.LINK),
]


@pytest.mark.parametrize(("body", "http_status", "refusal"), REFUSED)
def test_refused(body: Any, http_status: int, refusal: RefusalClass) -> None:
    reply = read_add(answer(body, http_status))
    assert isinstance(reply, Refused)
    assert reply.refusal is refusal


UNCLEAR = [
    (b"", 200),
    (b"   ", 200),
    (b"<html>Just a moment...</html>", 200),
    (b"<html>Just a moment...</html>", 403),
    (b"<html>Not found</html>", 404),
    (b'{"order": 1', 200),
    ({}, 200),
    ([], 200),
    ("Bad link", 200),
    (7, 200),
    (None, 200),
    ({"order": None}, 200),
    ({"order": 0}, 200),
    ({"order": ""}, 200),
    ({"order": True}, 200),
    ({"order": [1]}, 200),
    ({"order": -1}, 200),
    ({"order": "Array"}, 200),
    ({"status": "success"}, 200),
    ({"message": "Welcome"}, 200),
    ({"order": 7, "error": "Not enough funds on balance"}, 200),
    # Whatever a server error or a redirect says, it may have been carried out.
    ({"order": 7}, 500),
    ({"error": "Bad link"}, 500),
    ({"error": "Bad link"}, 503),
    ({"order": 7}, 302),
    (b"", 301),
    ({"order": 7}, 400),
    (b"", 502),
]


@pytest.mark.parametrize(("body", "http_status"), UNCLEAR)
def test_unclear(body: Any, http_status: int) -> None:
    assert isinstance(read_add(answer(body, http_status)), Unclear)


@pytest.mark.parametrize(
    ("body", "external_id"),
    [
        ({"refill": "1"}, "1"),
        ({"refill": 1}, "1"),
        ({"success": "Refill created", "refill": 12345}, "12345"),
        ({"refill": 5, "status": "success"}, "5"),
        ({"refill_id": 5}, "5"),
        ({"id": 5}, "5"),
        ([{"order": 9, "refill": 5}], "5"),
    ],
)
def test_refill_taken(body: Any, external_id: str) -> None:
    assert read_refill(answer(body)) == Accepted(external_id)


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"error": "Refill days are over"}, RefusalClass.REFILL_OVER),
        ({"refill": {"error": "Refill already requested"}}, RefusalClass.REPEATED),
        ([{"order": 9, "refill": {"error": "Incorrect order ID"}}], RefusalClass.ORDER),
        ([{"order": 9, "error": "Incorrect order ID"}], RefusalClass.ORDER),
    ],
)
def test_refill_refused(body: Any, refusal: RefusalClass) -> None:
    reply = read_refill(answer(body))
    assert isinstance(reply, Refused)
    assert reply.refusal is refusal


ONE = {
    "charge": "0.27819",
    "start_count": "3572",
    "status": "Partial",
    "remains": "157",
    "currency": "USD",
}
READ = StatusReply(
    word="Partial", status=Status.PARTIAL, start_count=3572, remains=157, charge=Decimal("0.27819")
)


@pytest.mark.parametrize(
    "body",
    [
        ONE,
        {**ONE, "order": 1},
        {"1": ONE},
        [{**ONE, "order": 1}],
        [{**ONE, "id": "1"}],
        [ONE],
        {"data": ONE},
        {"data": [{**ONE, "order": "1"}]},
        {**ONE, "start_count": 3572, "remains": 157, "charge": 0.27819},
        {**ONE, "error": ""},
        {**ONE, "remains": "157.0", "start_count": "3,572"},
    ],
)
def test_status_of_one_order_in_every_shape(body: Any) -> None:
    assert read_statuses(answer(body), ["1"]) == {"1": READ}


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ({"remains": ""}, {"remains": None}),
        ({"remains": None}, {"remains": None}),
        ({"remains": "Unknown"}, {"remains": None}),
        ({"remains": "-7"}, {"remains": None}),
        ({"remains": -7}, {"remains": None}),
        ({"remains": 0}, {"remains": 0}),
        ({"start_count": ""}, {"start_count": None}),
        ({"start_count": None}, {"start_count": None}),
        ({"start_count": 0}, {"start_count": 0}),
        ({"charge": None}, {"charge": None}),
        ({"charge": "-"}, {"charge": None}),
        ({"status": "Cancelled"}, {"word": "Cancelled", "status": Status.CANCELED}),
        ({"status": "in_progress"}, {"word": "in_progress", "status": Status.IN_PROGRESS}),
        ({"status": "On hold"}, {"word": "On hold", "status": None}),
        ({"status": "Failed"}, {"word": "Failed", "status": Status.CANCELED}),
        ({"status": "Error"}, {"word": "Error", "status": None}),
    ],
)
def test_values_of_a_status(told: dict[str, Any], known: dict[str, Any]) -> None:
    replies = read_statuses(answer(ONE | told), ["1"])
    assert isinstance(replies, dict)
    reply = replies["1"]
    assert {name: getattr(reply, name) for name in known} == known


@pytest.mark.parametrize("status", [None, "", {}, [], True])
def test_a_status_without_a_word_tells_nothing(status: Any) -> None:
    assert read_statuses(answer(ONE | {"status": status}), ["1"]) == {}


def test_status_of_many_as_an_object() -> None:
    body: dict[str, Any] = {
        "1": ONE,
        "2": {"error": "Incorrect order ID"},
        "3": "Incorrect order ID",
        "99": ONE,
        "5": None,
        "6": [],
    }
    assert read_statuses(answer(body), ["1", "2", "3", "4", "5", "6"]) == {
        "1": READ,
        "2": Refused(RefusalClass.ORDER, "Incorrect order ID"),
        "3": Refused(RefusalClass.ORDER, "Incorrect order ID"),
    }


def test_status_of_many_as_a_list() -> None:
    body: list[Any] = [
        {**ONE, "order": 1},
        {"order": 2, "error": "Incorrect order ID"},
        ONE,
        "nonsense",
        None,
    ]
    assert read_statuses(answer(body), ["1", "2", "3"]) == {
        "1": READ,
        "2": Refused(RefusalClass.ORDER, "Incorrect order ID"),
    }


def test_a_bare_object_for_many_ids_is_only_taken_for_the_one_it_names() -> None:
    assert read_statuses(answer({**ONE, "order": 2}), ["1", "2"]) == {"2": READ}
    assert read_statuses(answer(ONE), ["1", "2"]) == {}


@pytest.mark.parametrize("body", [{**ONE, "order": 2}, {**ONE, "order_id": "2"}, [{**ONE, "order": 2}]])
def test_what_is_told_of_another_order_is_not_taken_for_the_one_asked_about(body: Any) -> None:
    assert read_statuses(answer(body), ["1"]) == {}


def test_an_order_that_is_told_of_twice_must_be_told_the_same() -> None:
    row, other = {**ONE, "order": 1}, {**ONE, "order": 1, "status": "Canceled"}
    assert read_statuses(answer([row, row]), ["1", "2"]) == {"1": READ}
    assert read_statuses(answer([row, other]), ["1", "2"]) == {}
    assert read_statuses(answer([row, other, row]), ["1", "2"]) == {}


def test_a_number_of_the_panels_own_names_no_other_order() -> None:
    assert read_statuses(answer({**ONE, "id": 7}), ["1"]) == {"1": READ}


@pytest.mark.parametrize("body", [[], {}, b"[]"])
def test_an_empty_list_concludes_nothing(body: Any) -> None:
    assert read_statuses(answer(body), ["1", "2"]) == {}


@pytest.mark.parametrize(
    ("body", "http_status"), [(b"", 200), (b"<html>", 200), (ONE, 500), (b"oops", 404), (b"", 503)]
)
def test_a_status_nobody_can_read(body: Any, http_status: int) -> None:
    assert isinstance(read_statuses(answer(body, http_status), ["1"]), Unclear)


def test_a_status_refused_as_a_whole() -> None:
    assert read_statuses(answer({"error": "Incorrect request"}), ["1", "2"]) == Refused(
        RefusalClass.OTHER, "Incorrect request"
    )
    assert read_statuses(answer(b"", 429), ["1"]) == Refused(RefusalClass.RATE, "Too many requests")


def test_status_of_a_subscription() -> None:
    body = {
        "status": "Active",
        "expiry": "2026-07-20",
        "posts": "1",
        "orders": ["38407727", 38407728, "38407727"],
        "old_orders": {"0": "5", "2": "7"},
    }
    replies = read_statuses(answer(body), ["9"])
    assert isinstance(replies, dict)
    reply = replies["9"]
    assert isinstance(reply, StatusReply)
    assert (reply.posts, reply.orders, reply.old_orders) == (1, ("38407727", "38407728"), ("5", "7"))


@pytest.mark.parametrize(
    ("body", "replies"),
    [
        (
            [{"order": 9, "cancel": {"error": "Incorrect order ID"}}, {"order": 2, "cancel": 1}],
            {"9": Refused(RefusalClass.ORDER, "Incorrect order ID"), "2": True},
        ),
        (
            [{"order": 9, "cancel": {"error": "error.incorrect_order_id"}}, {"order": "2", "cancel": "1"}],
            {"9": Refused(RefusalClass.ORDER, "error.incorrect_order_id"), "2": True},
        ),
        ({"2": {"cancel": "requested"}, "9": {"cancel": True}}, {"2": True, "9": True}),
        ({"2": 1, "9": "Cannot cancel"}, {"2": True, "9": Refused(RefusalClass.OTHER, "Cannot cancel")}),
        (
            [{"order": 2, "error": "Cannot cancel"}],
            {"2": Refused(RefusalClass.OTHER, "Cannot cancel")},
        ),
        ({"status": "success"}, {"2": True, "9": True}),
        ([{"order": 2, "cancel": None}, {"order": 9, "cancel": []}], {}),
        ([], {}),
    ],
)
def test_cancels_in_every_shape(body: Any, replies: Any) -> None:
    assert read_cancels(answer(body), ["2", "9"]) == replies


@pytest.mark.parametrize(
    "body", [{"order": 2, "cancel": 1}, {"cancel": "2"}, {"ok": 1, "success": "true"}, {"cancel": 1}]
)
def test_cancel_of_one_as_an_object(body: Any) -> None:
    assert read_cancels(answer(body), ["2"]) == {"2": True}


def test_refill_statuses_in_every_shape() -> None:
    body = [
        {"refill": 1, "status": "Completed"},
        {"refill": 2, "status": "tasks.status.rejected"},
        {"refill": 3, "status": {"error": "Refill not found"}},
        {"refill": 4, "error": "Refill not found"},
        {"refill": 5, "status": None},
    ]
    not_found = Refused(RefusalClass.OTHER, "Refill not found")
    assert read_refill_statuses(answer(body), ["1", "2", "3", "4", "5", "6"]) == {
        "1": RefillReply("Completed", RefillStatus.COMPLETED),
        "2": RefillReply("tasks.status.rejected", RefillStatus.REJECTED),
        "3": not_found,
        "4": not_found,
    }
    pending = {"1": RefillReply("In progess", RefillStatus.IN_PROGRESS)}
    for one in ({"status": "In progess"}, [{"status": "In progess"}], {"1": {"status": "In progess"}}):
        assert read_refill_statuses(answer(one), ["1"]) == pending
    assert read_refill_statuses(answer({"status": {"error": "Refill not found"}}), ["1"]) == {"1": not_found}


def test_a_refusal_is_cut_to_what_can_be_kept() -> None:
    reply = read_add(answer({"error": "x" * 10_000}))
    assert isinstance(reply, Refused)
    assert len(reply.text) == 200
