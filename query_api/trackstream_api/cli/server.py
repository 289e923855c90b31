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
@click.option(
    "--ui/--no-ui",
    "with_ui",
    default=None,
    help="Serve the web UI, too.  [default: yes with one process, no with --workers]",
)
@click.option(
    "--api",
    "api_url",
    metavar="URL",
    help="Serve nothing but the web UI, before the server at this URL.",
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
    with_ui: bool | None,
    api_url: str | None,
) -> None:
    """Serve a store until Ctrl-C.

    That is the web UI, the API, its documentation and the projections. `trackstream ui` is the same command.

    The web UI keeps a session with each browser: it runs in one process, or behind a load balancer that
    sends a browser to the same one again. Where many processes serve the API, give them --no-ui and run one
    more with --api.

    With TRACKSTREAM_KAFKA, TRACKSTREAM_CLICKHOUSE and TRACKSTREAM_S3_… set, and no --dir, it serves the store
    on these servers: it then keeps nothing itself, any number of it may run, and `trackstream consume` runs
    the projections.
    """
    if api_url is not None:
        _serve_ui_alone(context, api_url, host, port)
        return
    if with_ui and workers != 1:
        raise InvalidInput("--ui", True, "--no-ui with --workers, and one more process with --api URL")
    if context.get_parameter_source("store") != ParameterSource.COMMANDLINE and is_distributed():
        from trackstream_api.server import serve_distributed
        from trackstream_api.stack_settings import stack_from_environment

        if sql_port is not None:
            right = (
                f"none: ClickHouse itself answers its clients, at {stack_from_environment().clickhouse_shown}"
            )
            raise InvalidInput("--sql-port", sql_port, right)
        shown = stack_from_environment().kafka_shown
        serve_distributed(
            host,
            port,
            workers,
            announce=lambda url: _announce(shown, url),
            with_ui=workers == 1 and with_ui is not False,
        )
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
    _serve(Path(store).expanduser(), host, port, access, with_ui is not False)


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


def _serve(directory: Path, host: str, port: int, sql: SqlAccess | None, with_ui: bool) -> None:
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
                with_ui=with_ui,
            )
            return
        except DirectoryHeld as error:
            # A command is done soon; a server is not.
            if (error.holder is not None and error.holder.kind == "server") or time.monotonic() > deadline:
                raise
        time.sleep(_POLL_SECONDS)


def _serve_ui_alone(context: click.Context, api_url: str, host: str, port: int) -> None:
    for name in ("store", "workers", "sql_port", "with_ui"):
        if context.get_parameter_source(name) == ParameterSource.COMMANDLINE:
            raise InvalidInput("--api", api_url, "no option of a store beside it: it serves the web UI alone")
    if not api_url.startswith(("http://", "https://")):
        raise InvalidInput("--api", api_url, "the URL of a Trackstream server, such as http://127.0.0.1:5000")
    from trackstream_api.server import serve_ui

    serve_ui(api_url, host, port, announce=lambda url: _announce(f"the web UI of {api_url}", url))


def _announce(store: Path | str, url: str) -> None:
    click.echo(f"Trackstream serves {store} at {url} (the API is described at {url}/docs); Ctrl-C stops it")


def _announce_sql(url: str) -> None:
    click.echo(f"ClickHouse clients read the views at {url}")
