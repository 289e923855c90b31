"""The rebuild of tables as a job in the background: one at a time, its state for whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_api.models.rebuild import NO_REPLAY, MissingContent, ReplayState
from trackstream_api.rebuild.background_job import BackgroundJob, Turn
from trackstream_consumers.rebuild.replay import replay
from trackstream_consumers.rebuild.replay_plan import EVERYTHING
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_consumers.pipeline import Pipeline
    from trackstream_consumers.rebuild.replay import ReplayProgress
    from trackstream_consumers.rebuild.replay_plan import ReplayPlan

_MISSING_SHOWN = 100


class ReplayJob:
    """Rebuilds the tables of one pipeline when asked to. Thread-safe."""

    def __init__(self, pipeline: Pipeline, turn: Turn) -> None:
        self._pipeline = pipeline
        self._job = BackgroundJob("replay", turn)
        self._state = NO_REPLAY

    def start(self, plan: ReplayPlan = EVERYTHING, *, from_start: bool = False) -> ReplayState:
        """Begin a rebuild and return its state. Raises Conflict while one, or a comparison, runs."""
        begun = NO_REPLAY.model_copy(update={"id": new_id(), "state": "running"})

        def show() -> None:
            self._state = begun

        def work() -> Mapping[str, object]:
            return progress_fields(replay(self._pipeline, self._note, plan, from_start=from_start))

        self._job.begin(f"the replay {begun.id}", show, work, self._change)
        return begun

    def state(self) -> ReplayState:
        """Return how far the running rebuild is, or how the last one ended."""
        return self._state

    def close(self) -> None:
        """Break off a rebuild under way, which leaves the live tables as they are, and wait for its end.

        What it has built stays, and the next replay goes on with it.
        """
        self._job.close()

    def _note(self, progress: ReplayProgress) -> None:
        self._job.go_on()
        self._change(progress_fields(progress))

    def _change(self, changes: Mapping[str, object]) -> None:
        self._state = self._state.model_copy(update=changes)


def progress_fields(progress: ReplayProgress) -> dict[str, object]:
    """Return the fields of a `ReplayState` that a replay's progress tells."""
    return {
        "records_done": progress.records_done,
        "records_total": progress.records_total,
        "points_per_second": progress.rows / progress.seconds if progress.seconds else 0.0,
        "resumed": progress.resumed,
        "missing_contents": len(progress.missing),
        "missing": [MissingContent(**file._asdict()) for file in progress.missing[:_MISSING_SHOWN]],
    }
