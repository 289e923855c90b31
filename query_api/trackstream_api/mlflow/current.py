"""Experiments and runs as they are now, for decisions: found without waiting for a projection where possible.

A log that can be asked for the events of one entity (SQLite) tells a run's state at once: its events are
folded as the projector folds them. Where it cannot (Kafka), the projection is waited for and read.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request

from trackstream_api.barrier import reading
from trackstream_api.mlflow.entities import RunFacts
from trackstream_api.mlflow.errors import InvalidParameter
from trackstream_api.mlflow.known import Known
from trackstream_api.queries import experiments, runs
from trackstream_consumers.folds import run as run_fold
from trackstream_schemas import topics
from trackstream_schemas.errors import NotFound
from trackstream_schemas.position import Position

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from concurrent.futures import Future

    from trackstream_api.models.experiments import Experiment
    from trackstream_api.store import Store
    from trackstream_schemas.events import Body

EXPERIMENT_TOPICS = (topics.EXPERIMENTS,)
RUN_TOPICS = (topics.EXPERIMENTS, topics.RUNS)


@dataclass(frozen=True, slots=True)
class CurrentRun:
    """A run's state, without its metrics."""

    facts: RunFacts
    params: Mapping[str, str]
    tags: Mapping[str, str]
    inputs: frozenset[tuple[str, str]]
    """(name, digest) of the data sets that it read."""

    @property
    def is_active(self) -> bool:
        """Whether it may be changed."""
        return self.facts.lifecycle_stage == "active"


@dataclass(frozen=True, slots=True)
class Desk:
    """The store, and what this process knows of it: what all handlers of this face are given."""

    store: Store
    experiments: Known[Experiment]
    """Active experiments."""
    runs: Known[bool]
    """Active runs."""
    locations: dict[str, str | None] = field(default_factory=dict)
    """Where experiments keep their artifacts, as far as it was asked. It never changes, so nothing ages."""


def open_desk(store: Store) -> Desk:
    """Return the desk over a store."""

    def experiment(experiment_id: str, strong: bool) -> Experiment:
        if strong:
            found = experiment_now(store, experiment_id)
        else:
            with store.gate.reading():
                found = projected_experiment(store, experiment_id)
        require_active_experiment(found)
        return found

    def run(run_id: str, strong: bool) -> bool:
        if strong:
            active_run(store, run_id)
        else:
            with store.gate.reading():
                _require_active(run_id, runs.stage_of(store.engine, run_id))
        return True

    return Desk(store, Known(experiment), Known(run))


async def _desk(request: Request) -> Any:
    return request.app.state.mlflow_desk


DeskOf = Annotated[Desk, Depends(_desk)]
"""What a handler declares to be given the desk."""


async def append(store: Store, bodies: Sequence[Body]) -> None:
    """Append events together; returns when the log has them. Raises the log's error."""
    loop = asyncio.get_running_loop()
    # Not `wrap_future`: what is on its way to the log cannot be called back by who stops waiting.
    appended: asyncio.Future[None] = loop.create_future()

    def tell(acknowledged: Future[list[Position]]) -> None:
        # Without a loop nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, appended, acknowledged.exception())

    store.producer.submit(bodies).add_done_callback(tell)
    await appended


def _settle(appended: asyncio.Future[None], error: BaseException | None) -> None:
    if appended.done():
        return
    if error is None:
        appended.set_result(None)
    else:
        appended.set_exception(error)


def experiment_now(store: Store, experiment_id: str) -> Experiment:
    """Return an experiment, active or deleted. Raises NotFound."""
    with reading(store, EXPERIMENT_TOPICS):
        return projected_experiment(store, experiment_id)


def projected_experiment(store: Store, experiment_id: str) -> Experiment:
    """Return an experiment as it is projected; the caller holds the gate. Raises NotFound."""
    try:
        return experiments.get(store.engine, experiment_id)
    except NotFound:
        if not experiment_id.isdecimal():
            raise InvalidParameter(
                "experiment_id",
                f"Invalid experiment ID '{experiment_id}'. Experiment ID must be a valid integer.",
            ) from None
        raise NotFound(f"No Experiment with id={experiment_id} exists") from None


def current_run(store: Store, run_id: str) -> CurrentRun:
    """Return a run, active or deleted. Raises NotFound."""
    events = store.log.history(topics.RUNS, run_id)
    if events is None:
        return _projected_run(store, run_id)
    state = None
    for offset, event in enumerate(events):
        state = run_fold.fold(state, event, Position(topics.RUNS, 0, offset))
    if state is None or state.status == run_fold.UNSTARTED or state.lifecycle_stage == "purged":
        raise run_not_found(run_id)
    facts = RunFacts(
        run_id,
        state.experiment_id,
        state.name,
        state.user_id,
        state.status,
        state.start_time,
        state.end_time,
        state.lifecycle_stage,
        None,
    )
    inputs = frozenset((item.name, item.digest) for item in state.inputs)
    return CurrentRun(facts, state.params, state.tags, inputs)


def _projected_run(store: Store, run_id: str) -> CurrentRun:
    with reading(store, RUN_TOPICS):
        try:
            run = runs.get(store.engine, run_id)
        except NotFound:
            raise run_not_found(run_id) from None
    facts = RunFacts(
        run_id,
        run.experiment_id,
        run.name,
        run.user_id,
        run.status,
        run.start_time,
        run.end_time,
        run.lifecycle_stage,
        None,
    )
    inputs = frozenset((item["name"], item["digest"]) for item in run.inputs)
    return CurrentRun(facts, run.params, run.tags, inputs)


def location_of(desk: Desk, experiment_id: str) -> str | None:
    """Return where an experiment keeps its artifacts, which never changes; None: here."""
    seen = desk.experiments.last(experiment_id)
    if seen is not None:
        return seen.artifact_location
    if experiment_id in desk.locations:
        return desk.locations[experiment_id]
    with desk.store.gate.reading():
        return projected_locations(desk, {experiment_id}).get(experiment_id)


def projected_locations(desk: Desk, experiment_ids: Collection[str]) -> Mapping[str, str | None]:
    """Return where experiments keep their artifacts; those not projected are left out. The caller holds the
    gate."""
    unseen = [experiment_id for experiment_id in experiment_ids if experiment_id not in desk.locations]
    for found in experiments.by_ids(desk.store.engine, unseen):
        desk.locations[found.experiment_id] = found.artifact_location
    return desk.locations


def active_run(store: Store, run_id: str) -> CurrentRun:
    """Return a run that may be changed. Raises NotFound, and InvalidParameter for a deleted one."""
    run = current_run(store, run_id)
    _require_active(run_id, run.facts.lifecycle_stage)
    return run


def run_not_found(run_id: str) -> NotFound:
    """Return the error for a run that is not there, in MLflow's words."""
    return NotFound(f"Run with id={run_id} not found")


def require_active_experiment(experiment: Experiment) -> None:
    """Raise InvalidParameter for a deleted experiment."""
    if experiment.lifecycle_stage != "active":
        raise InvalidParameter(
            "experiment_id",
            f"The experiment {experiment.experiment_id} must be in the 'active' state."
            f" Current state is {experiment.lifecycle_stage}.",
        )


def _require_active(run_id: str, lifecycle_stage: str) -> None:
    if lifecycle_stage != "active":
        raise InvalidParameter(
            "run_id",
            f"The run {run_id} must be in the 'active' state. Current state is {lifecycle_stage}.",
        )
