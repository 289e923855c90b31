"""`trackstream spool`: what is spooled on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trackstream_api.cli.options import output_option
from trackstream_api.cli.output import print_objects, size_text, when
from trackstream_api.cli.sync import spool_files, states_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream.spool.syncing import SpoolState

_COLUMNS = (
    "SPOOL",
    "OWNER",
    "EVENTS",
    "POINTS",
    "WAITING EVENTS",
    "WAITING POINTS",
    "REFUSED",
    "SIZE",
    "OLDEST",
)


@click.group()
def spool() -> None:
    """Look at spools: what was logged while the log was away, or offline."""


@spool.command()
@click.argument("directories", nargs=-1, metavar="[SPOOLS]...", type=click.Path(path_type=Path))
@output_option
def status(directories: Sequence[Path], output: str) -> None:
    """Show spools, and what of them waits to be forwarded.

    SPOOLS is a directory of spools, this user's by default. An event may hold many metric POINTS.
    OLDEST is when the oldest event that waits was logged. `trackstream sync` forwards them.
    """
    objects = [_object(state) for state in states_of(spool_files(directories))]
    print_objects(output, objects, _COLUMNS, _row, empty="nothing is spooled")


def _object(state: SpoolState) -> dict[str, Any]:
    tally = state.tally
    return {
        "spool": str(state.path),
        "destination": state.facts.uri or None,
        "producer_id": state.facts.producer_id,
        "host": state.facts.host,
        "pid": state.facts.pid,
        "alive": state.alive,
        "copy": not state.original,
        "events": tally.events,
        "points": tally.points + state.journal_points,
        "waiting_events": tally.waiting_events,
        "waiting_points": tally.waiting_points + state.journal_points,
        "forwarded_events": tally.events - tally.waiting_events - tally.refused,
        "refused": tally.refused,
        "bytes": state.bytes,
        "oldest": tally.oldest,
    }


def _row(item: Any) -> Sequence[Any]:
    owner = "alive" if item["alive"] else "a copy" if item["copy"] else "ended"
    counts = [item[name] for name in ("events", "points", "waiting_events", "waiting_points", "refused")]
    return [item["spool"], owner, *counts, size_text(item["bytes"]), when(item["oldest"])]
