"""A handle on one run: what can be logged to it."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, get_args

from trackstream import rendering
from trackstream.datasets import dataset_input
from trackstream.errors import ParamConflict
from trackstream_schemas import validate
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.events import (
    TERMINAL_STATUSES,
    InputsLogged,
    ParamsLogged,
    RunRewound,
    RunStatus,
    RunUpdated,
    TagsDeleted,
    TagsSet,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from trackstream.artifacts import ArtifactUploads
    from trackstream.emitter import Emitter
    from trackstream.metric_buffer import RecordPoint


_REWIND_FLUSH_S = 10.0


@dataclass(frozen=True)
class RunInfo:
    """What this process knows about a run; MLflow's field names. Times are milliseconds since the epoch."""

    run_id: str
    experiment_id: str
    """Empty for a resumed run whose log cannot be read."""
    run_name: str
    user_id: str = ""
    status: str = "RUNNING"
    start_time: int = 0
    end_time: int | None = None
    lifecycle_stage: str = "active"


class Run:
    """Logs to one run. Thread-safe. As a context manager it ends the run: FAILED after an exception.

    Values are checked before anything of a call is sent (InvalidInput, ParamConflict); what the log does
    not take afterwards is counted, see `delivery_report`.
    """

    log_metric: RecordPoint
    """Log one value of a metric."""

    def __init__(
        self,
        producer: Emitter,
        artifacts: ArtifactUploads,
        info: RunInfo,
        params: Mapping[str, str],
        writer: str,
        release: Callable[[], object],
    ) -> None:
        self._producer = producer
        self._writer = writer
        self.owner = True
        """Whether the end of this handle is the run's end, and not only this writer's: see `start_run`."""
        self._artifacts = artifacts
        self._buffer = producer.metric_buffer(info.run_id, writer)
        self._params = dict(params)
        self._params_lock = threading.Lock()
        self.info = info
        self.finish: Callable[[Run, RunStatus], None] = _finish
        """Called with the status when the `with` block ends."""
        self.release = release
        """Lets the client forget this handle."""
        self.pid = os.getpid()
        """The process that made this handle: a forked child does not end its parent's runs."""
        self.log_metric = self._buffer.record

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.info.run_id

    def __repr__(self) -> str:
        return f"<Run {self.info.run_id} {self.info.run_name!r} {self.info.status}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.pid != os.getpid():
            self._producer.flush()
            return
        # sys.exit() and sys.exit(0) inside the block are a program's normal end.
        clean = kind is None or (isinstance(error, SystemExit) and not error.code)
        self.finish(self, "FINISHED" if clean else "FAILED")

    def log_metrics(
        self, metrics: Mapping[str, float], step: int | None = None, timestamp: int | None = None
    ) -> None:
        """Log one value of each metric, at one step; all of them or, where one is not valid, none."""
        self._buffer.record_all(_mapping("metrics", metrics), step, timestamp)

    def log_param(self, key: str, value: Any) -> Any:
        """Log a param and return its value. Raises ParamConflict where it has another already."""
        self.log_params({key: value})
        return value

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log params; all of them or, where one is not valid or has another value already, none."""
        checked = {
            key: validate.param_value(value, validate.key(key, "param name"))
            for key, value in _mapping("params", params).items()
        }
        with self._params_lock:
            for key, value in checked.items():
                kept = self._params.get(key, value)
                if kept != value:
                    raise ParamConflict(self.run_id, key, kept, value)
            new = {key: value for key, value in checked.items() if key not in self._params}
            if new and self._producer.emit(ParamsLogged(self.run_id, new)):
                self._params.update(new)

    def set_tag(self, key: str, value: Any) -> None:
        """Set a tag; the last value stands."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags; all of them or, where one is not valid, none."""
        checked = checked_tags(tags)
        if checked:
            self._producer.emit(TagsSet(self.run_id, checked))

    def delete_tag(self, key: str) -> None:
        """Remove a tag; one that is not set is no error."""
        self._producer.emit(TagsDeleted(self.run_id, [validate.key(key, "tag name")]))

    def log_inputs(
        self,
        datasets: Sequence[Any],
        contexts: Sequence[str | None] | None = None,
        tags: Sequence[Mapping[str, Any] | None] | None = None,
    ) -> None:
        """Log which data sets the run reads; see `datasets.dataset_input` for what describes one."""
        contexts = [None] * len(datasets) if contexts is None else contexts
        tags = [None] * len(datasets) if tags is None else tags
        if not len(datasets) == len(contexts) == len(tags):
            raise InvalidInput("contexts and tags", (len(contexts), len(tags)), f"{len(datasets)} of each")
        inputs = [dataset_input(*given) for given in zip(datasets, contexts, tags, strict=True)]
        if inputs:
            self._producer.emit(InputsLogged(self.run_id, inputs))

    def log_artifact(self, local_path: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Upload a file (or a directory under its name) into the run's folder `artifact_path`.

        May wait for the log, within its bound. A link to a file is followed.
        """
        self._artifacts.log_path(self.run_id, local_path, artifact_path)

    def log_artifacts(self, local_dir: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Upload what is in a directory into the run's folder `artifact_path`.

        Raises InvalidInput, before anything is sent, for a link that leads out of the directory.
        """
        self._artifacts.log_directory(self.run_id, local_dir, artifact_path)

    def log_text(self, text: str, artifact_file: str) -> None:
        """Upload a text, in UTF-8, as the artifact `artifact_file`."""
        if not isinstance(text, str):
            raise InvalidInput("text", text, "a string")
        self._artifacts.log_bytes(self.run_id, text.encode("utf-8", "surrogatepass"), artifact_file)

    def log_dict(self, dictionary: Any, artifact_file: str) -> None:
        """Upload a dict or list as JSON, or as YAML where `artifact_file` ends with .yaml or .yml."""
        path = validate.artifact_path(artifact_file, "artifact_file")
        self._artifacts.log_bytes(self.run_id, rendering.dictionary(dictionary, path), path)

    def log_figure(
        self, figure: Any, artifact_file: str, *, save_kwargs: dict[str, Any] | None = None
    ) -> None:
        """Upload a matplotlib or plotly figure; the ending of `artifact_file` says as what."""
        path = validate.artifact_path(artifact_file, "artifact_file")
        self._artifacts.log_bytes(self.run_id, rendering.figure(figure, path, save_kwargs), path)

    def log_image(self, image: Any, artifact_file: str) -> None:
        """Upload a PIL image, or an array of shape (H, W[, 1, 3 or 4]) of 0..255 or of floats 0..1."""
        path = validate.artifact_path(artifact_file, "artifact_file")
        self._artifacts.log_bytes(self.run_id, rendering.image(image, path), path)

    def rename(self, name: str) -> None:
        """Give the run another name."""
        self._producer.emit(RunUpdated(self.run_id, name=validate.run_name(name)), always=True)
        self.info = replace(self.info, run_name=name)

    def flush(self) -> bool:
        """Wait until what was logged is on the log; False where that takes longer than flush_timeout_s."""
        return self._producer.flush()

    def close_writer(self) -> None:
        """Say how much this process's writer has sent to the run, and that no more comes."""
        self._producer.close_writer(self.run_id, self._writer)

    def end(self, status: RunStatus) -> None:
        """Record the run's end where it is this handle's to end, and this writer's end in any case."""
        if self.owner:
            self.set_terminated(status)
        self.close_writer()

    def rewind(self, step: int) -> None:
        """Supersede what any writer logged behind `step` so far: the run goes on from there.

        What this process still buffers is sent first, for at most ten seconds.
        """
        checked = validate.step(step, "rewind_to_step")
        # Points get their numbers when they are sent: those of before must not be numbered behind the rewind.
        self._producer.flush(_REWIND_FLUSH_S)
        self._producer.emit(RunRewound(self.run_id, self._writer, checked), always=True)

    def set_terminated(self, status: str = "FINISHED", end_time: int | None = None) -> None:
        """Record the run's end: FINISHED, FAILED or KILLED, at `end_time` (ms; now where not given)."""
        ended = terminal_status_of(status)
        at = time.time_ns() // 1_000_000 if end_time is None else validate.timestamp(end_time, "end_time")
        self._producer.emit(RunUpdated(self.run_id, ended, at), always=True)
        self.info = replace(self.info, status=ended, end_time=at)


def checked_tags(tags: Mapping[str, Any] | None) -> dict[str, str]:
    """Return tags as texts. Raises InvalidInput for the first that is not valid."""
    return {
        key: validate.tag_value(value, validate.key(key, "tag name"))
        for key, value in _mapping("tags", tags or {}).items()
    }


def terminal_status_of(status: object) -> RunStatus:
    """Return a status in which a run can end. Raises InvalidInput for anything else."""
    for known in get_args(RunStatus):
        if status == known and known in TERMINAL_STATUSES:
            result: RunStatus = known
            return result
    raise InvalidInput("status", status, "FINISHED, FAILED or KILLED")


def _finish(run: Run, status: RunStatus) -> None:
    run.end(status)
    run.release()
    run.flush()


def _mapping(field: str, value: Any) -> Mapping[str, Any]:
    if not hasattr(value, "items"):
        raise InvalidInput(field, value, "a dict")
    result: Mapping[str, Any] = value
    return result
