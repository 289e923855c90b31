"""`trackstream runs export`: runs, or their metric histories, to a file or standard output."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.options import (
    experiment_options,
    filter_option,
    order_by_option,
    store_option,
    view_option,
)
from trackstream_api.cli.output import counted, flat, say
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trackstream_api.cli.api import Api

FORMATS = ("csv", "json", "jsonl", "parquet")
_ENDINGS = {"": "csv", ".ndjson": "jsonl"} | {f".{name}": name for name in FORMATS}
POINT_COLUMNS = ("run_id", "run_name", "key", "step", "timestamp", "value", "writer")


@click.command()
@experiment_options
@filter_option
@view_option
@order_by_option("start_time DESC")
@click.option("--metrics", "histories", is_flag=True, help="Export every metric point instead of the runs.")
@click.option(
    "--key", "keys", multiple=True, metavar="KEY", help="With --metrics: only this metric; repeatable."
)
@click.option(
    "--to",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write here instead of to standard output.",
)
@click.option(
    "--format", "format_", type=click.Choice(FORMATS), help="Default: from the file's ending, else csv."
)
@store_option
def export(
    experiments: Sequence[str],
    experiment_ids: Sequence[str],
    filter_text: str,
    view: str,
    order_by: Sequence[str],
    histories: bool,
    keys: Sequence[str],
    target: Path | None,
    format_: str | None,
    store: str,
) -> None:
    """Export all matching runs as a flat table (params.KEY, metrics.KEY, tags.KEY), or their metric points.

    JSON and JSON lines hold runs as the API gives them. A file appears only once it is whole.
    """
    from trackstream_api.cli import lookup
    from trackstream_api.cli.progress import progress
    from trackstream_api.cli.rows_out import write_points, write_runs

    chosen = format_ or format_of(target)
    if target is not None and not target.parent.is_dir():
        raise InvalidInput("--to", str(target), f"a directory that exists; {target.parent} does not")
    if chosen == "parquet" and target is None:
        raise InvalidInput("--to", None, "a file for --format parquet")
    if keys and not histories:
        raise InvalidInput("--key", keys[0], "to be used together with --metrics")
    with connect(store) as api, progress("Exporting runs") as report:
        body = {
            "experiment_ids": lookup.experiment_ids(api, experiments, experiment_ids),
            "filter": filter_text,
            "view": view,
            "order_by": list(order_by),
        }
        found = api.search_pages("/api/v1/runs/search", "runs", body, None)
        if histories:
            reported = _reporting(list(found), report)
            count = write_points(_points(api, reported, keys), POINT_COLUMNS, chosen, target)
        else:
            whole = list(found)
            count = write_runs(whole, [flat(run) for run in whole], chosen, target)
    if target is not None:
        say(f"wrote {counted(count, 'point' if histories else 'run')} to {target}")


def format_of(target: Path | None) -> str:
    """Return the format that a file's ending asks for; csv where it has none.

    Raises InvalidInput for an ending that stands for no format.
    """
    ending = target.suffix.lower() if target is not None else ""
    if ending not in _ENDINGS:
        known = ", ".join(filter(None, _ENDINGS))
        raise InvalidInput("--to", str(target), f"a file that ends in one of {known}, or --format")
    return _ENDINGS[ending]


def _reporting(found: list[dict[str, Any]], report: Any) -> Iterator[dict[str, Any]]:
    for number, run in enumerate(found):
        report(number, len(found))
        yield run


def _points(api: Api, found: Iterator[dict[str, Any]], keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    from trackstream_api.cli import lookup

    for run in found:
        path = f"{lookup.run_path(run['run_id'])}/metric-history"
        for key in sorted(run["metrics"]):
            if keys and key not in keys:
                continue
            about = {"run_id": run["run_id"], "run_name": run["name"], "key": key}
            for point in api.pages(path, "points", {"key": key}, None):
                yield about | point
