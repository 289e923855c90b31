"""Where librdkafka's own messages go: Python's logger `trackstream.kafka`, without the endless repeats."""

from __future__ import annotations

import logging
import time

logger = logging.getLogger("trackstream.kafka")

_EVERY_S = 10.0
_REPEATED = ("FAIL ", "GETPID ", "REQTMOUT ", "METADATA ")


class _Repeats(logging.Filter):
    """Lets messages about a broker that is away through every ten seconds only: a client says one with
    every attempt. Drops its note, at every start, that the gapless guarantee may change some day."""

    def __init__(self) -> None:
        super().__init__()
        self._last = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if "enable.gapless.guarantee is experimental" in text:
            return False
        if text.startswith(_REPEATED):
            now = time.monotonic()
            if now - self._last < _EVERY_S:
                return False
            self._last = now
        return True


logger.addFilter(_Repeats())
