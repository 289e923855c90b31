"""`trackstream watch`: a run as it goes."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

import click

from trackstream_api.cli.connection import connect, directory_of, is_address, require_store
from trackstream_api.cli.errors import NoAnswer
from trackstream_api.cli.lookup import run_id_or_newest_named
from trackstream_api.cli.options import store_option
from trackstream_api.cli.output import on_terminal, print_section, say
from trackstream_schemas.errors import TrackstreamError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trackstream_api.cli.watch_reading import Reading

_TERMINAL_PAUSE = 0.25
_LINES_PAUSE = 1.0
_WORK_SHARE = 10
"""A reading is followed by a pause of so many times what it took: the server has others to answer, too."""
_LONGEST_PAUSE = 5.0
_TICK = 1.0
_LOOK_AGAIN = 5.0
"""A reading comes at the latest after so many seconds, should the stream have missed something."""
_RATE_SECONDS = 10.0
_OTHER_LINES = 12
"""Lines of a terminal that are not metrics."""


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--keys",
    "-k",
    multiple=True,
    metavar="PATTERN",
    help="Only metrics with these names; * stands for anything; repeatable, or with commas between.",
)
@click.option("--once", is_flag=True, help="Show what is there now, and end.")
@store_option
def watch(run: str, keys: Sequence[str], once: bool, store: str) -> None:
    """Show a run while it goes on: status, completeness, and its metrics with their curves.

    RUN is an id, the start or end of one, or a name, which means the newest run of that name. What is shown
    changes when something comes, at most four times a second, and ends with the run or with Ctrl-C. Where the
    output is not a terminal, it is a line whenever something has come, at most one a second.
    """
    patterns = [pattern for text in keys for pattern in text.split(",") if pattern]
    if once:
        _show_once(store, run, patterns)
        return
    with contextlib.suppress(KeyboardInterrupt), _address_of(store) as address:
        _follow(address, run, patterns)


def _show_once(store: str, run: str, patterns: Sequence[str]) -> None:
    from trackstream_api.cli.watch_reading import MOST_KEYS, read
    from trackstream_api.cli.watch_screen import COLUMNS, LONGEST_CURVE, header, rows

    with connect(store) as api:
        reading = read(
            api, run_id_or_newest_named(api, run), patterns, MOST_KEYS, LONGEST_CURVE, time.monotonic()
        )
    print_section("Run", ("ATTRIBUTE", "VALUE"), list(header(reading).items()))
    print_section("Metrics", COLUMNS, rows(reading, None))
    if reading.others:
        say(f"{reading.others} more metrics are not shown; --keys chooses")


@contextlib.contextmanager
def _address_of(store: str) -> Iterator[str]:
    """Give the address of the store's server; a directory that nobody serves gets one for so long, which
    others can ask as well."""
    if is_address(store):
        yield store
        return
    from trackstream.projects.launch_folder import launches_directory
    from trackstream.projects.shared_server import ServerForLaunch

    directory = directory_of(store).absolute()
    require_store(directory)
    folder = launches_directory()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ServerForLaunch(str(directory), folder / ".server.log") as server:
        if server.address is None:
            raise NoAnswer(f"no server can be started on {directory}: {server.why}")
        yield server.address


def _follow(address: str, run: str, patterns: Sequence[str]) -> None:
    from trackstream_api.cli.watch_reading import MOST_KEYS, read
    from trackstream_api.cli.watch_screen import LONGEST_CURVE

    with connect(address) as api:
        run_id = run_id_or_newest_named(api, run)
        news = threading.Event()
        threading.Thread(
            target=_listen, args=(address, run_id, news), name="trackstream-watch", daemon=True
        ).start()
        live = on_terminal()
        most = max(1, shutil.get_terminal_size().lines - _OTHER_LINES) if live else MOST_KEYS

        def look() -> Reading:
            return read(api, run_id, patterns, most, LONGEST_CURVE, time.monotonic())

        if live:
            _on_terminal(look, news)
        else:
            _in_lines(look, news)


def _listen(address: str, run_id: str, news: threading.Event) -> None:
    """Tell whenever the log has something new of the run."""
    from trackstream_api.cli.event_stream import following

    # Without the stream the run is still looked at every few seconds.
    with contextlib.suppress(TrackstreamError):
        for _ in following(address, {"run": run_id, "since": "now"}):
            news.set()


def readings(
    look: Callable[[], Reading], news: threading.Event, shortest_pause: float
) -> Iterator[tuple[Reading, str]]:
    """Yield what there is to show, and what keeps us from newer: whenever there is news, and every second.

    The last reading is that of a run that has ended. Raises what the first look does.
    """
    reading = look()
    trouble = ""
    while True:
        took = time.monotonic() - reading.at
        yield reading, trouble
        if reading.ended:
            return
        due = time.monotonic() + min(max(shortest_pause, _WORK_SHARE * took), _LONGEST_PAUSE)
        if news.wait(_TICK) or time.monotonic() - reading.at >= _LOOK_AGAIN or trouble:
            time.sleep(max(0.0, due - time.monotonic()))
            news.clear()
            try:
                reading = look()
                trouble = ""
            except Unavailable as error:
                trouble = str(error)


def _on_terminal(look: Callable[[], Reading], news: threading.Event) -> None:
    from rich.console import Console
    from rich.live import Live

    from trackstream_api.cli.watch_screen import screen

    recent: deque[Reading] = deque()
    with Live(console=Console(), auto_refresh=False) as live:
        for reading, trouble in readings(look, news, _TERMINAL_PAUSE):
            if not recent or recent[-1] is not reading:
                recent.append(reading)
            while len(recent) > 2 and reading.at - recent[1].at > _RATE_SECONDS:
                recent.popleft()
            earlier = recent[0] if len(recent) > 1 and not reading.ended else None
            live.update(screen(reading, earlier, trouble, live.console.width), refresh=True)


def _in_lines(look: Callable[[], Reading], news: threading.Event) -> None:
    from trackstream_api.cli.watch_screen import line

    shown: tuple[str, int] | None = None
    for reading, _ in readings(look, news, _LINES_PAUSE):
        what = (reading.run["status"], reading.points)
        if what != shown:
            shown = what
            click.echo(line(reading))
            sys.stdout.flush()
