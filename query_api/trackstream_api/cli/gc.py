"""`trackstream gc`: remove for good what was deleted long ago."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.options import store_option, summary_output_option
from trackstream_api.cli.output import counted, print_json, say, size_text

if TYPE_CHECKING:
    from collections.abc import Mapping

_PURGED = {
    "runs": "run",
    "experiments": "experiment",
    "logged_models": "logged model",
    "traces": "trace",
}


@click.command()
@click.option(
    "--older-than",
    "days",
    type=click.IntRange(0),
    default=30,
    show_default=True,
    metavar="DAYS",
    help="Only what was deleted at least so many days ago.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@summary_output_option
@store_option
def gc(days: int, dry_run: bool, yes: bool, output: str, store: str) -> None:
    """Purge for good what was deleted long ago.

    That is runs, experiments, logged models, traces of those experiments, and artifact contents that nothing
    refers to.

    Says what would go and asks before it goes; a script says --yes.
    """
    from trackstream_api.cli.progress import progress

    with connect(store) as api:
        plan = api.post("/api/v1/gc", {"older_than_days": days, "dry_run": True})
        if dry_run or _is_empty(plan):
            _print(plan, output, "would purge" if not _is_empty(plan) else "nothing to purge:")
            return
        if not yes:
            if not sys.stdin.isatty():
                raise click.UsageError(
                    "gc deletes for good: add --yes, or --dry-run to see what it would delete",
                    click.get_current_context(),
                )
            say(_sentence(plan, "will purge"))
            click.confirm("Purge them for good?", abort=True, err=True)
        with progress("Purging"):
            done = api.post("/api/v1/gc", {"older_than_days": days, "dry_run": False})
    _print(done, output, "purged")


def _is_empty(plan: Mapping[str, Any]) -> bool:
    return not any(plan[what] for what in _PURGED) and not plan["blobs"]["count"]


def _print(plan: Mapping[str, Any], output: str, verb: str) -> None:
    if output == "json":
        print_json(plan)
    else:
        click.echo(_sentence(plan, verb))


def _sentence(plan: Mapping[str, Any], verb: str) -> str:
    blobs = plan["blobs"]
    entities = ", ".join(counted(len(plan[what]), thing) for what, thing in _PURGED.items())
    return f"{verb} {entities}, {counted(blobs['count'], 'artifact content')} ({size_text(blobs['bytes'])})"
