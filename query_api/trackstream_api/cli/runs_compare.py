"""`trackstream runs compare`: runs side by side."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Any

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.options import as_of_option, output_option, store_option
from trackstream_api.cli.output import flat, print_json, print_table, say, when
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NOT_COMPARED = ("run_id", "conflicts", "inputs")


@click.command()
@click.argument("run_ids", metavar="RUN_ID...", nargs=-1, required=True)
@click.option("--all", "show_all", is_flag=True, help="Also show what is equal.")
@as_of_option
@store_option
@output_option
def compare(run_ids: Sequence[str], show_all: bool, as_of: str | None, store: str, output: str) -> None:
    """Show runs side by side: only what differs, unless --all is given."""
    from trackstream_api.cli import lookup

    if len(run_ids) < 2:
        raise InvalidInput("RUN_ID", run_ids[0], "two runs or more to compare")
    with connect(store, as_of=as_of) as api:
        found = [api.get(lookup.run_path(lookup.run_id_of(api, run_id))) for run_id in run_ids]
    rows = compared(found, show_all)
    columns = ["FIELD", *[_title(run) for run in found]]
    if output == "json":
        print_json({"runs": found, "differing": [row[0] for row in compared(found, False)]})
    elif output == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["field", *[run["run_id"] for run in found]])
        writer.writerows(rows)
    else:
        print_table(columns, [_for_people(row) for row in rows])
        if not rows:
            say("the runs do not differ; --all shows what they share")


def compared(found: Sequence[Mapping[str, Any]], show_all: bool) -> list[list[Any]]:
    """Return a row per field, its name and each run's value; without `show_all` only where values differ."""
    flats = [flat(run) for run in found]
    names: dict[str, None] = {}
    for part in ("", "params.", "metrics.", "tags."):
        for name in sorted({name for row in flats for name in row}):
            if name.startswith(part) and name not in _NOT_COMPARED and (part or "." not in name):
                names.setdefault(name)
    rows = [[name, *[row.get(name) for row in flats]] for name in names]
    return [row for row in rows if show_all or any(value != row[1] for value in row[2:])]


def _for_people(row: list[Any]) -> list[Any]:
    name, *values = row
    return [name, *map(when, values)] if name in ("start_time", "end_time") else row


def _title(run: Mapping[str, Any]) -> str:
    return f"{run['name']} ({run['run_id'][-6:]})"
