"""The manual at /api: complete, true to the protocol's own page, and true to the panel."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from purveyor.accounts.throttling import GUESSES_AT_ONCE, GUESSES_PER_SECOND
from purveyor.api.bodies import BODY_MAX_BYTES, BODY_SECONDS
from purveyor.api.door import UnknownKey
from purveyor.api.ids import IDS_MAX
from purveyor.catalog.models import LARGEST_QUANTITY
from purveyor.catalog.order_types import (
    FORMS,
    SUBSCRIPTION_DELAYS_MINUTES,
    OrderForm,
    OrderType,
    QuantityFrom,
)
from purveyor.orders.links import LONGEST_LINK_CHARACTERS
from purveyor.orders.models import RefillStatus, Status
from purveyor.orders.refusals import (
    NobodyFinishes,
    NotFed,
    NothingDelivers,
    NothingLeft,
    Refusal,
    RestNotOffered,
    SubscriptionEnded,
)
from purveyor.site.answers import error_tables
from purveyor.site.ordering import ORDER_TYPES
from purveyor.site.reference import ACTIONS
from tests.ops.processes import environment
from tests.site.manual import code_block, code_blocks, part, rows, text_of

# The page that API v2 is documented with everywhere: title, parameters, example reply of each call.
PROTOCOL_PAGE = [
    entry.split("\n\n")
    for entry in (Path(__file__).parent / "protocol-page.txt").read_text(encoding="utf-8").split("\n\n\n")
]
PROTOCOL_REPLIES = {entry[0].strip(): entry[-1].strip() for entry in PROTOCOL_PAGE}
PROTOCOL_PARAMETERS = {
    entry[0].strip(): [tuple(line.split(" ", 1)) for line in entry[1].splitlines()[1:]]
    for entry in PROTOCOL_PAGE
    if entry[1].startswith("Parameters")
}

# About posts of fed subscriptions and about finishing elsewhere, for which API v2 has no call.
TOLD_BY_OTHER_DOORS: set[type[Refusal]] = {
    NobodyFinishes,
    NotFed,
    NothingDelivers,
    NothingLeft,
    RestNotOffered,
    SubscriptionEnded,
}


def every_refusal(base: type[Refusal] = Refusal) -> set[type[Refusal]]:
    children = set(base.__subclasses__())
    return children.union(*(every_refusal(child) for child in children))


def test_the_manual_has_the_protocols_calls_in_its_order(api_page: str) -> None:
    titles = [text_of(title) for title in re.findall(r"<h2[^>]*>(.*?)</h2>", api_page)]
    assert titles[: len(ACTIONS)] == list(PROTOCOL_REPLIES)


@pytest.mark.parametrize("title", PROTOCOL_REPLIES)
def test_an_example_reply_is_the_protocols_byte_for_byte(api_page: str, title: str) -> None:
    assert code_block(api_page, f"Example response: {title}") == PROTOCOL_REPLIES[title]


@pytest.mark.parametrize("title", PROTOCOL_PARAMETERS)
def test_a_call_has_the_protocols_parameters_in_the_same_words(api_page: str, title: str) -> None:
    (action,) = [action for action in ACTIONS if action.title == title]
    assert rows(part(api_page, action.anchor)) == PROTOCOL_PARAMETERS[title]


def test_every_reply_on_the_page_is_json(api_page: str) -> None:
    replies = [code for label, code in code_blocks(api_page) if "response" in label]
    assert len(replies) == len(ACTIONS) + 2  # and those of drip-feeds and subscriptions
    for reply in replies:
        json.loads(reply)


def test_the_facts_name_this_panels_own_address(client: Client) -> None:
    page = client.get("/api", headers={"host": "localhost:4321"}).content.decode()
    facts = dict(re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", page, re.DOTALL))
    assert {text_of(name): text_of(value) for name, value in facts.items()} == {
        "HTTP Method": "POST",
        "API URL": "http://localhost:4321/api/v2",
        "Response format": "JSON",
    }
    assert "panel.example" not in page


@pytest.mark.parametrize(("proxies", "scheme"), [("0", "http"), ("1", "https")])
def test_a_trusted_proxy_tells_whether_the_address_is_https(proxies: str, scheme: str) -> None:
    script = """
