"""Event classes, one frozen dataclass per `.avsc` file.

A class holds what happened (the body); `Event` adds the envelope that a producer stamps on it when
it is appended. Field names, types and meanings are those of the `.avsc` file of the same name.
"""

from __future__ import annotations

# ruff: noqa: I001 - names that are imported as themselves, to be found here, would get a statement each

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from trackstream_schemas.launch_events import (
    LAUNCH_ENDS as LAUNCH_ENDS,
    LaunchBody as LaunchBody,
    LaunchCancelRequested as LaunchCancelRequested,
    LaunchClaimed as LaunchClaimed,
    LaunchEnded as LaunchEnded,
    LaunchHeartbeat as LaunchHeartbeat,
    LaunchLost as LaunchLost,
    LaunchOutcome as LaunchOutcome,
    LaunchPrepared as LaunchPrepared,
    LaunchRequested as LaunchRequested,
    LaunchStarted as LaunchStarted,
)
from trackstream_schemas.logged_model_events import (
    LoggedModelBody as LoggedModelBody,
    LoggedModelCreated as LoggedModelCreated,
    LoggedModelDeleted as LoggedModelDeleted,
    LoggedModelFinalized as LoggedModelFinalized,
    LoggedModelMetricsLogged as LoggedModelMetricsLogged,
    LoggedModelParamsLogged as LoggedModelParamsLogged,
    LoggedModelPurged as LoggedModelPurged,
    LoggedModelStatus as LoggedModelStatus,
    LoggedModelTagsDeleted as LoggedModelTagsDeleted,
    LoggedModelTagsSet as LoggedModelTagsSet,
    ModelMetric as ModelMetric,
)
from trackstream_schemas.registry_events import (
    ModelAliasDeleted as ModelAliasDeleted,
    ModelAliasSet as ModelAliasSet,
    ModelVersionCreated as ModelVersionCreated,
    ModelVersionDeleted as ModelVersionDeleted,
    ModelVersionStage as ModelVersionStage,
    ModelVersionStageSet as ModelVersionStageSet,
    ModelVersionTagsDeleted as ModelVersionTagsDeleted,
    ModelVersionTagsSet as ModelVersionTagsSet,
    ModelVersionUpdated as ModelVersionUpdated,
    RegisteredModelCreated as RegisteredModelCreated,
    RegisteredModelDeleted as RegisteredModelDeleted,
    RegisteredModelRenamed as RegisteredModelRenamed,
    RegisteredModelTagsDeleted as RegisteredModelTagsDeleted,
    RegisteredModelTagsSet as RegisteredModelTagsSet,
    RegisteredModelUpdated as RegisteredModelUpdated,
    RegistryBody as RegistryBody,
)
from trackstream_schemas.trace_events import (
    Assessment as Assessment,
    AssessmentDeleted as AssessmentDeleted,
    AssessmentKind as AssessmentKind,
    AssessmentLogged as AssessmentLogged,
    AssessmentUpdated as AssessmentUpdated,
    PromptVersion as PromptVersion,
    TraceBody as TraceBody,
    TraceDeleted as TraceDeleted,
    TraceLinked as TraceLinked,
    TraceLogged as TraceLogged,
    TraceState as TraceState,
    TraceTagsDeleted as TraceTagsDeleted,
    TraceTagsSet as TraceTagsSet,
)
from trackstream_schemas.writer_events import (
    RunRewound as RunRewound,
    WriterBody as WriterBody,
    WriterReported as WriterReported,
    WriterState as WriterState,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RunStatus = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
Resolution = Literal["retried", "dropped"]
TERMINAL_STATUSES: frozenset[str] = frozenset({"FINISHED", "FAILED", "KILLED"})


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who appended an event and when. (producer_id, sequence) identifies it."""

    event_id: str
    occurred_at: int
    producer_id: str
    sequence: int
    actor: str = ""


@dataclass(frozen=True, slots=True)
class ExperimentCreated:
    experiment_id: str
    name: str
    artifact_location: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExperimentRenamed:
    experiment_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ExperimentDeleted:
    experiment_id: str


@dataclass(frozen=True, slots=True)
class ExperimentRestored:
    experiment_id: str


@dataclass(frozen=True, slots=True)
class ExperimentPurged:
    experiment_id: str


@dataclass(frozen=True, slots=True)
class ExperimentTagsSet:
    experiment_id: str
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class ExperimentTagsDeleted:
    experiment_id: str
    keys: list[str]


@dataclass(frozen=True, slots=True)
class RunStarted:
    run_id: str
    experiment_id: str
    name: str
    start_time: int
    user_id: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunUpdated:
    run_id: str
    status: RunStatus | None = None
    end_time: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class RunDeleted:
    run_id: str


@dataclass(frozen=True, slots=True)
class RunRestored:
    run_id: str


@dataclass(frozen=True, slots=True)
class RunPurged:
    run_id: str


@dataclass(frozen=True, slots=True)
class ParamsLogged:
    run_id: str
    params: dict[str, str]


@dataclass(frozen=True, slots=True)
class TagsSet:
    run_id: str
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class TagsDeleted:
    run_id: str
    keys: list[str]


@dataclass(frozen=True, slots=True)
class DatasetInput:
    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InputsLogged:
    run_id: str
    datasets: list[DatasetInput]


@dataclass(frozen=True, slots=True)
class ModelOutput:
    model_id: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class ModelsLinked:
    run_id: str
    inputs: list[str] = field(default_factory=list)
    outputs: list[ModelOutput] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class MetricsLogged:
    """A columnar batch of n points; the four arrays have shape (n,).

    `steps` and `timestamps` (milliseconds) are absolute here; the codec writes their differences.
    Two batches are equal when they hold the same bits, so NaN equals the same NaN.
    """

    run_id: str
    writer: str
    keys: tuple[str, ...]
    key_index: NDArray[np.int32]
    steps: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MetricsLogged):
            return NotImplemented
        return self._bits() == other._bits()

    def __hash__(self) -> int:
        return hash(self._bits())

    def _bits(self) -> tuple[str, str, tuple[str, ...], bytes, bytes, bytes, bytes]:
        arrays = (self.key_index, self.steps, self.timestamps, self.values)
        index, steps, timestamps, values = (array.tobytes() for array in arrays)
        return self.run_id, self.writer, tuple(self.keys), index, steps, timestamps, values


@dataclass(frozen=True, slots=True)
class ArtifactLogged:
    run_id: str
    path: str
    size: int
    sha256: str
    content_type: str | None = None
    upload_id: str | None = None


@dataclass(frozen=True, slots=True)
class ArtifactDeleted:
    run_id: str
    path: str


@dataclass(frozen=True, slots=True)
class ArtifactChunk:
    upload_id: str
    offset: int
    total_size: int
    sha256: str
    data: bytes


@dataclass(frozen=True, slots=True)
class DeadLettered:
    projector: str
    source_topic: str
    source_partition: int
    source_offset: int
    key: str
    value: bytes
    error_type: str
    error_message: str


@dataclass(frozen=True, slots=True)
class DeadLetterResolved:
    source_topic: str
    source_partition: int
    source_offset: int
    resolution: Resolution
    reason: str = ""


ExperimentBody = (
    ExperimentCreated
    | ExperimentRenamed
    | ExperimentDeleted
    | ExperimentRestored
    | ExperimentPurged
    | ExperimentTagsSet
    | ExperimentTagsDeleted
)
RunBody = (
    RunStarted
    | RunUpdated
    | RunDeleted
    | RunRestored
    | RunPurged
    | ParamsLogged
    | TagsSet
    | TagsDeleted
    | InputsLogged
    | ModelsLinked
)
ArtifactBody = ArtifactLogged | ArtifactDeleted
Body = (
    ExperimentBody
    | RunBody
    | MetricsLogged
    | WriterBody
    | ArtifactBody
    | ArtifactChunk
    | LoggedModelBody
    | TraceBody
    | RegistryBody
    | LaunchBody
    | DeadLettered
    | DeadLetterResolved
)


@dataclass(frozen=True, slots=True)
class Event:
    """One fact on the log."""

    envelope: Envelope
    body: Body
