"""`trackstream diff`: how two runs, or two moments of one, differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.options import output_option, store_option
from trackstream_api.cli.output import cell, print_csv, print_json, print_table, say, when
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.group()
def diff() -> None:
    """Compare entities, also with what they were."""


@diff.command()
@click.argument("a", metavar="RUN[@MOMENT]")
@click.argument("b", metavar="RUN[@MOMENT]")
@store_option
@output_option
def run(a: str, b: str, store: str, output: str) -> None:
    """Show how two runs, or two moments of one run, differ.

    A MOMENT is a time (2026-11-21T13:00, milliseconds since the epoch, or 10m for ten minutes ago), a
    position on the log (topic:partition:offset, the last record that counts) or now.
    """
    from trackstream_api.cli import lookup

    with connect(store) as api:
        query = {}
        for side, given in (("a", a), ("b", b)):
            name, at, moment = given.partition("@")
            if not name or (at and not moment):
                raise InvalidInput("RUN[@MOMENT]", given, "a run, and behind @ a moment, as in RUN@10m")
            query[side] = lookup.run_id_of(api, name)
            query[f"{side}_at"] = moment or "now"
        found = api.get("/api/v1/diff/runs", query)
    differences = found["differences"]
    if output == "json":
        print_json(found)
    elif output == "csv":
        print_csv(differences)
    elif differences:
        rows = [[item["field"], _shown(item, "a"), _shown(item, "b")] for item in differences]
        print_table(("FIELD", _title(found["a"]), _title(found["b"])), rows)
    else:
        say("no difference")


def _title(side: Mapping[str, Any]) -> str:
    moment = "" if side["moment"] == "now" else f"@{side['moment']}"
    return f"{cell(side['name'])} ({side['run_id'][-6:]}){moment}"


def _shown(item: Mapping[str, Any], side: str) -> Any:
    value = item[side]
    if item["field"].endswith(("_time", "_at")) and isinstance(value, int):
        return when(value)
    if item["field"].startswith("metrics.") and isinstance(value, dict):
        number = value["value"]
        return f"{cell(number if isinstance(number, str) else float(number))} at step {value['step']}"
    return value
