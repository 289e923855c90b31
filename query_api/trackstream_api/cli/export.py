"""`trackstream export`: the events of runs or of an experiment to an Avro file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.options import experiment_name_option, store_option
from trackstream_api.cli.output import say, size_text

if TYPE_CHECKING:
    from collections.abc import Sequence

_SILENCE_S = 120.0


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--run", "runs", multiple=True, metavar="ID", help="This run, by id or prefix; repeatable.")
@experiment_name_option("All of this experiment; repeatable.")
@click.option("--no-artifacts", is_flag=True, help="Leave out the contents of files.")
@store_option
def export(
    file: Path, runs: Sequence[str], experiments: Sequence[str], no_artifacts: bool, store: str
) -> None:
    """Write the events of runs or experiments to FILE, which `trackstream import` reads back equal.

    FILE is an Avro object-container file: its schema is within, and any Avro reader reads it. With a run
    come its experiment and the models it made. FILE appears only once it is whole.
    """
    from trackstream_api.cli import lookup
    from trackstream_api.cli.progress import progress
    from trackstream_schemas.errors import InvalidInput

    if not runs and not experiments:
        raise InvalidInput("--run", None, "at least one --run or --experiment")
    if not file.parent.is_dir():
        raise InvalidInput("FILE", str(file), f"a directory that exists; {file.parent} does not")
    with connect(store) as api, progress("Exporting", of_bytes=True) as report:
        body = {
            "run_ids": [lookup.run_id_of(api, run) for run in runs],
            "experiment_ids": [lookup.experiment_by_name(api, name)["experiment_id"] for name in experiments],
            "artifacts": not no_artifacts,
        }
        aside = file.with_name(f".{file.name}.{os.getpid()}.part")
        try:
            with aside.open("wb") as out, api.download("/api/v1/export", body, _SILENCE_S) as pieces:
                for piece in pieces:
                    out.write(piece)
                    report(out.tell())
                out.flush()
                os.fsync(out.fileno())
            os.replace(aside, file)
        finally:
            aside.unlink(missing_ok=True)
    say(f"wrote {size_text(file.stat().st_size)} to {file}")
