"""The client: experiments and runs by id, with nothing implied. The fluent functions stand on it."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from trackstream import context_tags, destination
from trackstream.artifacts import ArtifactUploads
from trackstream.client_delivery import open_delivery
from trackstream.entity_history import ExperimentFacts, RunFacts, experiment_facts, run_facts
from trackstream.log.open import resolve_uri
from trackstream.model_registry import ModelRegistry, ModelVersion
from trackstream.run import Run, RunInfo, checked_tags
from trackstream.run_names import random_run_name
from trackstream.settings import Settings
from trackstream.writers import owns_attached_runs
from trackstream_schemas import events as e
from trackstream_schemas import topics, validate
from trackstream_schemas.errors import (
    AlreadyExists,
    Conflict,
    NotFound,
    StorageFailed,
    Unavailable,
)
from trackstream_schemas.ids import (
    DEFAULT_EXPERIMENT_ID,
    DEFAULT_EXPERIMENT_NAME,
    experiment_id_of,
    new_id,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from trackstream.delivery import DeliveryReport
    from trackstream.emitter import Emitter
    from trackstream.log.port import LogWriter

logger = logging.getLogger("trackstream")

_ID_ATTEMPTS = 16
_ASK_PATIENCE_S = 5.0


class Experiment(NamedTuple):
    """An experiment's identity."""

    experiment_id: str
    name: str
    """Empty where the log cannot tell."""


