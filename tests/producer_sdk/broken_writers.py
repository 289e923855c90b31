"""Log writers in trouble, around a real one."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream.log.port import EncodedEvent, LogWriter
    from trackstream_schemas.events import Event
    from trackstream_schemas.position import Position


class StallingWriter:
    """Blocks in `append` until `go_on` is set."""

    def __init__(self, inner: LogWriter) -> None:
        self._inner = inner
        self.go_on = threading.Event()
        self.stalled = threading.Event()

    def append(self, events: Sequence[EncodedEvent]) -> Future[list[Position]]:
        self.stalled.set()
        self.go_on.wait()
        return self._inner.append(events)

    def history(self, topic: str, key: str) -> list[Event] | None:
        return self._inner.history(topic, key)

    def close(self) -> None:
        self._inner.close()


class FailingWriter:
    """Answers with the errors given, in turn, before it lets appends through.

    With `after_append` the inner writer has taken the events when the error is told: a lost acknowledgement.
    """

    def __init__(self, inner: LogWriter, errors: list[Exception], after_append: bool = False) -> None:
        self._inner = inner
        self._errors = errors
        self._after_append = after_append
        self.attempts: list[list[EncodedEvent]] = []

    def append(self, events: Sequence[EncodedEvent]) -> Future[list[Position]]:
        self.attempts.append(list(events))
        if not self._errors:
            return self._inner.append(events)
        if self._after_append:
            self._inner.append(events).result()
        failed: Future[list[Position]] = Future()
        failed.set_exception(self._errors.pop(0))
        return failed

    def history(self, topic: str, key: str) -> list[Event] | None:
        return self._inner.history(topic, key)

    def close(self) -> None:
        self._inner.close()
