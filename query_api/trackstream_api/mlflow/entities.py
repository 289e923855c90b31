"""Experiments and runs as MLflow's messages.

Source: the `to_proto` methods of mlflow.entities. Fields without a value are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from trackstream_api.mlflow.artifact_places import experiment_root, run_root
from trackstream_api.mlflow.messages import entries, present

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream_api.models.experiments import Experiment
    from trackstream_api.models.runs import Run

_WORKSPACE = "default"
"""Where MLflow's workspaces are off, all is in this one."""


class RunFacts(NamedTuple):
    """What a RunInfo tells."""

    run_id: str
    experiment_id: str
    name: str
    user_id: str
    status: str
    start_time: int
    end_time: int | None
    lifecycle_stage: str
    artifact_location: str | None
    """The experiment's own, or None where artifacts go through this server."""


def experiment_message(experiment: Experiment) -> dict[str, Any]:
    """Return an Experiment."""
    return present(
        experiment_id=experiment.experiment_id,
        name=experiment.name,
        artifact_location=experiment_root(experiment.experiment_id, experiment.artifact_location),
        lifecycle_stage=experiment.lifecycle_stage,
        last_update_time=experiment.updated_at or None,
        creation_time=experiment.created_at or None,
        tags=entries(experiment.tags),
        workspace=_WORKSPACE,
    )


def run_info(facts: RunFacts) -> dict[str, Any]:
    """Return a RunInfo."""
    return present(
        run_uuid=facts.run_id,
        run_id=facts.run_id,
        run_name=facts.name,
        experiment_id=facts.experiment_id,
        user_id=facts.user_id,
        status=facts.status,
        start_time=facts.start_time,
        end_time=facts.end_time or None,
        artifact_uri=run_root(facts.experiment_id, facts.run_id, facts.artifact_location),
        lifecycle_stage=facts.lifecycle_stage,
    )


def run_message(
    run: Run, artifact_location: str | None, links: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
) -> dict[str, Any]:
    """Return a Run with its data and inputs.

    `links` holds the logged models that the run read and made, as `model_inputs` and `model_outputs`.
    """
    facts = RunFacts(
        run.run_id,
        run.experiment_id,
        run.name,
        run.user_id,
        run.status,
        run.start_time,
        run.end_time,
        run.lifecycle_stage,
        artifact_location,
    )
    metrics = [
        {
            "key": key,
            "value": latest["value"],
            "timestamp": latest["timestamp"],
            "step": latest["step"],
        }
        for key, latest in run.metrics.items()
    ]
    links = links or {}
    return {
        "info": run_info(facts),
        "data": present(metrics=metrics, params=entries(run.params), tags=entries(run.tags)),
        "inputs": present(
            dataset_inputs=[dataset_input(item) for item in run.inputs],
            model_inputs=links.get("model_inputs"),
        ),
        "outputs": present(model_outputs=links.get("model_outputs")),
    }


def dataset_input(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a DatasetInput for an input of a run as it is stored."""
    return present(
        tags=entries(item.get("tags") or {}),
        dataset=present(
            name=item["name"],
            digest=item["digest"],
            source_type=item["source_type"],
            source=item["source"],
            schema=item.get("schema") or None,
            profile=item.get("profile") or None,
        ),
    )
