"""Work that takes minutes, done in a thread while its state can be asked for."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from trackstream_schemas.errors import Conflict, TrackstreamError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Work = Callable[[], Mapping[str, object]]
    Change = Callable[[Mapping[str, object]], None]

logger = logging.getLogger(__name__)


class Turn:
    """What at most one job of a store has at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder = ""

    def take(self, holder: str, then: Callable[[], None]) -> None:
        """Become the one, and do `then` at once. Raises Conflict, which names the other."""
        with self._lock:
            if self._holder:
                raise Conflict(f"{self._holder} is running")
            self._holder = holder
            then()

    def give_back(self, then: Callable[[], None]) -> None:
        """Let others take it; what `then` shows is seen by nobody before they can."""
        with self._lock:
            self._holder = ""
            then()


class BackgroundJob:
    """Runs one piece of work at a time, in a thread of its own. Thread-safe."""

    def __init__(self, what: str, turn: Turn) -> None:
        self._what = what
        self._turn = turn
        self._thread: threading.Thread | None = None
        self._closing = False

    def begin(self, name: str, on_begin: Callable[[], None], work: Work, change: Change) -> None:
        """Start `work`, which is called `name`, in a thread, behind `on_begin`.

        `change` is given what is to be shown in the end: what the work returns and the state "done", or the
        state "failed" and the error. Raises Conflict while this or another job of the same turn runs.
        """
        self._turn.take(name, on_begin)
        self._thread = threading.Thread(
            target=self._run, args=(work, change), name=f"trackstream-{self._what}", daemon=True
        )
        self._thread.start()

    def go_on(self) -> None:
        """Return, or raise Unavailable where the work is to be broken off. The work calls it now and then."""
        if self._closing:
            raise Unavailable(f"the {self._what} was broken off: the server stops")

    def close(self) -> None:
        """Break off work under way and wait for its end."""
        self._closing = True
        if self._thread is not None:
            self._thread.join()

    def _run(self, work: Work, change: Change) -> None:
        found: Mapping[str, object]
        try:
            found = {**work(), "state": "done"}
        except TrackstreamError as error:
            found = {"state": "failed", "error": str(error)}
        # The last word of a thread that nobody joins; kept for whoever asks.
        except Exception as error:
            logger.exception("the %s failed", self._what)
            found = {"state": "failed", "error": f"{type(error).__name__}: {error}"}
        self._turn.give_back(lambda: change(found))
