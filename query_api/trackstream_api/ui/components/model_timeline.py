"""Who did what to a model, the newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.tables import panel, table
from trackstream_api.ui.components.values import moment
from trackstream_api.ui.model_history import promotions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SHOWN = 100


def timeline(entries: Sequence[Mapping[str, Any]], version: int | None = None) -> None:
    """Show the history of a model, or what of it concerns one version."""
    acts = promotions(entries, version)
    with panel("History") as head:
        with head:
            tag(
                "span",
                f"the last {_SHOWN} of {len(acts)}" if len(acts) > _SHOWN else str(len(acts)),
                "ts-quiet",
            )
        with table(("When", "Who", "What", "Change"), label="History") as rows:
            for act in acts[:_SHOWN]:
                with rows.row() as row:
                    row.cell(moment(act.at), "ts-nowrap ts-quiet", f"At {act.position} of the log")
                    row.cell(act.actor or "–", "ts-nowrap")
                    row.cell(act.what, "ts-nowrap")
                    with row.cell(classes="is-wide"), tag("div", "", "ts-changes"):
                        for field, before, after in act.changes:
                            with tag("div"):
                                tag("span", f"{field}: ", "ts-quiet")
                                if before != "–":
                                    tag("span", before, "ts-was")
                                    tag("span", " → ", "ts-faint")
                                tag("span", after if after != "–" else "gone")