class Client:
    """One connection to a log: a directory, or a server's address. Thread-safe.

    Opens the log at once: raises InvalidInput, StorageFailed or Unavailable where that fails. As long as
    the log has not answered a question yet, Unavailable and StorageFailed are raised; later on what cannot
    be asked is taken to be right, so that a training goes on when the log does not.
    """

    def __init__(
        self,
        tracking_uri: str | os.PathLike[str] | None = None,
        *,
        settings: Settings | None = None,
        writer: LogWriter | None = None,
    ) -> None:
        if tracking_uri is None and settings is None:
            # As with MLflow's client: where `set_tracking_uri` said.
            tracking_uri = destination.tracking_uri()
        self.settings = settings or Settings()
        self.uri = resolve_uri(self.settings.uri if tracking_uri is None else tracking_uri)
        self._delivery = open_delivery(self.uri, self.settings, writer)
        self._writer = self._delivery.writer
        self.producer: Emitter = self._delivery.emitter
        self._artifacts = ArtifactUploads(self.producer, self._delivery.blobs, self.settings)
        self._registry = ModelRegistry(self.uri, self.producer, self._history)
        self._lock = threading.RLock()
        self._runs: dict[str, Run] = {}
        # Who spools can begin without the log.
        self._answered = self._delivery.spools

    # Experiments.

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> str:
        """Make an experiment and return its id. Raises AlreadyExists where the log shows the name taken."""
        name, checked = validate.experiment_name(name), checked_tags(tags)
        experiment_id, facts = self._find(name)
        if facts is not None and facts.stage != "absent":
            raise AlreadyExists(
                f"experiment {name!r} exists already, with id {experiment_id} ({facts.stage})"
            )
        self._emit_created(experiment_id, name, artifact_location, checked)
        return experiment_id

    def get_or_create_experiment(self, name: str) -> Experiment:
        """Return the experiment of a name, made where there is none. Raises Conflict for a deleted one."""
        experiment_id, facts = self._find(validate.experiment_name(name))
        if facts is not None and facts.stage == "deleted":
            raise Conflict(
                f"experiment {name!r} ({experiment_id}) is deleted; restore it or choose another name"
            )
        if facts is None or facts.stage == "absent":
            self._emit_created(experiment_id, name)
        return Experiment(experiment_id, name)

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Return an active experiment. Raises NotFound, and Conflict for a deleted one.

        The default experiment ('0') is made where it is missing.
        """
        facts = self._experiment(validate.experiment_id(experiment_id))
        if facts is None and experiment_id != DEFAULT_EXPERIMENT_ID:
            return Experiment(experiment_id, "")
        if facts is not None and facts.stage == "deleted":
            raise Conflict(f"experiment {experiment_id} ({facts.name!r}) is deleted; restore it first")
        if facts is None or facts.stage == "absent":
            if experiment_id != DEFAULT_EXPERIMENT_ID:
                raise NotFound(f"no experiment with id {experiment_id!r}")
            self._emit_created(experiment_id, DEFAULT_EXPERIMENT_NAME)
            return Experiment(experiment_id, DEFAULT_EXPERIMENT_NAME)
        return Experiment(experiment_id, facts.name)

    def rename_experiment(self, experiment_id: str, name: str) -> None:
        """Give an active experiment another name. Raises AlreadyExists where the log shows it taken."""
        name = validate.experiment_name(name)
        self._refuse_default(experiment_id, "renamed")
        if self.get_experiment(experiment_id).name == name:
            return
        other, facts = self._find(name)
        if facts is not None and facts.stage != "absent":
            raise AlreadyExists(f"experiment {name!r} exists already, with id {other} ({facts.stage})")
        self.producer.emit(e.ExperimentRenamed(experiment_id, name), always=True)

    def delete_experiment(self, experiment_id: str) -> None:
        """Hide an active experiment; `restore_experiment` undoes it until garbage collection."""
        self._refuse_default(experiment_id, "deleted")
        self.get_experiment(experiment_id)
        self.producer.emit(e.ExperimentDeleted(experiment_id), always=True)

    def restore_experiment(self, experiment_id: str) -> None:
        """Undo a deletion. Raises NotFound, and Conflict for an experiment that is not deleted."""
        facts = self._experiment(validate.experiment_id(experiment_id))
        if facts is not None and facts.stage == "absent":
            raise NotFound(f"no experiment with id {experiment_id!r}")
        if facts is not None and facts.stage == "active":
            raise Conflict(f"experiment {experiment_id} ({facts.name!r}) is not deleted")
        self.producer.emit(e.ExperimentRestored(experiment_id), always=True)

    def set_experiment_tags(self, experiment_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags of an active experiment; all of them or, where one is not valid, none."""
        checked = checked_tags(tags)
        self.get_experiment(experiment_id)
        if checked:
            self.producer.emit(e.ExperimentTagsSet(experiment_id, checked))

    # Runs.

    def create_run(
        self,
        experiment_id: str = DEFAULT_EXPERIMENT_ID,
        *,
        run_name: str | None = None,
        tags: Mapping[str, Any] | None = None,
        start_time: int | None = None,
        user_id: str | None = None,
    ) -> Run:
        """Start a run (`start_time` in ms, now where not given) and return a handle on it.

        Raises NotFound or Conflict where the log shows that the experiment does not exist or is deleted.
        """
        checked = checked_tags(tags)
        name = validate.run_name(run_name or checked.get(context_tags.RUN_NAME) or random_run_name())
        start = (
            time.time_ns() // 1_000_000
            if start_time is None
            else validate.timestamp(start_time, "start_time")
        )
        user = validate.tag_value(context_tags.user_name() if user_id is None else user_id, context_tags.USER)
        self.get_experiment(experiment_id)
        info = RunInfo(new_id(), experiment_id, name, user, "RUNNING", start)
        body = e.RunStarted(
            info.run_id, experiment_id, name, start, user, {**checked, context_tags.RUN_NAME: name}
        )
        self.producer.emit(body, always=True)
        run = self._keep(info, {})
        self.producer.attach(info.run_id, self.settings.writer)
        return run

    def run(self, run_id: str) -> Run:
        """Return a handle on a run.

        Raises NotFound, and Conflict for a deleted one, where the log shows it.
        """
        known = self._runs.get(run_id)
        if known is not None:
            return known
        facts = self._run(validate.run_id(run_id))
        if facts is None or (facts.stage == "absent" and not facts.purged and self._delivery.spools):
            # Its beginning may still be in another process's spool.
            return self._keep(RunInfo(run_id, "", ""), {})
        if facts.stage == "absent":
            raise NotFound(f"no run with id {run_id!r}")
        if facts.stage == "deleted":
            raise Conflict(f"run {run_id} is deleted; restore it first")
        info = RunInfo(run_id, facts.experiment_id, facts.name, facts.user_id, "RUNNING", facts.start_time)
        return self._keep(info, facts.params)

    def resume_run(self, run_id: str, experiment_id: str | None = None) -> Run:
        """Return a handle on a run and set its status to RUNNING, unless another writer answers for the run.

        With a `writer` among the settings that is not number 0 this process only takes part: see
        `fluent.start_run`. Raises like `run`, and Conflict where the run is known to be of another
        experiment.
        """
        # What this process remembers may be out of date: the run may have been deleted since.
        self._runs.pop(validate.run_id(run_id), None)
        run = self.run(run_id)
        if experiment_id is not None and run.info.experiment_id not in ("", experiment_id):
            raise Conflict(f"run {run_id} is of experiment {run.info.experiment_id}, not {experiment_id}")
        run.owner = owns_attached_runs(self.settings.writer)
        if run.owner:
            self.producer.emit(e.RunUpdated(run_id, "RUNNING"), always=True)
        self.producer.attach(run_id, self.settings.writer)
        return run

    def set_terminated(self, run_id: str, status: str = "FINISHED", end_time: int | None = None) -> None:
        """Record a run's end, and forget what this client remembers of it."""
        run = self.run(run_id)
        run.set_terminated(status, end_time)
        run.close_writer()
        run.release()

    def rename_run(self, run_id: str, name: str) -> None:
        """Give a run another name."""
        self.run(run_id).rename(name)

    def delete_run(self, run_id: str) -> None:
        """Hide a run; `restore_run` undoes it until garbage collection."""
        self.run(run_id)
        self._runs.pop(run_id, None)
        self.producer.emit(e.RunDeleted(run_id), always=True)

    def restore_run(self, run_id: str) -> None:
        """Undo a deletion. Raises NotFound, and Conflict for a run that is not deleted."""
        facts = self._run(validate.run_id(run_id))
        if facts is not None and facts.stage == "absent":
            raise NotFound(f"no run with id {run_id!r}")
        if facts is not None and facts.stage == "active":
            raise Conflict(f"run {run_id} is not deleted")
        self.producer.emit(e.RunRestored(run_id), always=True)

    def log_metric(
        self, run_id: str, key: str, value: float, *, step: int | None = None, timestamp: int | None = None
    ) -> None:
        """Log one value of a metric; see `Run` for this and everything else that can be logged."""
        self.run(run_id).log_metric(key, value, step, timestamp)

    def log_param(self, run_id: str, key: str, value: Any) -> None:
        """Log a param. Raises ParamConflict where it has another value already."""
        self.run(run_id).log_param(key, value)

    def set_tag(self, run_id: str, key: str, value: Any) -> None:
        """Set a tag of a run."""
        self.run(run_id).set_tag(key, value)

    def delete_tag(self, run_id: str, key: str) -> None:
        """Remove a tag of a run."""
        self.run(run_id).delete_tag(key)

    def log_artifact(
        self, run_id: str, local_path: str | os.PathLike[str], artifact_path: str | None = None
    ) -> None:
        """Upload a file into a run's folder `artifact_path`."""
        self.run(run_id).log_artifact(local_path, artifact_path)

    # Registered models.

    def register_model(
        self,
        model_uri: str,
        name: str,
        *,
        tags: Mapping[str, Any] | None = None,
        description: str = "",
    ) -> ModelVersion:
        """Register a version of a model, and the model itself where there is none of that name.

        `model_uri` is where its files are: runs:/RUN_ID/PATH, models:/MODEL_ID, or a URI outside of the
        store. What was logged before is on the log when this returns, and so is the version. Its number is
        known where a server could be asked: the tracking URI's, or the one that holds the directory; else
        it is None. Raises InvalidInput, Rejected where the server refuses, Unavailable or StorageFailed.
        """
        return self._registry.register(model_uri, name, tags or {}, description)

    def set_model_alias(self, name: str, alias: str, version: int) -> None:
        """Point an alias at a version of a registered model.

        Raises InvalidInput, and NotFound or Rejected where the log or the server shows that it is not there.
        """
        self._registry.set_alias(name, alias, version)

    # Delivery.

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything logged before is on the log; False where that took longer (seconds)."""
        return self.producer.flush(timeout)

    def delivery_report(self) -> DeliveryReport:
        """Return what became of everything logged through this client."""
        return self.producer.report()

    def close(self, timeout: float | None = None) -> DeliveryReport:
        """Send what is buffered, for at most `timeout` seconds, and release the log."""
        return self._delivery.close(timeout)

    # Questions to the log.

    def history(self, topic: str, key: str) -> list[e.Event] | None:
        """Return all events of an entity in log order, this client's included; None where that is not known.

        Raises Unavailable or StorageFailed as long as the log has not answered once.
        """
        return self._history(topic, key)

    def _find(self, name: str) -> tuple[str, ExperimentFacts | None]:
        """Return the id of a name and what is known there: the first id not renamed to something else."""
        for attempt in range(_ID_ATTEMPTS):
            experiment_id = experiment_id_of(name, attempt)
            facts = self._experiment(experiment_id)
            if facts is None or facts.stage == "absent" or facts.name == name:
                return experiment_id, facts
        raise Conflict(
            f"the name {name!r} has been given away by renaming {_ID_ATTEMPTS} times; choose another"
        )

    def _experiment(self, experiment_id: str) -> ExperimentFacts | None:
        history = self._history(topics.EXPERIMENTS, experiment_id)
        return None if history is None else experiment_facts(history)

    def _run(self, run_id: str) -> RunFacts | None:
        history = self._history(topics.RUNS, run_id)
        return None if history is None else run_facts(history)

    def _history(self, topic: str, key: str) -> list[e.Event] | None:
        try:
            # Our own events about it may still be in memory.
            if not self.producer.flush(min(_ASK_PATIENCE_S, self.settings.flush_timeout_s)):
                raise Unavailable(f"the log at {self.uri} does not take events")
            history = self._writer.history(topic, key)
        except (Unavailable, StorageFailed) as error:
            if not self._answered:
                raise
            logger.warning("cannot check %s: %s", key, error)
            return None
        self._answered = True
        return history

    def _emit_created(
        self,
        experiment_id: str,
        name: str,
        artifact_location: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        self.producer.emit(
            e.ExperimentCreated(experiment_id, name, artifact_location, tags or {}), always=True
        )

    def _refuse_default(self, experiment_id: str, act: str) -> None:
        # Producers that cannot reach a store derive its id from its name.
        if experiment_id == DEFAULT_EXPERIMENT_ID:
            raise Conflict(f"the default experiment (id {DEFAULT_EXPERIMENT_ID}) cannot be {act}")

    def _keep(self, info: RunInfo, params: Mapping[str, str]) -> Run:
        def release() -> None:
            self._runs.pop(info.run_id, None)

        run = Run(self.producer, self._artifacts, info, params, self.settings.writer, release)
        with self._lock:
            return self._runs.setdefault(info.run_id, run)
