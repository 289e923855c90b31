"""Makes trainer processes quickly: `python -m tests.integration.schedules.nursery SOCKET` forks one for each
connection to the socket. A trainer does what the lines say that it gets there, and answers each with a line.

What lies between a trainer and the log can be cut: then an append is refused, and nothing written. It can
lose acknowledgements: then an append is made, and refused all the same.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import socket
import sys
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from trackstream.client import Client
from trackstream.log.open import open_log_writer
from trackstream.settings import Settings
from trackstream_schemas.errors import Unavailable
from trackstream_schemas.schema_files import by_fingerprint, newest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream.log.port import EncodedEvent, LogWriter
    from trackstream_schemas.events import Event
    from trackstream_schemas.position import Position


_LOSSES = 3


class Link:
    """A real log writer behind a connection that breaks when it is told to."""

    def __init__(self, inner: LogWriter) -> None:
        self._inner = inner
        self._losses = 0
        self.turn("up")

    def turn(self, state: str) -> None:
        """Be `up`, `cut`, or lose the next acknowledgements and be cut then."""
        self.state = state
        self._losses = _LOSSES if state == "loses acknowledgements" else 0

    def append(self, events: Sequence[EncodedEvent]) -> Future[list[Position]]:
        if self.state == "up":
            return self._inner.append(events)
        if self._losses > 0:
            # Not without end: what is sent again meanwhile stands on the log each time.
            self._losses -= 1
            self._inner.append(events).result()
        failed: Future[list[Position]] = Future()
        failed.set_exception(Unavailable("the connection is cut"))
        return failed

    def history(self, topic: str, key: str) -> list[Event] | None:
        if self.state != "up":
            raise Unavailable("the connection is cut")
        return self._inner.history(topic, key)

    def close(self) -> None:
        self._inner.close()


class Trainer:
    """One process that logs into some runs."""

    def __init__(self, uri: str, settings: dict[str, Any], link: str) -> None:
        self.link = Link(open_log_writer(uri))
        self.client = Client(uri, settings=Settings(**settings), writer=self.link)
        self.link.turn(link)

    def do(self, what: str, run_id: str = "", **how: Any) -> Any:
        """Carry out one order and return what there is to say of it."""
        if what == "link":
            self.link.turn(how["state"])
        elif what == "flush":
            return self.client.flush(how["timeout"])
        elif what == "close":
            report = self.client.close(how["timeout"])
            lost = any(any(count) for counts in (report.dropped, report.lost) for count in counts.values())
            return not lost and not any(report.pending)
        elif what == "attach":
            self.client.resume_run(run_id)
        else:
            run = self.client.run(run_id)
            if what == "points":
                for number in range(how["first"], how["first"] + how["count"]):
                    run.log_metric(how["key"], float(number), step=how["step"] + number - how["first"])
            elif what == "param":
                run.log_param(how["key"], how["value"])
            elif what == "tag":
                run.set_tag(how["key"], how["value"])
            elif what == "rewind":
                run.rewind(how["step"])
            else:
                raise ValueError(what)
        return None


def serve(connection: socket.socket) -> None:
    """Be a trainer until the other side is gone or says `close`."""
    lines = connection.makefile("r")
    first = json.loads(lines.readline())
    trainer = Trainer(first["uri"], first["settings"], first["link"])
    answer: Any = {"pid": os.getpid(), "producer_id": trainer.client.producer.producer_id}
    connection.sendall(json.dumps(answer).encode() + b"\n")
    for line in lines:
        order = json.loads(line)
        connection.sendall(json.dumps(trainer.do(**order)).encode() + b"\n")
        if order["what"] == "close":
            return


def main(path: str) -> None:
    """Fork a trainer for each connection, until the standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    logging.disable(logging.CRITICAL)
    # What every trainer would otherwise read for itself.
    newest()
    by_fingerprint()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    print("ready", flush=True)
    while True:
        if sys.stdin in select.select([listener, sys.stdin], [], [])[0]:
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                serve(connection)
            finally:
                os._exit(0)
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
