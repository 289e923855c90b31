"""What a REST write becomes on the log: pure decisions from a request and the state it is about.

Each returns the events' bodies, or raises what forbids the act; none does I/O. Names and values are
checked by the rules that the SDK uses (trackstream_schemas.validate).

The default experiment (id 0) can be neither deleted nor renamed: producers that cannot reach a store
derive its id from its name. Source for the former: mlflow.store.tracking.file_store.delete_experiment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_schemas import events as e
from trackstream_schemas import validate
from trackstream_schemas.errors import AlreadyExists, Conflict, InvalidInput
from trackstream_schemas.ids import DEFAULT_EXPERIMENT_ID, experiment_id_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from trackstream_api.models.experiments import CreateExperiment, Experiment
    from trackstream_api.models.runs import Run

ID_ATTEMPTS = 16
"""How many ids a name may have: one, and one more for each experiment that was renamed away from it."""


def candidate_ids(name: str) -> list[str]:
    """Return the ids that an experiment of this name may get, the preferred one first."""
    return [experiment_id_of(name, attempt) for attempt in range(ID_ATTEMPTS)]


def create_experiment(
    request: CreateExperiment, bearers: Sequence[Experiment], held: AbstractSet[str]
) -> e.ExperimentCreated:
    """Decide on a new experiment.

    `bearers` are the experiments that have the name now, `held` those of `candidate_ids` that are taken.
    """
    name = validate.experiment_name(request.name, "name")
    _refuse_taken(name, bearers)
    free = next((candidate for candidate in candidate_ids(name) if candidate not in held), None)
    if free is None:
        raise Conflict(
            f"the name {name!r} has been given away by renaming {ID_ATTEMPTS} times; choose another"
        )
    tags = checked_tags(request.tags, validate.MAX_EXPERIMENT_TAG_VALUE)
    return e.ExperimentCreated(free, name, request.artifact_location, tags)


def rename_experiment(
    experiment: Experiment, name: str, bearers: Sequence[Experiment]
) -> list[e.ExperimentRenamed]:
    """Decide on a new name; the one that it has already is no change."""
    name = validate.experiment_name(name, "name")
    if name == experiment.name:
        return []
    _refuse_default(experiment, "renamed")
    _require_active(experiment)
    _refuse_taken(name, bearers)
    return [e.ExperimentRenamed(experiment.experiment_id, name)]


def delete_experiment(experiment: Experiment) -> e.ExperimentDeleted:
    """Decide on a deletion, which `restore_experiment` undoes until garbage collection."""
    _refuse_default(experiment, "deleted")
    _require_active(experiment)
    return e.ExperimentDeleted(experiment.experiment_id)


def restore_experiment(experiment: Experiment) -> e.ExperimentRestored:
    """Decide on undoing a deletion."""
    if experiment.lifecycle_stage != "deleted":
        raise Conflict(f"experiment {experiment.name!r} ({experiment.experiment_id}) is not deleted")
    return e.ExperimentRestored(experiment.experiment_id)


def tag_experiment(experiment: Experiment, tags: Mapping[str, str]) -> list[e.ExperimentTagsSet]:
    """Decide on tags; no tags are no change."""
    checked = checked_tags(tags, validate.MAX_EXPERIMENT_TAG_VALUE)
    _require_active(experiment)
    return [e.ExperimentTagsSet(experiment.experiment_id, checked)] if checked else []


def untag_experiment(experiment: Experiment, key: str) -> list[e.ExperimentTagsDeleted]:
    """Decide on a tag's removal; one that is not set is no change."""
    _require_active(experiment)
    return [e.ExperimentTagsDeleted(experiment.experiment_id, [key])] if key in experiment.tags else []


def delete_run(run: Run) -> e.RunDeleted:
    """Decide on a deletion, which `restore_run` undoes until garbage collection."""
    require_active_run(run.run_id, run.lifecycle_stage)
    return e.RunDeleted(run.run_id)


def restore_run(run: Run) -> e.RunRestored:
    """Decide on undoing a deletion."""
    if run.lifecycle_stage != "deleted":
        raise Conflict(f"run {run.run_id!r} is not deleted")
    return e.RunRestored(run.run_id)


def rename_run(run: Run, name: str) -> list[e.RunUpdated]:
    """Decide on a new name; the one that it has already is no change."""
    name = validate.text(name, "name", validate.MAX_TAG_VALUE)
    if not name.strip():
        raise InvalidInput("name", name, "a name with something to read in it")
    require_active_run(run.run_id, run.lifecycle_stage)
    return [] if name == run.name else [e.RunUpdated(run.run_id, None, None, name)]


def tag_run(run: Run, tags: Mapping[str, str]) -> list[e.TagsSet]:
    """Decide on tags; no tags are no change."""
    checked = checked_tags(tags)
    require_active_run(run.run_id, run.lifecycle_stage)
    return [e.TagsSet(run.run_id, checked)] if checked else []


def untag_run(run: Run, key: str) -> list[e.TagsDeleted]:
    """Decide on a tag's removal; one that is not set is no change."""
    require_active_run(run.run_id, run.lifecycle_stage)
    return [e.TagsDeleted(run.run_id, [key])] if key in run.tags else []


def delete_runs(stages: Mapping[str, str]) -> list[e.RunDeleted]:
    """Decide on deletions from the runs' lifecycle stages by id; those that are deleted are no change."""
    return [e.RunDeleted(run_id) for run_id, stage in stages.items() if stage == "active"]


def restore_runs(stages: Mapping[str, str]) -> list[e.RunRestored]:
    """Decide on undoing deletions from the runs' lifecycle stages by id; active ones are no change."""
    return [e.RunRestored(run_id) for run_id, stage in stages.items() if stage == "deleted"]


def tag_runs(stages: Mapping[str, str], tags: Mapping[str, str]) -> list[e.TagsSet]:
    """Decide on the same tags for all of some runs, none of which may be deleted."""
    checked = checked_tags(tags)
    for run_id, stage in stages.items():
        require_active_run(run_id, stage)
    return [e.TagsSet(run_id, dict(checked)) for run_id in stages] if checked else []


def require_active_run(run_id: str, lifecycle_stage: str) -> None:
    """Raise Conflict for a deleted run, which takes no more events."""
    if lifecycle_stage != "active":
        raise Conflict(f"run {run_id!r} is deleted; restore it first")


def checked_tags(tags: Mapping[str, str], longest: int = validate.MAX_TAG_VALUE) -> dict[str, str]:
    """Return the tags as they may go on the log, or raise InvalidInput. Values have at most `longest`."""
    return {
        validate.key(key, "tag key"): validate.tag_value(value, key, longest) for key, value in tags.items()
    }


def _refuse_default(experiment: Experiment, act: str) -> None:
    if experiment.experiment_id == DEFAULT_EXPERIMENT_ID:
        raise Conflict(f"the default experiment ({experiment.name!r}, id 0) cannot be {act}")


def _require_active(experiment: Experiment) -> None:
    if experiment.lifecycle_stage != "active":
        raise Conflict(
            f"experiment {experiment.name!r} ({experiment.experiment_id}) is deleted; restore it first"
        )


def _refuse_taken(name: str, bearers: Sequence[Experiment]) -> None:
    if bearers:
        bearer = bearers[0]
        state = (
            ""
            if bearer.lifecycle_stage == "active"
            else " in the state deleted; restore it, or purge it with gc"
        )
        raise AlreadyExists(f"experiment {name!r} exists already ({bearer.experiment_id}){state}")
