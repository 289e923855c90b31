"""The registry's tables hold what the folds say of all models together, for any history and any batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.consumers.folds.histories import positioned, registries, with_repeats
from trackstream_consumers.aggregates import registered_models
from trackstream_consumers.folds import model_version, registered_model
from trackstream_consumers.projectors.entities import EntityProjector
from trackstream_consumers.records import Record
from trackstream_schemas import codec, routing, topics
from trackstream_schemas import events as e
from trackstream_schemas.position import Position

if TYPE_CHECKING:
    from trackstream_consumers.engine import Engine
    from trackstream_consumers.folds.model_version import ModelVersionState
    from trackstream_consumers.folds.registered_model import RegisteredModelState

    History = list[tuple[Position, e.Event]]


def folded(
    history: History,
) -> tuple[dict[str, RegisteredModelState], dict[tuple[str, int], ModelVersionState]]:
    """The folds over a whole history, in memory: what the projector must come to."""
    models: dict[str, RegisteredModelState] = {}
    versions: dict[tuple[str, int], ModelVersionState] = {}
    for position, event in history:
        body = event.body
        assert isinstance(body, e.RegistryBody)
        key = body.registered_model_id
        name = registered_model.wanted_name(body)
        taken = any(
            other.name == name and other.lifecycle_stage == "active"
            for other in models.values()
            if other.registered_model_id != key
        )
        before = models.get(key)
        models[key] = registered_model.fold(before, event, position, taken=taken)
        for number in model_version.touched(before, body, models[key]):
            versions[key, number] = model_version.fold(
                versions.get((key, number)), number, event, position, models[key]
            )
    return models, versions


def apply(projector: EntityProjector, history: History) -> None:
    """Apply as one batch."""
    records = [Record(at, routing.key_of(event.body), event, codec.encode(event)) for at, event in history]
    projector.apply(records, {position.topic_partition: position.offset + 1 for position, _ in history})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_tables_hold_what_the_folds_say(engine: Engine, data: st.DataObject) -> None:
    with engine.client() as client:
        for table in ("registered_models", "model_versions", "events", "positions"):
            client.command(f"TRUNCATE TABLE {table}")
    history = positioned(topics.REGISTRY, data.draw(registries()))
    left = data.draw(with_repeats(history))
    projector = EntityProjector(engine)
    while left:
        size = data.draw(st.integers(1, len(left)))
        apply(projector, left[:size])
        # A kill before the position is noted: the same records again, or at least the first of them.
        apply(projector, left[: data.draw(st.integers(1, size))])
        left = left[size:]
    models, versions = folded(history)
    names = [state.name for state in models.values() if state.lifecycle_stage == "active"]
    assert len(names) == len(set(names))
    with engine.client() as client:
        found = client.query(
            f"SELECT {', '.join(registered_models.REGISTERED_MODELS.names)} FROM registered_models FINAL"
        )
        assert {row[0]: registered_models.model_of(row) for row in found.result_rows} == models
        found = client.query(
            f"SELECT {', '.join(registered_models.MODEL_VERSIONS.names)} FROM model_versions FINAL"
        )
        assert {(row[0], row[1]): registered_models.version_of(row) for row in found.result_rows} == versions


def test_many_models_of_one_batch_are_folded_in_order(engine: Engine) -> None:
    """More than one statement's worth, each name wanted twice."""
    count = 1500
    bodies: list[e.RegistryBody] = []
    for number in range(count):
        bodies.append(e.RegisteredModelCreated(f"{number}", f"name-{number % 750}", f"{number}"))
        bodies.append(e.ModelVersionCreated(f"{number}", f"v{number}", "s3://bucket/x"))
    history = [
        (Position(topics.REGISTRY, 0, at), e.Event(e.Envelope(f"e{at}", 1000 + at, "p", at), body))
        for at, body in enumerate(bodies)
    ]
    apply(EntityProjector(engine), history)
    with engine.client() as client:
        found = client.query("SELECT registered_model_id FROM v_models").result_rows
        numbers = client.query("SELECT DISTINCT version FROM v_model_versions").result_rows
    assert {int(row[0]) for row in found} == set(range(750))
    assert [row[0] for row in numbers] == [1]
