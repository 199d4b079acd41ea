"""Every row of protocol §1.1 to §1.3, over real HTTP."""

import json
import subprocess
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from purveyor.catalog.order_types import OrderType
from purveyor.orders.models import Order
from purveyor.orders.testing import place_one
from tests.api.panel import Caller, Panel, json_of, raw

FORM = "application/x-www-form-urlencoded"
BALANCE = {"balance": "1000", "currency": "USD"}


def multipart(fields: dict[str, str]) -> Any:
    return {name: (None, text) for name, text in fields.items()}


ENCODINGS = {
    "1 a form": lambda url, fields: requests.post(url, data=fields, timeout=30),
    "2 a form that names its charset": lambda url, fields: requests.post(
        url, data=fields, headers={"content-type": f"{FORM};charset=UTF-8"}, timeout=30
    ),
    "3 multipart": lambda url, fields: requests.post(url, files=multipart(fields), timeout=30),
    "4 JSON": lambda url, fields: requests.post(url, json=fields, timeout=30),
    "5 JSON as plain text": lambda url, fields: requests.post(
        url, data=json.dumps(fields), headers={"content-type": "text/plain;charset=UTF-8"}, timeout=30
    ),
    "6 POST with an empty body": lambda url, fields: requests.post(url, params=fields, timeout=30),
    "6 the same with a form's type": lambda url, fields: requests.post(
        url, params=fields, headers={"content-type": FORM}, timeout=30
    ),
    "7 GET": lambda url, fields: requests.get(url, params=fields, timeout=30),
    "8 both": lambda url, fields: requests.post(
        url,
        params={"key": fields["key"]},
        data={name: text for name, text in fields.items() if name != "key"},
        timeout=30,
    ),
    "JSON under a form's type, as curl -d sends it": lambda url, fields: requests.post(
        url, data=json.dumps(fields), headers={"content-type": FORM}, timeout=30
    ),
    "a form without a type": lambda url, fields: requests.post(
        url, data=urlencode(fields).encode(), timeout=30
    ),
}


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_each_encoding_on_both_paths(panel: Panel, caller: Caller, encoding: str, slash: str) -> None:
    answer = ENCODINGS[encoding](panel.api + slash, {"key": caller.key, "action": "balance"})
    assert not answer.history  # never a redirect
    assert json_of(answer) == BALANCE


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_each_encoding_carries_a_link_and_lines_as_they_are(
    panel: Panel, caller: Caller, encoding: str
) -> None:
    """`+`, `%`, `&` and other scripts survive exactly one decoding."""
    link = "https://example.com/%41?a=1+2&b=100%25&c=ığ 🙂"
    service = panel.services[OrderType.CUSTOM_COMMENTS]
    fields = {
        "key": caller.key,
        "action": "add",
        "service": str(service.pk),
        "link": link,
        "comments": "one, and more\r\nİkinci + üçüncü\n\n  100% \n",
    }
    order = Order.objects.get(pk=json_of(ENCODINGS[encoding](panel.api, fields))["order"])
    assert order.link == link
    assert order.fields == {"comments": ["one, and more", "İkinci + üçüncü", "100%"]}
    assert order.quantity == 3


LISTS = {
    "a comma list": (FORM, "orders={0},{1}"),
    "an escaped comma list": (FORM, "orders={0}%2C{1}"),
    "with blanks": (FORM, "orders=+{0}+,+{1}+"),
    "a bracket array": (FORM, "orders[]={0}&orders[]={1}"),
    "an escaped bracket array": (FORM, "orders%5B%5D={0}&orders%5B%5D={1}"),
    "an indexed array": (FORM, "orders%5B0%5D={0}&orders%5B1%5D={1}"),
    "a repeated key": (FORM, "orders={0}&orders={1}"),
    "a JSON array of numbers": ("application/json", '"orders":[{0},{1}]'),
    "a JSON array of texts": ("application/json", '"orders":["{0}","{1}"]'),
    "a JSON object, as PHP encodes an array with gaps": ("application/json", '"orders":{{"0":{0},"2":{1}}}'),
    "a JSON text": ("application/json", '"orders":"{0},{1}"'),
}


@pytest.mark.parametrize("form", LISTS)
def test_each_form_of_an_id_list(panel: Panel, caller: Caller, form: str) -> None:
    ids = [place_one(caller.customer, panel.services[OrderType.DEFAULT], quantity=1).pk for _ in range(2)]
    content_type, text = LISTS[form]
    listed = text.format(*ids)
    if content_type == FORM:
        body = f"key={caller.key}&action=status&{listed}"
    else:
        body = f'{{"key":"{caller.key}","action":"status",{listed}}}'
    answer = requests.post(panel.api, data=body, headers={"content-type": content_type}, timeout=30)
    statuses = json_of(answer)
    assert list(statuses) == [str(number) for number in ids]
    assert all(status["status"] == "Pending" for status in statuses.values())


@pytest.mark.parametrize("form", ["a bracket array", "a repeated key"])
def test_lists_in_a_query(panel: Panel, caller: Caller, form: str) -> None:
    query = f"key={caller.key}&action=status&{LISTS[form][1].format(7000001, 7000002)}"
    absent = {"error": "Incorrect order ID"}
    assert json_of(requests.get(f"{panel.api}?{query}", timeout=30)) == {"7000001": absent, "7000002": absent}