import django
django.setup()
from django.test import Client
page = Client().get("/api", headers={"host": "localhost", "x-forwarded-proto": "https"})
print(page.content.decode())
"""
    settings = environment(
        DJANGO_SETTINGS_MODULE="purveyor.settings",
        PURVEYOR_HOME=os.environ["PURVEYOR_HOME"],
        PURVEYOR_TRUSTED_PROXIES=proxies,
    )
    page = subprocess.run(
        [sys.executable, "-c", script], env=settings, check=True, capture_output=True, text=True
    ).stdout
    assert f"<code>{scheme}://localhost/api/v2</code>" in page


@pytest.mark.parametrize("form", FORMS.values(), ids=lambda form: form.type.value)
def test_an_order_type_shows_exactly_the_fields_of_its_form(api_page: str, form: OrderForm) -> None:
    expected = ["key", "action", "service"]
    expected += ["link"] if form.link else []
    expected += ["quantity"] if form.quantity is QuantityFrom.FIELD else []
    expected += [field.name for field in form.fields]
    expected += ["runs", "interval"] if form.dripfeed else []
    expected += ["idempotency_key"]
    (anchor,) = [reference.anchor for reference in ORDER_TYPES if reference.type is form.type]
    found = rows(part(api_page, anchor))
    assert [name for name, _ in found] == expected
    optional = {field.name for field in form.fields if not field.required} | {
        "runs",
        "interval",
        "idempotency_key",
    }
    for name, meaning in found:
        assert meaning.endswith("optional") == (name in optional), name


def test_every_order_type_has_its_part_and_is_spelled_as_services_tells_it(api_page: str) -> None:
    names = re.findall(r'<span class="type-name">(.*?)</span>', api_page)
    assert names == [order_type.value for order_type in OrderType]


@pytest.mark.parametrize("refusal", sorted(every_refusal() - TOLD_BY_OTHER_DOORS, key=str))
def test_every_refusal_is_explained(api_page: str, refusal: type[Refusal]) -> None:
    words = refusal(minimum="N", maximum="N").text
    assert words in dict(rows(part(api_page, "errors")))


def test_no_error_is_listed_twice() -> None:
    words = [row.word for table in error_tables(as_keys=False) for row in table.rows]
    assert len(words) == len(set(words))


def test_the_error_of_a_wrong_key_is_the_doors() -> None:
    assert error_tables(as_keys=False)[0].rows[0].word == UnknownKey().text


def test_a_panel_that_answers_in_keys_explains_keys() -> None:
    words = {row.word for table in error_tables(as_keys=True) for row in table.rows}
    assert "neworder.error.not_enough_funds" in words
    assert "Not enough funds on balance" not in words
    assert "Refill days are over" in words  # no key of it is attested


@pytest.mark.parametrize("status", [*Status.values, *RefillStatus.values])
def test_every_status_is_explained(api_page: str, status: str) -> None:
    assert status in dict(rows(part(api_page, "statuses")))


def test_the_limits_are_those_that_hold(api_page: str) -> None:
    limits = dict(rows(part(api_page, "limits")))
    assert limits["IDs in one call"].startswith(f"{IDS_MAX} ")
    assert limits["Size of a request"].startswith(f"{BODY_MAX_BYTES // 2**20} MB,")
    assert f" {BODY_SECONDS:.0f} seconds" in limits["Size of a request"]
    assert str(LARGEST_QUANTITY) in limits["quantity"]
    assert str(LONGEST_LINK_CHARACTERS) in limits["link"]
    assert f" {GUESSES_AT_ONCE} at once" in limits["Unknown keys"]
    assert f" {1 / GUESSES_PER_SECOND:.0f} seconds" in limits["Unknown keys"]
    assert [code for code, _ in rows(part(api_page, "http-codes"))] == ["200", "408", "413", "429", "503"]


def test_every_delay_of_subscriptions_is_listed(api_page: str) -> None:
    (item,) = [
        item
        for item in re.findall(r"<li>.*?</li>", part(api_page, "subscriptions"), re.DOTALL)
        if "delay" in item
    ]
    found = {int(delay) for delay in re.findall(r"<code>(\d+)</code>", item)}
    assert found == SUBSCRIPTION_DELAYS_MINUTES


def test_every_link_within_the_page_leads_somewhere(api_page: str) -> None:
    targets = set(re.findall(r'\bid="([^"]+)"', api_page))
    assert set(re.findall(r'href="#([^"]+)"', api_page)) <= targets
    ids = re.findall(r'\bid="([^"]+)"', api_page)
    assert len(ids) == len(set(ids))


def test_the_page_has_nothing_that_the_content_policy_would_stop(api_page: str) -> None:
    assert not re.search(r"<style|\sstyle=|<script(?! src=)|\son[a-z]+=", api_page)


def test_the_first_page_leads_to_the_manual(client: Client) -> None:
    assert client.get("/").headers["location"] == "/api"
    assert client.get("/api/").headers["location"] == "/api"


def test_a_page_that_is_not_there_says_so(client: Client) -> None:
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()


def test_posting_to_the_manual_by_mistake_is_told_as_such() -> None:
    answer = Client(enforce_csrf_checks=True).post("/api", {"action": "balance"})
    assert answer.status_code == 405


def test_the_page_travels_compressed(client: Client) -> None:
    answer = client.get("/api", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.content) < 25_000


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_the_direction_follows_the_language(
    client: Client, settings: Settings, language: str, direction: str
) -> None:
    settings.LANGUAGE_CODE = language
    page = client.get("/api").content.decode()
    assert f'<html lang="{language}" dir="{direction}">' in page


@pytest.mark.parametrize("file_name", ["api.php", "api.py", "api.mjs", "api.sh"])
def test_an_example_downloads_as_it_is_shown(client: Client, file_name: str) -> None:
    page = client.get("/api", headers={"host": "localhost:4321"}).content.decode()
    answer = client.get(f"/api/examples/{file_name}", headers={"host": "localhost:4321"})
    assert answer.headers["content-disposition"] == f'attachment; filename="{file_name}"'
    (shown,) = [code for label, code in code_blocks(page) if label.startswith(f"{file_name}:")]
    assert shown == answer.content.decode()
    assert "http://localhost:4321/api/v2" in shown


def test_only_examples_can_be_downloaded(client: Client) -> None:
    assert client.get("/api/examples/views.py").status_code == 404
    assert client.get("/api/examples/..%2Fviews.py").status_code == 404
