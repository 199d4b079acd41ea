"""The manual in a real browser: phone and desk, day and night, right to left, keyboard, without scripts."""

import pytest
from playwright.sync_api import Page, ViewportSize, expect
from pytest_django import Settings

from tests.site.browsing import DESK, NARROW, PHONE, OpenPage, overflow

AN_HOUR = 3_600_000  # in milliseconds


def unfold_everything(page: Page) -> None:
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.parametrize("viewport", [NARROW, PHONE, DESK], ids=["narrow", "phone", "desk"])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_page_never_scrolls_sideways(
    open_page: OpenPage, settings: Settings, viewport: ViewportSize, language: str
) -> None:
    settings.LANGUAGE_CODE = language
    page = open_page(viewport=viewport)
    unfold_everything(page)
    for tab in page.locator(".tabs > label").all():
        tab.click()
        assert overflow(page) == 0


def test_from_right_to_left_the_contents_stand_on_the_right_and_code_stays(
    open_page: OpenPage, settings: Settings
) -> None:
    settings.LANGUAGE_CODE = "ar"
    page = open_page()
    contents = page.locator(".contents").bounding_box()
    text = page.locator("main").bounding_box()
    assert contents is not None
    assert text is not None
    assert contents["x"] > text["x"]
    assert page.locator("pre").first.evaluate("code => getComputedStyle(code).direction") == "ltr"


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_theme_can_be_chosen_over_the_systems(open_page: OpenPage, scripts: bool) -> None:  # noqa: FBT001
    page = open_page(color_scheme="light", java_script_enabled=scripts)
    colours = {"system": page.screenshot(clip={"x": 0, "y": 0, "width": 4, "height": 4})}
    for theme in ("dark", "light"):
        page.locator(f"label:has(#theme-{theme})").click()
        colours[theme] = page.screenshot(clip={"x": 0, "y": 0, "width": 4, "height": 4})
    assert colours["dark"] != colours["light"]
    assert colours["system"] == colours["light"]


def test_the_chosen_theme_is_remembered_and_can_be_forgotten(open_page: OpenPage) -> None:
    page = open_page(color_scheme="light")
    by_day = background(page)
    page.locator("label:has(#theme-dark)").click()
    by_night = background(page)
    assert by_night != by_day
    page.reload()
    assert background(page) == by_night
    assert page.locator("#theme-dark").is_checked()
    page.locator("label:has(#theme-auto)").click()
    page.reload()
    assert background(page) == by_day


def test_the_system_decides_at_first(open_page: OpenPage) -> None:
    assert background(open_page(color_scheme="dark")) != background(open_page(color_scheme="light"))


def test_the_keyboard_reaches_everything_and_shows_where_it_is(open_page: OpenPage) -> None:
    page = open_page()
    unfold_everything(page)
    # Of a group of radio buttons the keyboard visits the chosen one; arrows go on from there.
    expected = page.evaluate(
        """() => [...document.querySelectorAll('a, button, summary, input, [tabindex="0"]')]
            .filter(part => part.checkVisibility() && !(part.type === 'radio' && !part.checked)).length"""
    )
    seen = 0
    for _ in range(expected):
        page.keyboard.press("Tab")
        is_marked = page.evaluate(
            """() => {
                const focused = document.activeElement;
                const marked = focused.type === 'radio' ? focused.nextElementSibling : focused;
                return focused !== document.body && getComputedStyle(marked).outlineStyle !== 'none';
            }"""
        )
        assert is_marked, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        seen += 1
    assert seen == expected > 60
    assert page.evaluate("document.activeElement.getAttribute('href')") == "/api/examples/api.php"


def test_the_first_tab_skips_to_the_content(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.wait_for_url("**#content")


def test_languages_are_changed_with_arrows(open_page: OpenPage) -> None:
    page = open_page()
    page.locator("#language-1").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("link", name="Download api.py")).to_be_visible()
    expect(page.get_by_role("link", name="Download api.php")).to_be_hidden()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_an_order_type_unfolds(open_page: OpenPage, scripts: bool) -> None:  # noqa: FBT001
    page = open_page(java_script_enabled=scripts, viewport=PHONE)
    fields = page.locator("#add-web-traffic .parameters")
    expect(fields).to_be_hidden()
    page.locator("#add-web-traffic > summary").click()
    expect(fields).to_be_visible()


def test_a_link_to_an_order_type_unfolds_it(open_page: OpenPage) -> None:
    page = open_page(path="/api#add-poll")
    expect(page.locator("#add-poll .parameters")).to_be_visible()


def test_code_is_copied_whole(open_page: OpenPage) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.clock.install()
    page.clock.pause_at(page.evaluate("Date.now()") + AN_HOUR)  # only in the future
    block = page.locator("#balance .code").first
    button = block.get_by_role("button")
    button.click()
    expect(button).to_contain_text("Copied")  # the browser writes to the clipboard in its own time
    assert page.evaluate("navigator.clipboard.readText()") == block.locator("code").inner_text()
    page.clock.run_for(2_000)
    expect(button).not_to_contain_text("Copied")


def test_without_scripts_no_button_pretends_to_copy(open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)
    assert page.get_by_role("button", name="Copy").count() == 0


def test_the_contents_follow_the_reader(open_page: OpenPage) -> None:
    page = open_page()
    page.locator("#errors").scroll_into_view_if_needed()
    page.evaluate("document.documentElement.style.scrollBehavior = 'auto'; location.hash = 'errors'")
    page.wait_for_selector('.contents a[href="#errors"][aria-current="location"]')
    assert page.locator(".contents [aria-current]").count() == 1


def test_the_page_is_light(open_page: OpenPage) -> None:
    page = open_page()
    files = page.evaluate(
        "performance.getEntriesByType('resource').map(file => new URL(file.name).pathname.split('.').pop())"
    )
    assert sorted(files) in (["css", "js"], ["css", "js", "svg"])
