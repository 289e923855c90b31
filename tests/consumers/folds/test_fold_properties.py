"""All folds under any history: repeats change nothing, nor does a stay in the table between batches."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.consumers.folds.histories import (
    events_of,
    experiment_bodies,
    launch_bodies,
    logged_model_bodies,
    positioned,
    registry_bodies,
    run_bodies,
    trace_bodies,
    with_repeats,
)
from trackstream_consumers.aggregates import launches, logged_models, registered_models, runs, traces
from trackstream_consumers.folds import experiment, launch, logged_model, registered_model, run, trace
from trackstream_schemas import topics

if TYPE_CHECKING:
    from collections.abc import Callable

    from trackstream_schemas.events import Event
    from trackstream_schemas.position import Position

    Fold = Callable[[Any, Event, Position], Any]

AGGREGATES = [
    pytest.param(topics.RUNS, run.fold, run_bodies("r"), id="run"),
    pytest.param(topics.EXPERIMENTS, experiment.fold, experiment_bodies("1"), id="experiment"),
    pytest.param(topics.LOGGED_MODELS, logged_model.fold, logged_model_bodies("m"), id="logged model"),
    pytest.param(topics.REGISTRY, registered_model.fold, registry_bodies("9"), id="registered model"),
    pytest.param(topics.TRACES, trace.fold, trace_bodies("t"), id="trace"),
    pytest.param(topics.LAUNCHES, launch.fold, launch_bodies("l"), id="launch"),
]


def folded(fold: Fold, history: list[tuple[Position, Event]]) -> Any:
    return reduce(lambda state, item: fold(state, item[1], item[0]), history, None)


@pytest.mark.parametrize(("topic", "fold", "bodies"), AGGREGATES)
@given(data=st.data())
def test_repeats_change_nothing(topic: str, fold: Fold, bodies: Any, data: st.DataObject) -> None:
    history = positioned(topic, data.draw(events_of(bodies)))
    repeated = data.draw(with_repeats(history))
    assert folded(fold, repeated) == folded(fold, history)


@pytest.mark.parametrize(("topic", "fold", "bodies"), AGGREGATES)
@given(data=st.data())
def test_a_fold_leaves_the_state_before_it_as_it_was(
    topic: str, fold: Fold, bodies: Any, data: st.DataObject
) -> None:
    history = positioned(topic, data.draw(events_of(bodies)))
    states = [folded(fold, history[:length]) for length in range(len(history) + 1)]
    kept = [repr(state) for state in states]
    for state, (position, event) in zip(states, history, strict=False):
        fold(state, event, position)
    assert [repr(state) for state in states] == kept


@pytest.mark.parametrize(("topic", "fold", "bodies"), AGGREGATES)
@given(data=st.data())
def test_every_event_of_a_producer_is_noted(topic: str, fold: Fold, bodies: Any, data: st.DataObject) -> None:
    events = data.draw(events_of(bodies))
    state = folded(fold, positioned(topic, events))
    highest: dict[str, int] = {}
    for event in events:
        highest[event.envelope.producer_id] = event.envelope.sequence
    assert (dict(state.applied) if state else {}) == highest


@given(events_of(run_bodies("r")))
def test_a_run_survives_its_table(events: list[Event]) -> None:
    state = folded(run.fold, positioned(topics.RUNS, events))
    if state is not None:
        (row,) = runs.state_rows([state]).to_pylist(maps_as_pydicts="strict")
        assert runs.state_of([row[name] for name in runs.RUNS.names]) == state


@given(events_of(logged_model_bodies("m")))
def test_a_logged_model_survives_its_table(events: list[Event]) -> None:
    state = folded(logged_model.fold, positioned(topics.LOGGED_MODELS, events))
    if state is not None:
        (row,) = logged_models.state_rows([state]).to_pylist(maps_as_pydicts="strict")
        assert logged_models.state_of([row[name] for name in logged_models.LOGGED_MODELS.names]) == state


@given(events_of(trace_bodies("t")))
def test_a_trace_survives_its_table(events: list[Event]) -> None:
    state = folded(trace.fold, positioned(topics.TRACES, events))
    if state is not None:
        (row,) = traces.state_rows([state]).to_pylist(maps_as_pydicts="strict")
        assert traces.state_of([row[name] for name in traces.TRACES.names]) == state


@given(events_of(launch_bodies("l")))
def test_a_launch_survives_its_table(events: list[Event]) -> None:
    state = folded(launch.fold, positioned(topics.LAUNCHES, events))
    if state is not None:
        (row,) = launches.state_rows([state]).to_pylist(maps_as_pydicts="strict")
        assert launches.state_of([row[name] for name in launches.LAUNCHES.names]) == state


@given(events_of(registry_bodies("9")))
def test_a_registered_model_survives_its_table(events: list[Event]) -> None:
    state = folded(registered_model.fold, positioned(topics.REGISTRY, events))
    if state is not None:
        (row,) = registered_models.model_rows([state]).to_pylist(maps_as_pydicts="strict")
        assert registered_models.model_of(list(row.values())) == state
