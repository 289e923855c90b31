"""The pages of registered models: find, promote, roll back, what a version is made of, time travel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect

from tests.integration.ui.logging_runs import last_values, logging_to
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.integration.ui.conftest import Browse

START = 1_760_000_000_000
SCRIPT = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
MLMODEL = """
flavors:
  python_function: {loader_module: mlflow.sklearn}
  sklearn: {pickled_model: model.pkl}
mlflow_version: 2.20.0
model_size_bytes: 2048
signature:
  inputs: '[{"name": "petal_width", "type": "double", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
utc_time_created: '2026-01-02 03:04:05.678'
"""


@pytest.fixture(scope="module")
def model(site: str) -> str:
    """A model with three versions of one run, whose files say what it is; script in its texts."""
    name = f"iris 'petal' {new_id()[-6:]}"
    run_id = new_id()
    with logging_to(site) as log:
        log(
            e.RunStarted(run_id, "0", "brave-otter", START, "ada", {"mlflow.runName": "brave-otter"}),
            e.ParamsLogged(run_id, {"depth": "6"}),
            last_values(run_id, {"val_loss": 0.125, "accuracy": 0.96875}, START + 1000),
            e.RunUpdated(run_id, "FINISHED", START + 60_000),
        )
    with httpx.Client(base_url=f"{site}/api/v1", timeout=60) as api:
        file = {"path": "model/MLmodel"}
        api.put(f"/runs/{run_id}/artifacts/content", params=file, content=MLMODEL).raise_for_status()
        body = {"name": name, "description": f"Which iris it is. {SCRIPT}", "tags": {"team": "vision"}}
        api.post("/models", json=body).raise_for_status()
        for number in (1, 2, 3):
            version = {
                "source": f"runs:/{run_id}/model",
                "run_id": run_id,
                "description": SCRIPT if number == 1 else f"attempt {number}",
                "tags": {"gate": "passed" if number < 3 else SCRIPT},
            }
            api.post(f"/models/{name}/versions", json=version).raise_for_status()
    return name


def aliases(page: Page) -> Locator:
    return page.get_by_role("region", name="Aliases")


def test_promote_and_roll_back(
    browse: Browse, model: str, picture: Callable[[Page, str], Path], site: str
) -> None:
    page = browse("/ui/models")
    page.get_by_role("searchbox", name="Search models").fill(model[:10])
    page.keyboard.press("Enter")
    page.wait_for_url("**q=iris**")
    page.get_by_role("link", name=model, exact=True).click()
    expect(page.get_by_role("heading", name=model)).to_be_visible()

    for number in (1, 2):
        page.get_by_role("button", name=f"Promote version {number}", exact=True).click()
        dialog = page.get_by_role("dialog", name=f"Promote version {number}")
        dialog.get_by_label("Alias", exact=True).fill("champion")
        dialog.get_by_label("Stage", exact=True).select_option("Production" if number == 2 else "Staging")
        dialog.get_by_role("button", name="Promote").click()
        expect(aliases(page).get_by_role("link", name=f"v{number}")).to_be_visible()
    versions = page.get_by_role("table", name="Versions")
    expect(versions.get_by_role("row").filter(has_text="v2")).to_contain_text("Production")
    history = page.get_by_role("region", name="History")
    expect(history.get_by_role("row").nth(1)).to_contain_text("stage of version 2")
    picture(page, "model")

    aliases(page).get_by_role("button", name="Roll back to v1 (champion)").click()
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(aliases(page).get_by_role("link", name="v1")).to_be_visible()
    assert httpx.get(f"{site}/api/v1/models/{model}/aliases/champion").json()["version"] == 1

    # What is refused stays in the dialog, with the reason.
    page.get_by_role("button", name="Point an alias").click()
    dialog = page.get_by_role("dialog", name="Point an alias")
    dialog.get_by_label("Alias", exact=True).fill("latest")
    dialog.get_by_role("button", name="Point").click()
    expect(dialog.get_by_role("alert")).to_contain_text("alias")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert page.title() != "owned"

    # As of the moment before the roll back, nothing can be changed.
    entries = httpx.get(f"{site}/api/v1/history/models/{model}").json()["entries"]
    page.goto(f"{page.url}?as_of={entries[-2]['position']}")
    expect(aliases(page).get_by_role("link", name="v2")).to_be_visible()
    expect(page.get_by_role("button", name="Promote version 1")).to_be_disabled()


def test_a_version_tells_what_it_is_made_of(
    browse: Browse, model: str, picture: Callable[[Page, str], Path]
) -> None:
    page = browse(f"/ui/models/{model}/versions/3")
    lineage = page.get_by_role("region", name="Lineage")
    expect(lineage.get_by_role("link", name="brave-otter")).to_be_visible()
    described = page.get_by_role("region", name="Model", exact=True)
    expect(described).to_contain_text("python_function, sklearn")
    expect(described.get_by_role("table", name="Inputs")).to_contain_text("petal_width")
    expect(page.get_by_role("table", name="Metrics")).to_contain_text("0.125")

    page.get_by_role("button", name="Set a tag").click()
    dialog = page.get_by_role("dialog", name="Set a tag")
    dialog.get_by_label("Key").fill("reviewed")
    dialog.get_by_label("Value").fill("yes")
    dialog.get_by_role("button", name="Set").click()
    tags = page.get_by_role("region", name="Tags")
    expect(tags).to_contain_text("reviewed")
    tags.get_by_role("button", name="Remove the tag reviewed").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(tags.get_by_text("reviewed")).to_have_count(0)
    picture(page, "model-version")
    assert page.title() != "owned"


def test_a_model_is_made_and_deleted(
    browse: Browse, picture: Callable[[Page, str], Path], model: str
) -> None:
    name = f"spare {new_id()[-6:]}"
    page = browse("/ui/models", dark=True)
    expect(page.get_by_role("link", name=model, exact=True)).to_be_visible()
    picture(page, "models-dark")
    page.get_by_role("button", name="New model").click()
    dialog = page.get_by_role("dialog", name="New registered model")
    dialog.get_by_label("Name").fill("a/b")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_contain_text("a/b")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_text("No versions")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete for good").click()
    page.wait_for_url("**/ui/models")
    page.goto(page.url + "?q=" + name)
    expect(page.get_by_text("No model fits")).to_be_visible()


def test_on_a_phone(browse: Browse, model: str, picture: Callable[[Page, str], Path]) -> None:
    page = browse("/ui/models", width=390, height=844)
    page.get_by_role("link", name=model, exact=True).click()
    expect(page.get_by_role("table", name="Versions")).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
    picture(page, "model-phone")
