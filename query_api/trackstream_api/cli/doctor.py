"""`trackstream doctor`: does everything that Trackstream needs work here?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trackstream_api.cli.errors import ChecksFailed
from trackstream_api.cli.options import output_option, store_option
from trackstream_api.cli.output import on_terminal, print_csv, print_json, print_table

if TYPE_CHECKING:
    from trackstream_api.cli.check import Check

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@store_option
@output_option
def doctor(store: str, output: str) -> None:
    """Check the installation and the store.

    A row for each check: ok, warn or fail. Exits with 1 if one fails.
    """
    from trackstream_api.cli.checks import run_checks

    found = run_checks(store)
    rows = [{"check": check.name, "result": check.result, "detail": check.detail} for check in found]
    if output == "json":
        print_json(rows)
    elif output == "csv":
        print_csv(rows)
    elif on_terminal():
        _print_coloured(found)
    else:
        print_table(("CHECK", "RESULT", "DETAIL"), [list(row.values()) for row in rows])
    failed = list(dict.fromkeys(check.name for check in found if check.result == "fail"))
    if failed:
        raise ChecksFailed(f"failed: {', '.join(failed)}")


def _print_coloured(found: list[Check]) -> None:
    width = max(len(check.name) for check in found)
    for check in found:
        mark = click.style(check.result.ljust(4), fg=_COLOURS[check.result], bold=True)
        click.echo(f"{mark}  {check.name.ljust(width)}  {check.detail}")
