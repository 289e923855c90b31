"""`trackstream status`: how much is stored and how far the projections are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.options import output_option, store_option
from trackstream_api.cli.output import print_csv, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWN = {
    "directory": "store",
    "version": "version",
    "experiments": "experiments",
    "runs": "runs",
    "points": "metric points",
    "records_behind": "records behind",
    "lag_ms": "lag (ms)",
    "dead_letters": "dead letters",
}


@click.command()
@store_option
@output_option
def status(store: str, output: str) -> None:
    """Show what is stored, and the lag.

    Also how far each projector has come on the log.
    """
    with connect(store) as api:
        found = api.get("/api/v1/status")
    if output == "json":
        print_json(found)
    elif output == "csv":
        print_csv([found])
    else:
        _print(found)


def _print(found: Mapping[str, Any]) -> None:
    print_table(("WHAT", "VALUE"), [[text, found[name]] for name, text in _SHOWN.items() if name in found])
    if found.get("failure"):
        click.echo(f"\nfailed: {found['failure']}")
    for part, trouble in found.get("troubles", {}).items():
        click.echo(f"\n{part}: {trouble}")
    click.echo()
    columns = ("PROJECTOR", "TOPIC", "PARTITION", "NEXT OFFSET", "END")
    rows = [
        [item["projector"], item["topic"], item["partition"], item["next_offset"], item["end"]]
        for item in found["positions"]
    ]
    print_table(columns, rows)