TEXT_LISTS = {
    "lines": (FORM, "comments=a%0Ab"),
    "lines with carriage returns": (FORM, "comments=a%0D%0Ab"),
    "a bracket array": (FORM, "comments[]=a&comments[]=b"),
    "an indexed array": (FORM, "comments%5B0%5D=a&comments%5B1%5D=b"),
    "a repeated key": (FORM, "comments=a&comments=b"),
    "a JSON array": ("application/json", '"comments":["a","b"]'),
    "a JSON text": ("application/json", '"comments":"a\\r\\nb"'),
}


@pytest.mark.parametrize("form", TEXT_LISTS)
def test_each_form_of_a_text_list(panel: Panel, caller: Caller, form: str) -> None:
    content_type, listed = TEXT_LISTS[form]
    service = panel.services[OrderType.CUSTOM_COMMENTS].pk
    link = f"https://example.com/{form.replace(' ', '-')}"
    if content_type == FORM:
        body = f"key={caller.key}&action=add&service={service}&link={link}&{listed}"
    else:
        fields = f'"key":"{caller.key}","action":"add","service":{service},"link":"{link}","nothing":null'
        body = f"{{{fields},{listed}}}"
    answer = requests.post(panel.api, data=body, headers={"content-type": content_type}, timeout=30)
    assert Order.objects.get(pk=json_of(answer)["order"]).fields == {"comments": ["a", "b"]}


def test_the_body_goes_before_the_query(panel: Panel, caller: Caller) -> None:
    answer = requests.post(
        panel.api,
        params={"action": "services", "key": "nobody's", "order": "1"},
        data={"action": "balance", "key": caller.key},
        timeout=30,
    )
    assert json_of(answer) == BALANCE


def test_an_empty_parameter_is_an_absent_one(panel: Panel, caller: Caller) -> None:
    answer = requests.post(
        panel.api, params={"key": caller.key}, data={"key": "", "action": "balance"}, timeout=30
    )
    assert json_of(answer) == BALANCE
    service = panel.services[OrderType.DEFAULT].pk
    sent = {"runs": "", "interval": "", "expiry": "", "comments": ""}
    made = panel.post(
        caller, "add", service=service, link="https://example.com/empty", quantity=" 10 ", **sent
    )
    assert list(made) == ["order"]


@pytest.mark.parametrize("action", ["balance", "BALANCE", " Balance ", "balance\n"])
def test_the_action_is_trimmed_and_its_case_does_not_matter(
    panel: Panel, caller: Caller, action: str
) -> None:
    assert panel.post(caller, action) == BALANCE


@pytest.mark.parametrize("name", ["key", "api_token", "api"])
def test_the_names_of_the_key(panel: Panel, caller: Caller, name: str) -> None:
    answer = requests.post(panel.api, data={name: caller.key, "action": "balance"}, timeout=30)
    assert json_of(answer) == BALANCE


def test_unknown_fields_are_ignored(panel: Panel, caller: Caller) -> None:
    assert panel.post(caller, "balance", is_test="1", **{"a[b][c]": "x", "": "y"}) == BALANCE


@pytest.mark.parametrize(
    "user_agent", ["Mozilla/4.0 (compatible; MSIE 5.01; Windows NT 5.0)", "API (compatible; MSIE 5.01)", None]
)
def test_any_user_agent_or_none(panel: Panel, caller: Caller, user_agent: str | None) -> None:
    answer = requests.post(
        panel.api,
        data={"key": caller.key, "action": "balance"},
        headers={"user-agent": user_agent, "accept": "*/*"},  # type: ignore[dict-item]  # None leaves it out
        timeout=30,
    )
    assert json_of(answer) == BALANCE


def test_a_client_that_expects_to_be_told_to_continue(panel: Panel, caller: Caller) -> None:
    """curl waits a second for "100 Continue" on bodies over 1024 bytes, then for ever on some servers."""
    body = f"key={caller.key}&action=balance&padding={'x' * 4000}"
    command = ["curl", "-sS", "--max-time", "10", "-H", "Expect: 100-continue", "--data-binary", "@-"]
    command += ["--expect100-timeout", "9", "-w", "\n%{time_total}", panel.api]
    run = subprocess.run(command, input=body.encode(), capture_output=True, check=True)
    text, _, seconds = run.stdout.decode().rpartition("\n")
    assert json.loads(text) == BALANCE
    assert float(seconds) < 8


@pytest.mark.parametrize("method", ["-d", "-F"])
def test_curl(panel: Panel, caller: Caller, method: str) -> None:
    fields = [argument for pair in (f"key={caller.key}", "action=balance") for argument in (method, pair)]
    run = subprocess.run(["curl", "-sS", *fields, panel.api], capture_output=True, check=True)
    assert json.loads(run.stdout) == BALANCE


@pytest.mark.parametrize("method", ["-d", "-F"])
def test_curl_over_http_2(panel: Panel, caller: Caller, method: str) -> None:
    """There a body need not announce its length."""
    fields = [argument for pair in (f"key={caller.key}", "action=balance") for argument in (method, pair)]
    command = ["curl", "-sS", "--http2-prior-knowledge", "-H", "Content-Length:", *fields, panel.api]
    run = subprocess.run(command, capture_output=True, check=True)
    assert json.loads(run.stdout) == BALANCE


def test_many_requests_on_one_connection(panel: Panel, caller: Caller) -> None:
    body = f"key={caller.key}&action=balance".encode()
    head = f"POST /api/v2 HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: {len(body)}\r\n"
    request = head.encode() + b"\r\n" + body
    last = head.encode() + b"Connection: close\r\n\r\n" + body
    answers = raw(panel.url, request * 5 + last)
    assert answers.count(b'{"balance":"1000","currency":"USD"}') == 6
