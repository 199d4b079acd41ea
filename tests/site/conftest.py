"""The pages over HTTP, and a browser to look at them: what a test of the site needs."""

import shutil
import threading
from collections.abc import Iterator
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, Request, ViewportSize, sync_playwright

from tests.site.browsing import BROWSER_OPTIONS, BROWSERS, DESK, OpenPage

# How the browser calls a file (the icon is the last it loads) of a page that was left before it came.
LEFT_BEHIND = "net::ERR_ABORTED"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def pages_url() -> Iterator[str]:
    from purveyor.wsgi import application

    with make_server("127.0.0.1", 0, application, server_class=_Server, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=BROWSER_OPTIONS)
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: Browser, pages_url: str) -> Iterator[OpenPage]:
    """Open a page in a window of its own; whatever the browser complains about fails the test."""
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    def complain_of(request: Request) -> None:
        if request.failure != LEFT_BEHIND:
            complaints.append(f"{request.url}: {request.failure}")

    def opened(*, viewport: ViewportSize = DESK, path: str = "/api", **options: object) -> Page:
        context = browser.new_context(viewport=viewport, **options)  # type: ignore[arg-type]  # passed on as given
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", complain_of)
        page.goto(pages_url + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def api_page(client: Client) -> str:
    """The manual as its reader gets it on http://panel.test."""
    answer = client.get("/api", headers={"host": "localhost:8000"})
    assert answer.status_code == 200
    return answer.content.decode()
