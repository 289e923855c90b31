"""What happened to a run: every event, what it changed, and the run as it was then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_api.ui.components.history_table import HistoryTable
from trackstream_api.ui.components.html import tag

if TYPE_CHECKING:
    from trackstream_api.ui.pages.run.shown import ShownRun


async def history(shown: ShownRun) -> None:
    """Build the tab."""
    tag(
        "p",
        "Every event of the run and its artifacts as it stands on the log, the first one first. Metric points"
        " have a history of their own. A position leads to the run as it was right behind the event.",
        "ts-quiet",
    )
    HistoryTable(shown.run_id, shown.read_at if shown.is_live else None)
