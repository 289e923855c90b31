"""`trackstream runs describe`: all that is known of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.options import as_of_option, store_option
from trackstream_api.cli.output import duration, flat, print_csv, print_json, print_section, size_text, when

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@click.command()
@click.argument("run_id")
@as_of_option
@store_option
@click.option(
    "--output",
    "-o",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to print; csv holds the run itself without metric summaries and artifacts.",
)
@click.option(
    "--branch",
    type=click.IntRange(0),
    metavar="N",
    help="Of a run that was rewound: the metrics of this branch (default: the newest).",
)
def describe(run_id: str, as_of: str | None, store: str, output: str, branch: int | None) -> None:
    """Show a run: attributes, params, tags, metrics, writers, inputs, artifacts and conflicts.

    With --as-of writers and completeness are left out: of their reports only the newest is kept.
    """
    from trackstream_api.cli import lookup
    from trackstream_api.cli.artifact_tree import walk

    with connect(store, as_of=as_of) as api:
        run_id = lookup.run_id_of(api, run_id)
        path = lookup.run_path(run_id)
        run = api.get(path)
        metrics = api.get(f"{path}/metrics", {"branch": branch})["metrics"]
        artifacts = list(walk(api, run_id))
        completeness = api.get(f"{path}/completeness") if as_of is None else None
        branches = api.get(f"{path}/branches")["branches"]
    if output == "json":
        print_json(
            {
                "run": run,
                "metrics": metrics,
                "artifacts": artifacts,
                "completeness": completeness,
                "branches": branches,
            }
        )
    elif output == "csv":
        print_csv([flat(run)])
    else:
        _print(run, metrics, artifacts, completeness, branches, branch)


def _print(
    run: Mapping[str, Any],
    metrics: Sequence[Mapping[str, Any]],
    artifacts: Sequence[Mapping[str, Any]],
    completeness: Mapping[str, Any] | None,
    branches: Sequence[Mapping[str, Any]],
    branch: int | None,
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
    if completeness is not None:
        attributes["completeness"] = completeness["summary"]
    print_section("Run", ("ATTRIBUTE", "VALUE"), list(attributes.items()))
    print_section("Params", ("PARAM", "VALUE"), sorted(run["params"].items()))
    latest = run["metrics"]
    rows = [
        [
            item["key"],
            _latest(item, latest, branch),
            item["points"],
            item["min"],
            item["max"],
            f"{item['first_step']}..{item['last_step']}",
        ]
        for item in metrics
    ]
    title = "Metrics" if branch is None else f"Metrics of branch {branch}"
    print_section(title, ("METRIC", "LATEST", "POINTS", "MIN", "MAX", "STEPS"), rows)
    if len(branches) > 1:
        print_section(
            "Branches", ("BRANCH", "REWOUND TO STEP", "AT", "WRITERS"), list(map(_branch_cells, branches))
        )
    writers = [_writer_cells(writer) for writer in (completeness or {"writers": ()})["writers"]]
    print_section("Writers", ("WRITER", "STATE", "LAST SEEN", "POINTS", "COMPLETENESS", "PROCESS"), writers)
    print_section("Tags", ("TAG", "VALUE"), sorted(run["tags"].items()))
    inputs = [[item.get("name"), item.get("digest"), item.get("source")] for item in run["inputs"]]
    print_section("Inputs", ("DATA SET", "DIGEST", "SOURCE"), inputs)
    files = [
        [item["path"], size_text(item["size"]), item["content_type"], (item["sha256"] or "")[:12]]
        for item in artifacts
    ]
    print_section("Artifacts", ("PATH", "SIZE", "TYPE", "SHA-256"), files)
    conflicts = [
        [item.get("kind"), item.get("key"), item.get("kept"), item.get("rejected")]
        for item in run["conflicts"]
    ]
    print_section("Conflicts (the first value stands)", ("KIND", "KEY", "KEPT", "REJECTED"), conflicts)


def _latest(item: Mapping[str, Any], latest: Mapping[str, Any], branch: int | None) -> Any:
    """Return the latest value of a metric: the run's, or the branch's where one was named."""
    if branch is not None:
        return item["latest"]["value"]
    return latest[item["key"]]["value"] if item["key"] in latest else None


def _branch_cells(branch: Mapping[str, Any]) -> list[Any]:
    names = ", ".join(name for name in branch["writers"] if name)
    return [branch["branch"], branch["rewound_to_step"], when(branch["began_at"]), names]


def _writer_cells(writer: Mapping[str, Any]) -> list[Any]:
    state = writer["state"]
    if state == "silent":
        state = f"silent since {when(writer['last_seen'])}"
    sent, here = writer["sent"]["points"], writer["projected"]["points"]
    points = f"{here}" if state == "unreported" else f"{here} of {sent}"
    seen = when(writer["last_seen"])
    return [writer["writer"], state, seen, points, writer["completeness"], writer["producer_id"]]
