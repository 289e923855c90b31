"""The files of a run: a tree beside what is in the chosen one."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from nicegui import ui

from trackstream_api.ui.api import ApiFailure
from trackstream_api.ui.components.artifact_preview import content_url, preview
from trackstream_api.ui.components.artifact_tree import ArtifactTree, ChosenFile
from trackstream_api.ui.components.copy_button import CopyButton
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.states import empty, failed
from trackstream_api.ui.components.values import moment, size
from trackstream_api.ui.places import asked

if TYPE_CHECKING:
    from trackstream_api.ui.pages.run.shown import ShownRun


async def artifacts(shown: ShownRun) -> None:
    """Build the tab."""
    chosen: ChosenFile | str | None = None

    async def choose(file: ChosenFile | str) -> None:
        nonlocal chosen
        chosen = file
        panel.clear()
        with panel:
            if isinstance(file, str):
                with empty(
                    "No such file", f"The run has no artifact {file!r} as of what is shown.", "search_off"
                ):
                    pass
                return
            _head(shown.run_id, file)
            body = tag("div", "", "ts-preview-body")
        content = tag("div", "", "ts-preview-content")
        content.move(body)
        with content:
            try:
                await preview(shown.run_id, file)
            except ApiFailure as failure:
                # Of two files that were chosen quickly the later one is shown.
                if chosen is file:
                    content.clear()
                    with content:
                        failed(failure)

    with tag("div", "", "ts-artifacts"):
        with tag("section", "", "ts-panel ts-artifacts-tree", aria_label="Files"):
            since = shown.read_at if shown.is_live else None
            ArtifactTree(shown.run_id, asked("path") or "", choose, follow_since=since)
        panel = tag("section", "", "ts-panel ts-artifacts-preview", aria_label="Preview")
        with panel, empty("Choose a file", "What is in it is shown here.", "preview"):
            pass


def _head(run_id: str, file: ChosenFile) -> None:
    with tag("div", "", "ts-panel-head"):
        tag("h2", posixpath.basename(file.path), "ts-cut", title=file.path)
        CopyButton(file.path, "Copy the file's path")
        tag("span", size(file.size), "ts-quiet ts-small", title=f"sha256 {file.sha256}")
        tag("span", moment(file.logged_at), "ts-quiet ts-small ts-wide-only", title="Logged at (UTC)")
        tag("div", "", "ts-grow")
        name = posixpath.basename(file.path)
        with tag(
            "a",
            "",
            "ts-button",
            href=content_url(run_id, file.path),
            download=name,
            aria_label=f"Download {name}",
        ):
            ui.icon("download").props("aria-hidden=true")
            tag("span", "Download")
