"""The rebuild of all tables as a job in the background: one at a time, its state for whoever asks."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from trackstream_api.models.admin import ReplayState
from trackstream_consumers.replay import replay
from trackstream_schemas.errors import Conflict, TrackstreamError, Unavailable
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from trackstream_consumers.pipeline import Pipeline
    from trackstream_consumers.replay import ReplayProgress

logger = logging.getLogger(__name__)


class ReplayJob:
    """Rebuilds the tables of one pipeline when asked to. Thread-safe."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._state = ReplayState(
            id=None, state="idle", records_done=0, records_total=0, points_per_second=0.0, error=None
        )

    def start(self) -> ReplayState:
        """Begin a rebuild and return its state. Raises Conflict while one runs."""
        with self._turn:
            if self._state.state == "running":
                raise Conflict(f"the replay {self._state.id} is running")
            self._state = ReplayState(
                id=new_id(),
                state="running",
                records_done=0,
                records_total=0,
                points_per_second=0.0,
                error=None,
            )
            self._thread = threading.Thread(target=self._run, name="trackstream-replay", daemon=True)
            self._thread.start()
            return self._state

    def state(self) -> ReplayState:
        """Return how far the running rebuild is, or how the last one ended."""
        return self._state

    def close(self) -> None:
        """Break off a rebuild under way, which leaves the live tables as they are, and wait for its end."""
        self._closing = True
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._note(replay(self._pipeline, self._note))
            self._change(state="done")
        except TrackstreamError as error:
            self._change(state="failed", error=str(error))
        # The last word of a thread that nobody joins; kept for whoever asks.
        except Exception as error:
            logger.exception("the replay failed")
            self._change(state="failed", error=f"{type(error).__name__}: {error}")

    def _note(self, progress: ReplayProgress) -> None:
        if self._closing:
            raise Unavailable("the replay was broken off: the server stops")
        self._change(
            records_done=progress.records_done,
            records_total=progress.records_total,
            points_per_second=progress.rows / progress.seconds if progress.seconds else 0.0,
        )

    def _change(self, **changes: object) -> None:
        self._state = self._state.model_copy(update=changes)
