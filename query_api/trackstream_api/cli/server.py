"""`trackstream server`, also `trackstream ui`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from trackstream_api.cli.connection import WAIT_SECONDS
from trackstream_api.cli.options import DEFAULT_STORE
from trackstream_api.cli.stack_checks import is_distributed
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from trackstream_api.sql_port import SqlAccess

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
@click.option(
    "--sql-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Also answer ClickHouse clients (Grafana, Superset, DBeaver …) on this port, read-only; 0 takes a"
    " free one. Their password comes from TRACKSTREAM_SQL_PASSWORD.  [default: none]",
)
@click.option(
    "--sql-user",
    envvar="TRACKSTREAM_SQL_USER",
    default="default",
    show_default=True,
    show_envvar=True,
    metavar="NAME",
    help="The user they log in as.",
)
@click.option(
    "--sql-password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Read their password from the first line of this file instead.",
)
@click.option(
    "--sql-no-password",
    is_flag=True,
    help="Let every user of this machine in; only with a --host such as 127.0.0.1.",
)
@click.pass_context
def server(
    context: click.Context,
    host: str,
    port: int,
    workers: int,
    store: str,
    sql_port: int | None,
    sql_user: str,
    sql_password_file: Path | None,
    sql_no_password: bool,
) -> None:
    """Serve a store until Ctrl-C.

    That is the API, its documentation and the projections. `trackstream ui` is the same command.

    With TRACKSTREAM_KAFKA, TRACKSTREAM_CLICKHOUSE and TRACKSTREAM_S3_… set, and no --dir, it serves the store
    on these servers: it then keeps nothing itself, any number of it may run, and `trackstream consume` runs
    the projections.
    """
    if context.get_parameter_source("store") != ParameterSource.COMMANDLINE and is_distributed():
        from trackstream_api.server import serve_distributed
        from trackstream_api.stack_settings import stack_from_environment

        if sql_port is not None:
            right = (
                f"none: ClickHouse itself answers its clients, at {stack_from_environment().clickhouse_shown}"
            )
            raise InvalidInput("--sql-port", sql_port, right)
        shown = stack_from_environment().kafka_shown
        serve_distributed(host, port, workers, announce=lambda url: _announce(shown, url))
        return
    if "://" in store:
        servers = "TRACKSTREAM_KAFKA, TRACKSTREAM_CLICKHOUSE and TRACKSTREAM_S3_… set"
        right = f"a directory on this machine; or, without --dir, {servers}"
        raise InvalidInput("--dir", store, right)
    if workers != 1:
        raise InvalidInput("--workers", workers, "1 for a store in a directory: one process holds it")
    access = None
    if sql_port is not None:
        access = _access(sql_port, sql_user, sql_password_file, sql_no_password)
    _serve(Path(store).expanduser(), host, port, access)


def _access(port: int, user: str, password_file: Path | None, no_password: bool) -> SqlAccess:
    """Return who is let in. A password is no option: options show in the list of processes."""
    from trackstream_api.sql_port import SqlAccess

    password = os.environ.get("TRACKSTREAM_SQL_PASSWORD", "")
    if password_file is not None:
        password = password_file.read_text().partition("\n")[0].rstrip("\r")
    if no_password and password:
        raise InvalidInput("--sql-no-password", True, "either this or a password, and one is set")
    if not password and not no_password:
        right = "a password in TRACKSTREAM_SQL_PASSWORD or --sql-password-file, or else --sql-no-password"
        raise InvalidInput("--sql-port", port, right)
    return SqlAccess(port, user, password)


def _serve(directory: Path, host: str, port: int, sql: SqlAccess | None) -> None:
    from trackstream_api.directory_lock import DirectoryHeld
    from trackstream_api.server import serve

    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            serve(
                directory,
                host,
                port,
                announce=lambda url: _announce(directory, url),
                sql=sql,
                announce_sql=_announce_sql,
            )
            return
        except DirectoryHeld as error:
            # A command is done soon; a server is not.
            if (error.holder is not None and error.holder.kind == "server") or time.monotonic() > deadline:
                raise
        time.sleep(_POLL_SECONDS)


def _announce(store: Path | str, url: str) -> None:
    click.echo(f"Trackstream serves {store} at {url} (the API is described at {url}/docs); Ctrl-C stops it")


def _announce_sql(url: str) -> None:
    click.echo(f"ClickHouse clients read the views at {url}")
