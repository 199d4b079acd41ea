"""A real browser on the pages: windows of the usual sizes, and what to look for in them."""

from collections.abc import Callable
from typing import Final

from playwright.sync_api import Page, ViewportSize

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
BROWSER_OPTIONS: Final = [
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = ViewportSize(width=390, height=844)
DESK = ViewportSize(width=1280, height=900)
NARROW = ViewportSize(width=320, height=640)

OpenPage = Callable[..., Page]


def overflow(page: Page) -> int:
    """By how many pixels the page can be scrolled sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
