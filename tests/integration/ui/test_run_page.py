"""The page of a run in a browser: what it shows, what can be done there, how a live run is seen to grow."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.integration.processes import finish, trainer
from tests.integration.ui.conftest import LIMIT_MS
from trackstream.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.integration.ui.conftest import Browse

    Picture = Callable[[Page, str], Path]

DATASET = {"name": "digits", "digest": "abc123", "source_type": "sklearn", "source": "load_digits"}
NOTE = """# Baseline

With **AdamW**, see [the sweep](https://example.com/sweep).

| split | acc |
| --- | --- |
| val | 0.97 |
"""


@pytest.fixture(scope="module")
def client(site: str) -> Iterator[Client]:
    """Logs to the site's server."""
    made = Client(site)
    yield made
    made.close(60)


@pytest.fixture(scope="module")
def finished(client: Client) -> str:
    """A run with a little of everything, ended."""
    experiment = client.get_or_create_experiment("pages of runs")
    tags = {"team": "vision", "mlflow.note.content": NOTE, "mlflow.source.git.commit": "0123456789abcdef"}
    run = client.create_run(experiment.experiment_id, run_name="resnet-small", tags=tags, user_id="ada")
    run.log_params({f"model.width.{number}": number for number in range(12)} | {"lr": 0.05})
    for step in range(300):
        decay = 0.99**step
        run.log_metrics({"train/loss": decay, "train/accuracy": 1 - decay, "lr": 0.05 * decay}, step=step)
        run.log_metrics({"val/loss": decay + 0.1 + 0.02 * math.sin(step)}, step=step)
    run.log_metrics({"system/cpu_utilization_percentage": 40.0, "system/memory": 3000.0}, step=1)
    run.log_inputs([DATASET])
    run.end("FINISHED")
    child = client.create_run(
        experiment.experiment_id, run_name="child", tags={"mlflow.parentRunId": run.run_id}
    )
    child.end("FAILED")
    assert client.flush(60)
    return run.run_id


def region(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def test_the_overview_tells_a_run_at_a_glance(browse: Browse, picture: Picture, finished: str) -> None:
    page = browse(f"/ui/runs/{finished}")
    expect(page.get_by_role("heading", level=1, name="resnet-small")).to_be_visible()
    expect(page.get_by_text("finished", exact=True).first).to_be_visible()
    about = region(page, "About")
    expect(about.get_by_role("link", name="pages of runs")).to_be_visible()
    expect(about).to_contain_text("ada")
    expect(about).to_contain_text("0123456789")
    proof = region(page, "Completeness")
    expect(proof).to_contain_text("complete")
    expect(proof).to_contain_text("Everything that its writer sent is here: 1,202 points")
    proof.get_by_text("Proof: what each writer sent").click()
    expect(proof.get_by_role("table", name="Writers")).to_contain_text("1,202")
    latest = region(page, "Latest metrics").get_by_role("table", name="metrics")
    cells = latest.get_by_role("row", name="train/accuracy").get_by_role("cell")
    last = f"{1 - 0.99**299:.6g}"
    expect(cells.nth(0)).to_have_text(last)
    # The least and the greatest value come behind the first picture.
    expect(cells.nth(1)).to_have_text("0")
    expect(cells.nth(2)).to_have_text(last)
    expect(cells.nth(3)).to_have_text("299")
    expect(page.get_by_role("table", name="Data sets")).to_contain_text("digits")
    expect(page.get_by_role("table", name="Child runs").get_by_role("link", name="child")).to_be_visible()
    params = region(page, "Params")
    expect(params.get_by_role("row")).to_have_count(13)
    params.get_by_role("searchbox", name="Search params").fill("width.7")
    expect(params.get_by_role("row")).to_have_count(1)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    params.get_by_role("button", name="Copy model.width.7").click()
    assert page.evaluate("navigator.clipboard.readText()") == "7"
    params.get_by_role("searchbox", name="Search params").fill("")
    notes = region(page, "Notes")
    expect(notes.get_by_role("heading", name="Baseline")).to_be_visible()
    expect(notes.get_by_role("link", name="the sweep")).to_have_attribute("href", "https://example.com/sweep")
    picture(page, "run-overview")
    page.get_by_role("button", name="Switch between light and dark").click()
    picture(page, "run-overview-dark")
    page.set_viewport_size({"width": 390, "height": 844})
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0
    picture(page, "run-overview-phone")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("button", name="Load").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("region", name="MLflow")).to_contain_text(f'mlflow.get_run("{finished}")')
    dialog.get_by_role("button", name="Copy what loads it: Python").click()
    assert finished in page.evaluate("navigator.clipboard.readText()")


def test_a_run_is_renamed_tagged_noted_deleted_and_restored(browse: Browse, client: Client) -> None:
    run = client.create_run(run_name="before", tags={"team": "vision"})
    run.end("FINISHED")
    assert client.flush(60)
    page = browse(f"/ui/runs/{run.run_id}")
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("dialog").get_by_label("Name").fill("after")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="after")).to_be_visible()
    tags = region(page, "Tags")
    tags.get_by_role("button", name="Set a tag").click()
    page.get_by_role("dialog").get_by_label("Key").fill("grade")
    page.get_by_role("dialog").get_by_label("Value").fill("good")
    page.get_by_role("dialog").get_by_role("button", name="Set").click()
    expect(tags.get_by_role("row", name="grade")).to_contain_text("good")
    tags.get_by_role("row", name="grade").hover()
    tags.get_by_role("button", name="Change grade").click()
    page.get_by_role("dialog").get_by_label("Value").fill("better")
    page.get_by_role("dialog").get_by_role("button", name="Set").click()
    expect(tags.get_by_role("row", name="grade")).to_contain_text("better")
    tags.get_by_role("button", name="Remove grade").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(tags.get_by_role("row", name="grade")).to_have_count(0)
    expect(tags.get_by_role("row", name="team")).to_be_visible()
    notes = region(page, "Notes")
    notes.get_by_role("button", name="Edit notes").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Markdown").fill("It is *better*.")
    expect(dialog.get_by_role("region", name="Preview of the notes").locator("em")).to_have_text("better")
    dialog.get_by_role("button", name="Save").click()
    expect(notes.locator("em")).to_have_text("better")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("deleted", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Rename")).to_be_disabled()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("button", name="Delete")).to_be_enabled()
    expect(page.get_by_text("deleted", exact=True)).to_be_hidden()


def test_charts_are_chosen_and_kept_in_the_address(browse: Browse, picture: Picture, finished: str) -> None:
    page = browse(f"/ui/runs/{finished}?tab=metrics")
    charts = page.locator("figure")
    expect(charts).to_have_count(4)
    expect(page.get_by_role("group", name="train/loss: ")).to_be_visible()
    page.get_by_role("button", name="train 2").click()
    expect(charts).to_have_count(2)
    page.get_by_role("button", name="train 2").click()
    expect(charts).to_have_count(4)
    page.get_by_role("slider", name="Smoothing").fill("0.6")
    page.get_by_role("combobox", name="Axis of x").select_option("relative")
    page.get_by_label("log y").check()
    page.get_by_role("searchbox", name="Filter metrics").fill("loss")
    expect(charts).to_have_count(2)
    for part in ("smoothing=0.6", "x=relative", "log_y=1", "filter=loss"):
        page.wait_for_url(f"**{part}**")
    picture(page, "run-metrics")
    page.reload()
    expect(charts).to_have_count(2)
    expect(page.get_by_label("log y")).to_be_checked()
    expect(page.get_by_role("slider", name="Smoothing")).to_have_value("0.6")
    expect(page.get_by_role("searchbox", name="Filter metrics")).to_have_value("loss")
    expect(page.get_by_role("group", name="after the start")).to_have_count(2)
    page.get_by_role("searchbox", name="Filter metrics").fill("no such metric")
    expect(page.get_by_text("No metric has such a name")).to_be_visible()
    page.get_by_role("link", name="System 2").click()
    expect(page.get_by_role("group", name="system/memory")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    picture(page, "run-system-phone")


def test_a_live_run_is_seen_to_grow_and_to_end(
    browse: Browse, picture: Picture, site: str, client: Client, tmp_path: Path
) -> None:
    run = client.create_run(run_name="still training")
    assert client.flush(60)
    page = browse(f"/ui/runs/{run.run_id}?tab=metrics", dark=True)
    expect(page.get_by_text("No metrics yet")).to_be_visible()
    stop = tmp_path / "stop"
    process = trainer("steady_trainer", site, run.run_id, 200, stop)
    try:
        chart = page.get_by_role("group", name=re.compile(r"^loss: .*Step [\d,]+ to Step"))
        expect(chart).to_be_visible()
        seen = steps_of(chart)
        for _ in range(2):
            page.wait_for_function(
                "least => { const told = document.querySelector('figure').ariaLabel;"
                " return Number(told.match(/to Step ([\\d,]+)/)?.[1].replaceAll(',', '')) > least; }",
                arg=seen + 20,
            )
            seen = steps_of(chart)
        picture(page, "run-live-dark")
        expect(page.get_by_text("running", exact=True)).to_be_visible()
        page.get_by_role("link", name="Overview").click()
        latest = region(page, "Latest metrics").get_by_role("row", name="loss")
        before = latest.inner_text()
        expect(latest).not_to_have_text(before)
        expect(region(page, "Completeness")).to_contain_text("in flight")
    finally:
        stop.touch()
        logged = int(finish(process).split()[0])
    run.end("FINISHED")
    assert client.flush(60)
    expect(page.get_by_text("finished", exact=True)).to_be_visible()
    expect(region(page, "Completeness")).to_contain_text(f"{logged:,} points")
    expect(latest).to_contain_text(f"{logged - 1:,}")


def steps_of(chart: Locator) -> int:
    found = re.search(r"to Step ([\d,]+)", chart.get_attribute("aria-label") or "")
    assert found
    return int(found[1].replace(",", ""))


def test_a_history_leads_to_every_moment(browse: Browse, picture: Picture, client: Client) -> None:
    run = client.create_run(run_name="once")
    run.log_param("lr", 0.1)
    run.log_text("first", "notes.txt")
    assert client.flush(60)
    run.rename("renamed")
    run.set_tag("state", "late")
    run.end("FINISHED")
    assert client.flush(60)
    page = browse(f"/ui/runs/{run.run_id}?tab=history")
    events = page.get_by_role("table", name="Events")
    expect(events).to_contain_text("RunStarted")
    expect(events.locator("tr", has_text="ArtifactLogged")).to_be_visible()
    row = events.locator("tr", has_text="ParamsLogged")
    expect(row).to_contain_text("params.lr")
    row.get_by_text("ParamsLogged").click()
    expect(row).to_contain_text('"lr": "0.1"')
    picture(page, "run-history")
    row.get_by_role("link").click()
    page.wait_for_url("**as_of=**")
    expect(page.get_by_role("heading", level=1, name="once")).to_be_visible()
    expect(region(page, "Params")).to_contain_text("0.1")
    expect(region(page, "Tags")).not_to_contain_text("late")
    expect(region(page, "Completeness")).to_contain_text("Only known as of now")
    for act in ("Rename", "Delete", "Set a tag", "Edit notes"):
        expect(page.get_by_role("button", name=act)).to_be_disabled()
    expect(page.get_by_role("button", name="Rename")).to_have_attribute("title", re.compile("past moment"))
    page.get_by_role("link", name="History").click()
    expect(row).to_be_visible()
    expect(events).not_to_contain_text("RunUpdated")
    page.get_by_role("link", name="Artifacts", exact=True).click()
    # Whether files were there by then depends: no order is promised between topics.
    page.wait_for_url(lambda url: "as_of=" in url and "tab=artifacts" in url)


def test_a_rewound_run_shows_its_branches(browse: Browse, client: Client) -> None:
    run = client.create_run(run_name="resumed")
    for step in range(10):
        run.log_metrics({"loss": 10.0 - step}, step=step)
    assert client.flush(60)
    run.rewind(4)
    run.log_metrics({"loss": 99.0}, step=5)
    run.end("FINISHED")
    assert client.flush(60)
    page = browse(f"/ui/runs/{run.run_id}?tab=branches")
    expect(page.get_by_role("table", name="Metrics").get_by_role("row", name="loss")).to_contain_text("99")
    page.get_by_role("link", name="0", exact=True).click()
    page.wait_for_url("**branch=0**")
    expect(page.get_by_role("table", name="Metrics").get_by_role("row", name="loss")).to_contain_text("10")


def test_nothing_that_was_logged_runs(browse: Browse, client: Client) -> None:
    evil = (
        "</script><script>window.pwned=1</script><img src=x onerror='window.pwned=2'>{{ window.pwned = 3 }}"
    )
    tags = {
        "mlflow.note.content": f"{evil}\n\n[click](javascript:window.pwned=4)\n\n![x](https://evil.example/)"
    }
    tags |= {"mlflow.source.name": evil, "mlflow.source.git.commit": evil, "note": evil}
    tags |= {"mlflow.source.git.repoURL": "javascript:window.pwned=5//", "mlflow.parentRunId": evil}
    run = client.create_run(run_name=evil, tags=tags, user_id=evil)
    run.log_params({"p": evil})
    run.log_metrics({"loss": 1.0}, step=1)
    run.log_text("x", "<img src=x onerror='window.pwned=6'>.txt")
    run.end("FINISHED")
    assert client.flush(60)
    page = browse(f"/ui/runs/{run.run_id}")
    expect(page.get_by_role("heading", level=1)).to_have_text(evil)
    expect(region(page, "Params")).to_contain_text(evil)
    notes = region(page, "Notes")
    expect(notes).to_contain_text("<img src=x onerror=")
    assert notes.locator("img, script").count() == 0
    # A picture elsewhere is a link to it: pages ask no other host.
    assert [link.get_attribute("href") for link in notes.locator("a").all()] == ["https://evil.example/"]
    for tab in ("metrics", "artifacts", "history"):
        page.goto(f"{page.url.partition('?')[0]}?tab={tab}")
        expect(page.get_by_role("heading", level=1)).to_have_text(evil)
        expect(page.locator("figure, [role=treeitem], td").first).to_be_visible()
    assert page.evaluate("window.pwned") is None


def test_a_run_that_is_not_there_says_so(browse: Browse, finished: str) -> None:
    page = browse("/ui/runs/0123456789abcdef0123456789abcdef")
    expect(page.get_by_role("alert")).to_contain_text("0123456789abcdef0123456789abcdef")
    page = browse(f"/ui/runs/{finished}?as_of=experiments:0:0")
    expect(page.get_by_text("This run was not there then")).to_be_visible()
    page.get_by_role("link", name="Show it as it is now").click()
    expect(page.get_by_role("heading", level=1, name="resnet-small")).to_be_visible(timeout=LIMIT_MS)
