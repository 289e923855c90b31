"""Runs read whole for MLflow's face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream_api.mlflow.current import projected_locations, run_not_found
from trackstream_api.mlflow.entities import run_message
from trackstream_api.queries import runs
from trackstream_schemas import topics
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream_api.mlflow.current import Desk
    from trackstream_api.models.runs import Run

RUN_READ_TOPICS = (topics.EXPERIMENTS, topics.RUNS, topics.METRICS)
"""What a run is read from; for `barrier.reading`, within which the functions below are called."""


def read_run(desk: Desk, run_id: str) -> dict[str, Any]:
    """Return a run as MLflow's message. Raises NotFound."""
    try:
        return run_messages(desk, [runs.get(desk.store.engine, run_id)])[0]
    except NotFound:
        raise run_not_found(run_id) from None


def run_messages(desk: Desk, found: Sequence[Run]) -> list[dict[str, Any]]:
    """Return runs as MLflow's messages."""
    locations = projected_locations(desk, {run.experiment_id for run in found})
    return [run_message(run, locations.get(run.experiment_id), _links(run)) for run in found]


def _links(run: Run) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Return the logged models that a run read and made."""
    return {
        "model_inputs": [{"model_id": model_id} for model_id in run.model_inputs],
        "model_outputs": run.model_outputs,
    }
