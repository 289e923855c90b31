"""Where the files of webhooks are, as options of commands name them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from trackstream_api.cli.connection import directory_of, is_address
from trackstream_api.cli.options import DEFAULT_STORE
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIG_VARIABLE = "TRACKSTREAM_WEBHOOKS"
_STATE = "TRACKSTREAM_WEBHOOKS_STATE"
DEFAULT_STATE = "trackstream-webhooks.db"
"""Where deliveries for a store on Kafka wait."""


class Place(NamedTuple):
    """The files of a store's webhooks; either may not be there."""

    config: Path
    state: Path


def config_option(help_text: str) -> Callable[[Any], Any]:
    """The option that names the file of webhooks."""
    return click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar=CONFIG_VARIABLE,
        show_envvar=True,
        metavar="FILE",
        help=help_text,
    )


def state_option(help_text: str) -> Callable[[Any], Any]:
    """The option that names the file of deliveries."""
    return click.option(
        "--state",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar=_STATE,
        show_envvar=True,
        metavar="FILE",
        help=help_text,
    )


def place_options(command: Any) -> Any:
    """The options that name a place."""
    for option in (
        state_option("Where deliveries wait.  [default: webhooks.db in DIR]"),
        config_option("The file that names the webhooks.  [default: webhooks.toml in DIR]"),
        click.option(
            "--dir",
            "store",
            envvar="TRACKSTREAM_URI",
            default=DEFAULT_STORE,
            show_default=True,
            show_envvar=True,
            metavar="DIR",
            help="Directory of the store, on this machine.",
        ),
    ):
        command = option(command)
    return command


def place_of(store: str, config: Path | None, state: Path | None) -> Place:
    """Return the files that the options name. Raises InvalidInput for a store that is not on this machine."""
    if config is not None and state is not None:
        return Place(config, state)
    from trackstream_api.webhooks.config import FILE_NAME, STATE_NAME

    if is_address(store):
        right = "a directory on this machine: these commands look at the files of who delivers"
        raise InvalidInput("--dir (or TRACKSTREAM_URI)", store, right)
    directory = directory_of(store)
    return Place(config or directory / FILE_NAME, state or directory / STATE_NAME)
