"""Runs side by side: the demo's, and some that mean ill."""

from __future__ import annotations

import io
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from trackstream import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.integration.processes import Server
    from tests.integration.ui.conftest import Browse

EXPERIMENT = "digits"
HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>{{ 1 + 1 }}"
Run = dict[str, Any]


@pytest.fixture(scope="module")
def runs(site_server: Server) -> list[Run]:
    """Some of the demo's runs."""
    body = {"experiment_names": [EXPERIMENT], "order_by": ["attributes.run_name ASC"], "limit": 8}
    found: list[Run] = site_server.client.post("/api/v1/runs/search", json=body).json()["runs"]
    assert len(found) == 8
    return found


@pytest.fixture(scope="module")
def client(site_server: Server) -> Iterator[Client]:
    made = Client(site_server.url)
    yield made
    made.close()


def address(runs: list[Run], **query: str) -> str:
    named = [f"runs={run['run_id']}" for run in runs] + [f"{name}={value}" for name, value in query.items()]
    return "/ui/compare?" + "&".join(named)


def chart(page: Page, metric: str) -> Locator:
    return page.get_by_role("group", name=re.compile(f"^{metric}: "))


def tab(page: Page, name: str) -> Locator:
    page.get_by_role("tab", name=name, exact=True).click()
    panel = page.get_by_role("tabpanel", name=name)
    expect(panel).to_be_visible()
    return panel


def row_names(panel: Locator) -> list[str]:
    return [text.split("\n")[0].strip() for text in panel.get_by_role("rowheader").all_inner_texts()]


def texts(runs: list[Run], kind: str) -> dict[str, list[Any]]:
    """The values of each key, a run each."""
    keys = sorted({key for run in runs for key in run[kind]})
    return {key: [run[kind].get(key) for run in runs] for key in keys}


def test_curves_of_several_runs(
    browse: Browse, runs: list[Run], picture: Callable[[Page, str], Path]
) -> None:
    page = browse(address(runs))
    loss = chart(page, "val_loss")
    expect(loss).to_have_attribute("aria-label", re.compile("val_loss: 8 runs, Step 0 to Step 39"))
    plot = loss.locator(".ts-chart-plot").bounding_box()
    assert plot is not None
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + plot["height"] / 2)
    expect(loss.locator(".ts-chart-tip-row")).to_have_count(8)
    picture(page, "compare-curves")

    first, second = runs[0]["name"], runs[1]["name"]
    page.get_by_role("button", name=f"Hide {first}", exact=True).click()
    expect(loss).to_have_attribute("aria-label", re.compile("val_loss: 7 runs"))
    page.get_by_role("slider", name="Smoothing").fill("0.6")
    page.get_by_role("checkbox", name="log y").check()
    expect(page).to_have_url(re.compile(r"smooth=0.6&logy=\*"))
    page.reload()
    expect(loss).to_have_attribute("aria-label", re.compile("val_loss: 7 runs"))
    expect(page.get_by_role("slider", name="Smoothing")).to_have_value("0.6")
    expect(page.get_by_role("checkbox", name="log y")).to_be_checked()

    page.get_by_role("button", name=f"Remove {second}", exact=True).click()
    expect(loss).to_have_attribute("aria-label", re.compile("val_loss: 6 runs"))
    page.go_back()
    expect(loss).to_have_attribute("aria-label", re.compile("val_loss: 7 runs"))
    page.get_by_role("button", name="Show all").click()
    expect(loss).to_have_attribute("aria-label", re.compile("val_loss: 8 runs"))

    page.keyboard.press("/")
    page.keyboard.type("l1-0.0001")
    page.get_by_role("option", name=re.compile("0.003-l1-0.0001")).click()
    expect(loss).to_have_attribute("aria-label", re.compile("val_loss: 9 runs"))
    page.get_by_role("button", name=re.compile("of 3 metrics")).click()
    page.get_by_role("checkbox", name="train_loss").uncheck()
    expect(chart(page, "train_loss")).to_have_count(0)
    expect(page).to_have_url(re.compile("keys=val_loss"))
    page.get_by_role("button", name="Enlarge val_loss").click()
    expect(page).to_have_url(re.compile("wide=val_loss"))
    page.get_by_label(f"Colour of {first}", exact=True).fill("#123456")
    expect(page).to_have_url(re.compile(f"colours={runs[0]['run_id']}.123456"))


