"""`trackstream models`: list, describe, versions, register, transition, alias, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.options import (
    as_of_option,
    limit_option,
    order_by_option,
    output_option,
    store_option,
)
from trackstream_api.cli.output import print_csv, print_json, print_objects, print_table, say, when
from trackstream_api.cli.values import pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream_api.cli.api import Api

_MODELS = "/api/v1/models"
_MODEL_COLUMNS = ("NAME", "VERSIONS", "STAGES", "ALIASES", "UPDATED", "TAGS")
_VERSION_COLUMNS = ("NAME", "VERSION", "STAGE", "ALIASES", "RUN", "SOURCE", "CREATED", "TAGS")


@click.group()
def models() -> None:
    """Register models and their versions, move them to stages, point aliases at them."""


@models.command(name="list")
@click.option(
    "--filter", "expression", default="", metavar="EXPRESSION", help="Such as \"name LIKE 'vision%'\"."
)
@limit_option(100)
@order_by_option("last_updated_timestamp DESC")
@as_of_option
@store_option
@output_option
def list_(
    expression: str, limit: int, order_by: Sequence[str], as_of: str | None, store: str, output: str
) -> None:
    """List registered models."""
    query = {"filter": expression, "order_by": list(order_by)}
    with connect(store, as_of=as_of) as api:
        found = list(api.pages(_MODELS, "models", query, limit))
    print_objects(output, found, _MODEL_COLUMNS, _model_row, empty="no registered models")


@models.command()
@click.argument("name")
@as_of_option
@store_option
@click.option(
    "--output",
    "-o",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to print.",
)
def describe(name: str, as_of: str | None, store: str, output: str) -> None:
    """Show all that is known of the registered model NAME."""
    with connect(store, as_of=as_of) as api:
        found = api.get(_path(name))
    if output == "json":
        print_json(found)
        return
    facts = {
        "name": found["name"],
        "id": found["registered_model_id"],
        "description": found["description"],
        "created": when(found["created_at"]),
        "updated": when(found["updated_at"]),
        "last version": found["last_version"],
        "aliases": _listed(found["aliases"]),
        "tags": _listed(found["tags"]),
    }
    for label, value in facts.items():
        click.echo(f"{label + ':':<14}{value if value != '' else '-'}")
    if found["conflicts"]:
        click.echo(f"{'conflicts:':<14}{len(found['conflicts'])} (--output json shows them)")
    click.echo("\nLatest version in each stage:")
    print_table(_VERSION_COLUMNS, [_version_row(item) for item in found["latest_versions"]], empty="none")


@models.command()
@click.argument("name", required=False)
@click.option(
    "--filter", "expression", default="", metavar="EXPRESSION", help="Such as \"tags.passed = 'yes'\"."
)
@limit_option(100)
@order_by_option("version_number DESC")
@as_of_option
@store_option
@output_option
def versions(
    name: str | None,
    expression: str,
    limit: int,
    order_by: Sequence[str],
    as_of: str | None,
    store: str,
    output: str,
) -> None:
    """List the versions of the registered model NAME, or of all."""
    with connect(store, as_of=as_of) as api:
        if name is not None:
            name = api.get(_path(name))["name"]
        named = "name = '{}'".format(name.replace("'", "''")) if name is not None else ""
        both = " and ".join(part for part in (named, expression) if part)
        query = {"filter": both, "order_by": list(order_by)}
        found = list(api.pages("/api/v1/model-versions", "versions", query, limit))
    print_objects(output, found, _VERSION_COLUMNS, _version_row, empty="no versions")


@models.command()
@click.argument("source", metavar="URI")
@click.argument("name")
@click.option("--description", default="", metavar="TEXT", help="What is special about the version.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag of the version; repeatable.")
@click.option("--alias", "aliases", multiple=True, metavar="ALIAS", help="Point an alias at it; repeatable.")
@store_option
@output_option
def register(
    source: str,
    name: str,
    description: str,
    tags: Sequence[str],
    aliases: Sequence[str],
    store: str,
    output: str,
) -> None:
    """Register a version of the model NAME, which is made where there is none. Prints its number.

    URI is where its files are: runs:/RUN_ID/PATH, models:/NAME/VERSION, models:/NAME@ALIAS,
    models:/MODEL_ID, or any URI outside of the store.
    """
    body = {"source": source, "description": description, "tags": pairs("--tag", tags)}
    with connect(store) as api:
        _make_sure_of(api, name)
        made = api.post(f"{_path(name)}/versions", body)
        for alias in aliases:
            made = api.put(_alias_path(name, alias), {"version": made["version"]})
    if output == "table":
        click.echo(made["version"])
    elif output == "json":
        print_json(made)
    else:
        print_csv([made])


@models.command()
@click.argument("name")
@click.argument("version", type=click.IntRange(1))
@click.argument(
    "stage", type=click.Choice(["None", "Staging", "Production", "Archived"], case_sensitive=False)
)
@click.option("--archive-existing", is_flag=True, help="Archive the other versions of that stage.")
@store_option
def transition(name: str, version: int, stage: str, archive_existing: bool, store: str) -> None:
    """Move a VERSION of the model NAME to STAGE."""
    body = {"stage": stage, "archive_existing": archive_existing}
    with connect(store) as api:
        moved = api.post(f"{_version_path(name, version)}/stage", body)
    say(f"version {version} of {name!r} is in stage {moved['stage']}")


@models.command()
@click.argument("name")
@click.argument("alias")
@click.argument("version", type=click.IntRange(1), required=False)
@click.option("--delete", "delete_it", is_flag=True, help="Delete the alias.")
@store_option
def alias(name: str, alias: str, version: int | None, delete_it: bool, store: str) -> None:
    """Point ALIAS at a VERSION of the model NAME; without VERSION print where it points."""
    if delete_it and version is not None:
        raise click.UsageError("--delete takes no VERSION", click.get_current_context())
    with connect(store) as api:
        if delete_it:
            if alias not in api.get(_path(name))["aliases"]:
                say(f"{name!r} has no alias {alias!r}")
                return
            api.delete(_alias_path(name, alias))
            say(f"deleted alias {alias!r} of {name!r}")
        elif version is None:
            click.echo(api.get(_alias_path(name, alias))["version"])
        else:
            api.put(_alias_path(name, alias), {"version": version})
            say(f"{name}@{alias} is version {version}")


@models.command()
@click.argument("name")
@click.argument("version", type=click.IntRange(1), required=False)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@store_option
def delete(name: str, version: int | None, yes: bool, store: str) -> None:
    """Delete the model NAME with all its versions, or one VERSION of it. There is no way back.

    The files stay where they are; they belong to the runs.
    """
    with connect(store) as api:
        path = _path(name) if version is None else _version_path(name, version)
        found = api.get(path)
        what = f"version {version} of {name!r}" if version else f"model {name!r} and all its versions"
        if not yes:
            _confirm(what, found)
        api.delete(path)
    say(f"deleted {what}")


def _confirm(what: str, found: Mapping[str, Any]) -> None:
    import sys

    if not sys.stdin.isatty():
        raise click.UsageError("there is no way back: add --yes", click.get_current_context())
    click.confirm(f"Delete {what} for good ({_listed(found['tags']) or 'no tags'})?", abort=True, err=True)


def _make_sure_of(api: Api, name: str) -> None:
    """Create the registered model where there is none of this name."""
    from trackstream_api.cli.errors import Refused

    try:
        api.get(_path(name))
    except Refused as missing:
        if missing.status != 404:
            raise
        try:
            api.post(_MODELS, {"name": name})
        except Refused as taken:
            # Somebody else has made it meanwhile.
            if taken.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


def _path(name: str) -> str:
    return f"{_MODELS}/{quote(name, safe='')}"


def _version_path(name: str, version: int) -> str:
    return f"{_path(name)}/versions/{version}"


def _alias_path(name: str, alias: str) -> str:
    return f"{_path(name)}/aliases/{quote(alias, safe='')}"


def _model_row(item: Mapping[str, Any]) -> list[Any]:
    stages = [f"{found['stage']} {found['version']}" for found in item["latest_versions"]]
    return [
        item["name"],
        item["last_version"],
        ", ".join(stages),
        _listed(item["aliases"]),
        when(item["updated_at"]),
        _listed(item["tags"]),
    ]


def _version_row(item: Mapping[str, Any]) -> list[Any]:
    return [
        item["name"],
        item["version"],
        item["stage"],
        ", ".join(item["aliases"]),
        item["run_id"],
        item["source"],
        when(item["created_at"]),
        _listed(item["tags"]),
    ]


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(values.items()))
