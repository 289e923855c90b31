"""The state of one entity at an earlier moment, and what each of its events changed. Pure.

An entity's events are folded as a projector folds them, but only up to a cut through the log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from trackstream_consumers.aggregates.registered_models import fold_into
from trackstream_consumers.folds import experiment, launch, logged_model, model_version, run, trace
from trackstream_schemas import events as e
from trackstream_schemas import topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trackstream_api.as_of.moment import Cut
    from trackstream_consumers.folds.model_version import ModelVersionState
    from trackstream_consumers.folds.registered_model import RegisteredModelState
    from trackstream_consumers.records import Record
    from trackstream_schemas.position import Position

_FOLDS: dict[str, Callable[[Any, e.Event, Position], Any]] = {
    topics.EXPERIMENTS: experiment.fold,
    topics.RUNS: run.fold,
    topics.LOGGED_MODELS: logged_model.fold,
    topics.TRACES: trace.fold,
    topics.LAUNCHES: launch.fold,
}
_BOOKKEEPING = frozenset({"applied", "partition", "version", "updated_at", "conflicts", "number"})
_CONFLICTS = "conflicts"


class Change(NamedTuple):
    """One value that an event changed, an item of a map as `params.lr`; None where it was or is not there."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Step:
    """One event of an entity with what it changed."""

    position: Position
    event: e.Event
    changes: tuple[Change, ...]


def before_cut(records: Iterable[Record], cut: Cut | None) -> Iterator[Record]:
    """Yield the records that were on the log at the cut; None: all."""
    for record in records:
        if cut is None or record.position.offset < cut.get(record.position.topic_partition, 0):
            yield record


def state_at(topic: str, records: Iterable[Record], cut: Cut | None = None) -> Any:
    """Return the state (of the topic's fold) of the entity whose records, in log order, these are; None where
    it had none at the cut. For every topic of entities but the registry's (see `registry_at`)."""
    fold, state = _FOLDS[topic], None
    for record in before_cut(records, cut):
        state = fold(state, record.event, record.position)
    return state


def registry_at(records: Iterable[Record], cut: Cut | None = None) -> dict[str, RegisteredModelState]:
    """Return the registered models by id.

    `records` are all of the registry's, since a name that one model has is denied to others.
    """
    states: dict[str, RegisteredModelState] = {}
    fold_into(states, list(before_cut(records, cut)))
    return states


def steps(topic: str, records: Iterable[Record]) -> Iterator[Step]:
    """Yield what each of an entity's records, in log order, changed."""
    fold, state = _FOLDS[topic], None
    for record in records:
        after = fold(state, record.event, record.position)
        yield Step(record.position, record.event, changes(state, after))
        state = after


def registry_steps(records: Iterable[Record], model_id: str) -> Iterator[Step]:
    """Yield what each record of one registered model changed, its versions included; see `registry_at`."""
    states: dict[str, RegisteredModelState] = {}
    versions: dict[int, ModelVersionState] = {}
    for record in records:
        found = fold_into(states, [record])
        if record.key != model_id:
            continue
        changed: list[Change] = []
        for step in found:
            body = step.record.event.body
            assert isinstance(body, e.RegistryBody)
            changed += changes(step.before, step.after)
            for number in sorted(model_version.touched(step.before, body, step.after)):
                before = versions.get(number)
                after = model_version.fold(before, number, record.event, record.position, step.after)
                versions[number] = after
                changed += [
                    change._replace(field=f"versions.{number}.{change.field}")
                    for change in changes(before, after)
                    if change.field != "stage"
                ]
        yield Step(record.position, record.event, tuple(changed))


def artifact_steps(records: Iterable[Record]) -> Iterator[Step]:
    """Yield what each artifact event of one owner changed."""
    files: dict[str, dict[str, Any]] = {}
    for record in records:
        body = record.event.body
        assert isinstance(body, e.ArtifactLogged | e.ArtifactDeleted)
        before = files.pop(body.path, None)
        after = None
        if isinstance(body, e.ArtifactLogged):
            after = files[body.path] = {"size": body.size, "sha256": body.sha256}
        changed = () if before == after else (Change(f"artifacts.{body.path}", before, after),)
        yield Step(record.position, record.event, changed)


def changes(before: Any, after: Any) -> tuple[Change, ...]:
    """Return how two states of one entity differ, in the order of their fields; `before` may be None."""
    old, new = flat(before), flat(after)
    names = dict.fromkeys((*old, *new))
    found = [Change(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]
    lost = len(getattr(before, _CONFLICTS, ()))
    found += [Change(_CONFLICTS, None, json.loads(entry)) for entry in getattr(after, _CONFLICTS, ())[lost:]]
    return tuple(found)


def flat(state: Any) -> dict[str, Any]:
    """Return a state's values as JSON has them, the items of maps as `params.lr`; empty values are None.

    The entity's id, which comes first, and what only serves the folding are left out.
    """
    if state is None:
        return {}
    values: dict[str, Any] = {}
    for field in fields(state)[1:]:
        if field.name in _BOOKKEEPING:
            continue
        value = getattr(state, field.name)
        if isinstance(value, Mapping):
            values |= {f"{field.name}.{key}": item for key, item in value.items()}
        elif isinstance(value, tuple):
            found = [asdict(item) if is_dataclass(item) else item for item in value]  # type: ignore[arg-type]
            values[field.name] = found or None
        else:
            values[field.name] = None if value == "" else value
    return values
