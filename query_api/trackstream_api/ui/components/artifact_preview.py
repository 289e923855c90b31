"""What is in a file of a run: shown where a browser can show it without running any of it."""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from nicegui import ui

from trackstream_api.ui.api import path_of
from trackstream_api.ui.components.artifact_kinds import kind_of, text_in
from trackstream_api.ui.components.artifact_model import model_card
from trackstream_api.ui.components.artifact_rows import MOST_ROWS, rows_of
from trackstream_api.ui.components.code_view import CodeView
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.json_view import JsonView
from trackstream_api.ui.components.markdown import MarkdownView
from trackstream_api.ui.components.row_grid import RowGrid
from trackstream_api.ui.components.values import count, size
from trackstream_api.ui.mounting import api
from trackstream_api.ui.places import as_of

if TYPE_CHECKING:
    from trackstream_api.ui.components.artifact_kinds import Kind
    from trackstream_api.ui.components.artifact_tree import ChosenFile

TEXT_MOST = 256 << 10
"""Bytes of a text that are shown."""
JSON_MOST = 2 << 20
"""Bytes of a JSON document that is shown as a tree; of a longer one the beginning is shown as text."""
TABLE_MOST = 4 << 20
"""Bytes that the rows of a table are read from."""
_MARKDOWN_MOST = 128 << 10


def content_url(run_id: str, path: str, *, inline: bool = False) -> str:
    """Return the address of a file's content; `inline` is for a browser to show, in a sandbox."""
    query = {"path": path, "inline": "true" if inline else None, "as_of": as_of()}
    kept = {name: value for name, value in query.items() if value is not None}
    return f"/api/v1{path_of('runs', run_id)}/artifacts/content?{urlencode(kept)}"


async def preview(run_id: str, file: ChosenFile) -> None:
    """Build it; an ApiFailure goes on to the caller."""
    kind = kind_of(file.path, file.content_type)
    url = content_url(run_id, file.path, inline=True)
    name = posixpath.basename(file.path)
    if file.size == 0:
        _note("This file is empty.")
    elif kind == "picture":
        with tag("div", "", "ts-preview-picture"):
            # In an <img> no picture runs a script, an SVG neither.
            tag("img", src=url, alt=name, loading="lazy")
    elif kind == "page":
        _note(
            "Shown without its scripts, in a sandbox that can reach neither this server nor another."
            " Download it to run it."
        )
        tag("iframe", "", "ts-preview-page", src=url, sandbox="", title=name, referrerpolicy="no-referrer")
    elif kind in ("sound", "film"):
        tag("audio" if kind == "sound" else "video", "", "ts-preview-film", src=url, controls=True)
    else:
        await _read(run_id, file, kind)


async def _read(run_id: str, file: ChosenFile, kind: Kind) -> None:
    most = {"json": JSON_MOST, "table": TABLE_MOST, "markdown": _MARKDOWN_MOST}.get(kind, TEXT_MOST)
    if kind == "json" and file.size > JSON_MOST:
        most, kind = TEXT_MOST, "text"
    content = await api().beginning(
        f"{path_of('runs', run_id)}/artifacts/content", most, path=file.path, as_of=as_of()
    )
    is_whole = len(content) >= file.size
    text = text_in(content, is_whole)
    if text is None:
        _note("There is no preview of such files. Download it to open it.")
        return
    match kind:
        case "json":
            _json(text, file.path)
        case "table":
            _table(text, is_whole, file)
        case "markdown":
            _cut_off(is_whole, most, file.size)
            MarkdownView(text)
        case "model":
            model_card(run_id, file.path, text)
        case _:
            _text(text, is_whole, most, file)


def _json(text: str, path: str) -> None:
    try:
        json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError):
        # Python's writer makes NaN, which is no JSON: such a file is shown as it is.
        CodeView(text, path)
        return
    JsonView(text)


def _refused(constant: str) -> None:
    raise ValueError(constant)


def _table(text: str, is_whole: bool, file: ChosenFile) -> None:
    found = rows_of(text, is_whole, file.path.lower().endswith(".tsv"))
    if not found.columns:
        _text(text, is_whole, TABLE_MOST, file)
        return
    if found.more:
        _note(f"The first {count(min(MOST_ROWS, len(found.rows)))} rows. Download it for all of them.")
    RowGrid(found)


def _text(text: str, is_whole: bool, most: int, file: ChosenFile) -> None:
    _cut_off(is_whole, most, file.size)
    CodeView(text, file.path)


def _cut_off(is_whole: bool, most: int, whole: int) -> None:
    if not is_whole:
        _note(f"The first {size(most)} of {size(whole)}. Download it for all of it.")


def _note(words: str) -> None:
    with tag("p", "", "ts-preview-note"):
        ui.icon("info_outline").props("aria-hidden=true")
        tag("span", words)
