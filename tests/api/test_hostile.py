"""Input that means harm or is broken gets a quick, right answer, and the next request is served as ever."""

import json
import socket
import time
from typing import Any

import pytest
import requests

from purveyor.accounts.testing import balance_of
from purveyor.api.bodies import DRAIN_SECONDS
from purveyor.catalog.order_types import OrderType
from purveyor.ops.serving import HEAD_SECONDS
from purveyor.orders.models import Order
from tests.api.panel import Caller, Panel, eventually, form, json_of, raw

FORM = {"content-type": "application/x-www-form-urlencoded"}
QUICK_SECONDS = 3.0
"""Generous for a busy machine; each of these takes a few milliseconds on a quiet one."""


def head(length: int | str, *, content_type: str = FORM["content-type"]) -> bytes:
    return (
        f"POST /api/v2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def split(answer: bytes) -> tuple[int, bytes]:
    """The status and the body of a raw answer."""
    status_line, _, rest = answer.partition(b"\r\n")
    return int(status_line.split()[1]), rest.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("line", ["x" * 159, "ğ" * 159, "🙂" * 79])
def test_sixteen_thousand_characters_of_comments(panel: Panel, caller: Caller, line: str) -> None:
    comments = "\n".join([line] * (16_000 // (len(line) + 1)))
    service = panel.services[OrderType.CUSTOM_COMMENTS].pk
    made = panel.post(caller, "add", service=service, link="https://example.com/long", comments=comments)
    order = Order.objects.get(pk=made["order"])
    assert order.fields == {"comments": comments.split("\n")}


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 3 * 1024 * 1024])
@pytest.mark.parametrize("kind", ["form", "multipart", "json", "chunked"])
def test_a_body_over_one_megabyte(panel: Panel, caller: Caller, size: int, kind: str) -> None:
    fields = {"key": caller.key, "action": "balance", "padding": "x" * size}
    started = time.monotonic()
    if kind == "form":
        answer = requests.post(panel.api, data=fields, timeout=30)
    elif kind == "multipart":
        answer = requests.post(
            panel.api, files={name: (None, text) for name, text in fields.items()}, timeout=30
        )
    elif kind == "json":
        answer = requests.post(panel.api, json=fields, timeout=30)
    else:
        answer = requests.post(panel.api, data=iter([form(**fields)]), headers=FORM, timeout=30)
    assert time.monotonic() - started < QUICK_SECONDS
    assert (answer.status_code, answer.json()) == (413, {"error": "Request too large"})
    assert answer.headers["content-type"] == "application/json"


def test_a_body_of_just_under_one_megabyte(panel: Panel, caller: Caller) -> None:
    padding = "x" * (1024 * 1024 - 200)
    assert panel.post(caller, "balance", padding=padding)["balance"] == "1000"


def refused_as_too_large(panel: Panel, request: bytes) -> None:
    """The answer comes while the client is still sending."""
    host, _, port = panel.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=QUICK_SECONDS) as connection:
        connection.sendall(request)
        answer = b""
        while not answer.endswith(b"}"):
            part = connection.recv(65536)
            assert part, answer
            answer += part
    status, body = split(answer)
    assert (status, json.loads(body)) == (413, {"error": "Request too large"})


@pytest.mark.parametrize("length", [1024 * 1024 + 1, 5_000_000, 2**30])
def test_an_announced_length_over_one_megabyte_is_refused_at_once(panel: Panel, length: int) -> None:
    started = time.monotonic()
    refused_as_too_large(panel, head(length) + b"key=")
    assert time.monotonic() - started < DRAIN_SECONDS  # not after what it drops of the rest


def test_an_endless_body_is_refused_as_soon_as_it_is_over_one_megabyte(panel: Panel) -> None:
    chunks = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    request = head("0").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + chunks * 17
    started = time.monotonic()
    refused_as_too_large(panel, request)
    assert time.monotonic() - started < QUICK_SECONDS