def test_tables_and_images(browse: Browse, runs: list[Run], picture: Callable[[Page, str], Path]) -> None:
    page = browse(address(runs))
    panel = tab(page, "Params")
    params = texts(runs, "params")
    differing = [key for key, values in params.items() if len(set(values)) > 1]
    expect(panel.get_by_role("rowheader")).to_have_count(len(differing))
    assert sorted(row_names(panel)) == differing
    row = panel.get_by_role("row").filter(has_text=differing[0])
    assert row.get_by_role("cell").all_inner_texts() == params[differing[0]]
    picture(page, "compare-params")
    panel.get_by_role("checkbox", name="also what is the same everywhere").check()
    expect(panel.get_by_role("rowheader")).to_have_count(len(params))
    assert sorted(row_names(panel)) == sorted(params)

    panel = tab(page, "Metrics")
    for key, best in (("val_loss", min), ("val_accuracy", max)):
        values = [run["metrics"][key]["value"] for run in runs]
        marked = panel.get_by_role("row").filter(has_text=key).locator("td.is-best")
        found = [float(text) for text in marked.all_inner_texts()]
        assert found
        assert found == pytest.approx([best(values)] * len(found), rel=1e-5)
    panel.get_by_role("button", name="Best of val_loss is the least").click()
    marked = panel.get_by_role("row").filter(has_text="val_loss").locator("td.is-best")
    worst = max(run["metrics"]["val_loss"]["value"] for run in runs)
    expect(marked).to_have_count(1)
    assert float(marked.inner_text()) == pytest.approx(worst, rel=1e-5)
    picture(page, "compare-metrics")

    panel = tab(page, "Tags")
    expect(panel.get_by_role("rowheader").first).to_be_visible()
    panel = tab(page, "Images")
    pictures = panel.get_by_role("img")
    expect(pictures).to_have_count(len(runs))
    panel.get_by_role("combobox", name="Image").select_option("plots/loss.png")
    page.wait_for_function(
        "[...document.querySelectorAll('.cmp-image img')].slice(0, 3)"
        ".every((image) => image.complete && image.naturalWidth > 0 && image.src.includes('loss'))"
    )
    picture(page, "compare-images")


