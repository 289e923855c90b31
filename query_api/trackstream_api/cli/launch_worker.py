"""`trackstream launch-worker`: execute the launches of a queue."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from trackstream_api.cli.connection import is_address
from trackstream_api.cli.options import destination_option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trackstream_api.launch_queue.board import Board
    from trackstream_api.launch_queue.worker import Wishes

_CLOSE_SECONDS = 30.0


@click.command("launch-worker")
@click.option(
    "-q", "--queue", default="default", show_default=True, metavar="NAME", help="Whose launches to execute."
)
@click.option(
    "-j",
    "--parallel",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Execute so many at the same time.",
)
@click.option(
    "-b",
    "--backend",
    "backends",
    multiple=True,
    metavar="NAME",
    help="Take only launches that ask for this backend; repeatable.  [default: all that are installed here]",
)
@click.option(
    "--drain",
    is_flag=True,
    help="End once nothing waits in the queue and nothing runs here, nor with a worker that may be dead.",
)
@destination_option
def launch_worker(queue: str, parallel: int, backends: Sequence[str], drain: bool, store: str) -> None:
    """Execute the launches of a queue, the oldest first, until Ctrl-C or SIGTERM.

    `trackstream run URI --queue` asks for them. Any number of these processes, on any number of machines,
    share a queue; each launch is executed by one of them, and by another one where that dies. When asked to
    stop it takes nothing more and ends once what runs has ended; asked again it cancels what runs.
    """
    from trackstream.client import Client
    from trackstream.projects.backends import backend_named
    from trackstream.projects.request import check_queue
    from trackstream_api.launch_queue.worker import Wishes, Worker

    check_queue(queue)
    for backend in backends:
        backend_named(backend)
    wishes = Wishes()
    _listen(wishes)
    with ExitStack() as opened:
        client = Client(store)
        opened.callback(client.close, _CLOSE_SECONDS)
        board = _board(client.uri, queue)
        opened.callback(board.close)
        click.echo(f"taking launches of the queue {queue!r} from {client.uri.partition('?')[0]}")
        Worker(client, board, parallel, frozenset(backends), wishes, _say()).work(drain=drain)


def _board(uri: str, queue: str) -> Board:
    if is_address(uri):
        from trackstream_api.launch_queue.api_board import ApiBoard

        return ApiBoard(uri, queue)
    from trackstream_api.launch_queue.log_board import LogBoard
    from trackstream_schemas import topics
    from trackstream_schemas.kafka_connection import is_kafka

    if is_kafka(uri):
        from trackstream_consumers.log.kafka import KafkaLogReader

        return LogBoard(KafkaLogReader(uri, [topics.LAUNCHES]), queue)
    from pathlib import Path

    from trackstream_consumers.log.sqlite import SqliteLogReader
    from trackstream_schemas.sqlite_layout import FILE_NAME

    return LogBoard(SqliteLogReader(Path(uri) / FILE_NAME, [topics.LAUNCHES]), queue)


def _listen(wishes: Wishes) -> None:
    """Have the first signal stop the worker, and the second one what it runs."""

    def handle(*_: object) -> None:
        wishes.cancel = wishes.stop
        wishes.stop = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)


def _say() -> Callable[[str], None]:
    """Return what prints a line with the time."""
    from datetime import UTC, datetime

    def say(text: str) -> None:
        click.echo(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}")

    return say
