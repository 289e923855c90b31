"""Events that lost a race: what was said against what already stood."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.tables import panel, table

if TYPE_CHECKING:
    from trackstream_api.ui.components.run_follower import Change
    from trackstream_api.ui.pages.run.shown import ShownRun

_LONGEST = 300


def conflicts(shown: ShownRun) -> None:
    """Build the panel, where there is anything to tell, and keep it current."""
    holder = tag("div")
    known = -1

    def build() -> None:
        nonlocal known
        found = shown.run["conflicts"]
        if len(found) == known:
            return
        known = len(found)
        holder.clear()
        if found:
            with holder, panel("Conflicts"):
                tag("p", "The first to come stands; what came later is kept here.", "ts-panel-body ts-quiet")
                with table(["What", "Stands", "Came later", "Position"], label="Conflicts") as rows:
                    for conflict in found:
                        with rows.row() as row:
                            if conflict["kind"] == "further":
                                row.cell(f"and {conflict['count']:,} further ones")
                                continue
                            row.cell(f"{conflict['kind']} {conflict['key']}")
                            row.cell(_words(conflict["kept"]))
                            row.cell(_words(conflict["rejected"]))
                            row.cell(conflict["position"], "ts-mono")

    async def changed(_: Change) -> None:
        build()

    build()
    shown.when_changed(changed)


def _words(value: Any) -> str:
    text = value if isinstance(value, str) else "–" if value is None else json.dumps(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
