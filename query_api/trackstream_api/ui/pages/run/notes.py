"""What people have written about a run, in Markdown: MLflow's tag for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_api.ui.components.asking import act_button, asking
from trackstream_api.ui.components.fields import text_field
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.markdown import MarkdownView
from trackstream_api.ui.components.tables import panel
from trackstream_api.ui.mounting import api
from trackstream_api.ui.pages.run.head import CHANGED

if TYPE_CHECKING:
    from trackstream_api.ui.components.run_follower import Change
    from trackstream_api.ui.pages.run.shown import ShownRun

NOTE = "mlflow.note.content"


def notes(shown: ShownRun) -> None:
    """Build the panel and keep it current."""
    with panel("Notes") as head:
        body = tag("div", "", "ts-panel-body")
    with head:
        act_button("Edit notes", lambda: _edit(shown), icon="edit", forbidden=shown.forbidden)
    last: str | None = None

    def build() -> None:
        nonlocal last
        text = shown.run["tags"].get(NOTE, "")
        if text == last:
            return
        last = text
        body.clear()
        with body:
            if text.strip():
                MarkdownView(text)
            else:
                tag("span", "No notes. What was tried, and what came of it?", "ts-quiet")

    async def changed(_: Change) -> None:
        build()

    build()
    shown.when_changed(changed)


def _edit(shown: ShownRun) -> None:
    async def save() -> None:
        await shown.took(await api().put(f"{shown.path}/tags", {NOTE: text.text}), CHANGED)

    with asking("Notes", "Save", save) as dialog, tag("div", "", "ts-notes-editor"):
        text = text_field("Markdown", shown.run["tags"].get(NOTE, ""), rows=14, mono=True)
        with tag("div", "", "ts-field"):
            tag("span", "Preview", "ts-field-label")
            with tag("div", "", "ts-notes-preview", role="region", aria_label="Preview of the notes"):
                view = MarkdownView(text.text)
    text.control.on(
        "input",
        lambda event: view.show(event.args),
        js_handler="(event) => emit(event.target.value)",
        throttle=0.3,
    )
    dialog.on("hide", dialog.delete, [])
    dialog.open()
