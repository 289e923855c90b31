"""`trackstream dead-letters`: records that a projector gave up."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.errors import RecordsGivenUp
from trackstream_api.cli.options import limit_option, output_option, store_option
from trackstream_api.cli.output import cell, print_json, print_objects, say, size_text, when
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trackstream_api.cli.api import Api

_PATH = "/api/v1/dead-letters"
_MOST = 10_000
_HEX_BYTES = 1024
_A_LINE = 16

_positions = click.argument("positions", metavar="POSITION...", nargs=-1)
_reason = click.option("--reason", default="", metavar="TEXT", help="Why; kept with the letter.")


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Look at records that were given up, and deal with them.

    A record is named by its POSITION on the log: topic:partition:offset, as `list` shows it.
    """


@dead_letters.command(name="list")
@click.option(
    "--state",
    type=click.Choice(["open", "retried", "dropped", "all"]),
    default="open",
    show_default=True,
    help="Which to list.",
)
@limit_option(100)
@store_option
@output_option
def list_(state: str, limit: int, store: str, output: str) -> None:
    """List dead letters: where each record stands on the log and what was wrong with it."""
    with connect(store) as api:
        found = api.get(_PATH, {"limit": limit, "state": state})["dead_letters"]
    columns = ("PROJECTOR", "POSITION", "STATE", "KEY", "ERROR", "MESSAGE")
    empty = "no dead letters" if state == "all" else f"no {state} dead letters"
    print_objects(output, found, columns, _row, empty=empty)


@dead_letters.command()
@click.argument("position", metavar="POSITION")
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", show_default=True)
@store_option
def show(position: str, output: str, store: str) -> None:
    """Show a record as far as it can be read, its bytes, and what was wrong."""
    with connect(store) as api:
        found = api.get(_path(position))
    if output == "json":
        print_json(found)
        return
    letter = found["letter"]
    value = base64.b64decode(letter["value"])
    lines = {
        "position": place_of(letter),
        "key": letter["key"],
        "state": letter["state"],
        "resolved": _resolved(letter),
        "given up": f"{when(letter['occurred_at'])} by {letter['projector']}",
        "error": f"{letter['error_type']}: {letter['error_message']}",
        "schema": found["schema_name"] or "not one of this version's",
        "today": found["unreadable"] or "can be read",
        "size": size_text(len(value)),
    }
    for name, text in lines.items():
        if text:
            click.echo(f"{name + ':':<10} {cell(text)}")
    if found["event"]:
        click.echo("\n" + json.dumps(found["event"], indent=2, ensure_ascii=False))
    click.echo()
    for line in hex_lines(value[:_HEX_BYTES]):
        click.echo(line)
    if len(value) > _HEX_BYTES:
        click.echo(f"… {size_text(len(value) - _HEX_BYTES)} more; --output json has all of it")


@dead_letters.command()
@_positions
@click.option("--all", "all_", is_flag=True, help="All that are open.")
@_reason
@store_option
def retry(positions: Sequence[str], all_: bool, reason: str, store: str) -> None:
    """Append records again, once what kept them from being applied is mended."""
    again = 0
    with connect(store) as api:
        for position in _chosen(api, positions, all_):
            done = api.post(f"{_path(position)}/retry", {"reason": reason, "actor": _user()})
            again += done["given_up_again"]
            outcome = "given up again" if done["given_up_again"] else "applied"
            click.echo(f"{position}: appended at {done['position']}, {outcome}")
    if again:
        raise RecordsGivenUp(f"{again} of them could not be applied this time either")


@dead_letters.command()
@_positions
@click.option("--all", "all_", is_flag=True, help="All that are open.")
@click.option("--reason", required=True, metavar="TEXT", help="Why it is not wanted; kept with the letter.")
@store_option
def drop(positions: Sequence[str], all_: bool, reason: str, store: str) -> None:
    """Mark records as not wanted, with who said so and why. They stay on the log."""
    with connect(store) as api:
        for position in _chosen(api, positions, all_):
            api.post(f"{_path(position)}/drop", {"reason": reason, "actor": _user()})
            click.echo(f"{position}: dropped")


def place_of(letter: Mapping[str, Any]) -> str:
    """Return a letter's position."""
    return f"{letter['topic']}:{letter['partition']}:{letter['offset']}"


def hex_lines(content: bytes) -> Iterator[str]:
    """Yield lines of an offset, 16 bytes in hex, and what of them is printable ASCII."""
    for start in range(0, len(content), _A_LINE):
        part = content[start : start + _A_LINE]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        yield f"{start:08x}  {part.hex(' '):<{3 * _A_LINE}} {text}"


def _chosen(api: Api, positions: Sequence[str], all_: bool) -> Sequence[str]:
    if all_ == bool(positions):
        raise InvalidInput("POSITION", " ".join(positions), "positions, or --all")
    if not all_:
        return positions
    found = [place_of(letter) for letter in api.get(_PATH, {"limit": _MOST})["dead_letters"]]
    if not found:
        say("no open dead letters")
    # The first to be given up is the first to be tried again.
    return list(dict.fromkeys(reversed(found)))


def _path(position: str) -> str:
    return f"{_PATH}/{quote(position, safe='')}"


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A process without a name in the user database, as containers have them.
        return ""


def _row(item: Mapping[str, Any]) -> list[Any]:
    return [
        item["projector"],
        place_of(item),
        item["state"],
        item["key"],
        item["error_type"],
        item["error_message"],
    ]


def _resolved(letter: Mapping[str, Any]) -> str:
    if letter["state"] == "open":
        return ""
    by = f" by {letter['resolved_by']}" if letter["resolved_by"] else ""
    reason = f": {letter['reason']}" if letter["reason"] else ""
    return f"{when(letter['resolved_at'])}{by}{reason}"
