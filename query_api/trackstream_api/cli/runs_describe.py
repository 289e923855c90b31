"""`trackstream runs describe`: all that is known of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.options import store_option
from trackstream_api.cli.output import duration, flat, print_csv, print_json, print_table, size_text, when

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@click.command()
@click.argument("run_id")
@store_option
@click.option(
    "--output",
    "-o",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to print; csv holds the run itself without metric summaries and artifacts.",
)
def describe(run_id: str, store: str, output: str) -> None:
    """Show a run: attributes, params, tags, metrics, inputs, artifacts and conflicts."""
    from trackstream_api.cli import lookup
    from trackstream_api.cli.artifact_tree import walk

    with connect(store) as api:
        run_id = lookup.run_id_of(api, run_id)
        path = lookup.run_path(run_id)
        run = api.get(path)
        metrics = api.get(f"{path}/metrics")["metrics"]
        artifacts = list(walk(api, run_id))
    if output == "json":
        print_json({"run": run, "metrics": metrics, "artifacts": artifacts})
    elif output == "csv":
        print_csv([flat(run)])
    else:
        _print(run, metrics, artifacts)


def _print(
    run: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]], artifacts: Sequence[Mapping[str, Any]]
) -> None:
    attributes = {
        "run id": run["run_id"],
        "name": run["name"],
        "experiment": f"{run['experiment_name']} ({run['experiment_id']})",
        "status": run["status"],
        "stage": run["lifecycle_stage"],
        "user": run["user_id"],
        "started": when(run["start_time"]),
        "ended": when(run["end_time"]),
        "took": duration(run["start_time"], run["end_time"]),
    }
    _section("Run", ("ATTRIBUTE", "VALUE"), list(attributes.items()))
    _section("Params", ("PARAM", "VALUE"), sorted(run["params"].items()))
    latest = run["metrics"]
    rows = [
        [
            item["key"],
            latest[item["key"]]["value"] if item["key"] in latest else None,
            item["points"],
            item["min"],
            item["max"],
            f"{item['first_step']}..{item['last_step']}",
        ]
        for item in metrics
    ]
    _section("Metrics", ("METRIC", "LATEST", "POINTS", "MIN", "MAX", "STEPS"), rows)
    _section("Tags", ("TAG", "VALUE"), sorted(run["tags"].items()))
    inputs = [[item.get("name"), item.get("digest"), item.get("source")] for item in run["inputs"]]
    _section("Inputs", ("DATA SET", "DIGEST", "SOURCE"), inputs)
    files = [
        [item["path"], size_text(item["size"]), item["content_type"], (item["sha256"] or "")[:12]]
        for item in artifacts
    ]
    _section("Artifacts", ("PATH", "SIZE", "TYPE", "SHA-256"), files)
    conflicts = [
        [item.get("kind"), item.get("key"), item.get("kept"), item.get("rejected")]
        for item in run["conflicts"]
    ]
    _section("Conflicts (the first value stands)", ("KIND", "KEY", "KEPT", "REJECTED"), conflicts)


def _section(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    if not rows:
        return
    click.secho(title, bold=True)
    print_table(columns, rows)
    click.echo()
