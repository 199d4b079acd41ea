"""The page of updates: what it shows, filters and turns over."""

import html
import re
from decimal import Decimal

import pytest
from django.test import Client

from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.catalog.updates import ServiceChange, Shown, note_changes
from purveyor.site.updates import ROWS_PER_PAGE
from tests.site.manual import text_of

pytestmark = pytest.mark.django_db


def became(service: Service, before: Shown | None, after: Shown) -> None:
    note_changes([ServiceChange(service.pk, before, after)])


def on(rate: str) -> Shown:
    return Shown(Decimal(rate), enabled=True)


def off(rate: str) -> Shown:
    return Shown(Decimal(rate), enabled=False)


def read(client: Client, address: str = "/updates") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def told(page: str) -> list[tuple[str, str]]:
    """Service and update of each row."""
    rows = re.findall(r'<th scope="row">(.*?)</th>.*?</td>\s*<td>(.*?)</td>', page, re.DOTALL)
    return [(text_of(service), text_of(update)) for service, update in rows]


def links(page: str, within: str) -> dict[str, str]:
    (part,) = re.findall(rf'<nav class="{within}".*?</nav>', page, re.DOTALL)
    return {
        text_of(name): html.unescape(address)
        for address, name in re.findall(r'<a href="([^"]*)"[^>]*>(.*?)</a>', part, re.DOTALL)
    }


def test_every_kind_is_told_in_words_and_rates(client: Client) -> None:
    service = make_service(name="Survey <answers>")
    package = make_service(OrderType.PACKAGE, name="Parcel")
    became(service, None, on("1.20000"))
    became(service, on("1.2"), on("1.35"))
    became(service, on("1.35"), on("0.00045"))
    became(service, on("0.00045"), off("0.00045"))
    became(service, off("0.00045"), on("12"))
    became(package, None, on("18.5"))
    name = f"Survey <answers> {service.pk} · Tests"
    assert told(read(client)) == [
        (f"Parcel {package.pk} · Tests", "New 18.50 per package"),
        (name, "Enabled 12.00"),
        (name, "Disabled"),
        (name, "Decreased before 1.35 → 0.00045"),
        (name, "Increased before 1.20 → 1.35"),
        (name, "New 1.20"),
    ]


def test_kinds_and_search_are_in_the_address_and_keep_each_other(client: Client) -> None:
    surveys, polls = make_service(name="Surveys & more"), make_service(name="Polls")
    for service in (surveys, polls):
        became(service, None, on("1"))
        became(service, on("1"), on("2"))
    page = read(client, "/updates?kind=increased&search=Surveys+%26+more")
    assert [update for _, update in told(page)] == ["Increased before 1.00 → 2.00"]
    assert 'value="Surveys &amp; more"' in page
    assert '<input type="hidden" name="kind" value="increased">' in page
    tabs = links(page, "choices")
    assert list(tabs) == ["All", "New", "Increased", "Decreased", "Enabled", "Disabled"]
    assert tabs["All"] == "/updates?search=Surveys+%26+more"
    assert re.findall(r'aria-current="page">(\w+)</a></li>', page) == ["Increased"]
    assert [update for _, update in told(read(client, tabs["New"]))] == ["New 1.00"]
    assert links(read(client), "choices")["All"] == "/updates"


def test_pages_are_turned_from_newest_to_oldest_without_gap_or_repeat(client: Client) -> None:
    service = make_service()
    for number in range(2 * ROWS_PER_PAGE + 1):
        became(service, on(str(number + 1)), on(str(number + 2)))
    address, seen, turned = "/updates?kind=increased", [], 0
    while address:
        page = read(client, address)
        seen += [update for _, update in told(page)]
        turning = links(page, "turning")
        assert ("Newest" in turning) == (turned > 0)
        address = turning.get("Older", "")
        turned += 1
    assert turned == 3
    assert len(seen) == len(set(seen)) == 2 * ROWS_PER_PAGE + 1
    assert seen[0].endswith(f"→ {2 * ROWS_PER_PAGE + 2}.00")


def test_when_there_is_nothing_it_says_so(client: Client) -> None:
    assert "There is no update yet." in read(client)
    assert "No update of a service like “&lt;b&gt;”." in read(client, "/updates?search=%3Cb%3E%00")


@pytest.mark.parametrize(
    "wrong", ["kind=odd", "before=x", "before=-1", "before=²", f"before={10**30}", f"before={'9' * 5000}"]
)
def test_addresses_that_mean_nothing_are_not_found(client: Client, wrong: str) -> None:
    assert client.get(f"/updates?{wrong}").status_code == 404


def test_own_rates_and_customers_are_not_on_it(client: Client) -> None:
    service = make_service(rate="1.00")
    from purveyor.accounts.testing import make_customer
    from purveyor.catalog.models import OwnRate

    OwnRate.objects.create(customer=make_customer(), service=service, rate="0.77")
    became(service, None, on("1"))
    assert "0.77" not in read(client)


def test_the_other_address_leads_here_and_it_only_reads(client: Client) -> None:
    assert client.get("/updates/").headers["Location"] == "/updates"
    assert client.post("/updates").status_code == 405
