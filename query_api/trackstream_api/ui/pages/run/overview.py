"""The overview of a run: what there is to know of it at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.tables import panel
from trackstream_api.ui.components.value_table import ValueRow, ValueTable
from trackstream_api.ui.pages.run.about import about
from trackstream_api.ui.pages.run.completeness import completeness
from trackstream_api.ui.pages.run.conflicts import conflicts
from trackstream_api.ui.pages.run.latest import latest_metrics
from trackstream_api.ui.pages.run.notes import notes
from trackstream_api.ui.pages.run.related import related
from trackstream_api.ui.pages.run.tags import tags

if TYPE_CHECKING:
    from trackstream_api.ui.components.run_follower import Change
    from trackstream_api.ui.pages.run.shown import ShownRun


async def overview(shown: ShownRun) -> None:
    """Build the tab."""
    with tag("div", "", "ts-overview"):
        with tag("div", "", "ts-column"):
            about(shown)
            _params(shown)
            tags(shown)
        with tag("div", "", "ts-column"):
            await completeness(shown)
            latest_metrics(shown)
            notes(shown)
            conflicts(shown)
            await related(shown)


def _params(shown: ShownRun) -> None:
    with panel("Params"):
        table = ValueTable("params", _rows(shown), none="No params were logged.")

    async def changed(_: Change) -> None:
        table.show(_rows(shown))

    shown.when_changed(changed)


def _rows(shown: ShownRun) -> list[ValueRow]:
    return [ValueRow(key, (value,), value) for key, value in sorted(shown.run["params"].items())]
