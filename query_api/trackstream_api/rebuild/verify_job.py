"""The comparison of the tables with the log as a job in the background, its state for whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_api.models.rebuild import NO_VERIFY, RowDifference, TableVerdict, VerifyState
from trackstream_api.rebuild.background_job import BackgroundJob, Turn
from trackstream_consumers.pipeline import Pipeline
from trackstream_consumers.rebuild.verify import Verification, verify
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream_consumers.rebuild.verify import VerifyProgress, VerifyResult


class VerifyJob:
    """Compares the tables of one pipeline when asked to. Thread-safe."""

    def __init__(self, pipeline: Pipeline, turn: Turn) -> None:
        self._pipeline = pipeline
        self._job = BackgroundJob("comparison", turn)
        self._state = NO_VERIFY

    def start(self, names: Sequence[str] = ()) -> VerifyState:
        """Begin a comparison of these topics' tables (none: all) and return its state.

        Raises Conflict while one, or a replay, runs.
        """
        begun = NO_VERIFY.model_copy(update={"id": new_id(), "state": "running"})

        def show() -> None:
            self._state = begun

        def work() -> Mapping[str, object]:
            return result_fields(self._verify(names))

        self._job.begin(f"the comparison {begun.id}", show, work, self._change)
        return begun

    def state(self) -> VerifyState:
        """Return how far the running comparison is, or what the last one found."""
        return self._state

    def close(self) -> None:
        """Break off a comparison under way and wait for its end."""
        self._job.close()

    def _verify(self, names: Sequence[str]) -> VerifyResult:
        pipeline = self._pipeline
        # Readers go on while the projectors are halted: they only wait a little longer for what they wrote.
        what = Verification(pipeline.engine, pipeline.open_reader, lambda: Pipeline.paused(pipeline))
        return verify(what, pipeline.blobs, pipeline.uploads / "verify", names, self._note)

    def _note(self, progress: VerifyProgress) -> None:
        self._job.go_on()
        self._change(progress._asdict())

    def _change(self, changes: Mapping[str, object]) -> None:
        self._state = self._state.model_copy(update=changes)


def result_fields(result: VerifyResult) -> dict[str, object]:
    """Return the fields of a `VerifyState` that a comparison's result tells."""
    tables = [
        TableVerdict(
            table=found.table,
            rows=found.rows,
            different=found.different,
            first=None if found.first is None else RowDifference(**found.first._asdict()),
            unsettled=found.unsettled,
        )
        for found in result.tables
    ]
    return {"equal": result.equal, "tables": tables}
