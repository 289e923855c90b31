"""`trackstream run`: launch a project."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trackstream_api.cli.options import destination_option
from trackstream_api.cli.output import say
from trackstream_api.cli.values import pairs
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trackstream.projects import SubmittedRun

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_LARGEST_CONFIG = 1 << 20

parameters_option = click.option(
    "-P",
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Parameter of the entry point, or a further --NAME VALUE for its command; repeatable.",
)
detach_option = click.option(
    "--detach", is_flag=True, help="Do not wait: print the launch's id and leave it to itself."
)


@click.command()
@click.argument("uri")
@click.option(
    "-e", "--entry-point", default="main", show_default=True, metavar="NAME", help="What to launch."
)
@parameters_option
@click.option("--version", metavar="V", help="Commit, tag or branch of a git repository.")
@click.option("--experiment-name", metavar="NAME", help="Experiment of the run; made where there is none.")
@click.option("--experiment-id", metavar="ID", help="Experiment of the run, which must exist.")
@click.option("--run-id", metavar="ID", help="Log into this run, which must exist.")
@click.option("--run-name", metavar="NAME", help="Name of the new run.")
@click.option(
    "--env-manager",
    type=click.Choice(["virtualenv", "uv", "conda", "local"]),
    help="What makes the environment.  [default: what the project's environment file is for]",
)
@click.option("--no-conda", is_flag=True, help="The same as --env-manager local.")
@click.option("-b", "--backend", default="local", show_default=True, metavar="NAME", help="What executes it.")
@click.option("-c", "--backend-config", metavar="FILE|JSON", help="Settings of the backend, without secrets.")
@click.option(
    "-A",
    "--docker-args",
    "docker_args",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="Further argument for containers; repeatable.",
)
@click.option("--storage-dir", metavar="DIR", help="Where `path` parameters that are URIs are downloaded to.")
@detach_option
@destination_option
def run(
    uri: str,
    entry_point: str,
    parameters: Sequence[str],
    version: str | None,
    experiment_name: str | None,
    experiment_id: str | None,
    run_id: str | None,
    run_name: str | None,
    env_manager: str | None,
    no_conda: bool,
    backend: str,
    backend_config: str | None,
    docker_args: Sequence[str],
    storage_dir: str | None,
    detach: bool,
    store: str,
) -> None:
    """Launch an entry point of the project at URI and show what it prints.

    URI is a directory, a git repository (https://…, ssh://…, file://…, github:OWNER/REPO) or an archive
    (.zip, .tar.gz), perhaps with #SUBDIRECTORY. Ctrl-C ends the launch; if this command is killed, it goes
    on, and `trackstream launches` shows it.
    """
    if no_conda and env_manager not in (None, "local"):
        raise InvalidInput("--no-conda", env_manager, "no --env-manager beside it")
    from trackstream import projects

    submitted = projects.run(
        uri,
        entry_point,
        version,
        pairs("-P", parameters),
        experiment_name=experiment_name,
        experiment_id=experiment_id,
        run_id=run_id,
        run_name=run_name,
        env_manager="local" if no_conda else env_manager,
        backend=backend,
        backend_config=_config(backend_config),
        docker_args=_flags(docker_args),
        storage_dir=storage_dir,
        synchronous=False,
        tracking_uri=store,
    )
    attend(submitted, detach)


def attend(submitted: SubmittedRun, detach: bool) -> None:
    """Show what a launch prints until it is over, or only its id. Raises LaunchFailed or LaunchCancelled."""
    if detach:
        say(f"run {submitted.run_id}")
        click.echo(submitted.launch_id)
        return
    from trackstream.projects.following import follow
    from trackstream.projects.launch import raise_unless_finished

    say(f"launch {submitted.launch_id}, run {submitted.run_id}")
    with _signals_passed_on(submitted):
        follow(submitted.folder, show)
        raise_unless_finished(submitted)


def show(piece: bytes) -> None:
    """Write what a program has printed to standard output, as it is."""
    sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


@contextmanager
def _signals_passed_on(submitted: SubmittedRun) -> Iterator[None]:
    """Have the launch get the signals that this process gets; most of them end it."""

    def passed_on(number: int, _: object) -> None:
        submitted.send(number)

    before = {number: signal.signal(number, passed_on) for number in _PASSED_ON}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _config(given: str | None) -> dict[str, Any] | None:
    """Return a backend's settings from a file, or from JSON itself."""
    if given is None:
        return None
    text = given
    if not given.lstrip().startswith("{"):
        try:
            with Path(given).expanduser().open(encoding="utf-8") as file:
                text = file.read(_LARGEST_CONFIG)
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput("--backend-config", given, f"a file that can be read ({error})") from error
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("--backend-config", given, f"a JSON object ({error})") from error
    if not isinstance(config, dict):
        raise InvalidInput("--backend-config", given, "a JSON object")
    return config


def _flags(given: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for word in given:
        name, separator, value = word.partition("=")
        if not name:
            raise InvalidInput("-A", word, "NAME or NAME=VALUE")
        found[name] = value if separator else True
    return found
