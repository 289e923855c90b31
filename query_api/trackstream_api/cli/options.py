"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

Command = TypeVar("Command", bound="Callable[..., Any]")

DEFAULT_STORE = "./trackstream-data"

store_option = click.option(
    "--dir",
    "--uri",
    "store",
    envvar="TRACKSTREAM_URI",
    default=DEFAULT_STORE,
    show_default=True,
    show_envvar=True,
    metavar="DIR|URL",
    help="Directory of the store, or http(s) address of a server.",
)

output_option = click.option(
    "--output",
    "-o",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to print: for people, or for scripts.",
)

view_option = click.option(
    "--view",
    type=click.Choice(["active", "deleted", "all"]),
    default="active",
    show_default=True,
    help="Which lifecycle stages to show.",
)


def limit_option(default: int) -> Callable[[Command], Command]:
    """The option that bounds how much is listed."""
    return click.option(
        "--limit",
        "-n",
        type=click.IntRange(1),
        default=default,
        show_default=True,
        help="At most so many.",
    )


def order_by_option(example: str) -> Callable[[Command], Command]:
    """The repeatable option that orders a list."""
    return click.option(
        "--order-by",
        multiple=True,
        metavar="TERM",
        help=f"Order, such as {example!r}; repeat for further terms.",
    )


def experiment_options(command: Command) -> Command:
    """Options that choose experiments by name or id; both repeatable."""
    by_id = click.option(
        "--experiment-id", "experiment_ids", multiple=True, metavar="ID", help="Experiment by id; repeatable."
    )
    by_name = click.option(
        "--experiment",
        "-e",
        "experiments",
        multiple=True,
        metavar="NAME",
        help="Experiment by name; repeatable.",
    )
    return by_name(by_id(command))


filter_option = click.option(
    "--filter",
    "filter_text",
    default="",
    metavar="EXPRESSION",
    help="Only runs that match, such as \"metrics.val_loss < 0.3 and params.lr = '0.01'\".",
)
