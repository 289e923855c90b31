"""Spools that a process left behind are forwarded by the next one that logs to the same place."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from trackstream.delivery import logger
from trackstream.spool.forwarding import forward
from trackstream.spool.place import OwnedSpool, is_original, spools_in
from trackstream.spool.recovery import recover
from trackstream_schemas.errors import TrackstreamError

if TYPE_CHECKING:
    from pathlib import Path

    from trackstream.settings import Settings
    from trackstream.spool.forwarding import Destination


class Adoption:
    """Works in the background, once; `stop` ends it between two appends."""

    def __init__(self, directory: Path, uri: str, to: Destination, settings: Settings) -> None:
        self._directory = directory
        self._uri = uri
        self._to = to
        self._settings = settings
        self._stop = threading.Event()

    def start(self) -> None:
        """Look for spools; no thread is started where there are none."""
        try:
            found = spools_in(self._directory)
        except OSError:
            return
        if found:
            threading.Thread(
                target=self._work, args=(found,), name="trackstream-adoption", daemon=True
            ).start()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stop.set()

    def _work(self, found: list[Path]) -> None:
        for path in found:
            if self._stop.is_set():
                return
            try:
                spool = OwnedSpool.take_over(path)
                if spool is not None:
                    self._adopt(spool)
            # One spool that cannot be read must not keep the others, and none the training.
            except Exception as error:  # noqa: BLE001
                logger.warning("the spool %s was not forwarded: %s", path, error)

    def _adopt(self, spool: OwnedSpool) -> None:
        try:
            facts = spool.log.facts()
            if facts.uri == self._uri and is_original(spool.path, facts) and self._empty(spool):
                spool.discard()
                logger.warning("what an earlier process left in the spool %s is on the log now", spool.path)
        finally:
            spool.leave()

    def _empty(self, spool: OwnedSpool) -> bool:
        """Forward all of a spool; False where something stays."""
        recover(spool.path, spool.log)
        delay = self._settings.retry_first_ms / 1000
        while chunk := spool.log.waiting(self._settings.batch_records, self._settings.batch_bytes):
            try:
                forward(spool.log, self._to, chunk, keep=False)
            except TrackstreamError:
                delay = min(delay * 2, self._settings.retry_longest_ms / 1000)
                self._stop.wait(delay)
            if self._stop.is_set():
                return False
        return not spool.log.tally().refused
