"""Which topic and key an event belongs to: a function of its body alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_schemas import events as e
from trackstream_schemas import topics

if TYPE_CHECKING:
    from trackstream_schemas.events import Body

_TOPIC_OF: dict[type, str] = {
    e.ExperimentCreated: topics.EXPERIMENTS,
    e.ExperimentRenamed: topics.EXPERIMENTS,
    e.ExperimentDeleted: topics.EXPERIMENTS,
    e.ExperimentRestored: topics.EXPERIMENTS,
    e.ExperimentPurged: topics.EXPERIMENTS,
    e.ExperimentTagsSet: topics.EXPERIMENTS,
    e.ExperimentTagsDeleted: topics.EXPERIMENTS,
    e.RunStarted: topics.RUNS,
    e.RunUpdated: topics.RUNS,
    e.RunDeleted: topics.RUNS,
    e.RunRestored: topics.RUNS,
    e.RunPurged: topics.RUNS,
    e.ParamsLogged: topics.RUNS,
    e.TagsSet: topics.RUNS,
    e.TagsDeleted: topics.RUNS,
    e.InputsLogged: topics.RUNS,
    e.ModelsLinked: topics.RUNS,
    e.MetricsLogged: topics.METRICS,
    e.WriterReported: topics.METRICS,
    e.RunRewound: topics.METRICS,
    e.ArtifactLogged: topics.ARTIFACTS,
    e.ArtifactDeleted: topics.ARTIFACTS,
    e.ArtifactChunk: topics.ARTIFACT_BYTES,
    e.LoggedModelCreated: topics.LOGGED_MODELS,
    e.LoggedModelFinalized: topics.LOGGED_MODELS,
    e.LoggedModelDeleted: topics.LOGGED_MODELS,
    e.LoggedModelPurged: topics.LOGGED_MODELS,
    e.LoggedModelTagsSet: topics.LOGGED_MODELS,
    e.LoggedModelTagsDeleted: topics.LOGGED_MODELS,
    e.LoggedModelParamsLogged: topics.LOGGED_MODELS,
    e.LoggedModelMetricsLogged: topics.LOGGED_MODELS,
    e.TraceLogged: topics.TRACES,
    e.TraceDeleted: topics.TRACES,
    e.TraceTagsSet: topics.TRACES,
    e.TraceTagsDeleted: topics.TRACES,
    e.TraceLinked: topics.TRACES,
    e.AssessmentLogged: topics.TRACES,
    e.AssessmentUpdated: topics.TRACES,
    e.AssessmentDeleted: topics.TRACES,
    e.RegisteredModelCreated: topics.REGISTRY,
    e.RegisteredModelUpdated: topics.REGISTRY,
    e.RegisteredModelRenamed: topics.REGISTRY,
    e.RegisteredModelDeleted: topics.REGISTRY,
    e.RegisteredModelTagsSet: topics.REGISTRY,
    e.RegisteredModelTagsDeleted: topics.REGISTRY,
    e.ModelVersionCreated: topics.REGISTRY,
    e.ModelVersionUpdated: topics.REGISTRY,
    e.ModelVersionStageSet: topics.REGISTRY,
    e.ModelVersionDeleted: topics.REGISTRY,
    e.ModelVersionTagsSet: topics.REGISTRY,
    e.ModelVersionTagsDeleted: topics.REGISTRY,
    e.ModelAliasSet: topics.REGISTRY,
    e.ModelAliasDeleted: topics.REGISTRY,
    e.LaunchRequested: topics.LAUNCHES,
    e.LaunchClaimed: topics.LAUNCHES,
    e.LaunchPrepared: topics.LAUNCHES,
    e.LaunchStarted: topics.LAUNCHES,
    e.LaunchHeartbeat: topics.LAUNCHES,
    e.LaunchCancelRequested: topics.LAUNCHES,
    e.LaunchEnded: topics.LAUNCHES,
    e.LaunchLost: topics.LAUNCHES,
    e.DeadLettered: topics.DEAD_LETTERS,
    e.DeadLetterResolved: topics.DEAD_LETTERS,
}
_TOPIC_OF_NAME = {kind.__name__: topic for kind, topic in _TOPIC_OF.items()}


def topic_of(body: Body) -> str:
    """Return the topic that events with this body are appended to."""
    return _TOPIC_OF[type(body)]


def topic_of_type(event_name: str) -> str:
    """Return the topic of the events that are called so. Raises KeyError where none are."""
    return _TOPIC_OF_NAME[event_name]


def key_of(body: Body) -> str:
    """Return the partition key: the id of the entity that the event belongs to."""
    if isinstance(body, e.RegistryBody):
        return body.registered_model_id
    if isinstance(body, e.LaunchBody):
        return body.launch_id
    match body:
        case e.ArtifactChunk():
            return body.upload_id
        case e.DeadLettered() | e.DeadLetterResolved():
            return f"{body.source_topic}:{body.source_partition}:{body.source_offset}"
        case (
            e.ExperimentCreated()
            | e.ExperimentRenamed()
            | e.ExperimentDeleted()
            | e.ExperimentRestored()
            | e.ExperimentPurged()
            | e.ExperimentTagsSet()
            | e.ExperimentTagsDeleted()
        ):
            return body.experiment_id
        case (
            e.LoggedModelCreated()
            | e.LoggedModelFinalized()
            | e.LoggedModelDeleted()
            | e.LoggedModelPurged()
            | e.LoggedModelTagsSet()
            | e.LoggedModelTagsDeleted()
            | e.LoggedModelParamsLogged()
            | e.LoggedModelMetricsLogged()
        ):
            return body.model_id
        case (
            e.TraceLogged()
            | e.TraceDeleted()
            | e.TraceTagsSet()
            | e.TraceTagsDeleted()
            | e.TraceLinked()
            | e.AssessmentLogged()
            | e.AssessmentUpdated()
            | e.AssessmentDeleted()
        ):
            return body.trace_id
        case _:
            return body.run_id
