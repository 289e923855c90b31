"""What a run read and made: data sets, models, child runs, registered versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream_api.ui.api import ApiFailure, path_of
from trackstream_api.ui.components.chips import status_chip
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.links import link
from trackstream_api.ui.components.tables import panel, table
from trackstream_api.ui.components.values import count
from trackstream_api.ui.mounting import api
from trackstream_api.ui.places import as_of, place

if TYPE_CHECKING:
    from trackstream_api.ui.pages.run.shown import ShownRun

_CHILDREN = 20
_MODELS = 50


async def related(shown: ShownRun) -> None:
    """Build a panel for each of them that there is."""
    _datasets(shown.run["inputs"])
    await _models(shown.run)
    await _versions(shown)
    await _children(shown)


def _datasets(inputs: list[dict[str, Any]]) -> None:
    if not inputs:
        return
    with panel("Data sets"), table(["Name", "Digest", "Source"], label="Data sets") as rows:
        for item in inputs:
            with rows.row() as row:
                with row.cell():
                    tag("span", str(item.get("name") or "–"))
                    context = (item.get("tags") or {}).get("mlflow.data.context")
                    if context:
                        tag("span", f" {context}", "ts-quiet ts-small")
                row.cell(str(item.get("digest") or "–"), "ts-mono")
                row.cell(f"{item.get('source_type') or ''} {item.get('source') or ''}".strip(), "ts-mono")


async def _models(run: dict[str, Any]) -> None:
    linked = [("made", output["model_id"], output["step"]) for output in run["model_outputs"]]
    linked += [("read", model_id, None) for model_id in run["model_inputs"]]
    if not linked:
        return
    with panel("Models"), table(["", "Model", "Type", "Step"], numbers=["Step"], label="Models") as rows:
        for word, model_id, step in linked[:_MODELS]:
            model = await _logged_model(model_id)
            with rows.row() as row:
                row.cell(word, "ts-quiet")
                with row.cell(title=model_id):
                    tag("span", model.get("name") or model_id)
                row.cell(model.get("model_type") or "–")
                row.cell("–" if step is None else count(step))


async def _logged_model(model_id: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = await api().get(path_of("logged-models", model_id))
    except ApiFailure:
        # A link may be on the log before its model, or to one of another store.
        return {}
    return found


async def _versions(shown: ShownRun) -> None:
    found = await api().get(
        "/model-versions", filter=f"run_id = '{shown.run_id}'", limit=_MODELS, as_of=as_of()
    )
    if not found["versions"]:
        return
    with (
        panel("Registered as"),
        table(["Model", "Version", "Aliases", "Stage"], label="Registered as") as rows,
    ):
        for version in found["versions"]:
            with rows.row() as row:
                with row.cell():
                    link(version["name"], place("models", version["name"]))
                with row.cell():
                    link(
                        f"version {version['version']}",
                        place("models", version["name"], "versions", str(version["version"])),
                    )
                row.cell(", ".join(version["aliases"]) or "–")
                row.cell(version["stage"] if version["stage"] != "None" else "–")


async def _children(shown: ShownRun) -> None:
    wanted = f"tags.`mlflow.parentRunId` = '{shown.run_id}'"
    body = {"filter": wanted, "limit": _CHILDREN + 1, "order_by": ["start_time DESC"], "as_of": as_of()}
    found = (await api().post("/runs/search", body))["runs"]
    if not found:
        return
    with panel("Child runs") as head:
        with head:
            link("Show all in the table", place("runs", filter=wanted))
        with table(["Run", "Status"], label="Child runs") as rows:
            for child in found[:_CHILDREN]:
                with rows.row() as row:
                    with row.cell():
                        link(child["name"] or child["run_id"], place("runs", child["run_id"]))
                    with row.cell():
                        status_chip(child["status"])
