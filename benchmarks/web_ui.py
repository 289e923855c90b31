"""The web UI in a headless Chromium, on a store of a million runs and a hundred million points; and what the
API takes for the same store, without a browser.

Times are the browser's own: from the start of a navigation, a click or a key to the animation frame in which
what was asked for is there. A page is loaded in a fresh profile, so nothing is in its cache, unless said.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from benchmarks import questions
from benchmarks.measure import Figure, figure, latencies
from benchmarks.seeding import FILTER, Seeder
from benchmarks.trainer import KEYS
from benchmarks.watching import api, until_readable, until_settled
from tests.integration.processes import Server
from tests.integration.ui.conftest import FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from benchmarks.scale import Scale

ROUNDS = 7
QUIET_S = 330.0
"""As in `million`."""
LONG_RUNS = 100
CHARTED = 10
COMPARED = 20
CHROMIUM = "/usr/bin/chromium"
_LIMIT_MS = 120_000
_WATCH = """
    window.bench = {acted: 0, rows: 0, drawn: 0, allDrawn: 0};
    const first = () => document.querySelector('.ag-row[row-index="0"] a')?.textContent;
    const watch = () => {
      const now = performance.now();
      if (!bench.rows && first() && first() !== bench.before) bench.rows = now;
      const charts = [...document.querySelectorAll("figure.ts-chart")].filter(
        (chart) => chart.getBoundingClientRect().top < innerHeight);
      const drawn = charts.filter((chart) => !chart.querySelector(".ts-chart-state"));
      if (!bench.drawn && drawn.length) bench.drawn = now;
      if (!bench.allDrawn && drawn.length && drawn.length === charts.length) bench.allDrawn = now;
      requestAnimationFrame(watch);
    };
    requestAnimationFrame(watch);
    bench.expect = () => Object.assign(bench, {before: first(), rows: 0, acted: 0});
    const acted = () => { if (!bench.acted) bench.acted = performance.now(); };
    addEventListener("pointerdown", acted, true);
    addEventListener("keydown", (event) => { if (event.key === "Enter") acted(); }, true);
"""
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def run(scale: Scale) -> list[Figure]:
    """Seed one store and look at it when the engine has merged it."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as sides:
        store = Path(folder) / "store"
        server = Server(store, ui=True).start()
        sides.callback(server.close)
        seeder = Seeder(str(store), sides)
        seeded = seeder.runs(scale.most_runs)
        of_run = scale.most_points // LONG_RUNS
        long = seeder.points(LONG_RUNS, of_run)
        what = f"{scale.most_runs:,} runs, {scale.most_points:,} points"
        with api(server.url) as client:
            until_readable(client, long[-1])
            until_settled(store, scale.of(QUIET_S, 2.0))
            asked = (
                ("best run by val_loss", questions.best(client, seeded), 30.0),
                ("search by two params, a metric and a tag", questions.search(client, seeded), 150.0),
                (
                    f"{CHARTED} curves of {of_run // len(KEYS):,} points",
                    questions.chart(client, long[:CHARTED], KEYS[0], CHARTED * (of_run // len(KEYS))),
                    60.0,
                ),
            )
            found = []
            for name, question, bar in asked:
                durations = latencies(question, scale.of(5, 1), scale.of(40, 3))
                found += durations.figures(f"API: {name}, {what}", p50_at_most=bar)
        playwright = sides.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        sides.callback(browser.close)
        rounds = range(scale.of(ROUNDS, 2))
        loads = [_load(browser, server.url) for _ in rounds]
        acts = [_sort_and_filter(browser, server.url) for _ in rounds]
        compares = [_compare(browser, server.url, long[:COMPARED]) for _ in rounds]
        return [
            *found,
            figure(f"first paint of the runs page, {what}", "ms", [one[0] for one in loads], at_most=1000),
            figure("the same, until its rows are there", "ms", [one[1] for one in loads]),
            figure("sort by a metric, click to rows", "ms", [one[0] for one in acts], at_most=300),
            figure("sort by a param, click to rows", "ms", [one[1] for one in acts], at_most=300),
            figure("filter on two params, a metric and a tag", "ms", [one[2] for one in acts], at_most=300),
            figure(
                f"compare of {COMPARED} runs, cached page, to the first chart", "ms", [x[0] for x in compares]
            ),
            figure("the same, to all charts in sight", "ms", [one[1] for one in compares], at_most=500),
        ]


@contextmanager
def _page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(_LIMIT_MS)
    context.add_init_script(_WATCH)
    yield context.new_page()
    context.close()


def _load(browser: Browser, url: str) -> tuple[float, float]:
    with _page(browser) as page:
        page.goto(f"{url}/ui/runs")
        page.wait_for_function("bench.rows")
        return float(page.evaluate(_PAINTED)), float(page.evaluate("bench.rows"))


def _sort_and_filter(browser: Browser, url: str) -> tuple[float, float, float]:
    with _page(browser) as page:
        page.goto(f"{url}/ui/runs")
        page.wait_for_function("bench.rows")
        headers = page.locator(".ag-header-cell-text")
        metric = _took(page, lambda: headers.get_by_text("val_loss", exact=True).click())
        param = _took(page, lambda: headers.get_by_text("lr", exact=True).click())
        page.keyboard.press("/")
        page.keyboard.insert_text(FILTER)
        return metric, param, _took(page, lambda: page.keyboard.press("Enter"))


def _took(page: Page, act: Any) -> float:
    """Return the milliseconds from an act until the first row is another."""
    page.evaluate("bench.expect()")
    act()
    page.wait_for_function("bench.rows")
    return float(page.evaluate("bench.rows - bench.acted"))


def _compare(browser: Browser, url: str, run_ids: list[str]) -> tuple[float, float]:
    with _page(browser) as page:
        # As when somebody comes from another page: what pages share is in the cache.
        page.goto(f"{url}/ui/compare?runs={run_ids[0]}")
        page.wait_for_function("bench.allDrawn")
        page.goto(f"{url}/ui/compare?" + "&".join(f"runs={run_id}" for run_id in run_ids))
        page.wait_for_function("bench.allDrawn")
        return float(page.evaluate("bench.drawn")), float(page.evaluate("bench.allDrawn"))
