"""One attempt: what a receiver may answer, and what is made of it."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from trackstream_api.webhooks.config import Webhook
from trackstream_api.webhooks.sending import Outcome, Sender

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "a-secret-for-the-tests-alone"
RELEASE = threading.Event()
ASKED: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """Answers with the status in the path; /never does not, and /endless does not stop."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        ASKED.append(self.path)
        if self.path == "/never":
            RELEASE.wait(60)
            self.close_connection = True
            return
        status = 500 if self.path == "/endless" else int(self.path[1:])
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/200")
        if status == 429:
            self.send_header("Retry-After", "17")
        body = b"no \x1b[31m room" if status >= 400 else b""
        self.send_header("content-length", str(10**9 if self.path == "/endless" else len(body)))
        self.end_headers()
        self.wfile.write(body * (1000 if self.path == "/endless" else 1))
        if self.path == "/endless":
            self.wfile.flush()
            RELEASE.wait(60)
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    RELEASE.set()
    server.shutdown()
    server.server_close()
    thread.join()


def sent(url: str, *, allowed: bool = True) -> Outcome:
    webhook = Webhook(name="x", url=url, events=["*"], allow_private_addresses=allowed, timeout_s=0.5)
    with Sender(webhook, [SECRET]) as sender:
        return sender.send("id", b"{}")


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_taken(url: str, status: int) -> None:
    assert sent(f"{url}/{status}") == Outcome(status)


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
def test_refused_for_now(url: str, status: int) -> None:
    assert sent(f"{url}/{status}") == Outcome(status, f"{status}: no \x1b[31m room")


def test_what_a_receiver_says_beside_its_status(url: str) -> None:
    assert sent(f"{url}/429").retry_after_s == 17.0
    assert sent(f"{url}/410").final


def test_redirections_are_not_followed(url: str) -> None:
    ASKED.clear()
    assert not sent(f"{url}/302").delivered
    assert ASKED == ["/302"]


def test_a_receiver_that_never_answers_or_never_stops(url: str) -> None:
    never, endless = sent(f"{url}/never"), sent(f"{url}/endless")
    assert (never.status, never.final) == (None, False)
    assert "Timeout" in never.error
    assert endless.status == 500
    assert len(endless.error) < 400


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/x", "http://none.invalid/", f"http://{'a' * 70}.x/"])
def test_nobody_there(address: str) -> None:
    found = sent(address)
    assert (found.status, found.delivered, found.final) == (None, False, False)
    assert found.error


def test_a_private_address_is_refused_for_good(url: str) -> None:
    ASKED.clear()
    found = sent(f"{url}/200", allowed=False)
    assert (found.status, found.final, ASKED) == (None, True, [])