@pytest.mark.parametrize("path", [b"/api/v2", b"/"])
def test_a_malformed_chunk(panel: Panel, caller: Caller, path: bytes) -> None:
    request = head("0").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"zz\r\nkey=\r\n"
    assert split(raw(panel.url, request.replace(b"/api/v2", path))) == (400, b"")
    assert panel.post(caller, "balance")["balance"] == "1000"


def everything_from(connection: socket.socket) -> bytes:
    """What is sent until the other side hangs up."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_never_ends(panel: Panel, caller: Caller, *, chunked: bool) -> None:
    """It is told so within its ten seconds, and nobody else waits meanwhile."""
    if chunked:
        request = head("0").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"4\r\nkey=\r\n"
    else:
        request = head(100) + b"key="
    host, _, port = panel.url.removeprefix("http://").partition(":")
    slow = [socket.create_connection((host, int(port)), timeout=20) for _ in range(40)]
    at_the_desk = socket.create_connection((host, int(port)), timeout=20)
    started = time.monotonic()
    for connection in slow:
        connection.sendall(request)
    at_the_desk.sendall(request.replace(b"/api/v2", b"/desk/v1/take"))
    assert panel.post(caller, "balance")["balance"] == "1000"
    assert time.monotonic() - started < QUICK_SECONDS
    for connection in slow:
        assert split(everything_from(connection)) == (408, b"")
    status, body = split(everything_from(at_the_desk))
    assert (status, json.loads(body)["error"]["code"]) == (408, "body_too_slow")
    assert 9 < time.monotonic() - started < 9 + QUICK_SECONDS + 2


def test_a_head_that_never_ends(panel: Panel) -> None:
    started = time.monotonic()
    raw(panel.url, b"POST /api/v2 HTTP/1.1\r\nHost: x\r\n")
    assert time.monotonic() - started < HEAD_SECONDS + QUICK_SECONDS


def test_every_line_of_the_log_is_json(panel: Panel, caller: Caller) -> None:
    """Those of libraries too: of the pages, and of what reads multipart bodies."""
    assert requests.get(f"{panel.url}/nowhere-{caller.key[:8]}", timeout=30).status_code == 404
    broken = b"--b\r\nContent-Disposition: form-data; name=key\r\n\r\nx\r\n--bad"
    requests.post(
        panel.api, data=broken, headers={"content-type": "multipart/form-data; boundary=b"}, timeout=30
    )
    assert json_of(requests.post(panel.api, data={"key": caller.key, "refill": "1"}, timeout=30)) == {
        "error": "Refill not found"
    }
    own = {"customer": caller.customer.pk, "action": "refill_status"}
    eventually(lambda: any(own.items() <= line.items() for line in lines(panel)))
    (not_found,) = [line for line in lines(panel) if caller.key[:8] in line.get("text", "")]
    assert (not_found["level"], not_found["logger"]) == ("warning", "django.request")


def lines(panel: Panel) -> list[dict[str, Any]]:
    """The server's log, which another process may still be writing."""
    whole = panel.log.read_text().rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def test_a_client_that_hangs_up_halfway(panel: Panel, caller: Caller) -> None:
    host, _, port = panel.url.removeprefix("http://").partition(":")
    for _ in range(20):
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(head(1000) + b"key=")
    assert panel.post(caller, "balance")["balance"] == "1000"


@pytest.mark.parametrize("count", [10_000, 19_000])
def test_ten_thousand_form_fields(panel: Panel, caller: Caller, count: int) -> None:
    junk = "&".join(f"f{number}={number}" for number in range(count))
    started = time.monotonic()
    answer = requests.post(
        panel.api, data=f"key={caller.key}&{junk}&action=balance", headers=FORM, timeout=30
    )
    assert json_of(answer)["balance"] == "1000"
    assert time.monotonic() - started < QUICK_SECONDS


