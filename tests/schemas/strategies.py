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
    metric_batches(),
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
)
events = st.builds(e.Event, envelopes, bodies)
