"""What MLflow's entities say, as facts of ours with the original ids and times. Pure, without mlflow itself.

Sources: mlflow.entities (Experiment, Run, LoggedModel) and mlflow.entities.model_registry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trackstream_api.mlflow.artifact_places import model_root, run_root
from trackstream_api.transfer.identity import Dated, digest_of
from trackstream_schemas import events as e
from trackstream_schemas import model_uris
from trackstream_schemas.ids import DEFAULT_EXPERIMENT_ID, experiment_id_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

POINTS_PER_BATCH = 20_000
_MODEL_METRICS_PER_EVENT = 1000
DELETED = "deleted"


class History(NamedTuple):
    """Points of one metric; the three arrays have shape (n,)."""

    key: str
    steps: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]


def experiment_id_for(source_id: str, name: str, known: Mapping[str, str], by_name: bool) -> str:
    """Return the id that an experiment gets; `known` are the names of the destination's, by id.

    One of the same name is the same experiment. Else the original id is kept where it is free, unless
    `by_name`; then, and where it is taken, the id follows from the name, as with the SDK.
    """
    if source_id == DEFAULT_EXPERIMENT_ID or known.get(source_id) == name:
        return source_id
    same = next((found for found, its_name in known.items() if its_name == name), None)
    if same is not None:
        return same
    if not by_name and source_id not in known:
        return source_id
    attempt = 0
    while (found := experiment_id_of(name, attempt)) in known:
        attempt += 1
    return found


def experiment_facts(
    experiment: Any, experiment_id: str, *, keep_location: bool, merged: bool
) -> Iterator[Dated]:
    """Yield an experiment's creation, tags and last change; of one `merged` into another's only the tags."""
    created = int(experiment.creation_time or 0)
    changed = max(created, int(experiment.last_update_time or 0))
    tags = _sorted(experiment.tags)
    location = experiment.artifact_location if keep_location else None
    if not merged:
        yield Dated(created, e.ExperimentCreated(experiment_id, experiment.name, location, tags))
    elif tags:
        yield Dated(created, e.ExperimentTagsSet(experiment_id, tags))
    if merged or experiment_id == DEFAULT_EXPERIMENT_ID:
        return
    if experiment.lifecycle_stage == DELETED:
        yield Dated(changed, e.ExperimentDeleted(experiment_id))
    elif changed > created:
        # What brings the time of the last change along.
        yield Dated(changed, e.ExperimentRenamed(experiment_id, experiment.name))


def run_facts(run: Any, experiment_id: str) -> Iterator[Dated]:
    """Yield a run's start, params and inputs; its end is `end_facts`."""
    info, run_id = run.info, run.info.run_id
    start = int(info.start_time or 0)
    tags = _sorted(run.data.tags)
    name = info.run_name or tags.get("mlflow.runName") or run_id
    yield Dated(start, e.RunStarted(run_id, experiment_id, name, start, info.user_id or "", tags))
    if run.data.params:
        yield Dated(start, e.ParamsLogged(run_id, _sorted(run.data.params)))
    datasets = [_dataset(item) for item in (run.inputs.dataset_inputs if run.inputs else None) or []]
    if datasets:
        yield Dated(
            start, e.InputsLogged(run_id, sorted(datasets, key=lambda item: (item.name, item.digest)))
        )
    inputs = sorted(item.model_id for item in (run.inputs.model_inputs if run.inputs else None) or [])
    outputs = [
        e.ModelOutput(item.model_id, int(item.step))
        for item in (run.outputs.model_outputs if run.outputs else None) or []
    ]
    if inputs or outputs:
        outputs.sort(key=lambda item: (item.step, item.model_id))
        yield Dated(start, e.ModelsLinked(run_id, inputs, outputs))


def end_facts(run: Any, now: int) -> Iterator[Dated]:
    """Yield a run's status and end; a deletion counts from `now`, so that `gc` gives it its time."""
    info = run.info
    start, end = int(info.start_time or 0), info.end_time
    ended = None if end is None else int(end)
    yield Dated(start if ended is None else ended, e.RunUpdated(info.run_id, info.status, ended))
    if info.lifecycle_stage == DELETED:
        yield Dated(now, e.RunDeleted(info.run_id))


def digest_of_run(run: Any, experiment_id: str) -> str:
    """Return what tells two states of one run in the source apart, the latest metrics among them."""
    latest = sorted((item.key, item.step, item.timestamp, str(item.value)) for item in metrics_of(run))
    facts = [repr(fact.body) for fact in run_facts(run, experiment_id)]
    info = run.info
    return digest_of(*facts, repr(latest), str(info.status), str(info.end_time), str(info.lifecycle_stage))


def metrics_of(run: Any) -> list[Any]:
    """Return the latest point of each metric of a run."""
    found: list[Any] = run.data._metric_objs
    return found


def metric_batches(
    run_id: str, histories: Iterable[History], most: int = POINTS_PER_BATCH
) -> Iterator[e.MetricsLogged]:
    """Yield columnar batches of `most` points, the last one with what is left."""
    held: list[History] = []
    room = most
    for history in histories:
        at = 0
        while at < len(history.values):
            part = slice(at, at + room)
            held.append(
                History(history.key, history.steps[part], history.timestamps[part], history.values[part])
            )
            room -= len(held[-1].values)
            at += len(held[-1].values)
            if not room:
                yield _batch(run_id, held)
                held, room = [], most
    if held:
        yield _batch(run_id, held)


