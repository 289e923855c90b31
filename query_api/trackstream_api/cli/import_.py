"""`trackstream import`: events from an MLflow store, or from files that `trackstream export` wrote."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trackstream_api.cli.options import destination_option, experiment_name_option, summary_output_option
from trackstream_api.cli.output import counted, print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream.log.port import LogWriter

_MOST_SHOWN = 20


class _FilesOtherwise(click.Group):
    """A group whose command is `files` where the first argument names none."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["files", *args]
        return super().resolve_command(context, args)

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        # Options of `files` may stand before its first file.
        if args and args[0].startswith("-") and args[0] not in ("-h", "--help"):
            args = ["files", *args]
        return super().parse_args(context, args)


@click.group("import", cls=_FilesOtherwise, subcommand_metavar="FILE... | COMMAND [ARGS]...")
def import_() -> None:
    """Import events: from an MLflow store, or from FILEs of `trackstream export`.

    To import again, after a kill or on purpose, goes on where it was and doubles nothing.
    """


@import_.command("files")
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@destination_option
@summary_output_option
def files(paths: Sequence[Path], store: str, output: str) -> None:
    """Import files of `trackstream export`: the same ids, times and histories.

    `trackstream import FILE...` is short for this.
    """
    from dataclasses import asdict

    from trackstream.log.open import open_blob_store
    from trackstream_api.cli.progress import progress
    from trackstream_api.transfer.appending import Appender
    from trackstream_api.transfer.file_import import import_file

    total = sum(path.stat().st_size for path in paths)
    before = 0
    results = []
    writer = _writer_of(store)
    try:
        with progress("Importing", of_bytes=True) as report:
            report(0, total)
            for path in paths:
                start = before
                read = import_file(
                    path,
                    Appender(writer),
                    partial(open_blob_store, store),
                    lambda at, start=start: report(start + at),  # type: ignore[misc]
                )
                before += path.stat().st_size
                results.append((path, read))
    finally:
        writer.close()
    if output == "json":
        print_json([{"file": str(path), **asdict(read)} for path, read in results])
        return
    for path, read in results:
        amounts = ", ".join(
            counted(count, name)
            for count, name in (
                (read.events, "event"),
                (read.runs, "run"),
                (read.points, "metric point"),
                (read.files, "file"),
            )
        )
        click.echo(f"{path}: {amounts}")


@import_.command("mlflow")
@click.argument("uri", metavar="URI")
@experiment_name_option("Only this experiment; repeatable.")
@click.option("--no-artifacts", is_flag=True, help="Leave the files where they are.")
@click.option(
    "--experiment-ids",
    type=click.Choice(["original", "by-name"]),
    default="original",
    show_default=True,
    help="by-name: the ids that trackstream.set_experiment derives, to go on with the SDK.",
)
@destination_option
@summary_output_option
def mlflow(
    uri: str,
    experiments: Sequence[str],
    no_artifacts: bool,
    experiment_ids: str,
    store: str,
    output: str,
) -> None:
    """Import an MLflow store, with original ids and times.

    URI is a file store's directory (./mlruns), a database (sqlite:///mlflow.db) or a tracking server
    (http://…). Experiments, runs with all their metrics and files, logged models, traces and, without
    --experiment, the model registry are taken over. Needs the package mlflow. Exit code 4: something was
    left out, and is named.
    """
    from dataclasses import asdict

    from trackstream.log.open import open_blob_store
    from trackstream_api.cli.progress import progress
    from trackstream_api.transfer.appending import Appender
    from trackstream_api.transfer.errors import SomeLeftOut
    from trackstream_api.transfer.mlflow_import import MlflowImport, Wanted, parts
    from trackstream_api.transfer.mlflow_source import MlflowSource

    source = MlflowSource(uri)
    known = _experiments_of(store)
    wanted = Wanted(tuple(experiments), not no_artifacts, experiment_ids == "by-name")
    writer = _writer_of(store)
    try:
        with progress("Importing runs") as report:
            work = MlflowImport(source, Appender(writer), partial(open_blob_store, store), wanted, known)
            done = work.run(report)
    finally:
        writer.close()
    if output == "json":
        print_json(asdict(done))
    else:
        amounts = ", ".join(counted(count, name) for name, count in parts(done))
        click.echo(f"imported {amounts or 'nothing'}")
        if done.already_there:
            click.echo(f"{counted(done.already_there, 'run')} had been imported before")
    if done.left_out:
        for line in done.left_out[:_MOST_SHOWN]:
            say(f"left out: {line}")
        raise SomeLeftOut(f"{len(done.left_out)} of {uri} could not be imported; all else is there")


def _writer_of(store: str) -> LogWriter:
    from trackstream.log.open import open_log_writer

    return open_log_writer(store)


def _experiments_of(store: str) -> dict[str, str]:
    """Return the names of the destination's experiments by id; none where it cannot be asked (Kafka)."""
    from trackstream_api.cli.connection import connect

    if store.startswith("kafka"):
        return {}
    with connect(store, create=True) as api:
        found = api.pages("/api/v1/experiments", "experiments", {"view": "all"}, None)
        return {item["experiment_id"]: item["name"] for item in found}
