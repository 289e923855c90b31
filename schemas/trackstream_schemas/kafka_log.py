"""Where librdkafka's own messages go: Python's logger `trackstream.kafka`, without the endless repeats."""

from __future__ import annotations

import logging
import time

logger = logging.getLogger("trackstream.kafka")

_EVERY_S = 10.0
_REPEATED = ("FAIL ", "GETPID ", "REQTMOUT ", "METADATA ")

_OF_NO_USE = (
    "enable.gapless.guarantee is experimental",
    "property and will be ignored by this producer",
    "property and will be ignored by this consumer",
)


class _Repeats(logging.Filter):
    """Lets messages about a broker that is away through every ten seconds only: a client says one with
    every attempt. Drops its notes, at every start, that the gapless guarantee may change some day, and that
    a setting of readers is ignored by writers, or the other way round: both are given the same settings."""

    def __init__(self) -> None:
        super().__init__()
        self._last = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if any(note in text for note in _OF_NO_USE):
            return False
        if text.startswith(_REPEATED):
            now = time.monotonic()
            if now - self._last < _EVERY_S:
                return False
            self._last = now
        return True


logger.addFilter(_Repeats())
