"""A run's artifacts as the API lists them, one level at a time, walked to the bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream_api.cli.lookup import run_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackstream_api.cli.api import Api


def level(api: Api, run_id: str, path: str | None = None) -> list[dict[str, Any]]:
    """Return the files and directories directly under `path`, or at the root."""
    found: list[dict[str, Any]] = api.get(f"{run_path(run_id)}/artifacts", {"path": path or None})[
        "artifacts"
    ]
    return found


def walk(api: Api, run_id: str, path: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield every file under `path` (or the file that stands there), in the order of the listing."""
    items = level(api, run_id, path)
    if not items and path:
        parent = path.rstrip("/").rpartition("/")[0]
        items = [item for item in level(api, run_id, parent) if item["path"] == path and not item["is_dir"]]
    for item in items:
        if item["is_dir"]:
            yield from walk(api, run_id, item["path"])
        else:
            yield item
