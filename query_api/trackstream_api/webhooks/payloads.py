"""What is told of an event: the `data` of its delivery.

Names and shapes of the registry's are those of MLflow's webhooks (mlflow.webhooks.types), where it has them.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trackstream_api.barrier import reading
from trackstream_api.queries import experiments, registry, runs
from trackstream_api.webhooks.happenings import happenings_of
from trackstream_api.webhooks.outbox import NewDelivery
from trackstream_api.webhooks.story import around
from trackstream_consumers.folds import experiment, launch, registered_model, run
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trackstream_api.store import Store
    from trackstream_api.webhooks.happenings import Happening
    from trackstream_schemas.position import Position

Data = dict[str, Any]
_MOST_METRICS = 100


def deliveries_of(
    store: Store,
    event: e.Event,
    at: Position,
    key: str,
    receivers: Callable[[str], Sequence[str]],
) -> list[NewDelivery]:
    """Return what is to be delivered because of an event; `receivers` gives the webhooks that want an event
    of that name. Nothing for an event that changed nothing.

    Raises Unavailable while the tables are behind the event.
    """
    found = []
    for number, happening in enumerate(happenings_of(event.body)):
        wanted = receivers(happening.name)
        data = data_of(store, event, at.topic, key, happening) if wanted else None
        if data is None:
            continue
        # An event that sets several tags is several deliveries.
        delivery_id = event.envelope.event_id + (f"-{number}" if number else "")
        body = body_of(happening.name, delivery_id, event.envelope, at, data)
        found += [NewDelivery(webhook, delivery_id, happening.name, body) for webhook in wanted]
    return found


def body_of(name: str, delivery_id: str, envelope: e.Envelope, at: Position, data: Data) -> bytes:
    """Return the JSON that is posted: the same for all receivers and attempts."""
    entity, _, action = name.partition(".")
    told = {
        "type": name,
        "entity": entity,
        "action": action,
        "timestamp": datetime.fromtimestamp(envelope.occurred_at / 1000, UTC).isoformat(),
        "id": delivery_id,
        "position": f"{at.topic.removeprefix('trackstream.')}:{at.partition}:{at.offset}",
        "actor": envelope.actor,
        "data": data,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def data_of(store: Store, event: e.Event, topic: str, key: str, happening: Happening) -> Data | None:
    """Return what is told of an event, or None where it changed nothing."""
    history = store.log.history(topic, key) or []
    event_id = event.envelope.event_id
    body = event.body
    if isinstance(body, e.ExperimentBody):
        return _of_experiment(around(experiment.fold, history, event_id))
    if isinstance(body, e.RunBody):
        return _of_run(store, body, around(run.fold, history, event_id))
    if isinstance(body, e.LaunchBody):
        return _of_launch(around(launch.fold, history, event_id))
    if isinstance(body, e.RegistryBody):
        return _of_registry(store, body, happening, around(registered_model.fold, history, event_id))
    return None


def _of_experiment(
    found: tuple[experiment.ExperimentState | None, experiment.ExperimentState] | None,
) -> Data | None:
    if found is None:
        return None
    before, after = found
    unchanged = before is not None and bool(before.created_at) == bool(after.created_at)
    if unchanged and before is not None and before.lifecycle_stage == after.lifecycle_stage:
        return None
    return {"experiment_id": after.experiment_id, "name": after.name, "tags": dict(after.tags)}


def _of_run(
    store: Store, body: e.RunBody, found: tuple[run.RunState | None, run.RunState] | None
) -> Data | None:
    if found is None:
        return None
    before, after = found
    if (
        isinstance(body, e.RunDeleted | e.RunRestored)
        and before is not None
        and before.lifecycle_stage == after.lifecycle_stage
    ):
        return None
    ended = isinstance(body, e.RunUpdated)
    with reading(store, (topics.EXPERIMENTS, topics.RUNS, *((topics.METRICS,) if ended else ()))):
        names = experiments.names_of(store.engine, {after.experiment_id}) if after.experiment_id else {}
        metrics = _metrics(store, after.run_id) if ended else {}
    status = body.status if isinstance(body, e.RunUpdated) else after.status
    return {
        "run_id": after.run_id,
        "run_name": after.name,
        "experiment_id": after.experiment_id,
        "experiment_name": names.get(after.experiment_id, ""),
        "user_id": after.user_id,
        "status": status,
        "start_time": after.start_time,
        "end_time": after.end_time,
        "params": dict(after.params),
        "metrics": metrics,
    }


def _metrics(store: Store, run_id: str) -> dict[str, float | str]:
    """Return the latest values of a run's metrics, the first of them where there are very many."""
    try:
        found = runs.get(store.engine, run_id).metrics
    except NotFound:
        return {}
    return {key: _number(found[key]["value"]) for key in sorted(found)[:_MOST_METRICS]}


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _of_launch(found: tuple[launch.LaunchState | None, launch.LaunchState] | None) -> Data | None:
    if found is None:
        return None
    before, after = found
    if before is not None and before.state == after.state:
        return None
    return {
        "launch_id": after.launch_id,
        "state": after.state,
        "run_id": after.run_id,
        "experiment_id": after.experiment_id,
        "uri": after.uri,
        "entry_point": after.entry_point,
        "queue": after.queue,
        "attempts": after.attempts,
        "exit_code": after.exit_code,
        "reason": after.reason,
        "retry_of": after.retry_of,
    }


def _of_registry(
    store: Store,
    body: e.RegistryBody,
    happening: Happening,
    found: tuple[registered_model.RegisteredModelState | None, registered_model.RegisteredModelState] | None,
) -> Data | None:
    if found is None:
        return None
    _, after = found
    with reading(store, (topics.REGISTRY,)):
        # A name that another model had: what this model's own events cannot tell.
        if not registry.was_ever_there(store.engine, after.registered_model_id):
            return None
    told: Data = {"name": after.name}
    match body:
        case e.RegisteredModelCreated():
            told |= {"tags": dict(body.tags), "description": body.description}
        case e.ModelVersionCreated():
            told |= {
                "version": str(after.last_version),
                "source": body.source,
                "run_id": body.run_id,
                "tags": dict(body.tags),
                "description": body.description,
            }
        case e.ModelVersionDeleted():
            told |= {"version": str(body.version)}
        case e.ModelVersionStageSet():
            told |= {"version": str(body.version), "stage": body.stage}
        case e.ModelVersionTagsSet() if happening.tag is not None:
            told |= {"version": str(body.version), "key": happening.tag, "value": body.tags[happening.tag]}
        case e.ModelVersionTagsDeleted():
            told |= {"version": str(body.version), "key": happening.tag}
        case e.ModelAliasSet():
            told |= {"alias": body.alias, "version": str(body.version)}
        case e.ModelAliasDeleted():
            told |= {"alias": body.alias}
    return told
