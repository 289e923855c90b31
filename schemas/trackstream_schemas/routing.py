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
    e.MetricsLogged: topics.METRICS,
    e.ArtifactLogged: topics.ARTIFACTS,
    e.ArtifactDeleted: topics.ARTIFACTS,
    e.ArtifactChunk: topics.ARTIFACT_BYTES,
    e.DeadLettered: topics.DEAD_LETTERS,
}


def topic_of(body: Body) -> str:
    """Return the topic that events with this body are appended to."""
    return _TOPIC_OF[type(body)]


def key_of(body: Body) -> str:
    """Return the partition key: the id of the entity that the event belongs to."""
    match body:
        case e.ArtifactChunk():
            return body.upload_id
        case e.DeadLettered():
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
        case _:
            return body.run_id
