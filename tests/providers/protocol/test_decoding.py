from decimal import Decimal

import pytest

from purveyor.providers.protocol.decoding import (
    Garbage,
    count_of,
    decimal_of,
    decode,
    error_of,
    flag_of,
    id_of,
    text_of,
)


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"order": 1}', {"order": 1}),
        (b'\xef\xbb\xbf{"order": 1}', {"order": 1}),
        (b'\n\n  {"order": 1} \r\n', {"order": 1}),
        (
            b'<br />\n<b>Warning</b>: Undefined array key "x" in <b>/a.php</b><br />\n{"order": 1}',
            {"order": 1},
        ),
        (b"Notice: Undefined offset: $a[0] {x} in /a.php\n[1, 2]", [1, 2]),
        (b'{"charge": 0.10}', {"charge": Decimal("0.10")}),
        (b'{"charge": 1.123456789012345678}', {"charge": Decimal("1.123456789012345678")}),
        (b"[]", []),
        ('{"name": "Ünïcode \\u00e9"}'.encode(), {"name": "Ünïcode é"}),
        (b'{"error": "Solde insuffisant, \xe9puis\xe9"}', {"error": "Solde insuffisant, \ufffdpuis\ufffd"}),
        (b'Notice: {} and [{"a"] in a.php {"order": 1}', {"order": 1}),
    ],
)
def test_json_is_found_wherever_it_stands(body: bytes, document: object) -> None:
    assert decode(body) == document


def test_a_number_with_a_point_is_decimal_and_never_a_float() -> None:
    charge = decode(b'{"charge": 0.27819}')["charge"]
    assert isinstance(charge, Decimal)
    assert str(charge) == "0.27819"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<html><head><title>502 Bad Gateway</title></head></html>",
        b'{"order": 1',
        b'{"order": NaN}',
        b"\xff\xfe",
        b'{"order": "\\ud800"}',
        # Said twice, it may be yes and no: whoever takes the last one sends an order a second time.
        b'{"order": 5}{"error": "Mail could not be sent"}',
        b'<br />Warning: x\n{"order": 5}\n{"order": 6}',
        b'[{"order": 5}]\n{"error": "Mail could not be sent"}',
        b"[" * 100_000,
        b"{" * 100_000,
        b"1" * 10_000,
    ],
)
def test_what_is_no_json_is_garbage(body: bytes) -> None:
    with pytest.raises(Garbage):
        decode(body)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, Decimal(1)),
        ("0.90", Decimal("0.90")),
        ("1,234.56", Decimal("1234.56")),
        ("-12,345,678", Decimal(-12345678)),
        # A comma that stands for the point: read as thousands, it would make a price a hundred times another.
        ("0,50", None),
        ("12,50", None),
        ("0,785", None),
        ("1,2345", None),
        (",5", None),
        (Decimal("0.25"), Decimal("0.25")),
        (" 8 ", Decimal(8)),
        ("-5", Decimal(-5)),
        ("1e3", Decimal(1000)),
        ("", None),
        (None, None),
        (True, None),
        ("Unknown", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e999999", None),
        ("9" * 60, None),
        ("١٢٣", None),
        ([1], None),
        ({"a": 1}, None),
    ],
)
def test_numbers_in_every_form(value: object, number: Decimal | None) -> None:
    assert decimal_of(value) == number


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (157, 157),
        ("157", 157),
        ("1,000", 1000),
        ("157.0", 157),
        (0, 0),
        ("0", 0),
        # Unknown, and never zero: a refund may hang on it (money rule 3).
        ("", None),
        (None, None),
        ("Unknown", None),
        (-5, None),
        ("-1", None),
        ("1.5", None),
        (2**63, None),
        (False, None),
    ],
)
def test_counts_know_unknown_from_zero(value: object, count: int | None) -> None:
    assert count_of(value) == count


@pytest.mark.parametrize(
    ("value", "id"),
    [
        (23501, "23501"),
        ("23501", "23501"),
        (" 23501 ", "23501"),
        ("ord_8fj2", "ord_8fj2"),
        (0, None),
        ("0", None),
        ("", None),
        (-1, None),
        (None, None),
        (True, None),
        (Decimal("1.5"), None),
        ("12 34", None),
        ("x" * 65, None),
        ("null", None),
        ("Array", None),
        ("false", None),
        ([1], None),
        ({"id": 1}, None),
        ("ord_\ufffd", None),
    ],
)
def test_ids_are_kept_as_text(value: object, id: str | None) -> None:
    assert id_of(value) == id


@pytest.mark.parametrize("value", [True, 1, "1", "true", "True", "yes", "YES"])
def test_yes_in_every_form(value: object) -> None:
    assert flag_of(value)


@pytest.mark.parametrize("value", [False, 0, "0", "false", "no", "", None, 2, [], {}])
def test_no_in_every_form(value: object) -> None:
    assert not flag_of(value)


def test_text_drops_what_the_database_cannot_keep() -> None:
    assert text_of(" a\0b ") == "ab"


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"error": "Bad link"}, "Bad link"),
        ({"error": {"message": "Bad link"}}, "Bad link"),
        ({"error": True, "message": "Bad link"}, "Bad link"),
        ({"errors": ["Bad link", "and more"]}, "Bad link"),
        ({"errors": {"link": ["Bad link"]}, "message": "The given data was invalid."}, "Bad link"),
        ({"status": "fail", "message": "Bad link"}, "Bad link"),
        ({"status": "error", "msg": "Bad link"}, "Bad link"),
        ({"status": False, "msg": "Bad link"}, "Bad link"),
        ({"success": False, "message": "Bad link"}, "Bad link"),
        ({"success": 0, "message": "Bad link"}, "Bad link"),
        ({"success": "false", "message": "Bad link"}, "Bad link"),
        ({"success": "Order placed", "order": 1}, None),
        ({"status": "fail"}, "fail"),
        ({"error": 17}, "17"),
        ({"order": 1}, None),
        ({"order": 1, "error": ""}, None),
        ({"order": 1, "error": None}, None),
        ({"order": 1, "error": False}, None),
        ({"order": 1, "errors": []}, None),
        ({"status": "success", "order": 1, "message": "Thank you"}, None),
        ("Bad link", None),
        ([], None),
    ],
)
def test_errors_in_every_form(document: object, error: str | None) -> None:
    assert error_of(document) == error


def test_a_message_alone_is_an_error_only_with_a_status_that_says_so() -> None:
    assert error_of({"message": "Unauthenticated."}, http_status=401) == "Unauthenticated."
    assert error_of({"message": "Welcome"}) is None


def test_a_status_word_asked_for_is_no_error_of_the_call() -> None:
    assert error_of({"status": "Failed", "remains": "5"}, status_is_word=True) is None
    assert (
        error_of({"status": "fail", "message": "Order not found"}, status_is_word=True) == "Order not found"
    )
