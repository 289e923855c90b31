"""Whether all that was sent for a run is here, as a person reads it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from trackstream_api.ui.api import ApiFailure
from trackstream_api.ui.components.chips import chip
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.links import link
from trackstream_api.ui.components.tables import panel, table
from trackstream_api.ui.components.values import count, moment
from trackstream_api.ui.mounting import api
from trackstream_api.ui.pages.run.proof import missing_of, sentence
from trackstream_api.ui.places import PREFIX, as_of

if TYPE_CHECKING:
    from trackstream_api.ui.components.run_follower import Change
    from trackstream_api.ui.pages.run.shown import ShownRun

_MARKS = {"complete": "good", "in flight": "live", "missing": "bad", "unconfirmed": "warn"}
_PAUSE_S = 2.0


async def completeness(shown: ShownRun) -> None:
    """Build the panel and keep it current."""
    with panel("Completeness") as head:
        with head:
            mark = tag("span")
        body = tag("div")
    if as_of() is not None:
        with body, tag("div", "", "ts-panel-body"):
            tag(
                "p",
                "Only known as of now: of what a writer has reported only the newest is kept.",
                "ts-quiet",
            )
            link("Show the run as it is now", f"{PREFIX}/runs/{shown.run_id}")
        return
    after = 0.0

    async def read() -> None:
        nonlocal after
        after = time.monotonic() + _PAUSE_S
        try:
            found = await api().get(f"{shown.path}/completeness")
        except ApiFailure as failure:
            found = None
            message = failure.message
        mark.clear()
        body.clear()
        if found is not None:
            with mark:
                chip(found["completeness"], _MARKS.get(found["completeness"], "idle"))
        with body:
            if found is None:
                tag("p", message, "ts-panel-body ts-wrong", role="alert")
            else:
                _proof(found)

    async def changed(_: Change) -> None:
        if time.monotonic() > after or not shown.is_live:
            await read()

    await read()
    shown.when_changed(changed)


def _proof(found: dict[str, Any]) -> None:
    tag("p", sentence(found), "ts-panel-body ts-proof")
    writers = found["writers"]
    if not writers:
        return
    columns = ["Writer", "State", "Points", "Batches", "Run events", "Artifact events"]
    with tag("details", "", "ts-proof-detail", open=found["completeness"] == "missing"):
        tag("summary", "Proof: what each writer sent, and what of it is here")
        with table(columns, numbers=columns[2:], label="Writers") as rows:
            for writer in writers:
                sent, here = writer["sent"], writer["projected"]
                with rows.row() as row:
                    seen = moment(writer["last_seen"])
                    row.cell(writer["writer"] or "the writer", title=f"process {writer['producer_id']}")
                    row.cell(writer["state"], title=f"reported last {seen} UTC")
                    for what in ("points", "batches", "run_events", "artifact_events"):
                        short = here[what] < sent[what]
                        row.cell(
                            f"{count(here[what])} of {count(sent[what])}" if short else count(here[what]),
                            "ts-wrong" if short else "",
                        )
        gaps = [line for writer in writers for line in missing_of(writer)]
        if gaps:
            with tag("ul", "", "ts-proof-gaps", aria_label="What is missing"):
                for line in gaps:
                    tag("li", line)