def test_as_many_multipart_fields_as_fit(panel: Panel, caller: Caller) -> None:
    fields = {"key": caller.key, "action": "balance"} | {str(number): "1" for number in range(15_000)}
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()
    )
    headers = {"content-type": "multipart/form-data; boundary=b"}
    started = time.monotonic()
    answer = requests.post(panel.api, data=f"{parts}--b--\r\n", headers=headers, timeout=30)
    assert json_of(answer)["balance"] == "1000"
    assert time.monotonic() - started < QUICK_SECONDS


@pytest.mark.parametrize("kind", ["form", "json"])
def test_far_too_many_fields(panel: Panel, caller: Caller, kind: str) -> None:
    fields = {f"f{number}": "1" for number in range(20_100)} | {"key": caller.key, "action": "balance"}
    started = time.monotonic()
    sent = {"data": fields} if kind == "form" else {"json": fields}
    answer = requests.post(panel.api, **sent, timeout=30)  # type: ignore[arg-type]
    assert json_of(answer) == {"error": "Incorrect request"}
    assert time.monotonic() - started < QUICK_SECONDS


def test_ten_thousand_ids(panel: Panel, caller: Caller) -> None:
    body = f"key={caller.key}&action=status&" + "&".join(f"orders[]={9_000_000 + n}" for n in range(10_000))
    started = time.monotonic()
    answer = json_of(requests.post(panel.api, data=body, headers=FORM, timeout=30))
    assert list(answer) == [str(9_000_000 + number) for number in range(100)]
    assert time.monotonic() - started < QUICK_SECONDS


BROKEN_TEXTS = {
    "a NUL byte": "a%00b",
    "a lone surrogate": "%ED%A0%80",
    "half a character": "%C4",
    "another charset": "%FE%FF",
    "an overlong slash": "%C0%AF",
}


@pytest.mark.parametrize("text", BROKEN_TEXTS.values(), ids=BROKEN_TEXTS)
@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("key", "Invalid API key"),
        ("action", "Incorrect request"),
        ("service", "Incorrect service ID"),
        ("link", "Bad link"),
        ("comments", "Incorrect request"),
        ("idempotency_key", "Incorrect request"),
    ],
)
def test_broken_text_in_each_field_of_an_order(
    panel: Panel, caller: Caller, field: str, words: str, text: str
) -> None:
    service = panel.services[OrderType.CUSTOM_COMMENTS].pk
    fields = {
        "key": caller.key,
        "action": "add",
        "service": str(service),
        "link": "https://example.com",
        "comments": "a",
    }
    body = "&".join(f"{name}={value}" for name, value in (fields | {field: text}).items())
    assert json_of(requests.post(panel.api, data=body, headers=FORM, timeout=30)) == {"error": words}
    assert balance_of(caller.customer) == 1000


@pytest.mark.parametrize("text", BROKEN_TEXTS.values(), ids=BROKEN_TEXTS)
def test_broken_text_where_nobody_reads_it(panel: Panel, caller: Caller, text: str) -> None:
    body = f"key={caller.key}&action=balance&{text}={text}&other={text}"
    assert json_of(requests.post(panel.api, data=body, headers=FORM, timeout=30))["balance"] == "1000"


@pytest.mark.parametrize("text", BROKEN_TEXTS.values(), ids=BROKEN_TEXTS)
def test_broken_text_among_ids(panel: Panel, caller: Caller, text: str) -> None:
    body = f"key={caller.key}&action=status&orders=9000001,{text}"
    answer = json_of(requests.post(panel.api, data=body, headers=FORM, timeout=30))
    assert list(answer.values()) == [{"error": "Incorrect order ID"}] * 2


