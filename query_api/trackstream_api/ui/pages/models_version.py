"""One version of a model: what it is made of, the run that made it, its files' signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

from trackstream_api.ui.api import ApiFailure, path_of
from trackstream_api.ui.components.asking import IN_THE_PAST, act_button, asking
from trackstream_api.ui.components.chips import status_chip
from trackstream_api.ui.components.fields import text_field
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.links import link
from trackstream_api.ui.components.model_acts import promote_dialog
from trackstream_api.ui.components.model_marks import alias_chips, stage_chip
from trackstream_api.ui.components.model_timeline import timeline
from trackstream_api.ui.components.tables import fact, facts, panel, table
from trackstream_api.ui.components.tag_editor import tag_editor
from trackstream_api.ui.components.values import moment, number, size
from trackstream_api.ui.frame import titled
from trackstream_api.ui.mlmodel import MLModel, read_mlmodel
from trackstream_api.ui.mounting import api, static_url
from trackstream_api.ui.page import page
from trackstream_api.ui.places import as_of, go, place

if TYPE_CHECKING:
    from collections.abc import Mapping

_HISTORY = 10_000
_SHOWN_METRICS = 60


@page("/models/{name}/versions/{version}", "models", "Version")
async def version(name: str, version: str) -> None:
    """Show it."""
    ui.add_head_html(f'<link rel="stylesheet" href="{static_url("forms.css")}">')
    titled(f"Version {version}", [("Models", place("models")), (name, place("models", name))])
    found = await api().get(path_of("models", name, "versions", version), as_of=as_of())
    history = await api().get(path_of("history", "models", name), limit=_HISTORY, as_of=as_of())
    run = await _run_of(found)
    described = await _described(found)
    _acts(found)
    with tag("div", "", "ts-split"):
        with tag("div"):
            _facts(found, run)
            if described is not None:
                _signature(described)
            if run is not None:
                _run(run)
            timeline(history["entries"], found["version"])
        with tag("div"):
            tag_editor(found["tags"], f"{path_of('models', name, 'versions', version)}/tags")
            _about(found)


async def _run_of(version: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if version["run_id"] is None:
        return None
    try:
        found: Mapping[str, Any] = await api().get(path_of("runs", version["run_id"]), as_of=as_of())
    except ApiFailure as failure:
        if failure.status != 404:
            raise
        return None
    return found


async def _described(version: Mapping[str, Any]) -> MLModel | None:
    """Return what the model's own file says; None where its files are not in this store."""
    try:
        uri = f"models:/{version['name']}/{version['version']}"
        place_ = await api().get("/artifact-places", uri=uri)
        path = "/".join(part for part in (place_["path"], "MLmodel") if part)
        content = await api().text(f"{path_of('runs', place_['run_id'])}/artifacts/content", path=path)
    except ApiFailure as failure:
        if failure.status in (400, 404):
            return None
        raise
    return read_mlmodel(content)


def _acts(version: Mapping[str, Any]) -> None:
    past = IN_THE_PAST if as_of() else ""
    path = path_of("models", version["name"], "versions", str(version["version"]))

    async def describe() -> None:
        await api().patch(path, {"description": description.text})
        ui.navigate.reload()

    async def delete() -> None:
        await api().delete(path)
        go("models", version["name"])

    promoting = promote_dialog(version, [version])
    with asking("Describe the version", "Save", describe) as describing:
        description = text_field("Description", version["description"], rows=6)
    with asking(f"Delete version {version['version']}?", "Delete for good", delete, danger=True) as deleting:
        tag("p", "It goes with its aliases, for good; its number is not used again. The run's files stay.")
    with tag("div", "", "ts-row"):
        words = version["description"]
        tag("p", words or "No description", "ts-pre" + ("" if words else " ts-faint"))
        tag("div", "", "ts-grow")
        act_button("Promote", promoting.open, icon="trending_up", forbidden=past, main=True)
        act_button("Describe", describing.open, icon="edit", forbidden=past)
        act_button("Delete", deleting.open, icon="delete", forbidden=past, danger=True)


def _facts(version: Mapping[str, Any], run: Mapping[str, Any] | None) -> None:
    with panel("Lineage"), facts():
        with fact("Stage", ""):
            stage_chip(version["stage"])
        with fact("Aliases", "" if version["aliases"] else "–"):
            alias_chips(version["aliases"])
        with fact("Run", "" if version["run_id"] else "–"), tag("span", "", "ts-row"):
            if version["run_id"]:
                words = run["name"] if run is not None else version["run_id"]
                link(words, place("runs", version["run_id"]), version["run_id"])
                if run is not None:
                    status_chip(run["status"])
        if run is not None:
            with fact("Experiment", ""):
                link(run["experiment_id"], place("experiments", run["experiment_id"]))
        fact("Source", version["source"], "ts-mono")
        if version["storage_location"] != version["source"]:
            fact("Files", version["storage_location"], "ts-mono")
        if version["model_id"]:
            fact("Logged model", version["model_id"], "ts-mono")
        if version["run_link"]:
            # As text: an address from elsewhere is not followed from here.
            fact("Run elsewhere", version["run_link"], "ts-mono")


def _signature(described: MLModel) -> None:
    with panel("Model"):
        with facts():
            fact("Flavors", ", ".join(described.flavors) or "–")
            fact("Size", size(described.size))
            if described.made_at:
                fact("Saved", described.made_at)
            if described.mlflow_version:
                fact("MLflow", described.mlflow_version)
        for title, columns in (("Inputs", described.inputs), ("Outputs", described.outputs)):
            if columns:
                with table((title, "Type", "Needed"), label=title) as rows:
                    for column in columns:
                        with rows.row() as row:
                            row.cell(column.name or "–", "ts-mono")
                            row.cell(column.type, "ts-mono")
                            row.cell("yes" if column.required else "no")


def _run(run: Mapping[str, Any]) -> None:
    metrics, params = run.get("metrics") or {}, run.get("params") or {}
    with panel("Metrics of the run"):
        if not metrics and not params:
            tag("p", "The run has logged none.", "ts-panel-body ts-faint")
            return
        if metrics:
            with table(("Metric", "Latest", "Step"), numbers=("Latest", "Step"), label="Metrics") as rows:
                for key in sorted(metrics)[:_SHOWN_METRICS]:
                    with rows.row() as row:
                        row.cell(key, "ts-mono")
                        row.cell(number(metrics[key]["value"]))
                        row.cell(str(metrics[key]["step"]))
        if params:
            with table(("Param", "Value"), label="Params") as rows:
                for key in sorted(params)[:_SHOWN_METRICS]:
                    with rows.row() as row:
                        row.cell(key, "ts-mono")
                        row.cell(params[key], "ts-mono is-wide")


def _about(version: Mapping[str, Any]) -> None:
    with panel("About"), facts():
        fact("Registered", moment(version["created_at"]))
        fact("By", version["user_id"] or "–")
        fact("Changed", moment(version["updated_at"]))
