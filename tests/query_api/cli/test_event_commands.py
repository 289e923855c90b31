"""`tail`, `history`, `diff` and `dead-letters` on a real store."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.query_api.cli.conftest import TRACKSTREAM, command_line
from trackstream.log.sqlite import SqliteLogWriter
from trackstream.producer import Producer
from trackstream.settings import Settings
from trackstream_api.cli.dead_letters import hex_lines
from trackstream_api.cli.event_lines import line_of, what_of
from trackstream_api.cli.event_stream import StreamEvent, parsed
from trackstream_schemas import codec, sqlite_layout, topics
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.query_api.cli.conftest import Result, Seeded, Server

_PATIENCE = 120.0


def log(directory: Path, *bodies: e.Body) -> None:
    """Append events as a trainer does, by the log's file."""
    writer = SqliteLogWriter(directory / sqlite_layout.FILE_NAME)
    producer = Producer(writer, Settings())
    producer.emit_and_wait(bodies)
    producer.close()
    writer.close()


class Following:
    """A `trackstream tail` that runs, with the lines that it prints."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("TRACKSTREAM")
        }
        self.process = subprocess.Popen(
            [TRACKSTREAM, "tail", "--json", "--dir", str(directory), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            # A shell that starts the tests in the background has SIGINT ignored, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._notes: list[str] = []
        self._threads = [
            threading.Thread(target=self._collect, daemon=True),
            threading.Thread(target=self._collect_notes, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _collect(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def _collect_notes(self) -> None:
        assert self.process.stderr is not None
        self._notes += self.process.stderr

    def next(self) -> dict[str, Any]:
        """Return the next event."""
        try:
            found: dict[str, Any] = json.loads(self._lines.get(timeout=_PATIENCE))
        except queue.Empty:
            raise AssertionError(f"nothing came; it said {self._notes}") from None
        return found

    def interrupt(self) -> tuple[int, str]:
        """Press Ctrl-C; return the exit code and what was said on standard error."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(_PATIENCE)
        for thread in self._threads:
            thread.join(_PATIENCE)
        return code, "".join(self._notes)


@pytest.fixture
def follow() -> Iterator[Callable[..., Following]]:
    started: list[Following] = []

    def start(directory: Path, *arguments: str) -> Following:
        started.append(Following(directory, *arguments))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()
        assert one.process.stdout is not None
        assert one.process.stderr is not None
        for thread in one._threads:
            thread.join(_PATIENCE)
        one.process.stdout.close()
        one.process.stderr.close()


def test_what_is_on_the_log(seeded: Seeded, ask: Callable[..., Result]) -> None:
    run_id = seeded.runs["good"]
    out = ask("tail", "--no-follow", "--run", run_id[-10:]).out
    assert out.splitlines()[0].split()[2:5] == ["RunStarted", "run", run_id]
    assert "lr=0.01  layers=2" in out
    assert "val_loss=0.1 at step 2" in out
    found = ask("tail", "--no-follow", "-e", "audio", "-t", "MetricsLogged", "--json", "--points").out
    (event,) = map(json.loads, found.splitlines())
    assert (event["key"], event["body"]["values"]) == (seeded.runs["lonely"], [0.05])
    assert ask("tail", "--no-follow", "-e", "nobody").code == 3
    assert ask("tail", "--no-follow", "-r", "zzz").code == 3
    assert ask("tail", "--no-follow", "--since", "soon").code == 2
    assert ask("tail", "--points").code == 2


def test_it_keeps_no_directory_and_goes_on_over_a_restart(
    own_store: Seeded, follow: Callable[..., Following], start_server: Callable[[Path], Server]
) -> None:
    directory, run_id = own_store.directory, own_store.runs["good"]
    alone = follow(directory, "--run", run_id, "--type", "TagsSet", "--since", "beginning")
    log(directory, e.TagsSet(run_id, {"n": "0"}))
    assert alone.next()["body"]["tags"] == {"n": "0"}
    # The directory is free for a server, and for another.
    server = start_server(directory)
    asking = follow(directory, "--run", run_id, "--type", "TagsSet", "--since", "beginning")
    assert asking.next()["body"]["tags"] == {"n": "0"}
    server.stop()
    log(directory, e.TagsSet(run_id, {"n": "1"}))
    start_server(directory)
    log(directory, e.TagsSet(run_id, {"n": "2"}))
    for one in (alone, asking):
        assert [one.next()["body"]["tags"]["n"] for _ in range(2)] == ["1", "2"]
    assert alone.interrupt() == (0, "")
    code, said = asking.interrupt()
    assert code == 0
    assert said.startswith("note: the server ends")


