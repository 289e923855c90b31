"""A listener with all that it was sent."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from trackstream_api.stream.listener import Listener
from trackstream_api.stream.selection import select
from trackstream_api.stream.source import STREAMED_TOPICS
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from trackstream_api.stream.feed import LogFeed

BEGINNING = {TopicPartition(topic, 0): 0 for topic in STREAMED_TOPICS}


class Ear:
    """A listener with what it was sent so far."""

    def __init__(self, feed: LogFeed, start: dict[TopicPartition, int] | None = None, **options: Any) -> None:
        self._woken = threading.Event()
        self.listener = Listener(feed, select(**options), start, self._woken.set)
        self.got: list[dict[str, Any]] = []
        self.end: dict[str, Any] | None = None
        self.last = ""

    def listen(self, count: int) -> None:
        """Take until so many events have come in all, or the end."""
        while len(self.got) < count and self.end is None:
            self._woken.clear()
            taken = self.listener.take()
            self._note(taken.content)
            if not taken.more and not taken.ended and len(self.got) < count:
                assert self._woken.wait(60)

    def numbers(self) -> list[int]:
        return [int(event["body"]["tags"]["n"]) for event in self.got]

    def close(self) -> None:
        self.listener.close()

    def _note(self, content: bytes) -> None:
        for text in content.decode().split("\n\n")[:-1]:
            fields = dict(line.split(": ", 1) for line in text.split("\n"))
            self.last = fields["id"]
            if "event" in fields:
                self.end = json.loads(fields["data"])
            else:
                self.got.append(json.loads(fields["data"]))
