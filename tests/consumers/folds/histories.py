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


model_outputs = st.builds(e.ModelOutput, names, st.integers(0, 3))


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
        st.builds(e.ModelsLinked, me, st.lists(names, max_size=2), st.lists(model_outputs, max_size=2)),
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


def logged_model_bodies(model_id: str) -> st.SearchStrategy[e.LoggedModelBody]:
    """Any event of one logged model."""
    me = st.just(model_id)
    metrics = st.builds(e.ModelMetric, names, st.floats(), st.integers(-1, 2), times, st.none() | names)
    return st.one_of(
        st.builds(e.LoggedModelCreated, me, names, names, st.none() | names, st.none() | names, maps, maps),
        st.builds(e.LoggedModelFinalized, me, st.sampled_from(["PENDING", "READY", "FAILED"])),
        st.builds(e.LoggedModelParamsLogged, me, maps),
        st.builds(e.LoggedModelTagsSet, me, maps),
        st.builds(e.LoggedModelTagsDeleted, me, st.lists(keys, max_size=2)),
        st.builds(e.LoggedModelMetricsLogged, me, names, st.lists(metrics, max_size=2)),
        st.builds(e.LoggedModelDeleted, me),
        st.builds(e.LoggedModelPurged, me),
    )


assessments = st.builds(
    e.Assessment,
    assessment_id=names,
    name=names,
    kind=st.sampled_from(["feedback", "expectation", "issue"]),
    value=st.just("true"),
    source_type=st.just("HUMAN"),
    source_id=names,
    created_at=times,
    updated_at=times,
    overrides=st.none() | names,
    metadata=maps,
)


def trace_bodies(trace_id: str) -> st.SearchStrategy[e.TraceBody]:
    """Any event of one trace."""
    me = st.just(trace_id)
    maybe = st.none() | names
    prompts = st.builds(e.PromptVersion, names, st.just("1"))
    return st.one_of(
        st.builds(
            e.TraceLogged,
            me,
            names,
            times,
            st.sampled_from(["OK", "ERROR", "IN_PROGRESS"]),
            st.none() | times,
            maybe,
            maybe,
            maybe,
            maps,
            maps,
            st.lists(assessments, max_size=2),
        ),
        st.builds(e.TraceTagsSet, me, maps),
        st.builds(e.TraceTagsDeleted, me, st.lists(keys, max_size=2)),
        st.builds(e.TraceLinked, me, st.lists(names, max_size=2), st.lists(prompts, max_size=2)),
        st.builds(e.AssessmentLogged, me, assessments),
        st.builds(e.AssessmentUpdated, me, names, times, maybe, maybe, maybe, maybe, maps),
        st.builds(e.AssessmentDeleted, me, names),
        st.builds(e.TraceDeleted, me),
    )


def registry_bodies(registered_model_id: str) -> st.SearchStrategy[e.RegistryBody]:
    """Any event of one registered model."""
    me = st.just(registered_model_id)
    numbers = st.integers(1, 4)
    removed = st.lists(keys, max_size=2)
    stages = st.sampled_from(["None", "Staging", "Production", "Archived"])
    return st.one_of(
        st.builds(e.RegisteredModelCreated, me, names, values, st.none() | values, maps),
        st.builds(e.RegisteredModelUpdated, me, values),
        st.builds(e.RegisteredModelRenamed, me, names),
        st.builds(e.RegisteredModelDeleted, me),
        st.builds(e.RegisteredModelTagsSet, me, maps),
        st.builds(e.RegisteredModelTagsDeleted, me, removed),
        st.builds(e.ModelVersionCreated, me, values, values, tags=maps),
        st.builds(e.ModelVersionCreated, me, values, values, tags=maps),
        st.builds(e.ModelVersionUpdated, me, numbers, st.none() | values),
        st.builds(e.ModelVersionStageSet, me, numbers, stages, st.booleans()),
        st.builds(e.ModelVersionDeleted, me, numbers),
        st.builds(e.ModelVersionTagsSet, me, numbers, maps),
        st.builds(e.ModelVersionTagsDeleted, me, numbers, removed),
        st.builds(e.ModelAliasSet, me, keys, numbers),
        st.builds(e.ModelAliasDeleted, me, keys),
    )


def launch_bodies(launch_id: str) -> st.SearchStrategy[e.LaunchBody]:
    """Any event of one launch."""
    me = st.just(launch_id)
    claims = st.sampled_from(["one", "two", ""])
    outcomes = st.sampled_from(["finished", "failed", "cancelled"])
    maybe = st.none() | names
    return st.one_of(
        st.builds(
            e.LaunchRequested,
            me,
            names,
            names,
            names,
            names,
            names,
            maybe,
            maps,
            max_attempts=st.integers(1, 3),
        ),
        st.builds(e.LaunchClaimed, me, claims, names, st.just(7), st.just(20.0)),
        st.builds(
            e.LaunchPrepared, me, claims, names, names, maybe, maybe, st.none() | st.booleans(), maybe, maybe
        ),
        st.builds(e.LaunchStarted, me, claims, names, names),
        st.builds(e.LaunchHeartbeat, me, claims),
        st.builds(e.LaunchCancelRequested, me, values),
        st.builds(e.LaunchEnded, me, claims, outcomes, st.none() | st.integers(-9, 2), values),
        st.builds(e.LaunchLost, me, claims, values, st.booleans()),
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


MODELS = ("1", "2", "3")
"""Ids of registered models."""


@st.composite
def registries(draw: st.DrawFn) -> list[e.Event]:
    """Events of three models that are after the same three names."""
    bodies = st.sampled_from(MODELS).flatmap(registry_bodies)
    # Most histories would begin with models that are not there.
    first = [
        e.RegisteredModelCreated(number, name, "first") for number, name in zip(MODELS, "xyz", strict=True)
    ]
    chosen = [*first[: draw(st.integers(0, 3))], *draw(st.lists(bodies, max_size=14))]
    sequences: dict[str, int] = {}
    events = []
    for number, body in enumerate(chosen):
        producer = draw(producers)
        sequence = sequences[producer] = sequences.get(producer, -1) + 1
        events.append(e.Event(e.Envelope(f"event-{number}", draw(times), producer, sequence), body))
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
