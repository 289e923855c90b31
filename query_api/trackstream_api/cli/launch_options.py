"""Options of the commands that launch projects, and how they are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Command = TypeVar("Command", bound="Callable[..., Any]")

_LARGEST_CONFIG = 1 << 20

entry_point_option = click.option(
    "-e", "--entry-point", default="main", show_default=True, metavar="NAME", help="What to launch."
)
parameters_option = click.option(
    "-P",
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Parameter of the entry point, or a further --NAME VALUE for its command; repeatable.",
)
version_option = click.option("--version", metavar="V", help="Commit, tag or branch of a git repository.")
environment_option = click.option(
    "--env-manager",
    type=click.Choice(["virtualenv", "uv", "conda", "local"]),
    help="What makes the environment.  [default: what the project's environment file is for]",
)
detach_option = click.option(
    "--detach", is_flag=True, help="Do not wait: print the launch's id and leave it to itself."
)


def experiment_options(command: Command) -> Command:
    """Options that choose the experiment of new runs."""
    by_id = click.option("--experiment-id", metavar="ID", help="Experiment of the run, which must exist.")
    by_name = click.option(
        "--experiment-name", metavar="NAME", help="Experiment of the run; made where there is none."
    )
    return by_name(by_id(command))


def backend_options(command: Command) -> Command:
    """Options that say what executes a launch, and with what."""
    backend = click.option(
        "-b",
        "--backend",
        default="local",
        show_default=True,
        metavar="NAME",
        help="What executes it: local, docker, kubernetes, or a plugin's.",
    )
    config = click.option(
        "-c", "--backend-config", metavar="FILE|JSON", help="Settings of the backend, without secrets."
    )
    arguments = click.option(
        "-A",
        "--docker-args",
        "docker_args",
        multiple=True,
        metavar="NAME[=VALUE]",
        help="Option of `docker run` for a project in a container, such as gpus=all, memory=4g or t;"
        " repeatable.",
    )
    storage = click.option(
        "--storage-dir", metavar="DIR", help="Where `path` parameters that are URIs are downloaded to."
    )
    return backend(config(arguments(storage(command))))


def backend_settings(given: str | None) -> dict[str, Any] | None:
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


def flags(given: Sequence[str]) -> dict[str, Any]:
    """Return -A's NAME=VALUE words as a dict; a NAME alone is True. Raises InvalidInput."""
    found: dict[str, Any] = {}
    for word in given:
        name, separator, value = word.partition("=")
        if not name:
            raise InvalidInput("-A", word, "NAME or NAME=VALUE")
        if name in found:
            raise InvalidInput("-A", word, f"{name} once; several volumes are written in the docker_env")
        found[name] = value if separator else True
    return found
