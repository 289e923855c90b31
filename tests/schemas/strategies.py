"""Hypothesis strategies for events, shared by the tests of every package."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from trackstream_schemas import events as e

text = st.text(st.characters(codec="utf-8"), max_size=20)
key = st.from_regex(r"[a-z0-9_./ -]{1,12}", fullmatch=True)
string_map = st.dictionaries(text, text, max_size=3)
identifier = st.from_regex(r"[0-9a-f]{32}", fullmatch=True)
millis = st.integers(0, 4_102_444_800_000)
int64 = st.integers(-(2**63), 2**63 - 1)

envelopes = st.builds(
    e.Envelope,
    event_id=identifier,
    occurred_at=millis,
    producer_id=identifier,
    sequence=st.integers(0, 2**62),
    actor=text,
)

datasets = st.builds(e.DatasetInput, text, text, text, text, st.none() | text, st.none() | text, string_map)


@st.composite
def metric_batches(draw: st.DrawFn) -> e.MetricsLogged:
    keys = draw(st.lists(key, min_size=1, max_size=4, unique=True))
    count = draw(st.integers(0, 40))
    any_bits = npst.arrays(np.uint64, count, elements=st.integers(0, 2**64 - 1)).map(
        lambda bits: bits.view(np.float64)
    )
    return e.MetricsLogged(
        run_id=draw(identifier),
        writer=draw(text),
        keys=tuple(keys),
        key_index=draw(npst.arrays(np.int32, count, elements=st.integers(0, len(keys) - 1))),
        steps=draw(npst.arrays(np.int64, count, elements=int64)),
        timestamps=draw(npst.arrays(np.int64, count, elements=int64)),
        values=draw(any_bits),
    )


model_metrics = st.builds(
    e.ModelMetric, key, st.floats(allow_nan=False), int64, int64, st.none() | text, st.none() | text
)
assessments = st.builds(
    e.Assessment,
    identifier,
    text,
    st.sampled_from(["feedback", "expectation", "issue"]),
    text,
    text,
    text,
    int64,
    int64,
    st.none() | text,
    st.none() | text,
    st.none() | text,
    st.none() | text,
    st.none() | text,
    string_map,
)
numbers = st.integers(1, 2**31 - 1)
statuses = st.sampled_from(["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"])
bodies = st.one_of(
    st.builds(e.ExperimentCreated, identifier, text, st.none() | text, string_map),
    st.builds(e.ExperimentRenamed, identifier, text),
    st.builds(e.ExperimentDeleted, identifier),
    st.builds(e.ExperimentRestored, identifier),
    st.builds(e.ExperimentPurged, identifier),
    st.builds(e.ExperimentTagsSet, identifier, string_map),
    st.builds(e.ExperimentTagsDeleted, identifier, st.lists(text, max_size=3)),
    st.builds(e.RunStarted, identifier, identifier, text, millis, text, string_map),
    st.builds(e.RunUpdated, identifier, st.none() | statuses, st.none() | millis, st.none() | text),
    st.builds(e.RunDeleted, identifier),
    st.builds(e.RunRestored, identifier),
    st.builds(e.RunPurged, identifier),
    st.builds(e.ParamsLogged, identifier, string_map),
    st.builds(e.TagsSet, identifier, string_map),
    st.builds(e.TagsDeleted, identifier, st.lists(text, max_size=3)),
    st.builds(e.InputsLogged, identifier, st.lists(datasets, max_size=2)),
    st.builds(
        e.ModelsLinked,
        identifier,
        st.lists(identifier, max_size=2),
        st.lists(st.builds(e.ModelOutput, identifier, int64), max_size=2),
    ),
    st.builds(
        e.LoggedModelCreated,
        identifier,
        identifier,
        text,
        st.none() | identifier,
        st.none() | text,
        string_map,
        string_map,
    ),
    st.builds(e.LoggedModelFinalized, identifier, st.sampled_from(["PENDING", "READY", "FAILED"])),
    st.builds(e.LoggedModelDeleted, identifier),
    st.builds(e.LoggedModelPurged, identifier),
    st.builds(e.LoggedModelTagsSet, identifier, string_map),
    st.builds(e.LoggedModelTagsDeleted, identifier, st.lists(text, max_size=3)),
    st.builds(e.LoggedModelParamsLogged, identifier, string_map),
    st.builds(e.LoggedModelMetricsLogged, identifier, identifier, st.lists(model_metrics, max_size=3)),
    st.builds(
        e.TraceLogged,
        identifier,
        identifier,
        int64,
        st.sampled_from(["STATE_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS"]),
        st.none() | int64,
        st.none() | text,
        st.none() | text,
        st.none() | text,
        string_map,
        string_map,
        st.lists(assessments, max_size=2),
    ),
    st.builds(e.TraceDeleted, identifier),
    st.builds(e.TraceTagsSet, identifier, string_map),
    st.builds(e.TraceTagsDeleted, identifier, st.lists(text, max_size=3)),
    st.builds(
        e.TraceLinked,
        identifier,
        st.lists(identifier, max_size=2),
        st.lists(st.builds(e.PromptVersion, text, text), max_size=2),
    ),
    st.builds(e.AssessmentLogged, identifier, assessments),
    st.builds(
        e.AssessmentUpdated,
        identifier,
        identifier,
        int64,
        st.none() | text,
        st.none() | text,
        st.none() | text,
        st.none() | text,
        string_map,
    ),
    st.builds(e.AssessmentDeleted, identifier, identifier),
    metric_batches(),
    st.builds(
        e.WriterReported,
        identifier,
        text,
        st.sampled_from(["attached", "alive", "closed"]),
        millis,
        st.floats(0, 1e6),
        st.integers(0, 2**62),
        st.dictionaries(text, st.integers(0, 2**62), max_size=3),
        *[st.integers(0, 2**62)] * 2,
        first_sequence=st.none() | st.integers(0, 2**62),
        last_sequence=st.none() | st.integers(0, 2**62),
    ),
    st.builds(e.RunRewound, identifier, text, int64),
    st.builds(
        e.ArtifactLogged, identifier, text, st.integers(0, 2**62), text, st.none() | text, st.none() | text
    ),
    st.builds(e.ArtifactDeleted, identifier, text),
    st.builds(
        e.ArtifactChunk,
        identifier,
        st.integers(0, 2**62),
        st.integers(0, 2**62),
        text,
        st.binary(max_size=50),
    ),
    st.builds(e.RegisteredModelCreated, identifier, text, identifier, st.none() | text, string_map),
    st.builds(e.RegisteredModelUpdated, identifier, text),
    st.builds(e.RegisteredModelRenamed, identifier, text),
    st.builds(e.RegisteredModelDeleted, identifier),
    st.builds(e.RegisteredModelTagsSet, identifier, string_map),
    st.builds(e.RegisteredModelTagsDeleted, identifier, st.lists(text, max_size=3)),
    st.builds(
        e.ModelVersionCreated,
        identifier,
        identifier,
        text,
        *[st.none() | text] * 5,
        user_id=text,
        tags=string_map,
    ),
    st.builds(e.ModelVersionUpdated, identifier, numbers, st.none() | text),
    st.builds(
        e.ModelVersionStageSet,
        identifier,
        numbers,
        st.sampled_from(["None", "Staging", "Production", "Archived"]),
        st.booleans(),
    ),
    st.builds(e.ModelVersionDeleted, identifier, numbers),
    st.builds(e.ModelVersionTagsSet, identifier, numbers, string_map),
    st.builds(e.ModelVersionTagsDeleted, identifier, numbers, st.lists(text, max_size=3)),
    st.builds(e.ModelAliasSet, identifier, text, numbers),
    st.builds(e.ModelAliasDeleted, identifier, text),
    st.builds(
        e.LaunchRequested,
        *[identifier] * 3,
        *[text] * 3,
        st.none() | text,
        string_map,
        text,
        st.none() | text,
        string_map,
        *[st.none() | text] * 2,
        st.integers(1, 2**31 - 1),
        *[st.none() | text] * 2,
        text,
    ),
    st.builds(
        e.LaunchClaimed, identifier, identifier, text, st.integers(-(2**31), 2**31 - 1), st.floats(0, 1e6)
    ),
    st.builds(
        e.LaunchPrepared,
        identifier,
        identifier,
        text,
        text,
        *[st.none() | text] * 2,
        dirty=st.none() | st.booleans(),
        environment_key=st.none() | text,
        image=st.none() | text,
    ),
    st.builds(e.LaunchStarted, identifier, identifier, text, text),
    st.builds(e.LaunchHeartbeat, identifier, identifier),
    st.builds(e.LaunchCancelRequested, identifier, text),
    st.builds(
        e.LaunchEnded,
        identifier,
        identifier,
        st.sampled_from(["finished", "failed", "cancelled"]),
        st.none() | st.integers(-(2**31), 2**31 - 1),
        text,
    ),
    st.builds(e.LaunchLost, identifier, identifier, text, st.booleans()),
    st.builds(
        e.DeadLettered,
        text,
        text,
        st.integers(0, 1000),
        st.integers(0, 2**62),
        text,
        st.binary(max_size=50),
        text,
        text,
    ),
    st.builds(
        e.DeadLetterResolved,
        text,
        st.integers(0, 1000),
        st.integers(0, 2**62),
        st.sampled_from(["retried", "dropped"]),
        text,
    ),
)
events = st.builds(e.Event, envelopes, bodies)
