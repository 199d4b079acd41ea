"""The page of updates in a real browser: phone and desk, day and night, right to left, without scripts."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from playwright.sync_api import expect
from pytest_django import Settings

from purveyor.catalog.models import Category, Service, ServiceUpdate, UpdateKind
from tests.site.browsing import DESK, NARROW, PHONE, OpenPage, overflow

LONG = "Survey answers from very interested people in many countries, refilled for 30 days " + "x" * 60
TOLD = [
    (UpdateKind.NEW, None, "1.2"),
    (UpdateKind.INCREASED, "1.2", "1.35"),
    (UpdateKind.DECREASED, "1.35", "0.00045"),
    (UpdateKind.DISABLED, "1", "1"),
    (UpdateKind.ENABLED, "1", "1234567"),
]


@pytest.fixture(autouse=True)
def updates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of two services, one of them with a name that is too long for a line; no database."""
    category = Category(pk=1, name="Tests")
    every = [
        ServiceUpdate(
            pk=10 * service + number,
            service=Service(pk=service, name=name, category=category),
            kind=kind,
            old_rate=None if old is None else Decimal(old),
            new_rate=Decimal(new),
            at=datetime(2026, 11, 23, 13, 5, tzinfo=UTC),
        )
        for service, name in ((1, LONG), (2, "Polls"))
        for number, (kind, old, new) in enumerate(TOLD)
    ]

    def newest(*, kind: UpdateKind | None, search: str, **_: object) -> list[ServiceUpdate]:
        return [
            update
            for update in reversed(every)
            if kind in {None, update.kind} and search.lower() in update.service.name.lower()
        ]

    monkeypatch.setattr("purveyor.site.updates.newest", newest)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_it_never_scrolls_sideways(open_page: OpenPage, settings: Settings, language: str) -> None:
    settings.LANGUAGE_CODE = language
    for viewport in (NARROW, PHONE, DESK):
        page = open_page(path="/updates", viewport=viewport)
        assert page.locator(".updates tbody tr").count() == 10
        assert overflow(page) == 0
        page = open_page(path=f"/updates?search={'x' * 100}", viewport=viewport)
        assert page.locator(".nothing").count() == 1
        assert overflow(page) == 0


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_kinds_are_chosen_and_services_found(open_page: OpenPage, scripts: bool) -> None:  # noqa: FBT001
    page = open_page(path="/updates", viewport=PHONE, java_script_enabled=scripts)
    page.get_by_role("link", name="Decreased").click()
    page.wait_for_url("**/updates?*decreased*")
    page.get_by_label("Service, by name or ID").fill("polls")
    page.get_by_role("button", name="Search").click()
    rows = page.locator(".updates tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("1.35 → 0.00045")
    expect(page.get_by_role("link", name="Decreased")).to_have_attribute("aria-current", "page")


def test_on_a_phone_a_row_is_a_card_and_still_a_row(open_page: OpenPage) -> None:
    page = open_page(path="/updates", viewport=PHONE)
    row = page.get_by_role("row").filter(has_text="Polls").first
    name = row.get_by_role("rowheader").bounding_box()
    date, update = (row.get_by_role("cell").nth(number).bounding_box() for number in (0, 1))
    assert name is not None
    assert date is not None
    assert update is not None
    assert name["y"] + name["height"] <= min(date["y"], update["y"])
    assert update["x"] < date["x"]


def test_from_right_to_left_rates_keep_their_order(open_page: OpenPage, settings: Settings) -> None:
    settings.LANGUAGE_CODE = "ar"
    page = open_page(path="/updates")
    rates = page.locator(".rates:has(s)").first
    old, new = rates.locator("s").bounding_box(), rates.locator("strong").bounding_box()
    assert old is not None
    assert new is not None
    assert old["x"] < new["x"]
    service, date = page.locator(".updates thead th").nth(0), page.locator(".updates thead th").nth(1)
    assert service.evaluate("cell => cell.offsetLeft") > date.evaluate("cell => cell.offsetLeft")


def test_the_keyboard_reaches_everything_and_shows_where_it_is(open_page: OpenPage) -> None:
    page = open_page(path="/updates")
    names = []
    for _ in range(13):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            """() => {
                const focused = document.activeElement;
                const marked = focused.type === 'radio' ? focused.nextElementSibling : focused;
                return getComputedStyle(marked).outlineStyle;
            }"""
        )
        assert outline != "none"
        names.append(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.id"))
    assert names[3:] == [
        "API",
        "Updates",
        "All",
        "New",
        "Increased",
        "Decreased",
        "Enabled",
        "Disabled",
        "search",
        "Search",
    ]


def test_the_other_pages_are_one_step_away(open_page: OpenPage) -> None:
    for viewport in (PHONE, DESK):
        page = open_page(path="/updates", viewport=viewport)
        page.get_by_role("link", name="API", exact=True).click()
        page.wait_for_url("**/api")
        page.get_by_role("link", name="Updates", exact=True).click()
        page.wait_for_url("**/updates")
