"""The system page: how far the projectors are, dead letters, replay and verify, storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect

from tests.integration.ui.logging_runs import logging_to
from trackstream_schemas import codec, sqlite_layout, topics
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.integration.processes import Server
    from tests.integration.ui.conftest import Browse


def put(server: Server, topic: str, key: str, value: bytes) -> str:
    """Put bytes on the log that no producer would; returns their position."""
    with sqlite_layout.connect(server.directory / sqlite_layout.FILE_NAME) as log:
        log.execute("BEGIN IMMEDIATE")
        (offset,) = log.execute("SELECT next_offset FROM partitions WHERE topic = ?", (topic,)).fetchone()
        log.execute(
            f"INSERT INTO {sqlite_layout.table_of(topic)} VALUES (0, ?, ?, ?, 5)", (offset, key, value)
        )
        log.execute("UPDATE partitions SET next_offset = next_offset + 1 WHERE topic = ?", (topic,))
        log.execute("COMMIT")
    log.close()
    return f"{topic}:0:{offset}"


@pytest.fixture
def letters_at(site_server: Server) -> tuple[str, str]:
    """Positions of two dead letters: one that can be read, as after a mended failure, and one that cannot."""
    run_id, offset = new_id(), 1_000_000
    started = e.RunStarted(run_id, "0", "given-up", 1_760_000_000_000, "ada", {})
    event = codec.encode(e.Event(e.Envelope(new_id(), 7, new_id(), 3, "ada"), started))
    letter = e.DeadLettered("entities", topics.RUNS, 0, offset, run_id, event, "Bug", "was mended")
    readable = f"{topics.RUNS}:0:{offset}"
    value = codec.encode(e.Event(e.Envelope(new_id(), 9, new_id(), 0), letter))
    put(site_server, topics.DEAD_LETTERS, readable, value)
    damaged = put(site_server, topics.RUNS, new_id(), b"\xc3\x01garbage<script>")
    # An append of the server's own wakes the projectors: they do not wait for another process's.
    with logging_to(site_server.url) as append:
        append(e.RunStarted(new_id(), "0", "x", 1_760_000_000_000, "ada", {}))
    return readable, damaged


def test_dead_letters_are_looked_at_retried_and_dismissed(
    browse: Browse, letters_at: tuple[str, str], picture: Callable[[Page, str], Path]
) -> None:
    readable, damaged = letters_at
    page = browse("/ui/system")
    letters = page.get_by_role("region", name="Dead letters")
    letters.get_by_role("button", name=f"Show {readable}", exact=True).click()
    detail = page.get_by_role("dialog", name=f"Dead letter {readable}")
    expect(detail.get_by_label("The record")).to_contain_text("given-up")
    detail.get_by_role("button", name="Close").click()
    expect(detail).to_be_hidden()
    page.evaluate("scrollTo(0, 0)")
    picture(page, "system")

    letters.get_by_role("button", name=f"Retry {readable}", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    expect(letters.get_by_role("button", name=f"Retry {readable}", exact=True)).to_have_count(0)
    letters.get_by_role("button", name=f"Retry {damaged}", exact=True).click()
    dialog = page.get_by_role("dialog", name="Append the record again?")
    dialog.get_by_role("button", name="Retry").click()
    expect(dialog.get_by_role("alert")).to_contain_text("still cannot be read")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()

    letters.get_by_role("button", name=f"Dismiss {damaged}", exact=True).click()
    dialog = page.get_by_role("dialog", name="Dismiss the record?")
    dialog.get_by_label("Reason").fill("  ")
    dialog.get_by_role("button", name="Dismiss").click()
    expect(dialog.get_by_role("alert")).to_contain_text("why the record is not wanted")
    dialog.get_by_label("Reason").fill("a test wrote it")
    dialog.get_by_role("button", name="Dismiss").click()
    expect(letters.get_by_role("button", name=f"Dismiss {damaged}", exact=True)).to_have_count(0)
    letters.get_by_role("link", name="Dismissed").click()
    page.wait_for_url("**letters=dropped**")
    expect(letters.get_by_role("row").filter(has_text=damaged.removeprefix("trackstream."))).to_be_visible()


def test_replay_verify_and_what_is_told(
    browse: Browse, picture: Callable[[Page, str], Path], site: str
) -> None:
    page = browse("/ui/system", dark=True)
    tiles = page.get_by_role("group", name="How the store is")
    expect(tiles).to_contain_text("Runs")
    expect(page.get_by_role("region", name="What the store rests on").get_by_text("there")).to_have_count(4)
    projectors = page.get_by_role("table", name="Projectors")
    expect(projectors).to_contain_text("trackstream.metrics")
    for chart in ("Records behind now", "Events per second now"):
        expect(page.get_by_role("img", name=chart).locator("canvas")).to_be_visible()
    storage = page.get_by_role("region", name="Storage")
    expect(storage.get_by_role("table", name="Storage by table")).to_contain_text("metric_points")

    replay = page.get_by_role("region", name="Replay")
    replay.get_by_role("button", name="Rebuild").click()
    page.get_by_role("dialog").get_by_role("button", name="Rebuild").click()
    expect(replay.get_by_text("done", exact=True)).to_be_visible()
    verify = page.get_by_role("region", name="Verify")
    verify.get_by_role("button", name="Compare").click()
    page.get_by_role("dialog").get_by_role("button", name="Compare").click()
    expect(verify.get_by_text("The tables are what the log says.")).to_be_visible()
    expect(verify.get_by_role("table")).to_contain_text("runs")
    picture(page, "system-dark")

    # What comes onto the log is seen in the table of the projectors, without a word from here.
    row = projectors.get_by_role("row").filter(has_text="trackstream.experiments").first
    before = row.inner_text()
    httpx.post(f"{site}/api/v1/experiments", json={"name": f"seen {new_id()}"}, timeout=60).raise_for_status()
    expect(row).not_to_have_text(before)


def test_on_a_phone_and_in_the_past(browse: Browse, picture: Callable[[Page, str], Path]) -> None:
    page = browse("/ui/system?as_of=2026-01-01T00:00:00Z", width=390, height=844)
    expect(page.get_by_role("note")).to_contain_text("now")
    expect(page.get_by_role("button", name="Rebuild")).to_be_disabled()
    expect(page.get_by_role("table", name="Projectors")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    picture(page, "system-phone")
