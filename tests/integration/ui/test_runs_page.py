"""The runs pages: filter, sort, scroll, columns, groups, the best run, acts on a selection, export."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.sync_api import expect

from tests.integration.ui.logging_runs import last_values, logging_to, new_experiment
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.integration.ui.conftest import Browse

START = 1_760_000_000_000
RUNS = 250
STATUSES: tuple[Literal["FINISHED", "FAILED", "RUNNING", "KILLED"], ...] = (
    "FINISHED",
    "FINISHED",
    "FAILED",
    "RUNNING",
    "KILLED",
)
SCRIPT = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>{{ 7*7 }}"


@pytest.fixture(scope="module")
def sweep(site: str) -> str:
    """An experiment with 250 runs; the newest has script wherever a user can put text."""
    experiment_id = new_experiment(site, f"sweep {new_id()[:6]}", {"team": "vision", "note": SCRIPT})
    with logging_to(site) as log:
        bodies: list[e.Body] = []
        for number in range(RUNS):
            run_id, start = new_id(), START + number * 60_000
            name = SCRIPT if number == RUNS - 1 else f"run-{number:03d}"
            rate = ("0.1", "0.01", "0.001")[number % 3]
            params = {
                "lr": rate,
                "depth": str(number % 7),
                "data set": SCRIPT if number % 50 == 49 else "full",
            }
            loss = 1 / (number + 2)
            values = {"val_loss": loss, "accuracy": 1 - loss}
            tags = {"mlflow.runName": name, "team": "vision" if number % 2 else SCRIPT}
            bodies.append(e.RunStarted(run_id, experiment_id, name, start, "ada", tags))
            bodies.append(e.ParamsLogged(run_id, params))
            bodies.append(last_values(run_id, values, start + 1000))
            status = STATUSES[number % len(STATUSES)]
            if status != "RUNNING":
                bodies.append(e.RunUpdated(run_id, status, start + 1000 * (number + 1)))
        log(*bodies)
    return experiment_id


def rows(page: Page) -> Locator:
    return page.get_by_role("region", name="Runs").locator(".ag-center-cols-container [role=row]")


def cell(page: Page, row: int, column: str) -> Locator:
    return page.locator(f'.ag-row[row-index="{row}"] [col-id="{column}"]')


def counted(page: Page, words: str) -> None:
    expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()


def apply_filter(page: Page, text: str) -> None:
    field = page.get_by_role("combobox", name="Filter runs")
    field.fill(text)
    page.keyboard.press("Escape")
    field.press("Enter")


def test_filter_sort_and_scroll(browse: Browse, sweep: str, picture: Callable[[Page, str], Path]) -> None:
    page = browse(f"/ui/experiments/{sweep}")
    counted(page, "250 runs")
    # What users have logged is text, wherever it stands.
    expect(cell(page, 0, "run_name")).to_contain_text(SCRIPT[:40])
    expect(page.get_by_role("columnheader", name="data set")).to_be_visible()
    expect(page.locator("#main img, #main script")).to_have_count(0)
    assert "owned" not in page.title()
    picture(page, "runs-light")

    # The last row of all, without all those before it.
    page.locator(".ag-body-viewport").evaluate("element => element.scrollTo(0, element.scrollHeight)")
    expect(cell(page, 249, "run_name")).to_contain_text("run-000")

    page.get_by_role("columnheader", name="val_loss").click()
    expect(cell(page, 0, "metrics.val_loss")).to_have_text("0.00398406")
    assert "sort=metrics.val_loss" in page.url
    page.get_by_role("columnheader", name="val_loss").click()
    expect(cell(page, 0, "run_name")).to_contain_text("run-000")
    assert "sort=-metrics.val_loss" in page.url

    # Completion: keys, operators, likely values.
    page.locator("body").press("/")
    field = page.get_by_role("combobox", name="Filter runs")
    expect(field).to_be_focused()
    field.press_sequentially("lr")
    page.get_by_role("option", name="params.lr").click()
    page.get_by_role("option", name="=", exact=True).or_(
        page.get_by_role("option", name=re.compile("^= "))
    ).first.click()
    page.get_by_role("option", name="'0.01'").click()
    picture(page, "runs-completion")
    expect(field).to_have_value("params.lr = '0.01' ")
    page.keyboard.press("Escape")
    field.press("Enter")
    counted(page, "83 runs")
    page.reload()
    counted(page, "83 runs")
    expect(cell(page, 0, "run_name")).to_contain_text("run-001")

    # A mistake is told where it is, and what was shown stays.
    browse.forgiven += ["400"]
    apply_filter(page, "params.lr = 'x' OR metrics.val_loss < 1")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("OR is not part of the grammar")
    expect(page.locator(".ts-filter-mark")).to_have_text("OR")
    expect(cell(page, 0, "run_name")).to_contain_text("run-001")
    picture(page, "runs-wrong-filter")
    apply_filter(page, "metrics.val_loss > 5")
    expect(page.get_by_text("No run matches this filter")).to_be_visible()
    page.go_back()
    counted(page, "83 runs")


def test_columns_groups_and_the_best_run(
    browse: Browse, sweep: str, site: str, picture: Callable[[Page, str], Path]
) -> None:
    page = browse(f"/ui/experiments/{sweep}", dark=True)
    counted(page, "250 runs")
    page.get_by_role("combobox", name="Best by").select_option("val_loss")
    expect(page.get_by_role("link", name="0.00398406").first).to_be_visible()
    expect(page.locator(".ag-row.is-best").first).to_contain_text("best")

    page.get_by_role("button", name="Columns").click()
    dialog = page.get_by_role("dialog", name="Columns")
    dialog.get_by_role("searchbox", name="Search columns").fill("team")
    dialog.get_by_role("checkbox", name="team").check()
    dialog.get_by_role("button", name="Pin tags.team").click()
    dialog.get_by_role("button", name="Hide params.depth").click()
    dialog.get_by_role("button", name="Move metrics.val_loss forward").click()
    dialog.get_by_role("textbox", name="Name of the set").fill("by team")
    dialog.get_by_role("button", name="Save as set").click()
    picture(page, "runs-columns-dark")
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_role("columnheader", name="team")).to_be_visible()
    expect(page.get_by_role("columnheader", name="depth")).to_have_count(0)
    expect(cell(page, 1, "tags.team")).to_contain_text(SCRIPT[:40])
    assert "column=%21tags.team" in page.url
    page.reload()
    expect(page.get_by_role("columnheader", name="team")).to_be_visible()
    page.get_by_role("button", name="Columns").click()
    dialog.get_by_role("button", name="Reset").click()
    dialog.get_by_role("button", name="by team", exact=True).click()
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_role("columnheader", name="team")).to_be_visible()
    picture(page, "runs-dark")

    # The export has what is shown, to the last row.
    apply_filter(page, "params.depth = '3'")
    counted(page, "36 runs")
    page.get_by_role("columnheader", name="accuracy").click()
    expect(cell(page, 0, "run_name")).to_contain_text("run-003")
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV").click()
    with open(saved.value.path(), newline="") as file:
        found = list(csv.reader(file))
    assert found[0][:2] == ["run_name", "tags.team"]
    assert "metrics.val_loss" in found[0]
    assert "params.depth" not in found[0]
    assert [row[0] for row in found[1:]] == [f"run-{number:03d}" for number in range(3, 249, 7)]

    page.get_by_role("button", name="Clear the filter").click()
    counted(page, "250 runs")
    page.get_by_role("combobox", name="Group by").select_option("params.lr")
    table = page.get_by_role("table", name="Groups of runs")
    expect(table.get_by_role("row")).to_have_count(4)
    group = table.get_by_role("row").filter(has=page.get_by_text("0.01", exact=True))
    expect(group).to_contain_text("83")
    group.get_by_role("button", name="0.01").click()
    inner = page.get_by_role("region", name="Runs of 0.01")
    expect(inner.locator('.ag-row[row-index="0"] [col-id="run_name"]')).to_contain_text("run-001")
    picture(page, "runs-groups-dark")
    inner.locator('.ag-row[row-index="0"] input[type=checkbox]').check()
    bar = page.get_by_role("toolbar", name="Selected runs")
    expect(bar).to_contain_text("1 selected")
    bar.get_by_role("button", name="Clear the selection").click()
    expect(bar).to_have_count(0)
    assert "group=params.lr" in page.url
    group.get_by_role("button", name="Only these").click()
    counted(page, "83 runs")
    assert "group=" not in page.url


def test_acts_on_a_selection(browse: Browse, site: str, picture: Callable[[Page, str], Path]) -> None:
    experiment_id = new_experiment(site, f"acts {new_id()[:6]}")
    page = browse(f"/ui/experiments/{experiment_id}")
    expect(page.get_by_text("No runs yet")).to_be_visible()
    with logging_to(site) as log:
        run_ids = [new_id() for _ in range(4)]
        for number, run_id in enumerate(run_ids):
            log(e.RunStarted(run_id, experiment_id, f"run-{number}", START + number, "ada"))
        # Nobody has reloaded the page: the runs come to it.
        expect(cell(page, 3, "run_name")).to_contain_text("run-0")
        for row in (0, 1):
            page.locator(f'.ag-row[row-index="{row}"] input[type=checkbox]').check()
        bar = page.get_by_role("toolbar", name="Selected runs")
        expect(bar).to_contain_text("2 selected")
        compare = bar.get_by_role("link", name="Compare").get_attribute("href") or ""
        assert f"runs={run_ids[3]}&runs={run_ids[2]}" in compare
        bar.get_by_role("button", name="Tag…").click()
        page.get_by_role("textbox", name="Key").fill("stage")
        page.get_by_role("textbox", name="Value").fill("candidate")
        page.get_by_role("button", name="Set the tag").click()
        expect(page.get_by_text("2 runs tagged.")).to_be_visible()
        apply_filter(page, "tags.stage = 'candidate'")
        expect(cell(page, 2, "run_name")).to_have_count(0)
        page.locator('.ag-row[row-index="0"] input[type=checkbox]').check()
        bar.get_by_role("button", name="Delete…").click()
        picture(page, "runs-delete")
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.get_by_text("1 run deleted.")).to_be_visible()
        expect(cell(page, 0, "run_name")).to_contain_text("run-2")
        page.get_by_role("combobox", name="Which runs").select_option("deleted")
        expect(cell(page, 0, "run_name")).to_contain_text("run-3")
        page.locator('.ag-row[row-index="0"] input[type=checkbox]').check()
        bar.get_by_role("button", name="Restore").click()
        expect(page.get_by_text("No run matches this filter")).to_be_visible()
        page.get_by_role("combobox", name="Which runs").select_option("active")
        expect(cell(page, 0, "run_name")).to_contain_text("run-3")


def test_runs_of_all_experiments_on_a_phone_and_in_the_past(
    browse: Browse, sweep: str, picture: Callable[[Page, str], Path]
) -> None:
    page = browse("/ui/runs", width=390, height=844)
    expect(page.get_by_role("columnheader", name="Experiment")).to_be_attached()
    expect(cell(page, 0, "run_name")).not_to_be_empty()
    picture(page, "runs-phone")
    past = browse("/ui/runs?as_of=0s&filter=metrics.val_loss+%3C+0.005&sort=metrics.val_loss")
    expect(cell(past, 0, "run_name")).to_contain_text(SCRIPT[:40])
    past.locator('.ag-row[row-index="0"] input[type=checkbox]').check()
    bar = past.get_by_role("toolbar", name="Selected runs")
    expect(bar.get_by_role("button", name="Delete…")).to_be_disabled()
    picture(past, "runs-past")
