"""Fixtures: Chromium, driven by Playwright, and a server for the pages under test."""

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

REPOSITORY = Path(__file__).parents[3]
AXE = REPOSITORY / "website" / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = REPOSITORY / "build" / "screenshots"


def chromium():
    """Return the path of Chromium, or of the browser named by the environment variable CHROMIUM."""
    name = os.environ.get("CHROMIUM", "chromium")
    if path := shutil.which(name):
        return path
    raise pytest.UsageError(
        f"The browser {name!r} was not found; install it with `apt-get install chromium`, or set CHROMIUM to its path."
    )


def pytest_configure():
    chromium()  # before any test, and before pytest-xdist starts other processes


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        # Chromium's sandbox does not work as root.
        options = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = playwright.chromium.launch(executable_path=chromium(), args=options)
        yield browser
        browser.close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def serve():
    """Return a function that serves a folder on the loopback interface and returns the address."""
    servers = []

    def serve(folder):
        handler = functools.partial(QuietHandler, directory=str(folder))
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield serve
    for server in servers:
        server.shutdown()


class PageErrors(list):
    """Collect errors on the console, failed requests, and requests to other hosts."""

    def __init__(self, page, address):
        super().__init__()
        page.on("console", lambda message: message.type == "error" and self.append(message.text))
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on("requestfailed", self.failed)
        page.on("response", lambda answer: answer.status >= 400 and self.append(f"{answer.status}: {answer.url}"))
        page.on("request", lambda request: self.check_host(request.url, address))

    def failed(self, request):
        if request.failure != "net::ERR_ABORTED":  # requests are canceled when the browser leaves a page
            self.append(f"failed: {request.url}: {request.failure}")

    def check_host(self, url, address):
        if not url.startswith((address, "data:", "blob:")):
            self.append(f"other host: {url}")


def violations(page, part=None, rules=None):
    """Return the accessibility problems that axe-core finds, each with the first element that it concerns.

    Args:
        page: Playwright's page.
        part: A CSS selector; None is the whole page.
        rules: Settings of axe-core's rules.
    """
    page.evaluate(AXE.read_text())
    options = {"resultTypes": ["violations"], "rules": rules or {}}
    found = page.evaluate("([part, options]) => axe.run(part ?? document, options)", [part, options])["violations"]
    return [f"{violation['help']}: {violation['nodes'][0]['html']}" for violation in found]
