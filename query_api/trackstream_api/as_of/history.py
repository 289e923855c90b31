"""The history of an entity, page by page."""

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING, Literal

from trackstream_api.as_of import entity
from trackstream_api.models.history import ChangedValue, HistoryEntry, HistoryPage
from trackstream_api.queries import events, page_token
from trackstream_api.stream.rendering import body_of
from trackstream_schemas import topics
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackstream_api.as_of.entity import Step
    from trackstream_api.as_of.moment import Cut
    from trackstream_consumers.engine import Engine
    from trackstream_schemas.position import Position

Kind = Literal["experiments", "runs", "models", "logged-models", "traces", "launches"]
TOPICS: dict[Kind, tuple[str, ...]] = {
    "experiments": (topics.EXPERIMENTS,),
    "runs": (topics.RUNS, topics.ARTIFACTS),
    "models": (topics.REGISTRY,),
    "logged-models": (topics.LOGGED_MODELS, topics.ARTIFACTS),
    "traces": (topics.TRACES,),
    "launches": (topics.LAUNCHES,),
}
"""Where the events of each kind of entity are. Metric points are no entity's state."""
_ONE: dict[Kind, str] = {kind: "launch" if kind == "launches" else kind.removesuffix("s") for kind in TOPICS}


def page(
    engine: Engine, kind: Kind, entity_id: str, limit: int, token: str | None, cut: Cut | None = None
) -> HistoryPage:
    """Return some events of an entity, oldest first, each with what it changed. Raises NotFound.

    With a `cut` only those before it.
    Each topic's events are in the order of the log; between two topics the producers' clocks decide.
    """
    wanted = TOPICS[kind]
    query = (kind, entity_id)
    begin = page_token.read(token, (int,) * len(wanted), query) if token else [0] * len(wanted)
    found = [_steps_from(first, engine, topic, entity_id) for topic, first in zip(wanted, begin, strict=True)]
    merged = heapq.merge(*found, key=lambda step: step.event.envelope.occurred_at)
    steps = (step for step in merged if cut is None or _is_before(step.position, cut))
    entries: list[HistoryEntry] = []
    place = dict(zip(wanted, begin, strict=True))
    for step in islice(steps, limit):
        entries.append(_entry(step))
        place[step.position.topic] = step.position.offset + 1
    if not entries and token is None:
        when = "was" if cut is not None else "is"
        raise NotFound(f"nothing {when} known of {_ONE[kind]} {entity_id!r}")
    more = next(steps, None) is not None
    return HistoryPage.model_construct(
        entries=entries, next_page_token=page_token.write(list(place.values()), query) if more else None
    )


def _is_before(position: Position, cut: Cut) -> bool:
    return position.offset < cut.get(position.topic_partition, 0)


def _steps_from(first: int, engine: Engine, topic: str, entity_id: str) -> Iterator[Step]:
    for step in _steps(engine, topic, entity_id):
        if step.position.offset >= first:
            yield step


def _steps(engine: Engine, topic: str, entity_id: str) -> Iterator[Step]:
    if topic == topics.REGISTRY:
        return entity.registry_steps(events.records(engine, topic), entity_id)
    records = events.records(engine, topic, entity_id)
    return entity.artifact_steps(records) if topic == topics.ARTIFACTS else entity.steps(topic, records)


def _entry(step: Step) -> HistoryEntry:
    envelope = step.event.envelope
    return HistoryEntry.model_construct(
        type=type(step.event.body).__name__,
        position=str(step.position),
        occurred_at=envelope.occurred_at,
        actor=envelope.actor,
        producer_id=envelope.producer_id,
        sequence=envelope.sequence,
        event_id=envelope.event_id,
        changes=[ChangedValue.model_construct(**change._asdict()) for change in step.changes],
        body=body_of(step.event.body),
    )
