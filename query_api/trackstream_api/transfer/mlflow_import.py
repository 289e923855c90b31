"""Copies an MLflow store onto a log: every entity as events with its original id and times.

What is made of an entity has a producer of its own, derived from the entity, so that what is appended again
is recognised (docs/decisions/0008). The end of a run is appended last, under a producer that names what was
taken over: where the log shows it, the run is whole and is left out of another import.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackstream_api.mlflow.artifact_places import trace_root
from trackstream_api.mlflow.trace_messages import TraceInfoMessage, trace_event
from trackstream_api.mlflow.trace_requests import ARTIFACT_LOCATION, SPANS_FILE, SPANS_LOCATION
from trackstream_api.registry.commands import IS_PROMPT_TAG
from trackstream_api.transfer import mlflow_facts as facts
from trackstream_api.transfer.errors import SourceUnreadable
from trackstream_api.transfer.files import send_file
from trackstream_api.transfer.identity import Dated, digest_of, producer_of, stamped
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import Conflict, InvalidInput, NotFound
from trackstream_schemas.ids import registered_model_id_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trackstream.artifacts import BlobUpload
    from trackstream_api.transfer.appending import Appender
    from trackstream_api.transfer.mlflow_source import MlflowSource

_ID_ATTEMPTS = 64
_PLACEHOLDER = "deleted before the import"
Told = Callable[[int], None]


@dataclass
class Imported:
    """What an import took over, and what it could not."""

    experiments: int = 0
    runs: int = 0
    points: int = 0
    files: int = 0
    file_bytes: int = 0
    logged_models: int = 0
    traces: int = 0
    registered_models: int = 0
    model_versions: int = 0
    already_there: int = 0
    """Runs that an earlier import had taken over whole."""
    left_out: list[str] = field(default_factory=list)
    """Which, and why."""


@dataclass(frozen=True)
class Wanted:
    """What of a source is to be imported, and how."""

    experiments: tuple[str, ...] = ()
    """Names; empty for all, and for the model registry, which belongs to no experiment."""
    artifacts: bool = True
    ids_by_name: bool = False
    """Give experiments the ids that the SDK derives from their names."""


class MlflowImport:
    """One import. `known` are the names of the destination's experiments, by id."""

    def __init__(
        self,
        source: MlflowSource,
        appender: Appender,
        blobs: Callable[[], BlobUpload],
        wanted: Wanted,
        known: Mapping[str, str],
    ) -> None:
        self._source = source
        self._appender = appender
        self._blobs = blobs
        self._wanted = wanted
        self._known = dict(known)
        self._places = facts.Places()
        self._now = time.time_ns() // 1_000_000
        self.done = Imported()

    def run(self, told: Told) -> Imported:
        """Import; `told` hears how many runs are done. Raises NotFound for an experiment that is not there,
        SourceUnreadable, and the log's errors: then the same import goes on where this one was."""
        found = list(self._source.experiments())
        missing = set(self._wanted.experiments) - {experiment.name for experiment in found}
        if missing:
            raise NotFound(f"no experiment named {min(missing)!r} in {self._source.uri}")
        for experiment in found:
            if not self._wanted.experiments or experiment.name in self._wanted.experiments:
                self._experiment(experiment, told)
        if not self._wanted.experiments:
            for model in self._source.registered_models():
                with self._leaving_out(f"registered model {model.name!r}"):
                    self._registered_model(model)
        self._appender.flush()
        return self.done

    def _experiment(self, experiment: Any, told: Told) -> None:
        source_id = str(experiment.experiment_id)
        experiment_id = facts.experiment_id_for(
            source_id, experiment.name, self._known, self._wanted.ids_by_name
        )
        producer = producer_of("experiment", experiment_id, experiment.name)
        history = self._appender.history(topics.EXPERIMENTS, experiment_id) or []
        merged = bool(history) and all(event.envelope.producer_id != producer for event in history)
        self._known[experiment_id] = experiment.name
        told_facts = facts.experiment_facts(
            experiment, experiment_id, keep_location=not self._wanted.artifacts, merged=merged
        )
        with self._leaving_out(f"experiment {experiment.name!r}"):
            changed = producer if not merged else producer_of("tags of", experiment_id, repr(experiment.tags))
            self._append_new(topics.EXPERIMENTS, experiment_id, changed, list(told_facts))
            self.done.experiments += 1
        for model in self._source.logged_models(source_id):
            with self._leaving_out(f"logged model {model.model_id}"):
                self._logged_model(model, experiment_id)
        for run in self._source.runs(source_id):
            with self._leaving_out(f"run {run.info.run_id}"):
                self._run(run, experiment_id)
            told(self.done.runs + self.done.already_there)
        for message in self._source.traces(source_id):
            with self._leaving_out(f"trace {message.get('trace_id')}"):
                self._trace(message, experiment_id)

    def _run(self, run: Any, experiment_id: str) -> None:
        run_id = run.info.run_id
        if self._wanted.artifacts:
            self._places.add_run(run, experiment_id)
        digest = facts.digest_of_run(run, experiment_id)
        producer = producer_of("run", run_id, digest)
        end = {which: producer_of("run's end", run_id, digest, which) for which in ("files", "no files")}
        history = self._appender.history(topics.RUNS, run_id) or []
        producers = {event.envelope.producer_id for event in history}
        if end["files"] in producers or (not self._wanted.artifacts and end["no files"] in producers):
            self.done.already_there += 1
            return
        if producers and producer not in producers:
            raise Conflict(
                "it is there already, in another state (it has changed since, or is not of an import)"
            )
        if end["no files"] not in producers:
            self._run_and_points(run, experiment_id, producer)
        whole = self._wanted.artifacts and self._files(
            run_id, run.info.artifact_uri, int(run.info.start_time or 0)
        )
        # Last of all: it tells that the rest is on the log.
        self._appender.flush()
        ended = end["files" if whole else "no files"]
        self._appender.add(stamped(ended, facts.end_facts(run, self._now)))
        self.done.runs += 1

    def _run_and_points(self, run: Any, experiment_id: str, producer: str) -> None:
        run_id = run.info.run_id
        of_run = list(facts.run_facts(run, experiment_id))
        # Checked whole before any of it is appended.
        self._appender.add(list(stamped(producer, of_run)))
        keys = [point.key for point in facts.metrics_of(run)]
        batches = facts.metric_batches(run_id, self._source.histories(run_id, keys)) if keys else iter(())
        count = 0
        sent: dict[str, int] = {}
        sequence = len(of_run)
        for batch in batches:
            self._appender.add(stamped(producer, [Dated(int(batch.timestamps.max()), batch)], sequence))
            sequence += 1
            count += 1
            for number, key in enumerate(batch.keys):
                sent[key] = sent.get(key, 0) + int((batch.key_index == number).sum())
            self.done.points += len(batch)
        if run.info.status in e.TERMINAL_STATUSES:
            start, end = int(run.info.start_time or 0), int(run.info.end_time or 0)
            report = e.WriterReported(
                run_id, "", "closed", start, 0.0, count, sent, len(of_run), 0, 0, sequence - 1
            )
            self._appender.add(stamped(producer, [Dated(max(start, end), report)], sequence))

    def _logged_model(self, model: Any, experiment_id: str) -> None:
        found = list(facts.logged_model_facts(model, experiment_id))
        which = "files" if self._wanted.artifacts else "no files"
        producer = producer_of("logged model", model.model_id, which, *(repr(fact.body) for fact in found))
        events = list(stamped(producer, found))
        if self._wanted.artifacts:
            self._places.add_model(model, experiment_id)
        if self._appender.holds(topics.LOGGED_MODELS, model.model_id, events[-1].envelope):
            return
        self._appender.add(events[:-1])
        if self._wanted.artifacts and not self._files(
            model.model_id, model.artifact_location, int(model.creation_timestamp or 0)
        ):
            return
        self._appender.flush()
        self._appender.add(events[-1:])
        self.done.logged_models += 1

    def _trace(self, message: dict[str, Any], experiment_id: str) -> None:
        found = trace_event(TraceInfoMessage.model_validate(message), {})
        trace_id = found.trace_id
        tags = {key: value for key, value in found.tags.items() if key != SPANS_LOCATION}
        if self._wanted.artifacts:
            tags[ARTIFACT_LOCATION] = trace_root(experiment_id, trace_id)
        body = replace(found, experiment_id=experiment_id, tags=tags)
        events = list(stamped(producer_of("trace", repr(body)), [Dated(found.request_time, body)]))
        if self._appender.holds(topics.TRACES, trace_id, events[0].envelope):
            return
        if self._wanted.artifacts:
            spans = self._source.spans(trace_id)
            if spans is not None:
                with tempfile.TemporaryDirectory() as place:
                    local = Path(place, SPANS_FILE)
                    local.write_bytes(spans)
                    self._send(trace_id, SPANS_FILE, local, found.request_time)
        self._appender.flush()
        self._appender.add(events)
        self.done.traces += 1

    def _registered_model(self, model: Any) -> None:
        created = int(model.creation_timestamp or 0)
        producer = producer_of("registered model", model.name, str(created))
        registered_model_id = self._id_of_model(model.name, producer)
        versions = self._source.versions(
            model.name, facts.registered_tags(model).get(IS_PROMPT_TAG) == "true"
        )
        self._require_own_numbers(registered_model_id, producer, versions)
        first = e.RegisteredModelCreated(
            registered_model_id, model.name, digest_of(producer, "0")[:32], model.description or None
        )
        self._appender.add(stamped(producer, [Dated(created, first)]))
        by_number = {int(version.version): version for version in versions}
        at = created
        for number in range(1, max(by_number, default=0) + 1):
            creation_id = digest_of(producer, str(number))[:32]
            version = by_number.get(number)
            if version is not None:
                fact = facts.version_fact(version, registered_model_id, creation_id, self._places)
                at = fact.occurred_at
                self._appender.add(stamped(producer, [fact], 2 * number - 1))
                continue
            # The log numbers versions by their order: what was deleted takes its number along again.
            gone = [
                Dated(at, e.ModelVersionCreated(registered_model_id, creation_id, _PLACEHOLDER)),
                Dated(at, e.ModelVersionDeleted(registered_model_id, number)),
            ]
            self._appender.add(stamped(producer, gone, 2 * number - 1))
        changes = list(
            chain(
                *(facts.version_changes(version, registered_model_id) for version in versions),
                facts.model_changes(model, registered_model_id),
            )
        )
        changer = producer_of("changes", registered_model_id, *(repr(fact) for fact in changes))
        self._append_new(topics.REGISTRY, registered_model_id, changer, changes)
        self.done.registered_models += 1
        self.done.model_versions += len(versions)

    def _require_own_numbers(self, registered_model_id: str, producer: str, versions: list[Any]) -> None:
        """Raise Conflict where new versions would not get their numbers, as others were made here."""
        made = {
            (event.envelope.producer_id, event.envelope.sequence)
            for event in self._appender.history(topics.REGISTRY, registered_model_id) or ()
            if isinstance(event.body, e.ModelVersionCreated)
        }
        ours = sum(maker == producer for maker, _ in made)
        if len(made) > ours and max((int(item.version) for item in versions), default=0) > ours:
            raise Conflict("versions have been registered in both stores since the last import")

    def _id_of_model(self, name: str, producer: str) -> str:
        """Return the id for a registered model: the one of an earlier import, or one that nobody has."""
        for attempt in range(_ID_ATTEMPTS):
            found = registered_model_id_of(name, attempt)
            history = self._appender.history(topics.REGISTRY, found)
            if not history or history[0].envelope.producer_id == producer:
                return found
            names = [event.body.name for event in history if isinstance(event.body, e.RegisteredModelRenamed)]
            if (names or [name])[-1] == name:
                break
        raise Conflict("the destination has a registered model of this name, which is not of this import")

    def _files(self, owner: str, artifact_uri: str | None, logged_at: int) -> bool:
        """Take over the files below an artifact URI; whether all of them could be."""
        if not artifact_uri:
            return True
        try:
            with tempfile.TemporaryDirectory() as scratch:
                for path, local in self._source.files(artifact_uri, Path(scratch)):
                    self._send(owner, path, local, logged_at)
        except (SourceUnreadable, InvalidInput, OSError) as error:
            self.done.left_out.append(f"files of {owner}: {error}")
            return False
        return True

    def _send(self, owner: str, path: str, local: Path, logged_at: int) -> None:
        self.done.file_bytes += send_file(self._appender, self._blobs, owner, path, local, logged_at)
        self.done.files += 1

    def _append_new(self, topic: str, key: str, producer: str, found: list[Dated]) -> None:
        """Append an entity's events unless the log shows the last of them."""
        events = list(stamped(producer, found))
        if events and not self._appender.holds(topic, key, events[-1].envelope):
            self._appender.add(events)

    def _leaving_out(self, what: str) -> _LeavingOut:
        return _LeavingOut(self.done.left_out, what)


class _LeavingOut:
    """Context manager that notes what is refused, so that the rest goes on."""

    def __init__(self, left_out: list[str], what: str) -> None:
        self._left_out = left_out
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, InvalidInput | Conflict):
            self._left_out.append(f"{self._what}: {error}")
            return True
        return False


def parts(done: Imported) -> Iterator[tuple[str, int]]:
    """Yield what was imported as (singular, count), without what there was none of."""
    for name, count in (
        ("experiment", done.experiments),
        ("run", done.runs),
        ("metric point", done.points),
        ("file", done.files),
        ("logged model", done.logged_models),
        ("trace", done.traces),
        ("registered model", done.registered_models),
        ("model version", done.model_versions),
    ):
        if count:
            yield name, count
