"""`trackstream sync`: forward what processes have spooled on this machine, or on another one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trackstream_api.cli.options import summary_output_option
from trackstream_api.cli.output import counted, print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream.log.port import LogWriter
    from trackstream.spool.syncing import SpoolState, Synced
    from trackstream_api.cli.progress import Report


@click.command()
@click.argument("directories", nargs=-1, metavar="[SPOOLS]...", type=click.Path(path_type=Path))
@click.option(
    "--dir",
    "--uri",
    "uri",
    metavar="DIR|URL",
    help="Where to: a store's directory, a server's address or kafka://…  [default: where each spool was to"
    " go; for an offline one TRACKSTREAM_URI]",
)
@click.option("--delete", is_flag=True, help="Remove spools that are forwarded and whose process has ended.")
@click.option(
    "--recover",
    is_flag=True,
    help="For copies of spools: the processes that wrote them have ended, so take their last points too.",
)
@summary_output_option
def sync(directories: Sequence[Path], uri: str | None, delete: bool, recover: bool, output: str) -> None:
    """Forward spooled events to the log.

    SPOOLS is a directory of spools: of offline:DIR, of another machine's copy, or of this user by default. It
    may be repeated at any time, by several at once, and while the processes that spool go on: nothing is
    doubled.
    """
    found = spool_files(directories)
    results = _forward(found, uri, delete, recover)
    if output == "json":
        print_json([_object(each) for each in results])
        return
    events = counted(sum(each.events for each in results), "event")
    points = counted(sum(each.forwarded.points for each in results), "metric point")
    click.echo(f"forwarded {events} with {points} from {counted(len(found), 'spool')}")
    for each in results:
        if each.refused:
            say(f"{each.path}: {counted(each.refused, 'event')} refused by the log; kept in the spool")
        if each.left:
            say(
                f"{each.path}: a copy, and {counted(each.left, 'point')} of it can only be told apart from"
                " what its process sends itself once that has ended: --recover takes them then"
            )
        if each.deleted:
            say(f"{each.path}: deleted")


def spool_files(directories: Sequence[Path]) -> list[Path]:
    """Return the spools in directories, or in this user's where none is named.

    Raises InvalidInput for one that is not there.
    """
    from trackstream.settings import Settings
    from trackstream.spool.place import spool_directory, spools_in
    from trackstream_schemas.errors import InvalidInput

    if not directories:
        settings = Settings()
        return spools_in(spool_directory(settings, settings.uri))
    for directory in directories:
        if not directory.is_dir():
            raise InvalidInput("SPOOLS", str(directory), "a directory of spools")
    return [path for directory in directories for path in spools_in(directory)]


def states_of(found: Sequence[Path]) -> list[SpoolState]:
    """Return the states of spools, naming on standard error those that cannot be read."""
    from trackstream.spool.syncing import state_of
    from trackstream_schemas.errors import StorageFailed

    states = []
    for path in found:
        try:
            state = state_of(path)
        except StorageFailed as error:
            say(f"left out: {error}")
            continue
        if state is not None:
            states.append(state)
    return states


def _forward(found: Sequence[Path], uri: str | None, delete: bool, recover: bool) -> list[Synced]:
    from trackstream.log.open import open_blob_store, open_log_writer
    from trackstream.spool.forwarding import Destination
    from trackstream.spool.syncing import sync
    from trackstream_api.cli.progress import progress

    states = states_of(found)
    total = sum(state.tally.waiting_events for state in states)
    writers: dict[str, LogWriter] = {}
    results: list[Synced] = []
    before = 0
    try:
        with progress("Forwarding") as report:
            report(0, total)
            for state in states:
                target = uri or state.facts.uri or _default_target()
                if target not in writers:
                    writers[target] = open_log_writer(target)
                to = Destination(writers[target], partial(open_blob_store, target), 60.0)
                done = sync(
                    state.path,
                    to,
                    recover_copy=recover,
                    delete=delete,
                    report=partial(_report_from, report, before),
                )
                before += state.tally.waiting_events
                if done is not None:
                    results.append(done)
    finally:
        for writer in writers.values():
            writer.close()
    return results


def _report_from(report: Report, before: int, events: int) -> None:
    report(before + events)


def _default_target() -> str:
    from trackstream.settings import Settings
    from trackstream.spool import OFFLINE
    from trackstream_schemas.errors import InvalidInput

    uri = Settings().uri
    if uri.startswith(OFFLINE) or "uri" not in Settings().model_fields_set:
        raise InvalidInput(
            "--uri", None, "where the events of an offline spool are to go (or TRACKSTREAM_URI)"
        )
    return uri


def _object(synced: Synced) -> dict[str, Any]:
    return {
        "spool": str(synced.path),
        "points": synced.forwarded.points,
        "events": synced.events,
        "refused": synced.refused,
        "points_left": synced.left,
        "alive": synced.alive,
        "deleted": synced.deleted,
    }
