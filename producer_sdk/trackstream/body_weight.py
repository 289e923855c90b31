"""How much memory a buffered event takes, about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_schemas import events as e

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_schemas.events import Body

_OBJECT = 300


def of(body: Body) -> int:
    """Return bytes: the texts and arrays that an event holds, and a fixed share for the rest."""
    match body:
        case e.ArtifactChunk():
            return _OBJECT + len(body.data)
        case e.ParamsLogged():
            return _OBJECT + _texts(body.params)
        case e.TagsSet() | e.RunStarted() | e.ExperimentCreated() | e.ExperimentTagsSet():
            return _OBJECT + _texts(body.tags)
        case e.MetricsLogged():
            return _OBJECT + 28 * len(body)
        case e.InputsLogged():
            return _OBJECT + sum(
                _OBJECT + len(item.source) + len(item.schema or "") + len(item.profile or "")
                for item in body.datasets
            )
        case e.LoggedModelMetricsLogged():
            return _OBJECT * (1 + len(body.metrics))
        case e.LoggedModelCreated():
            return _OBJECT + _texts(body.params) + _texts(body.tags)
        case e.RegisteredModelCreated() | e.ModelVersionCreated():
            return _OBJECT + len(body.description or "") + _texts(body.tags)
        case e.RegisteredModelTagsSet() | e.ModelVersionTagsSet():
            return _OBJECT + _texts(body.tags)
        case e.LoggedModelParamsLogged():
            return _OBJECT + _texts(body.params)
        case e.LoggedModelTagsSet() | e.TraceTagsSet():
            return _OBJECT + _texts(body.tags)
        case e.TraceLogged():
            previews = len(body.request_preview or "") + len(body.response_preview or "")
            assessments = sum(_assessment(item) for item in body.assessments)
            return _OBJECT + previews + _texts(body.metadata) + _texts(body.tags) + assessments
        case e.AssessmentLogged():
            return _OBJECT + _assessment(body.assessment)
        case _:
            return _OBJECT


def _assessment(assessment: e.Assessment) -> int:
    texts = len(assessment.value) + len(assessment.error or "") + len(assessment.rationale or "")
    return 3 * _OBJECT + texts + _texts(assessment.metadata)


def _texts(texts: Mapping[str, str]) -> int:
    return sum(100 + len(key) + len(value) for key, value in texts.items())
