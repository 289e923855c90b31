"""Hypothesis strategies: what can stand on a log about one run or one experiment."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import strategies as st

from trackstream_consumers.folds.run import RUN_NAME_TAG
from trackstream_schemas import events as e
from trackstream_schemas.position import Position

_Body = TypeVar("_Body")

keys = st.sampled_from(["a", "b", "lr", RUN_NAME_TAG])
values = st.sampled_from(["", "1", "2", "ein Wörtchen"])
maps = st.dictionaries(keys, values, max_size=3)
times = st.integers(0, 4_000_000_000_000)
producers = st.sampled_from(["p", "q", "r"])
names = st.sampled_from(["x", "y", "z"])
datasets = st.builds(
    e.DatasetInput, names, names, st.just("local"), st.just("there"), st.none() | values, st.none(), maps
)


def run_bodies(run_id: str) -> st.SearchStrategy[e.RunBody]:
    """Any event of one run."""
    me = st.just(run_id)
    statuses = st.none() | st.sampled_from(["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"])
    return st.one_of(
        st.builds(e.RunStarted, me, st.sampled_from(["0", "7"]), names | st.just(""), times, values, maps),
        st.builds(e.RunUpdated, me, statuses, st.none() | times, st.none() | names),
        st.builds(e.ParamsLogged, me, maps),
        st.builds(e.TagsSet, me, maps),
        st.builds(e.TagsDeleted, me, st.lists(keys, max_size=2)),
        st.builds(e.InputsLogged, me, st.lists(datasets, max_size=2)),
        st.builds(e.RunDeleted, me),
        st.builds(e.RunRestored, me),
        st.builds(e.RunPurged, me),
    )


def experiment_bodies(experiment_id: str) -> st.SearchStrategy[e.ExperimentBody]:
    """Any event of one experiment."""
    me = st.just(experiment_id)
    return st.one_of(
        st.builds(e.ExperimentCreated, me, names, st.none() | values, maps),
        st.builds(e.ExperimentRenamed, me, names),
        st.builds(e.ExperimentTagsSet, me, maps),
        st.builds(e.ExperimentTagsDeleted, me, st.lists(keys, max_size=2)),
        st.builds(e.ExperimentDeleted, me),
        st.builds(e.ExperimentRestored, me),
        st.builds(e.ExperimentPurged, me),
    )


@st.composite
def events_of(draw: st.DrawFn, bodies: st.SearchStrategy[_Body], max_size: int = 12) -> list[e.Event]:
    """Events by several producers, each of which counts its own without a gap."""
    chosen = draw(st.lists(st.tuples(producers, times, bodies), max_size=max_size))
    sequences: dict[str, int] = {}
    events = []
    for number, (producer, at, body) in enumerate(chosen):
        sequence = sequences[producer] = sequences.get(producer, -1) + 1
        envelope = e.Envelope(f"event-{number}", at, producer, sequence)
        events.append(e.Event(envelope, body))  # type: ignore[arg-type]
    return events


GAP = 100
"""Between the offsets of a history's events, so that repeats find room without moving any."""


def positioned(topic: str, events: list[e.Event]) -> list[tuple[Position, e.Event]]:
    """Give each event its place on the log."""
    return [(Position(topic, 0, GAP * number), event) for number, event in enumerate(events)]


@st.composite
def with_repeats(draw: st.DrawFn, history: list[tuple[Position, e.Event]]) -> list[tuple[Position, e.Event]]:
    """The history with some records delivered again, and some events appended again, any time later."""
    if not history:
        return []
    last = len(history) - 1
    redelivered = draw(st.lists(st.tuples(st.integers(0, last), st.integers(0, last)), max_size=6))
    appended = draw(st.lists(st.tuples(st.integers(0, last), st.integers(0, last)), max_size=6))
    repeats: dict[int, list[tuple[Position, e.Event]]] = {}
    for one, other in redelivered:
        repeats.setdefault(max(one, other), []).append(history[min(one, other)])
    for number, (one, other) in enumerate(appended):
        at = history[max(one, other)][0]
        again = at._replace(offset=at.offset + 1 + number)
        repeats.setdefault(max(one, other), []).append((again, history[min(one, other)][1]))
    result = []
    for number, item in enumerate(history):
        result.append(item)
        result.extend(repeats.get(number, []))
    return result
