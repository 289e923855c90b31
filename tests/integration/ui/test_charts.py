"""Curves in the browser: what they ask the server for, zooming, gaps, smoothing, and runs that go on."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from trackstream import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Locator, Page, Request

    from tests.integration.processes import Server
    from tests.integration.ui.conftest import Browse

STEPS = 20_000
GAP = range(8_000, 12_000)


@pytest.fixture(scope="module")
def client(site_server: Server) -> Iterator[Client]:
    made = Client(site_server.url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def long_run(client: Client) -> str:
    """The id of a run of many steps: a falling `loss` with a gap of NaN, and a rising `gain`."""
    run = client.create_run(client.get_or_create_experiment("charts").experiment_id, run_name="long")
    for step in range(STEPS):
        falling = math.exp(-step / 4_000) + 0.1 * math.sin(step) ** 2
        run.log_metrics({"loss": math.nan if step in GAP else falling, "gain": float(step)}, step=step)
    run.end("FINISHED")
    assert run.flush()
    return run.run_id


def chart(page: Page, metric: str) -> Locator:
    return page.get_by_role("group", name=re.compile(f"^{re.escape(metric)}: "))


def shown_steps(found: Locator) -> tuple[int, int]:
    """The steps that a chart says it shows."""
    label = found.get_attribute("aria-label") or ""
    first, last = re.findall(r"Step (-?[\d,]+)", label)
    return int(first.replace(",", "")), int(last.replace(",", ""))


def asked(request: Request) -> dict[str, Any]:
    return dict(json.loads(request.post_data or "{}"))


def is_series(request: Request) -> bool:
    return "/metrics/series" in request.url


def test_a_long_curve_and_a_closer_look(
    browse: Browse, long_run: str, picture: Callable[[Page, str], Path]
) -> None:
    page = browse("/ui/experiments")
    requests: list[dict[str, Any]] = []
    page.on("request", lambda request: requests.append(asked(request)) if is_series(request) else None)
    page.goto(page.url.replace("/ui/experiments", f"/ui/compare?runs={long_run}"))
    loss, gain = chart(page, "loss"), chart(page, "gain")
    expect(loss).to_have_attribute("aria-label", re.compile("loss: 1 run, Step 0 to Step 19,999"))
    expect(gain).to_have_attribute("aria-label", re.compile("long 19999$"))
    # Both charts' curves came in one answer, of no more buckets than there are pixels.
    (first,) = requests
    assert sorted(first["keys"]) == ["gain", "loss"]
    assert 50 <= first["buckets"] <= 1000
    picture(page, "charts-long")

    box = loss.locator(".ts-chart-plot").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    with page.expect_request(is_series) as finer:
        page.mouse.move(box["x"] + box["width"] * 0.25, middle)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.35, middle, steps=4)
        page.mouse.up()
    part = asked(finer.value)
    assert part["keys"] == ["loss"]
    assert 0 < part["start"] < part["end"] < STEPS
    begin, end = shown_steps(loss)
    assert part["start"] <= begin < end <= part["end"]
    assert shown_steps(gain) == (0, STEPS - 1)

    page.mouse.move(box["x"] + box["width"] * 0.3, middle)
    tip = loss.locator(".ts-chart-tip")
    expect(tip).to_contain_text("Step ")
    picture(page, "charts-zoomed")
    loss.get_by_role("button", name="Reset zoom").click()
    expect(loss).to_have_attribute("aria-label", re.compile("Step 0 to Step 19,999"))
    loss.focus()
    with page.expect_request(is_series):
        page.keyboard.press("+")
    expect(loss).not_to_have_attribute("aria-label", re.compile("Step 0 to"))
    with page.expect_request(is_series):
        page.keyboard.press("0")
    expect(loss).to_have_attribute("aria-label", re.compile("Step 0 to Step 19,999"))

    loss.get_by_role("button", name="Logarithmic y axis of loss").click()
    expect(page).to_have_url(re.compile("logy=loss"))
    page.get_by_role("combobox", name="x").select_option("relative")
    expect(loss).to_have_attribute("aria-label", re.compile("after the start to"))
    page.get_by_role("combobox", name="x").select_option("step")
    expect(loss).to_have_attribute("aria-label", re.compile("Step 0 to Step 19,999"))
    with page.expect_request(is_series) as grown:
        page.get_by_role("checkbox", name="log x").check()
    assert asked(grown.value)["spacing"] == "log"
    expect(loss).to_have_attribute("aria-label", re.compile("Step 1 to Step 19,999"))


def test_a_live_run_grows_before_ones_eyes(
    browse: Browse, client: Client, picture: Callable[[Page, str], Path]
) -> None:
    run = client.create_run(client.get_or_create_experiment("charts").experiment_id, run_name="live")
    log_loss(run, range(10))
    page = browse(f"/ui/compare?runs={run.run_id}&keys=loss")
    loss = chart(page, "loss")
    expect(loss).to_have_attribute("aria-label", re.compile("Step 0 to Step 9"))
    with page.expect_request(lambda request: "/api/v1/stream" in request.url):
        page.reload()
    expect(loss).to_have_attribute("aria-label", re.compile("Step 0 to Step 9"))
    for end in (20, 40):
        log_loss(run, range(end // 2, end))
        expect(loss).to_have_attribute("aria-label", re.compile(f"Step 0 to Step {end - 1}"))
    # Looked at closer in the middle it stays there.
    box = loss.locator(".ts-chart-plot").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 40, steps=4)
    page.mouse.up()
    loss.get_by_role("button", name="Reset zoom").wait_for()
    part = shown_steps(loss)
    log_loss(run, range(40, 60))
    page.mouse.dblclick(box["x"] + box["width"] * 0.5, box["y"] + 60)
    expect(loss).to_have_attribute("aria-label", re.compile("Step 0 to Step 59"))
    assert part[1] < 39
    picture(page, "charts-live")
    run.end("FINISHED")


def log_loss(run: Any, steps: range) -> None:
    for step in steps:
        run.log_metrics({"loss": 1 / (1 + step)}, step=step)
    assert run.flush()


SMOOTHED = """async ([values, weight]) => {
    const { smoothed } = await import("trackstream-charts/curves.js");
    const found = smoothed(values.map((value) => value ?? NaN), weight);
    return [...found].map((value) => (Number.isNaN(value) ? null : value));
}"""
TICKS = """async () => {
    const of = await import("trackstream-charts/ticks.js");
    return {
        linear: of.linearTicks(-0.12, 0.93, 5), whole: of.linearTicks(0, 3, 12, true),
        one: of.linearTicks(4, 4, 5),
        log: of.logTicks(0.0005, 20, 6), narrow: of.logTicks(2, 9, 4), time: of.timeTicks(0, 600000, 5),
        short: [0, 0.00001234, 0.25, 12345, 1200000, 3e15, -0.5].map(of.shortNumber),
        clock: [0, 1500, 61000, 3723000, 90000000].map(of.clock),
    };
}"""
SURFACE = """async () => {
    const { heightAt, interpolated, isolines } = await import("trackstream-charts/surface.js");
    const { box } = await import("trackstream-charts/box_chart.js");
    const corners = [0, 1].flatMap((x) => [0, 1].map((y) => ({ x, y, z: x })));
    const rows = interpolated(corners, 21, 21);
    const heights = [heightAt(rows, 0, 0.3), heightAt(rows, 0.5, 0.5), heightAt(rows, 1, 1)];
    const ends = [rows[0][0], rows[20][20]];
    const line = isolines(rows, 0.4).flat().map(([x, y]) => heightAt(rows, x, y));
    return { line, ends, heights, box: box([1, 2, 3, 4, 100]) };
}"""


def test_what_is_made_of_curves(browse: Browse) -> None:
    page = browse("/ui/compare")
    values = [3.0, 1.0, math.nan, 4.0, 1.0, 5.0]
    given = [None if math.isnan(value) else value for value in values]
    assert page.evaluate(SMOOTHED, [given, 0.6]) == pytest.approx(tensorboard(values, 0.6))
    assert page.evaluate(TICKS) == {
        "linear": [0, 0.2, 0.4, 0.6, 0.8],
        "whole": [0, 1, 2, 3],
        "one": [4],
        "log": [0.001, 0.01, 0.1, 1, 10],
        "narrow": [2, 4, 6, 8],
        "time": [0, 120_000, 240_000, 360_000, 480_000, 600_000],
        "short": ["0", "1.23e-5", "0.25", "12.35k", "1.2M", "3e15", "-0.5"],
        "clock": ["0:00", "1.5 s", "1:01", "1:02:03", "1d 01:00"],
    }
    surface = page.evaluate(SURFACE)
    # From the lower edge to the upper one, two ends a row.
    assert len(surface["line"]) >= 40
    assert surface["line"] == pytest.approx([0.4] * len(surface["line"]))
    assert surface["ends"] == pytest.approx([0, 1], abs=1e-3)
    assert surface["heights"][1:] == pytest.approx([0.5, 1], abs=1e-3)
    assert surface["box"] == [1, 2, 3, 4, 4]


def tensorboard(values: list[float], weight: float) -> list[float | None]:
    """TensorBoard's exponential moving average with its beginning made up for; gaps stay."""
    average, seen = 0.0, 0
    found: list[float | None] = []
    for value in values:
        if math.isnan(value):
            found.append(None)
            continue
        average = average * weight + (1 - weight) * value
        seen += 1
        found.append(average / (1 - weight**seen))
    return found