def test_runs_by_their_params(browse: Browse, runs: list[Run], picture: Callable[[Page, str], Path]) -> None:
    page = browse(
        address(
            runs, tab="scatter", sx="params.learning_rate", sy="metrics.val_loss", sc="params.hidden_units"
        )
    )
    panel = page.get_by_role("tabpanel", name="Scatter")
    expect(panel.get_by_role("img", name="val_loss over learning_rate of 8 runs")).to_be_visible()
    picture(page, "compare-scatter")
    panel.get_by_role("combobox", name="Up").select_option("metrics.val_accuracy")
    expect(panel.get_by_role("img", name="val_accuracy over learning_rate of 8 runs")).to_be_visible()
    expect(page).to_have_url(re.compile("sy=metrics.val_accuracy"))

    panel = tab(page, "Parallel")
    drawn = panel.get_by_role("img", name=re.compile("8 runs along"))
    box = drawn.bounding_box()
    assert box is not None
    # The last axis: its upper part is a brush over the runs with most.
    across = box["x"] + box["width"] - 70
    page.mouse.move(across, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(across, box["y"] + box["height"] * 0.45, steps=6)
    page.mouse.up()
    picture(page, "compare-parallel")
    picked = panel.get_by_text(re.compile(r"\d of 8 runs picked"))
    expect(picked).to_be_visible()
    count = int(picked.inner_text()[0])
    assert 0 < count < 8
    panel.get_by_role("button", name="Show only these").click()
    expect(page.get_by_role("button", name=re.compile("^Hide "))).to_have_count(count)
    page.get_by_role("button", name="Show all").click()

    panel = tab(page, "Contour")
    expect(panel.get_by_role("img", name=re.compile("of 8 runs"))).to_be_visible()
    picture(page, "compare-contour")
    panel = tab(page, "Box plot")
    panel.get_by_role("combobox", name="Grouped by").select_option("params.hidden_units")
    expect(panel.get_by_role("img", name=re.compile("by hidden_units"))).to_be_visible()
    picture(page, "compare-box")


def test_in_the_dark_and_on_a_phone(
    browse: Browse, runs: list[Run], picture: Callable[[Page, str], Path]
) -> None:
    page = browse(address(runs, smooth="0.7"), dark=True)
    expect(chart(page, "val_loss")).to_have_attribute("aria-label", re.compile("8 runs"))
    picture(page, "compare-curves-dark")
    page = browse(address(runs), width=390, height=844)
    expect(chart(page, "train_loss")).to_have_attribute("aria-label", re.compile("8 runs"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    picture(page, "compare-phone")


def test_what_is_logged_is_never_markup(
    browse: Browse, site_server: Server, client: Client, picture: Callable[[Page, str], Path]
) -> None:
    experiment = client.get_or_create_experiment(f"ill {HOSTILE[:8]}").experiment_id
    made = []
    for number in range(2):
        run = client.create_run(experiment, run_name=f"{HOSTILE} {number}", tags={"told": HOSTILE})
        run.log_params({"told": f"{HOSTILE} {number}", "lr": number})
        run.log_metrics({"loss": 0.5 + number}, step=0)
        run.log_metrics({"loss": 0.25 + number}, step=1)
        for step in (1, 20):
            content = io.BytesIO()
            Image.new("RGB", (8, 8), (step * 10, 90, 40 * number)).save(content, "PNG")
            path = f"/api/v1/runs/{run.run_id}/artifacts/content"
            headers = {"content-type": "image/png"}
            run.flush()
            site_server.client.put(
                path, params={"path": f"images/at_{step}.png"}, content=content.getvalue(), headers=headers
            ).raise_for_status()
        run.end("FINISHED")
        made.append({"run_id": run.run_id})
    assert client.flush()

    page = browse(address([*made, {"run_id": "0" * 32}]))
    expect(page.get_by_text("One run is not in this store")).to_be_visible()
    loss = chart(page, "loss")
    expect(loss).to_have_attribute("aria-label", re.compile("2 runs, Step 0 to Step 1"))
    plot = loss.locator(".ts-chart-plot").bounding_box()
    assert plot is not None
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + plot["height"] / 2)
    expect(loss.locator(".ts-chart-tip")).to_contain_text("<img src=x")
    for name in ("Scatter", "Parallel", "Contour", "Box plot", "Metrics", "Tags", "Params"):
        panel = tab(page, name)
    expect(panel.get_by_role("cell", name=f"{HOSTILE} 1")).to_be_visible()
    panel = tab(page, "Images")
    slider = panel.get_by_role("slider", name="Step")
    expect(slider).to_have_attribute("aria-valuetext", "step 20")
    slider.press("ArrowLeft")
    expect(page).to_have_url(re.compile("step=1"))
    expect(panel.get_by_role("img").first).to_have_attribute("src", re.compile("at_1.png"))
    picture(page, "compare-steps")
    assert page.title().startswith("Compare")
    assert page.locator("main script, main img[src='x']").count() == 0


def test_before_there_are_runs(
    browse: Browse, runs: list[Run], client: Client, picture: Callable[[Page, str], Path]
) -> None:
    page = browse("/ui/compare")
    expect(page.get_by_text("Which runs?")).to_be_visible()
    page.get_by_role("combobox", name="Find runs to add").fill("no run has this name")
    expect(page.get_by_text("No run has")).to_be_visible()
    page.get_by_role("combobox", name="Find runs to add").fill(runs[0]["run_id"])
    page.get_by_role("option", name=re.compile(re.escape(runs[0]["name"]))).click()
    expect(chart(page, "val_loss")).to_have_attribute("aria-label", re.compile("1 run,"))
    picture(page, "compare-one")
    moment = str(time.time_ns() // 1_000_000)
    later = client.create_run(run_name="later")
    client.flush()
    then = browse(address([runs[0], {"run_id": later.run_id}], as_of=moment))
    expect(chart(then, "val_loss")).to_have_attribute("aria-label", re.compile("1 run,"))
    expect(then.get_by_text("One run is not in this store at that moment")).to_be_visible()
    then = browse(address([{"run_id": later.run_id}], as_of=moment))
    expect(then.get_by_text("None of these runs is here")).to_be_visible()
    later.end("FINISHED")
