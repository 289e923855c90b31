"""`trackstream artifacts`: list, download, log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.options import output_option, store_option
from trackstream_api.cli.output import counted, print_objects, say, size_text, when

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.group()
def artifacts() -> None:
    """List, download and log files of runs."""


@artifacts.command(name="list")
@click.argument("run_id")
@click.argument("path", required=False)
@click.option("--recursive", "-r", is_flag=True, help="Also what lies in directories.")
@store_option
@output_option
def list_(run_id: str, path: str | None, recursive: bool, store: str, output: str) -> None:
    """List the artifacts of a run, or those under PATH."""
    from trackstream_api.cli import lookup
    from trackstream_api.cli.artifact_tree import level, walk

    with connect(store) as api:
        run_id = lookup.run_id_of(api, run_id)
        found = list(walk(api, run_id, path)) if recursive else level(api, run_id, path)
    print_objects(output, found, ("PATH", "SIZE", "TYPE", "SHA-256", "LOGGED"), _row, empty="no artifacts")


@artifacts.command()
@click.argument("run_id", metavar="RUN_ID|URI")
@click.argument("path", required=False, metavar="[PATH|DIR]")
@click.option(
    "--to",
    "target",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Directory to put the files in (default: the current one).",
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there with other content.")
@store_option
def download(run_id: str, path: str | None, target: Path | None, overwrite: bool, store: str) -> None:
    """Download a run's artifacts, or the file or directory PATH; prints where each file is.

    A URI (runs:/RUN_ID/PATH, models:/NAME/VERSION, models:/NAME@ALIAS, models:/NAME/STAGE) says by itself
    which files; what lies in the directory that it names then lies in DIR.

    Content is checked against its SHA-256; a file that is there already with that content is kept.
    """
    from trackstream_api.cli import lookup
    from trackstream_api.cli.artifact_copy import download_all
    from trackstream_schemas.model_uris import is_model_uri

    named = is_model_uri(run_id)
    if named and path is not None and target is not None:
        raise click.UsageError("a URI takes DIR or --to, not both", click.get_current_context())
    with connect(store) as api:
        if named:
            place = api.get("/api/v1/artifact-places", {"uri": run_id})
            target = target or Path(path or ".")
            run_id, path = place["run_id"], place["path"]
        else:
            run_id = lookup.run_id_of(api, run_id)
        for local in download_all(api, run_id, path, target or Path(), overwrite, below=named):
            click.echo(str(local))


@artifacts.command()
@click.argument("run_id")
@click.argument("local", type=click.Path(path_type=Path))
@click.option("--artifact-path", default="", metavar="DIR", help="Directory within the run's artifacts.")
@store_option
def log(run_id: str, local: Path, artifact_path: str, store: str) -> None:
    """Log the file or directory LOCAL to a run."""
    from trackstream_api.cli import lookup
    from trackstream_api.cli.artifact_copy import upload_all

    with connect(store) as api:
        run_id = lookup.run_id_of(api, run_id)
        count = upload_all(api, run_id, local, artifact_path)
    say(f"logged {counted(count, 'file')} to run {run_id}")


def _row(item: Mapping[str, Any]) -> list[Any]:
    name = f"{item['path']}/" if item["is_dir"] else item["path"]
    digest = (item["sha256"] or "")[:12]
    return [name, size_text(item["size"]), item["content_type"], digest, when(item["logged_at"])]
