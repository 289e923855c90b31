"""`trackstream experiments`: create, list, search, delete, restore, rename."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.options import (
    as_of_option,
    limit_option,
    order_by_option,
    output_option,
    store_option,
    view_option,
)
from trackstream_api.cli.output import print_csv, print_json, print_objects, say, when
from trackstream_api.cli.values import pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_COLUMNS = ("EXPERIMENT ID", "NAME", "STAGE", "CREATED", "TAGS")


@click.group()
def experiments() -> None:
    """Create, find, rename and delete experiments."""


@experiments.command()
@click.argument("name")
@click.option(
    "--artifact-location", metavar="URI", help="Where clients that upload by themselves put artifacts."
)
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag to set; repeatable.")
@store_option
@output_option
def create(name: str, artifact_location: str | None, tags: Sequence[str], store: str, output: str) -> None:
    """Make an experiment, and the store's directory where there is none. Prints the experiment's id."""
    body = {"name": name, "artifact_location": artifact_location, "tags": pairs("--tag", tags)}
    with connect(store, create=True) as api:
        made = api.post("/api/v1/experiments", body)
    if output == "table":
        click.echo(made["experiment_id"])
    elif output == "json":
        print_json(made)
    else:
        print_csv([made])


@experiments.command(name="list")
@view_option
@limit_option(100)
@order_by_option("name ASC")
@as_of_option
@store_option
@output_option
def list_(view: str, limit: int, order_by: Sequence[str], as_of: str | None, store: str, output: str) -> None:
    """List experiments."""
    _show({"view": view, "order_by": list(order_by)}, limit, as_of, store, output)


@experiments.command()
@click.argument("expression", metavar="FILTER")
@view_option
@limit_option(100)
@order_by_option("name ASC")
@as_of_option
@store_option
@output_option
def search(
    expression: str,
    view: str,
    limit: int,
    order_by: Sequence[str],
    as_of: str | None,
    store: str,
    output: str,
) -> None:
    """List experiments that match FILTER, such as "name LIKE 'vision%' and tags.team = 'a'"."""
    _show({"view": view, "order_by": list(order_by), "filter": expression}, limit, as_of, store, output)


@experiments.command()
@click.argument("experiment")
@store_option
def delete(experiment: str, store: str) -> None:
    """Delete EXPERIMENT (name or id); it can be restored until `gc` purges it."""
    with connect(store) as api:
        from trackstream_api.cli import lookup

        found = lookup.experiment_by_name_or_id(api, experiment)
        api.delete(lookup.experiment_path(found["experiment_id"]))
    say(f"deleted experiment {found['name']!r} ({found['experiment_id']})")


@experiments.command()
@click.argument("experiment")
@store_option
def restore(experiment: str, store: str) -> None:
    """Bring the deleted EXPERIMENT (name or id) back."""
    with connect(store) as api:
        from trackstream_api.cli import lookup

        found = lookup.experiment_by_name_or_id(api, experiment)
        api.post(f"{lookup.experiment_path(found['experiment_id'])}/restore")
    say(f"restored experiment {found['name']!r} ({found['experiment_id']})")


@experiments.command()
@click.argument("experiment")
@click.argument("new_name")
@store_option
def rename(experiment: str, new_name: str, store: str) -> None:
    """Give EXPERIMENT (name or id) the name NEW_NAME; its id stays."""
    with connect(store) as api:
        from trackstream_api.cli import lookup

        found = lookup.experiment_by_name_or_id(api, experiment)
        api.patch(lookup.experiment_path(found["experiment_id"]), {"name": new_name})
    say(f"renamed experiment {found['name']!r} to {new_name!r} ({found['experiment_id']})")


def _show(query: dict[str, Any], limit: int, as_of: str | None, store: str, output: str) -> None:
    with connect(store, as_of=as_of) as api:
        found = list(api.pages("/api/v1/experiments", "experiments", query, limit))
    print_objects(output, found, _COLUMNS, _row, empty="no experiments")


def _row(item: Mapping[str, Any]) -> list[Any]:
    tags = ", ".join(f"{key}={value}" for key, value in sorted(item["tags"].items()))
    return [item["experiment_id"], item["name"], item["lifecycle_stage"], when(item["created_at"]), tags]
