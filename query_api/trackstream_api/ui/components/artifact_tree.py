"""The files of a run as a tree; levels are asked for when they are opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nicegui import ui

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nicegui.events import GenericEventArguments


@dataclass(frozen=True)
class ChosenFile:
    """A file that somebody wants to see."""

    path: str
    size: int
    """Bytes."""
    sha256: str
    content_type: str | None
    logged_at: int
    """Milliseconds since the epoch."""


class ArtifactTree(ui.element, component="artifact_tree.js", dependencies=["run_stream.js"]):
    """Opens itself at `path`; keeps the chosen file's path in the page's address, as `path`."""

    def __init__(
        self,
        run_id: str,
        path: str,
        on_choose: Callable[[ChosenFile | str], Awaitable[None]],
        *,
        follow_since: int | None,
    ) -> None:
        """`on_choose` gets the file, or the path where there is none. `follow_since` is when the run was
        read, in milliseconds since the epoch; None follows nothing."""
        super().__init__()
        self._props["run-id"] = run_id
        self._props["path"] = path
        self._props["since"] = "" if follow_since is None else str(follow_since)

        async def chosen(event: GenericEventArguments) -> None:
            if event.args is None:
                return
            if event.args["missing"]:
                await on_choose(str(event.args["path"]))
                return
            await on_choose(
                ChosenFile(
                    path=str(event.args["path"]),
                    size=int(event.args["size"]),
                    sha256=str(event.args["sha256"]),
                    content_type=event.args["content_type"],
                    logged_at=int(event.args["logged_at"]),
                )
            )

        self.on("choose", chosen)
