"""`trackstream dead-letters`: records that a projector gave up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.options import limit_option, output_option, store_option
from trackstream_api.cli.output import print_objects

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Look at records that were given up."""


@dead_letters.command(name="list")
@limit_option(100)
@store_option
@output_option
def list_(limit: int, store: str, output: str) -> None:
    """List dead letters: where each record stands on the log and what was wrong with it."""
    with connect(store) as api:
        found = api.get("/api/v1/dead-letters", {"limit": limit})["dead_letters"]
    columns = ("PROJECTOR", "POSITION", "KEY", "ERROR", "MESSAGE")
    print_objects(output, found, columns, _row, empty="no dead letters")


def _row(item: Mapping[str, Any]) -> list[Any]:
    position = f"{item.get('topic')}:{item.get('partition')}:{item.get('offset')}"
    return [
        item.get("projector"),
        position,
        item.get("key"),
        item.get("error_type"),
        item.get("error_message"),
    ]
