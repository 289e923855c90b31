"""`trackstream server`, also `trackstream ui`."""

from __future__ import annotations

import time
from pathlib import Path

import click
from click.core import ParameterSource

from trackstream_api.cli.connection import WAIT_SECONDS
from trackstream_api.cli.options import DEFAULT_STORE
from trackstream_api.cli.stack_checks import is_distributed
from trackstream_schemas.errors import InvalidInput

_POLL_SECONDS = 0.1


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=5000, show_default=True, help="Port; 0 takes a free one."
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that share the port; more than one only without a directory.",
)
@click.option(
    "--dir",
    "store",
    envvar="TRACKSTREAM_URI",
    default=DEFAULT_STORE,
    show_default=True,
    show_envvar=True,
    metavar="DIR",
    help="Directory of the store; made where there is none.",
)
@click.pass_context
def server(context: click.Context, host: str, port: int, workers: int, store: str) -> None:
    """Serve a store until Ctrl-C.

    That is the API, its documentation and the projections. `trackstream ui` is the same command.

    With TRACKSTREAM_KAFKA, TRACKSTREAM_CLICKHOUSE and TRACKSTREAM_S3_… set, and no --dir, it serves the store
    on these servers: it then keeps nothing itself, any number of it may run, and `trackstream consume` runs
    the projections.
    """
    if context.get_parameter_source("store") != ParameterSource.COMMANDLINE and is_distributed():
        from trackstream_api.server import serve_distributed
        from trackstream_api.stack_settings import stack_from_environment

        shown = stack_from_environment().kafka_shown
        serve_distributed(host, port, workers, announce=lambda url: _announce(shown, url))
        return
    if "://" in store:
        servers = "TRACKSTREAM_KAFKA, TRACKSTREAM_CLICKHOUSE and TRACKSTREAM_S3_… set"
        right = f"a directory on this machine; or, without --dir, {servers}"
        raise InvalidInput("--dir", store, right)
    if workers != 1:
        raise InvalidInput("--workers", workers, "1 for a store in a directory: one process holds it")
    _serve(Path(store).expanduser(), host, port)


def _serve(directory: Path, host: str, port: int) -> None:
    from trackstream_api.directory_lock import DirectoryHeld
    from trackstream_api.server import serve

    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            serve(directory, host, port, announce=lambda url: _announce(directory, url))
            return
        except DirectoryHeld as error:
            # A command is done soon; a server is not.
            if (error.holder is not None and error.holder.kind == "server") or time.monotonic() > deadline:
                raise
        time.sleep(_POLL_SECONDS)


def _announce(store: Path | str, url: str) -> None:
    click.echo(f"Trackstream serves {store} at {url} (the API is described at {url}/docs); Ctrl-C stops it")
