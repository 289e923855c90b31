"""The SQL page: an editor, results, errors in their place, a chart, kept queries."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from tests.integration.ui.conftest import Browse

BY_STATUS = "SELECT status, count() AS runs FROM v_runs GROUP BY status ORDER BY runs DESC"


def write(page: Page, query: str) -> None:
    """Put a query in the place of the one in the editor, and run it with the keys."""
    editor = page.get_by_role("textbox", name="SQL query")
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(query)
    page.keyboard.press("Control+Enter")


def cells(page: Page) -> Locator:
    return page.get_by_role("region", name="Result").locator(".ag-center-cols-container [role=gridcell]")


def test_ask_chart_keep_and_download(browse: Browse, picture: Callable[[Page, str], Path]) -> None:
    page = browse("/ui/sql")
    write(page, BY_STATUS)
    status = page.get_by_role("status")
    expect(status).to_contain_text("2 columns")
    expect(cells(page).filter(has_text="FINISHED")).to_be_visible()
    assert "query=SELECT+status" in page.url

    page.get_by_role("button", name="Chart").click()
    expect(page.get_by_role("img", name="Chart of the result").locator("canvas")).to_be_visible()
    expect(page.get_by_label("Kind")).to_have_value("bar")
    picture(page, "sql-chart")
    page.reload()
    expect(page.get_by_role("img", name="Chart of the result").locator("canvas")).to_be_visible()
    page.get_by_role("button", name="Table").click()

    page.get_by_role("button", name="Save").click()
    page.get_by_role("textbox", name="Name of the query").fill("runs by status")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="runs by status", exact=True)).to_be_visible()
    page.get_by_role("tab", name="Examples").click()
    page.get_by_role("button", name="A metric's course, run by run").click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(status).to_contain_text("3 columns")
    picture(page, "sql")
    page.get_by_role("tab", name="Saved").click()
    page.get_by_role("button", name="runs by status", exact=True).click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(status).to_contain_text("2 columns")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").click()
    rows = list(csv.DictReader(Path(waiting.value.path()).read_text().splitlines()))
    assert {"status", "runs"} == set(rows[0])
    page.get_by_role("button", name="Forget runs by status").click()
    expect(page.get_by_role("button", name="runs by status", exact=True)).to_have_count(0)


def test_errors_stand_where_they_are_and_script_is_inert(
    browse: Browse, picture: Callable[[Page, str], Path]
) -> None:
    page = browse("/ui/sql", dark=True)
    browse.forgiven.extend(["/api/v1/sql", "status of 400"])
    write(page, "SELECT run_id,\n  nothing_like_it\nFROM v_runs")
    refusal = page.get_by_role("alert")
    expect(refusal).to_contain_text("Line 2, column 3")
    expect(refusal).to_contain_text("nothing_like_it")
    picture(page, "sql-error-dark")
    write(page, "SELECT name FROM system.tables")
    expect(refusal).to_contain_text("v_")
    script = "<img src=x onerror=\"document.title=''owned''\">"
    write(page, f"SELECT '{script}' AS markup, NULL AS nothing, [1, 2] AS list, 3 AS number")
    expect(cells(page).filter(has_text="<img src=x")).to_be_visible()
    expect(cells(page).filter(has_text="NULL")).to_be_visible()
    expect(refusal).to_have_count(0)
    assert page.title() != "owned"
    write(page, "SELECT name FROM v_runs WHERE false")
    expect(page.get_by_role("status")).to_contain_text("0 rows")


def test_the_dictionary_completes_and_a_past_moment_is_not_for_it(
    browse: Browse, picture: Callable[[Page, str], Path], site: str
) -> None:
    page = browse("/ui/sql")
    side = page.get_by_role("complementary", name="Views and saved queries")
    side.get_by_role("searchbox", name="Find a view or column").fill("duration_seconds")
    expect(side.get_by_text("v_runs", exact=True)).to_be_visible()
    expect(side.get_by_text("v_params", exact=True)).to_have_count(0)
    side.get_by_role("button", name="Query v_runs").click()
    expect(page.get_by_role("status")).to_contain_text("columns")
    page.get_by_role("textbox", name="SQL query").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("SELECT lifec")
    page.keyboard.press("Control+Space")
    page.keyboard.press("Escape")
    page.keyboard.insert_text(" FROM v_runs")
    page.goto(f"{site}/ui/sql?as_of=2026-01-01T00:00:00Z&query={quote(BY_STATUS)}")
    expect(page.get_by_role("note")).to_contain_text("always reads the present")
    expect(page.get_by_role("status")).to_contain_text("2 columns")


def test_on_a_phone(browse: Browse, picture: Callable[[Page, str], Path]) -> None:
    page = browse(f"/ui/sql?query={quote(BY_STATUS)}", width=390, height=844)
    expect(cells(page).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    picture(page, "sql-phone")
