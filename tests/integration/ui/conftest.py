"""A server on the demo's data, and pages of a headless Chromium that must stay quiet and at home."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.integration.processes import Server, environment, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

DEMO = Path(__file__).parents[3] / "examples" / "demo.py"
# The quiet flags: a browser that phones home would look like a page that does.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LIMIT_MS = 60_000
"""How long a page may take for anything: other tests run beside it."""
expect.set_options(timeout=LIMIT_MS)


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the demo's runs, to be copied; trained once for all workers."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    store = shared / "demo-store"
    with (shared / "demo-store.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not store.exists():
            made = shared / "demo-store.made"
            shutil.rmtree(made, ignore_errors=True)
            command = [sys.executable, str(DEMO), "--dir", str(made), "--port", str(free_port())]
            subprocess.run(command, check=True, capture_output=True, env=environment(), timeout=600)
            made.rename(store)
    return store


@pytest.fixture(scope="session")
def site_server(demo_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server behind `site`. Its runs are shared: what a test changes, it makes for itself."""
    directory = tmp_path_factory.mktemp("site") / "store"
    shutil.copytree(demo_store, directory, symlinks=True, ignore=shutil.ignore_patterns("server.lock"))
    server = Server(directory, ui=True, TRACKSTREAM_LAUNCH_QUEUES="default").start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def site(site_server: Server) -> str:
    """The URL of a server on the demo's data."""
    return site_server.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or the one that TRACKSTREAM_TEST_CHROMIUM names."""
    path = os.environ.get("TRACKSTREAM_TEST_CHROMIUM", "/usr/bin/chromium")
    if not Path(path).exists():
        # As with the servers of the native stack: a gap may be skipped on a desk, never in CI.
        missing = f"no Chromium at {path}: apt-get install chromium, or set TRACKSTREAM_TEST_CHROMIUM"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield started
        started.close()


class Browse:
    """Opens pages; says at the end what they did that no page may."""

    def __init__(self, browser: Browser, home: str) -> None:
        self._browser = browser
        self._home = home
        self._contexts: list[BrowserContext] = []
        self.wrongs: list[str] = []
        self.forgiven: list[str] = []
        """Parts of messages that a test has provoked, such as the 404 of a page that is not there."""

    def __call__(
        self, place: str, *, width: int = 1440, height: int = 900, dark: bool = False, home: str = ""
    ) -> Page:
        """Return a page in a fresh browser context, loaded and connected; `home` is another server's URL."""
        own = home or self._home
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale="en-GB",
            timezone_id="UTC",
        )
        context.set_default_timeout(LIMIT_MS)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.wrongs.append(f"page error: {error}"))
        page.on("request", lambda request: self._asked(request, own))
        page.on("response", lambda answer: self._answered(answer.status, answer.url))
        page.goto(own + place)
        # NiceGUI's socket: what is clicked before it is there would be lost.
        page.wait_for_function("window.did_handshake === true")
        page.locator("main#main").wait_for()
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.wrongs.append(f"console {message.type}: {message.text}")

    def _asked(self, request: Request, home: str) -> None:
        url = urlsplit(request.url)
        if url.scheme not in ("data", "blob", "about") and url.netloc != urlsplit(home).netloc:
            self.wrongs.append(f"request to another host: {request.url}")

    def _answered(self, status: int, url: str) -> None:
        if status >= 400:
            self.wrongs.append(f"{status} {url}")

    def finish(self) -> None:
        """Close the pages; fails for what was not forgiven."""
        for context in self._contexts:
            context.close()
        wrong = [one for one in self.wrongs if not any(part in one for part in self.forgiven)]
        assert not wrong, "\n".join(wrong)


@pytest.fixture
def browse(browser: Browser, site: str) -> Iterator[Browse]:
    """`browse("/ui/runs", dark=True)` opens a page of `site`; the test fails for what pages may not do."""
    opened = Browse(browser, site)
    yield opened
    opened.finish()


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Page, str], Path]:
    """`picture(page, "runs-dark")` keeps a screenshot, in TRACKSTREAM_TEST_PICTURES where that is set."""
    chosen = os.environ.get("TRACKSTREAM_TEST_PICTURES")
    folder = Path(chosen) if chosen else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)

    def keep(page: Page, name: str) -> Path:
        path = folder / f"{name}.png"
        page.screenshot(path=path)
        return path

    return keep
