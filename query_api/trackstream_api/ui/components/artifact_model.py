"""What an MLmodel file says: its flavors, its signature, how to load it."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from trackstream_api.ui.components.code_view import CodeView
from trackstream_api.ui.components.copy_button import CopyButton
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.tables import fact, facts, table
from trackstream_api.ui.components.values import size
from trackstream_api.ui.mlmodel import read_mlmodel

if TYPE_CHECKING:
    from trackstream_api.ui.mlmodel import MLModel


def loading(run_id: str, path: str) -> str:
    """Return Python that loads the model whose MLmodel file is at `path`."""
    return (
        f'import mlflow\n\nmodel = mlflow.pyfunc.load_model("runs:/{run_id}/{posixpath.dirname(path)}")\n'
        "predictions = model.predict(data)\n"
    )


def model_card(run_id: str, path: str, text: str) -> None:
    """Show what the file says, where it is one, and the file."""
    model = read_mlmodel(text)
    if model is not None:
        _said(model)
        _heading("Load it", loading(run_id, path))
        CodeView(loading(run_id, path), "load.py", "How to load the model")
    _heading("The file", text)
    CodeView(text, "MLmodel.yaml", "MLmodel")


def _said(model: MLModel) -> None:
    with facts():
        fact("Flavors", ", ".join(model.flavors) or "–")
        if model.size is not None:
            fact("Size", size(model.size))
        if model.made_at:
            fact("Made", model.made_at)
        if model.mlflow_version:
            fact("MLflow", model.mlflow_version)
    for title, columns in (("Takes", model.inputs), ("Gives", model.outputs)):
        if not columns:
            continue
        with table([title, "Type"], label=title) as rows:
            for number, column in enumerate(columns, 1):
                with rows.row() as row:
                    row.cell(column.name or f"{number}")
                    row.cell(column.type + ("" if column.required else ", may be missing"), "ts-mono")


def _heading(words: str, copied: str) -> None:
    with tag("div", "", "ts-row ts-preview-heading"):
        tag("h3", words)
        CopyButton(copied, f"Copy: {words}")
