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
        case _:
            return _OBJECT


def _texts(texts: Mapping[str, str]) -> int:
    return sum(100 + len(key) + len(value) for key, value in texts.items())
