"""`trackstream history`: what happened to an entity."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.options import store_option
from trackstream_api.cli.output import cell, print_csv, print_json, when

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trackstream_api.cli.api import Api

KINDS = ("run", "experiment", "model", "logged-model", "trace", "launch")


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("entity", metavar="ID")
@click.option("--limit", "-n", type=click.IntRange(1), help="At most so many events, the first ones.")
@click.option(
    "--output",
    "-o",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
    help="How to print: for people, or for scripts; csv has a row for each changed value.",
)
@store_option
def history(kind: str, entity: str, limit: int | None, output: str, store: str) -> None:
    """Show who did what to an entity and when, and what it changed.

    An experiment or a registered model may be named; of a run's id the start or end will do.
    """
    with connect(store) as api:
        plural = "launches" if kind == "launch" else f"{kind}s"
        path = f"/api/v1/history/{plural}/{quote(_id(api, kind, entity), safe='')}"
        entries = list(api.pages(path, "entries", {}, limit))
    if output == "json":
        print_json(entries)
    elif output == "csv":
        print_csv(list(_rows(entries)))
    else:
        for entry in entries:
            click.echo(_heading(entry))
            for change in entry["changes"]:
                click.echo(f"    {change_line(change)}")


def change_line(change: Mapping[str, Any]) -> str:
    """Return a change in one line: what came, what went, or what became of what."""
    name = cell(change["field"])
    before, after = change["before"], change["after"]
    if before is None:
        return f"+ {name}: {_shown(name, after)}"
    if after is None:
        return f"- {name}: {_shown(name, before)}"
    return f"~ {name}: {_shown(name, before)} → {_shown(name, after)}"


def _shown(name: str, value: Any) -> str:
    if name.endswith(("_time", "_at", "last_seen")) and isinstance(value, int):
        return when(value)
    return cell(value)


def _heading(entry: Mapping[str, Any]) -> str:
    who = cell(entry["actor"]) or f"producer {entry['producer_id'][-6:]}"
    effect = "" if entry["changes"] else "  (no effect)"
    return f"{when(entry['occurred_at'])}  {entry['type']}  by {who}  at {entry['position']}{effect}"


def _rows(entries: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a row for each change, and one for an event without any."""
    for entry in entries:
        event = {name: value for name, value in entry.items() if name not in ("changes", "body")}
        for change in entry["changes"] or [{"field": None, "before": None, "after": None}]:
            yield {**event, **{name: _plain(value) for name, value in change.items()}}


def _plain(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _id(api: Api, kind: str, given: str) -> str:
    from trackstream_api.cli import lookup

    if kind == "run":
        return lookup.run_id_of(api, given)
    if kind == "experiment":
        return str(lookup.experiment_by_name_or_id(api, given)["experiment_id"])
    return given
