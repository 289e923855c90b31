"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

Command = TypeVar("Command", bound="Callable[..., Any]")

DEFAULT_STORE = "./trackstream-data"


def _store_option(what: str) -> Callable[[Command], Command]:
    return click.option(
        "--dir",
        "--uri",
        "store",
        envvar="TRACKSTREAM_URI",
        default=DEFAULT_STORE,
        show_default=True,
        show_envvar=True,
        metavar="DIR|URL",
        help=what,
    )


store_option = _store_option("Directory of the store, or http(s) address of a server.")

destination_option = _store_option(
    "Where to: a store's directory (made where there is none), a server's address or kafka://…"
)

as_of_option = click.option(
    "--as-of",
    metavar="MOMENT",
    help="What the store would have answered then: a time (2026-11-21T13:00 of the server's own clock, or"
    " with a zone as in 13:00+01:00; milliseconds since the epoch; 10m for ten minutes ago), or"
    " topic:partition:offset[,…] on the log, the last record that counts.",
)

output_option = click.option(
    "--output",
    "-o",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to print: for people, or for scripts.",
)

summary_output_option = click.option(
    "--output",
    "-o",
    type=click.Choice(["table", "json"]),
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


def experiment_name_option(what: str) -> Callable[[Command], Command]:
    """The repeatable option that names experiments."""
    return click.option("--experiment", "-e", "experiments", multiple=True, metavar="NAME", help=what)


def topic_option(text: str) -> Callable[[Command], Command]:
    """The repeatable option that chooses topics, with or without `trackstream.` before the name."""
    return click.option("--topic", "names", multiple=True, metavar="TOPIC", help=text)


def experiment_options(command: Command) -> Command:
    """Options that choose experiments by name or id; both repeatable."""
    by_id = click.option(
        "--experiment-id", "experiment_ids", multiple=True, metavar="ID", help="Experiment by id; repeatable."
    )
    return experiment_name_option("Experiment by name; repeatable.")(by_id(command))


filter_option = click.option(
    "--filter",
    "filter_text",
    default="",
    metavar="EXPRESSION",
    help="Only runs that match, such as \"metrics.val_loss < 0.3 and params.lr = '0.01'\".",
)
