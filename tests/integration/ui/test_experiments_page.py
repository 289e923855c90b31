"""The list of experiments: search, create, rename, tags, delete and restore."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from playwright.sync_api import expect

from tests.integration.ui.logging_runs import logging_to, new_experiment
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.integration.ui.conftest import Browse

SCRIPT = "<script>document.title='owned'</script><b>{{ 7*7 }}</b>"


def test_the_life_of_an_experiment(browse: Browse, site: str, picture: Callable[[Page, str], Path]) -> None:
    name = f"Life {new_id()[:8]} {SCRIPT}"
    page = browse("/ui/experiments")
    page.get_by_role("button", name="New experiment").click()
    page.get_by_role("dialog").get_by_role("textbox", name="Name").fill("Default")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("exists already")
    page.get_by_role("dialog").get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    experiment_id = page.url.rsplit("/", 1)[1]
    with logging_to(site) as log:
        for number in range(3):
            log(e.RunStarted(new_id(), experiment_id, f"run {number}", 1_760_000_000_000 + number, "ada"))

    page = browse("/ui/experiments")
    search = page.get_by_role("searchbox", name="Search experiments")
    page.locator("body").press("/")
    expect(search).to_be_focused()
    search.press_sequentially(name[:13])
    table = page.get_by_role("table", name="Experiments")
    expect(table.get_by_role("row")).to_have_count(2)
    row = table.get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text("3 running")
    expect(page.locator("#main b, #main script")).to_have_count(0)
    assert "q=Life" in page.url

    row.get_by_role("button", name="Tags of").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="New tag").fill("team")
    dialog.get_by_role("textbox", name="Its value").fill(SCRIPT)
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text(f"team: {SCRIPT}")
    picture(page, "experiments-search")
    row.get_by_role("button", name="Tags of").click()
    dialog.get_by_role("textbox", name="team").fill("")
    dialog.get_by_role("button", name="Save").click()
    expect(row).not_to_contain_text("team:")

    row.get_by_role("button", name="Rename").click()
    dialog.get_by_role("textbox", name="Name").fill(f"{name} again")
    dialog.get_by_role("button", name="Rename").click()
    expect(row).to_contain_text(f"{name} again")
    row.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No experiment matches")).to_be_visible()
    page.get_by_role("combobox", name="Which experiments").select_option("deleted")
    row.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("No experiment matches")).to_be_visible()
    assert "view=deleted" in page.url
    answer = httpx.get(f"{site}/api/v1/experiments/{experiment_id}", timeout=60)
    assert answer.json()["lifecycle_stage"] == "active"


def test_the_list_in_all_looks(browse: Browse, site: str, picture: Callable[[Page, str], Path]) -> None:
    for number in range(60):
        new_experiment(site, f"many {number:02d} {new_id()[:8]}", {"team": ("vision", "speech")[number % 2]})
    page = browse("/ui/experiments", dark=True)
    table = page.get_by_role("table", name="Experiments")
    expect(table.get_by_role("row")).to_have_count(51)
    picture(page, "experiments-dark")
    page.get_by_role("button", name="Show more").click()
    expect(table.get_by_text("many 00")).to_be_visible()
    search = page.get_by_role("searchbox", name="Search experiments")
    search.fill("tags.team = 'speech' and name LIKE 'many%'")
    expect(table.get_by_role("row")).to_have_count(31)
    search.fill("tags.team >")
    expect(page.get_by_role("alert").filter(has_text="filter")).to_be_visible()
    phone = browse("/ui/experiments?q=many", width=390, height=844)
    expect(phone.get_by_role("table", name="Experiments")).to_be_visible()
    picture(phone, "experiments-phone")
    past = browse("/ui/experiments?as_of=0s&sort=name")
    expect(past.get_by_role("button", name="New experiment")).to_be_disabled()
    picture(past, "experiments-light")
