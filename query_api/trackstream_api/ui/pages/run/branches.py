"""The branches of a run that was rewound: what each held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.links import link
from trackstream_api.ui.components.tables import panel, table
from trackstream_api.ui.components.values import count, moment, number
from trackstream_api.ui.mounting import api
from trackstream_api.ui.places import as_of, asked, place

if TYPE_CHECKING:
    from trackstream_api.ui.pages.run.shown import ShownRun


async def has_branches(shown: ShownRun) -> bool:
    """Whether the run was ever rewound."""
    return len(await _branches(shown)) > 1


async def branches(shown: ShownRun) -> None:
    """Build the tab."""
    found = await _branches(shown)
    newest = found[-1]["branch"]
    wanted = asked("branch") or ""
    chosen = int(wanted) if wanted.isdecimal() and int(wanted) <= newest else newest
    tag(
        "p",
        "A run that is resumed from a checkpoint is rewound: what was logged behind that step stays, on a"
        " branch of its own. Everywhere else the newest branch is shown.",
        "ts-quiet",
    )
    with (
        panel("Branches"),
        table(
            ["Branch", "Rewound to step", "Began (UTC)", "Writers"],
            numbers=["Rewound to step"],
            label="Branches",
        ) as rows,
    ):
        for branch in found:
            with rows.row("is-chosen" if branch["branch"] == chosen else "") as row:
                with row.cell():
                    address = place("runs", shown.run_id, tab="branches", branch=str(branch["branch"]))
                    words = f"{branch['branch']}" + (" (newest)" if branch["branch"] == newest else "")
                    link(words, address)
                step = branch["rewound_to_step"]
                row.cell("–" if step is None else count(step))
                row.cell(moment(branch["began_at"]))
                row.cell(", ".join(writer or "the writer" for writer in branch["writers"]) or "–")
    summed = await api().get(f"{shown.path}/metrics", branch=chosen, as_of=as_of())
    with panel(f"Metrics of branch {chosen}"):
        metric_table(summed["metrics"])


def metric_table(metrics: list[dict[str, Any]]) -> None:
    """Show metrics, summed up."""
    columns = ["Metric", "Latest", "Least", "Greatest", "First step", "Last step", "Points"]
    with table(columns, numbers=columns[1:], label="Metrics") as rows:
        for metric in metrics:
            with rows.row() as row:
                row.cell(metric["key"])
                row.cell(number(metric["latest"]["value"]))
                row.cell(number(metric["min"]))
                row.cell(number(metric["max"]))
                row.cell(count(metric["first_step"]))
                row.cell(count(metric["last_step"]))
                row.cell(count(metric["points"]))


async def _branches(shown: ShownRun) -> list[dict[str, Any]]:
    found = await api().get(f"{shown.path}/branches", as_of=as_of())
    branches_: list[dict[str, Any]] = found["branches"]
    return branches_
