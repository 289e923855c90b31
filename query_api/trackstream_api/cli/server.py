"""`trackstream server`, also `trackstream ui`."""

from __future__ import annotations

import time
from pathlib import Path

import click

from trackstream_api.cli.connection import WAIT_SECONDS
from trackstream_api.cli.options import DEFAULT_STORE
from trackstream_schemas.errors import InvalidInput

_POLL_SECONDS = 0.1


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=5000, show_default=True, help="Port; 0 takes a free one."
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
def server(host: str, port: int, store: str) -> None:
    """Serve a store until Ctrl-C.

    That is the API, its documentation and the projections. `trackstream ui` is the same command.
    """
    if "://" in store:
        raise InvalidInput("--dir", store, "a directory on this machine")
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


def _announce(directory: Path, url: str) -> None:
    click.echo(
        f"Trackstream serves {directory} at {url} (the API is described at {url}/docs); Ctrl-C stops it"
    )