def test_history_and_diff(seeded: Seeded, ask: Callable[..., Result]) -> None:
    run_id = seeded.runs["good"]
    out = ask("history", "run", run_id[-12:]).out
    assert "RunStarted  by " in out
    assert "    + params.lr: 0.01\n" in out
    assert "    ~ status: RUNNING → FINISHED\n" in out
    entries = ask("history", "run", run_id, "-o", "json").json
    assert entries[0]["type"] == "RunStarted"
    assert len(ask("history", "run", run_id, "-n", "2", "-o", "json").json) == 2
    assert "params.lr,,0.01" in ask("history", "run", run_id, "-o", "csv").out
    assert "+ name: vision" in ask("history", "experiment", "vision").out
    assert ask("history", "launch", "nobody").code == 3
    assert ask("history", "model", "nobody").code == 3

    started = entries[0]["position"]
    out = ask("diff", "run", f"{run_id}@{started}", run_id).out
    assert [line.split()[0] for line in out.splitlines()][:2] == ["FIELD", "status"]
    assert "RUNNING" in out
    assert ask("diff", "run", f"{run_id}@", run_id).code == ask("diff", "run", "@1m", run_id).code == 2
    found = ask("diff", "run", run_id, seeded.runs["fast"], "-o", "json").json
    assert {"params.lr", "metrics.val_loss"} <= {item["field"] for item in found["differences"]}
    same = ask("diff", "run", run_id, run_id)
    assert (same.out, same.err) == ("", "no difference\n")
    assert ask("diff", "run", f"{run_id}@soon", run_id).code == 2


def test_dead_letters(own_store: Seeded, start_server: Callable[[Path], Server]) -> None:
    directory, run_id = own_store.directory, own_store.runs["good"]
    event = e.Event(e.Envelope(new_id(), 7, "p", 3, "ann"), e.TagsSet(run_id, {"late": "yes"}))
    for offset, value in ((900, codec.encode(event)), (901, b"\xff\x00garbage")):
        log(directory, e.DeadLettered("entities", topics.RUNS, 0, offset, run_id, value, "Bug", "bad"))
    start_server(directory)

    def ask(*arguments: str) -> Result:
        return command_line("dead-letters", *arguments, store=directory)

    listed = ask("list", "-o", "json").json
    assert [letter["offset"] for letter in listed] == [901, 900]
    shown = ask("show", "runs:0:900").out
    assert '"late": "yes"' in shown
    assert "00000000  c3 01" in shown
    assert "expected bytes that begin with C3 01" in ask("show", "runs:0:901").out
    assert ask("retry").code == 2
    assert ask("retry", "runs:0:901").code == 4
    done = ask("retry", "runs:0:900", "--reason", "mended")
    assert (done.code, "applied" in done.out) == (0, True)
    assert ask("drop", "--all").code == 2
    assert ask("drop", "--all", "--reason", "noise").out == "trackstream.runs:0:901: dropped\n"
    assert ask("list").err == "no open dead letters\n"
    assert {letter["state"] for letter in ask("list", "--state", "all", "-o", "json").json} == {
        "retried",
        "dropped",
    }


def test_lines_of_a_stream() -> None:
    text = "retry: 5\nid: a=1\n\nid: a=2\ndata: {}\n\n: here\nid: a=3\n\nid: a=3\nevent: end\ndata: {}\n\n"
    assert list(parsed(text.splitlines())) == [
        StreamEvent("a=1", "", ""),
        StreamEvent("a=2", "", "{}"),
        StreamEvent("a=3", "", ""),
        StreamEvent("a=3", "end", "{}"),
    ]


def test_an_event_in_one_line() -> None:
    place = {"topic": topics.RUNS, "key": "r", "appended_at": 0}
    event = {**place, "type": "TagsSet", "body": {"run_id": "r", "tags": {"a": "x" * 100, "b": "\x1b[31m"}}}
    assert what_of(event) == f"a={'x' * 60}…  b=\\x1b[31m"
    assert line_of(event).count("\n") == 0
    metrics = {f"m{number}": {"value": "NaN" if number == 0 else 1.5, "step": number} for number in range(8)}
    points = {**place, "type": "MetricsLogged", "body": {"points": 9, "writer": "rank1", "metrics": metrics}}
    assert what_of(points).startswith("9 points by rank1: m0=NaN at step 0, m1=1.5 at step 1,")
    assert what_of(points).endswith("and 2 more metrics")
    broken = {**place, "type": "Unreadable", "error": "bad", "size": 3}
    assert what_of(broken) == "3 bytes that cannot be read: bad"


def test_bytes_in_hex() -> None:
    assert list(hex_lines(b"\xc3\x01ABC" + bytes(12))) == [
        "00000000  c3 01 41 42 43 00 00 00 00 00 00 00 00 00 00 00  ..ABC...........",
        "00000010  00                                               .",
    ]
