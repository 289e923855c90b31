"""`trackstream runs`: list, search, best, delete, restore; describe, compare and export stand beside it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.options import (
    as_of_option,
    experiment_options,
    filter_option,
    limit_option,
    order_by_option,
    output_option,
    store_option,
    view_option,
)
from trackstream_api.cli.output import print_csv, print_json, print_table, say, write_csv
from trackstream_api.cli.run_statuses import status_hints
from trackstream_api.cli.run_table import default_columns, differing, heading, resolved, run_cells, run_record
from trackstream_api.cli.runs_compare import compare
from trackstream_api.cli.runs_describe import describe
from trackstream_api.cli.runs_export import export
from trackstream_api.cli.values import names

if TYPE_CHECKING:
    from collections.abc import Sequence

SEARCH = "/api/v1/runs/search"


@click.group()
def runs() -> None:
    """Find, compare and export runs."""


runs.add_command(describe)
runs.add_command(compare)
runs.add_command(export)

columns_option = click.option(
    "--columns",
    metavar="LIST",
    help="Columns of the table or csv, such as run_id,params.lr,metrics.val_loss"
    " (default: what fits the runs; csv: all).",
)


@runs.command(name="list")
@experiment_options
@view_option
@order_by_option("start_time DESC")
@limit_option(50)
@columns_option
@as_of_option
@store_option
@output_option
def list_(
    experiments: Sequence[str],
    experiment_ids: Sequence[str],
    view: str,
    order_by: Sequence[str],
    limit: int,
    columns: str | None,
    as_of: str | None,
    store: str,
    output: str,
) -> None:
    """List runs, the newest first: of the named experiments, or of all."""
    _search(experiments, experiment_ids, "", view, order_by, limit, columns, as_of, store, output)


@runs.command()
@click.argument("expression", metavar="FILTER")
@experiment_options
@view_option
@order_by_option("metrics.val_loss ASC")
@limit_option(50)
@columns_option
@as_of_option
@store_option
@output_option
def search(
    expression: str,
    experiments: Sequence[str],
    experiment_ids: Sequence[str],
    view: str,
    order_by: Sequence[str],
    limit: int,
    columns: str | None,
    as_of: str | None,
    store: str,
    output: str,
) -> None:
    """List runs that match FILTER, such as "metrics.val_loss < 0.3 and params.lr = '0.01'"."""
    _search(experiments, experiment_ids, expression, view, order_by, limit, columns, as_of, store, output)


@runs.command()
@experiment_options
@click.option(
    "--metric", "-m", required=True, metavar="KEY", help="Metric to compare runs by: its latest value."
)
@click.option(
    "--mode",
    type=click.Choice(["min", "max"]),
    default="min",
    show_default=True,
    help="Whether the smallest or the greatest value is best.",
)
@click.option(
    "--top", "-k", type=click.IntRange(1, 10_000), default=1, show_default=True, help="How many runs."
)
@filter_option
@columns_option
@as_of_option
@store_option
@output_option
def best(
    experiments: Sequence[str],
    experiment_ids: Sequence[str],
    metric: str,
    mode: str,
    top: int,
    filter_text: str,
    columns: str | None,
    as_of: str | None,
    store: str,
    output: str,
) -> None:
    """Show the best run, or the best K, by a metric. A run without it, or with NaN, never wins."""
    from trackstream_api.cli import lookup
    from trackstream_schemas.errors import NotFound

    with connect(store, as_of=as_of) as api:
        chosen = lookup.experiment_ids(api, experiments, experiment_ids)
        body = {
            "experiment_ids": chosen,
            "metric": metric,
            "mode": mode,
            "top": top,
            "filter": filter_text,
        }
        found = api.post("/api/v1/runs/best", body)["runs"]
        if not found:
            where = f" in {', '.join(map(repr, experiments))}" if experiments else ""
            which = " that matches the filter" if filter_text else ""
            hint = lookup.metric_hint(api, metric, chosen)
            hint += "".join(f"; {text}" for text in status_hints(filter_text))
            raise NotFound(f"no run{which}{where} has a number for metric {metric!r}{hint}")
    best_first = ["run_id", "name", f"metrics.{metric}", f"step.{metric}"]
    _print_runs(found, names(columns), [*best_first, *differing(found, "params"), "status"], output)


@runs.command()
@click.argument("run_ids", metavar="RUN_ID...", nargs=-1, required=True)
@store_option
def delete(run_ids: Sequence[str], store: str) -> None:
    """Delete runs; they can be restored until `gc` purges them."""
    from trackstream_api.cli import lookup

    with connect(store) as api:
        for run_id in run_ids:
            whole = lookup.run_id_of(api, run_id)
            api.delete(lookup.run_path(whole))
            say(f"deleted run {whole}")


@runs.command()
@click.argument("run_ids", metavar="RUN_ID...", nargs=-1, required=True)
@store_option
def restore(run_ids: Sequence[str], store: str) -> None:
    """Bring deleted runs back."""
    from trackstream_api.cli import lookup

    with connect(store) as api:
        for run_id in run_ids:
            whole = lookup.run_id_of(api, run_id)
            api.post(f"{lookup.run_path(whole)}/restore")
            say(f"restored run {whole}")


def _search(
    experiments: Sequence[str],
    experiment_ids: Sequence[str],
    expression: str,
    view: str,
    order_by: Sequence[str],
    limit: int,
    columns: str | None,
    as_of: str | None,
    store: str,
    output: str,
) -> None:
    from trackstream_api.cli import lookup

    with connect(store, as_of=as_of) as api:
        body = {
            "experiment_ids": lookup.experiment_ids(api, experiments, experiment_ids),
            "filter": expression,
            "order_by": list(order_by),
            "view": view,
        }
        # One more than is shown tells whether there are more.
        found = list(api.search_pages(SEARCH, "runs", body, limit + 1))
    shown = found[:limit]
    _print_runs(shown, names(columns), default_columns(shown), output)
    if not found:
        for text in status_hints(expression):
            say(text)
    if len(found) > limit:
        say(f"only the first {limit} runs are shown; --limit shows more")


def _print_runs(
    found: list[dict[str, Any]], asked: Sequence[str] | None, usual: Sequence[str], output: str
) -> None:
    columns = usual if asked is None else resolved(asked, found)
    if output == "json":
        print_json(found)
    elif output == "csv":
        if asked is None:
            print_csv(found)
        else:
            write_csv(sys.stdout, [run_record(run, columns) for run in found], columns)
    else:
        rows = [run_cells(run, columns) for run in found]
        droppable = columns if asked is None else ()
        print_table([heading(name) for name in columns], rows, empty="no runs", droppable=droppable)