@pytest.mark.parametrize("link", ['"\\u0000"', '["a","b"]', '{"a":"b"}', "[[1]]"])
def test_strange_json_values(panel: Panel, caller: Caller, link: str) -> None:
    service = panel.services[OrderType.DEFAULT].pk
    body = f'{{"key":"{caller.key}","action":"add","service":{service},"quantity":1e9,"link":{link}}}'
    answer = requests.post(panel.api, data=body, headers={"content-type": "application/json"}, timeout=30)
    assert list(json_of(answer)) == ["error"]
    assert not Order.objects.filter(customer=caller.customer).exists()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("link", '{"a":1}', "Bad link"),
        ("link", '["https://example.com/1","https://example.com/2"]', "Bad link"),
        ("link", '["https://example.com/1"]', "Bad link"),
        ("link", "true", "Bad link"),
        ("service", "true", "Incorrect service ID"),
        ("service", "[1]", "Incorrect service ID"),
        ("quantity", "true", "Incorrect request"),
        ("quantity", "[10]", "Incorrect request"),
        ("quantity", '{"a":10}', "Incorrect request"),
        ("runs", "true", "Incorrect request"),
        ("action", '["add"]', "Incorrect request"),
        ("key", "true", "Invalid API key"),
    ],
)
def test_a_json_value_of_another_kind(
    panel: Panel, caller: Caller, field: str, value: str, words: str
) -> None:
    fields = {
        "key": f'"{caller.key}"',
        "action": '"add"',
        "service": str(panel.services[OrderType.DEFAULT].pk),
        "link": '"https://example.com/kind"',
        "quantity": "10",
        "interval": "10",
        "runs": "2",
    } | {field: value}
    body = "{" + ",".join(f'"{name}":{text}' for name, text in fields.items()) + "}"
    answer = requests.post(panel.api, data=body, headers={"content-type": "application/json"}, timeout=30)
    assert json_of(answer) == {"error": words}
    assert not Order.objects.filter(customer=caller.customer).exists()


def test_order_ids_as_other_json_values(panel: Panel, caller: Caller) -> None:
    service = panel.services[OrderType.DEFAULT].pk
    order = panel.post(caller, "add", service=service, link="https://example.com/ids", quantity=10)["order"]
    call: dict[str, Any] = {"key": caller.key, "action": "status"}
    incorrect = {"error": "Incorrect order ID"}

    def ask(**fields: Any) -> Any:
        return json_of(requests.post(panel.api, json=call | fields, timeout=30))

    assert ask(order=float(order))["status"] == "Pending"
    assert ask(orders=[float(order)])[str(order)]["status"] == "Pending"
    for wrong in (True, [order], {"a": order}, order + 0.5):
        assert ask(order=wrong) == incorrect
    assert ask(orders=[order + 0.5, [order], True]) == {str(order + 0.5): incorrect, "Array": incorrect}


@pytest.mark.parametrize("number", ["1e9", "1E2", "-5", "1.5", "1e400", "9" * 4000])
def test_json_numbers_that_are_no_quantity(panel: Panel, caller: Caller, number: str) -> None:
    service = panel.services[OrderType.DEFAULT].pk
    body = (
        f'{{"key":"{caller.key}","action":"add","service":{service},"link":"https://example.com/n",'
        f'"quantity":{number}}}'
    )
    answer = requests.post(panel.api, data=body, headers={"content-type": "application/json"}, timeout=30)
    assert list(json_of(answer)) == ["error"]


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000, '{"key":' + "9" * 900_000 + "}"])
def test_json_meant_to_exhaust(panel: Panel, body: str) -> None:
    started = time.monotonic()
    answer = requests.post(panel.api, data=body, headers={"content-type": "application/json"}, timeout=30)
    assert list(json_of(answer)) == ["error"]
    assert time.monotonic() - started < QUICK_SECONDS


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "18446744073709551616"])
def test_a_content_length_that_is_none(panel: Panel, caller: Caller, length: str) -> None:
    status, _ = split(raw(panel.url, head(length) + b"key=x", seconds=15))
    assert status in {400, 413}
    assert panel.post(caller, "balance")["balance"] == "1000"