def _batch(run_id: str, held: list[History]) -> e.MetricsLogged:
    index = {key: number for number, key in enumerate(dict.fromkeys(part.key for part in held))}
    lengths = [len(part.values) for part in held]
    return e.MetricsLogged(
        run_id=run_id,
        writer="",
        keys=tuple(index),
        key_index=np.repeat(np.array([index[part.key] for part in held], dtype=np.int32), lengths),
        steps=np.concatenate([part.steps for part in held]),
        timestamps=np.concatenate([part.timestamps for part in held]),
        values=np.concatenate([part.values for part in held]),
    )


def logged_model_facts(model: Any, experiment_id: str) -> Iterator[Dated]:
    """Yield a logged model's creation, measurements and end."""
    created = int(model.creation_timestamp or 0)
    yield Dated(
        created,
        e.LoggedModelCreated(
            model.model_id,
            experiment_id,
            model.name,
            model.source_run_id or None,
            model.model_type or None,
            _sorted(model.params or {}),
            _sorted(model.tags or {}),
        ),
    )
    by_run: dict[str, list[e.ModelMetric]] = {}
    for item in model.metrics or []:
        point = e.ModelMetric(
            item.key,
            float(item.value),
            int(item.step or 0),
            int(item.timestamp),
            item.dataset_name or None,
            item.dataset_digest or None,
        )
        by_run.setdefault(item.run_id or model.source_run_id or "", []).append(point)
    for run_id in sorted(key for key in by_run if key):
        points = sorted(by_run[run_id], key=lambda point: (point.key, point.timestamp, point.step))
        for start in range(0, len(points), _MODEL_METRICS_PER_EVENT):
            part = points[start : start + _MODEL_METRICS_PER_EVENT]
            yield Dated(created, e.LoggedModelMetricsLogged(model.model_id, run_id, part))
    changed = int(model.last_updated_timestamp or created)
    yield Dated(changed, e.LoggedModelFinalized(model.model_id, str(model.status)))  # type: ignore[arg-type]


class Places:
    """Where files that were taken over are now: from the source's artifact URIs to ours."""

    def __init__(self) -> None:
        self._roots: dict[str, str] = {}

    def add_run(self, run: Any, experiment_id: str) -> None:
        """Note where the files of a run were, which are here now."""
        self._roots[run.info.artifact_uri.rstrip("/")] = run_root(experiment_id, run.info.run_id)

    def add_model(self, model: Any, experiment_id: str) -> None:
        """Note where the files of a logged model were, which are here now."""
        self._roots[model.artifact_location.rstrip("/")] = model_root(experiment_id, model.model_id)
        self._roots[f"models:/{model.model_id}"] = model_root(experiment_id, model.model_id)

    def of(self, uri: str) -> str | None:
        """Return what a URI of the source's has become, or None where its files were not taken over."""
        place = uri.rstrip("/")
        while place:
            if place in self._roots:
                return self._roots[place] + uri[len(place) :]
            place = place.rpartition("/")[0]
        return None


def version_fact(version: Any, registered_model_id: str, creation_id: str, places: Places) -> Dated:
    """Return the creation of a version of a registered model."""
    source = version.source or ""
    here = places.of(source)
    named = model_uris.is_model_uri(source)
    return Dated(
        int(version.creation_timestamp or 0),
        e.ModelVersionCreated(
            registered_model_id,
            creation_id,
            source if named or here is None else here,
            here if named else None,
            version.run_id or None,
            getattr(version, "model_id", None) or None,
            version.run_link or None,
            version.description or None,
            version.user_id or "",
            {},
        ),
    )


def version_changes(version: Any, registered_model_id: str) -> Iterator[Dated]:
    """Yield a version's tags, stage and last change."""
    number, created = int(version.version), int(version.creation_timestamp or 0)
    if version.tags:
        tags = _sorted(version.tags)
        yield Dated(created, e.ModelVersionTagsSet(registered_model_id, number, tags))
    if version.current_stage and version.current_stage != "None":
        yield Dated(
            created,
            e.ModelVersionStageSet(
                registered_model_id, number, version.current_stage, archive_existing=False
            ),
        )
    changed = int(version.last_updated_timestamp or created)
    if changed > created:
        body = e.ModelVersionUpdated(registered_model_id, number, version.description or None)
        yield Dated(changed, body)


def registered_tags(model: Any) -> Mapping[str, str]:
    """Return all tags of a registered model; its property `tags` hides what makes it a prompt."""
    found: Mapping[str, str] = model._tags
    return found


def model_changes(model: Any, registered_model_id: str) -> Iterator[Dated]:
    """Yield a registered model's tags, aliases and last change."""
    created = int(model.creation_timestamp or 0)
    tags = registered_tags(model)
    if tags:
        yield Dated(created, e.RegisteredModelTagsSet(registered_model_id, _sorted(tags)))
    for alias, number in sorted(model.aliases.items()):
        yield Dated(created, e.ModelAliasSet(registered_model_id, alias, int(number)))
    changed = int(model.last_updated_timestamp or created)
    yield Dated(changed, e.RegisteredModelUpdated(registered_model_id, model.description or ""))


def _dataset(item: Any) -> e.DatasetInput:
    dataset = item.dataset
    return e.DatasetInput(
        dataset.name,
        dataset.digest,
        dataset.source_type,
        dataset.source,
        dataset.schema or None,
        dataset.profile or None,
        _sorted({tag.key: tag.value for tag in item.tags}),
    )


def _sorted(values: Mapping[str, str]) -> dict[str, str]:
    return {key: values[key] for key in sorted(values)}
