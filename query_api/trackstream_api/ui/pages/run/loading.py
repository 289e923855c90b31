"""How a run is loaded elsewhere: in Python, with MLflow's client, on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nicegui import ui

from trackstream_api.ui.components.code_view import CodeView
from trackstream_api.ui.components.copy_button import CopyButton
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.mounting import api

if TYPE_CHECKING:
    from trackstream_api.ui.pages.run.shown import ShownRun


def snippets(server: str, run_id: str, metric: str | None) -> tuple[tuple[str, str, str], ...]:
    """Return (words, name of a file for its language, text) of each way."""
    key = json.dumps(metric, ensure_ascii=False) if metric else "None"
    return (
        (
            "Python",
            "load.py",
            f'import trackstream\n\ntrackstream.set_tracking_uri("{server}")\n'
            f'points = trackstream.metric_history("{run_id}", {key}).to_pandas()\n',
        ),
        (
            "MLflow",
            "load.py",
            f'import mlflow\n\nmlflow.set_tracking_uri("{server}")\nrun = mlflow.get_run("{run_id}")\n'
            "print(run.data.params, run.data.metrics)\n"
            f'path = mlflow.artifacts.download_artifacts(run_id="{run_id}")\n',
        ),
        (
            "Command line",
            "load.sh",
            f"trackstream runs describe {run_id} --dir {server}\n"
            f"trackstream watch {run_id} --dir {server}\n"
            f"trackstream artifacts download {run_id} --dir {server}\n",
        ),
    )


def loading_dialog(shown: ShownRun) -> ui.dialog:
    """Return a dialog that shows them."""
    metric = next(iter(shown.own_metrics), None)
    with ui.dialog() as dialog, tag("div", "", "ts-dialog q-card ts-loading"):
        dialog.props["aria-label"] = "Load this run"
        with tag("div", "", "ts-row"):
            tag("h2", "Load this run", "ts-heading")
            tag("div", "", "ts-grow")
            tag("button", "Close", "ts-button", type="button").on("click", dialog.close, [])
        for words, name, text in snippets(_server(), shown.run_id, metric):
            with tag("div", "", "ts-row"):
                tag("h3", words, "ts-heading")
                tag("div", "", "ts-grow")
                CopyButton(text, f"Copy what loads it: {words}")
            CodeView(text, name, words)
    return dialog


def _server() -> str:
    """Return the address of the API for programs: this page's own where the UI is a part of the server."""
    if api().shown.startswith(("http://", "https://")):
        return api().shown.rstrip("/")
    request = ui.context.client.request
    return f"{request.url.scheme}://{request.url.netloc}" if request is not None else api().shown
