"""Files of events: read back byte for byte, readable by any Avro reader, and refused where damaged."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import fastavro
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackstream_api.transfer import container
from trackstream_api.transfer.errors import NotAnExport
from trackstream_api.transfer.identity import Dated, producer_of, stamped
from trackstream_schemas import codec
from trackstream_schemas import events as e

if TYPE_CHECKING:
    from collections.abc import Sequence

RUN = "a" * 32
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=3000)


def batch(values: Sequence[float]) -> e.MetricsLogged:
    steps = np.arange(len(values), dtype=np.int64)
    index = np.zeros(len(values), dtype=np.int32)
    return e.MetricsLogged(RUN, "", ("loss",), index, steps, steps + 5, np.array(values, dtype=np.float64))


def messages(*bodies: e.Body) -> list[bytes]:
    return [
        codec.encode(event) for event in stamped("p", [Dated(1_700_000_000_123, body) for body in bodies])
    ]


def file_of(found: list[bytes]) -> bytes:
    return b"".join(container.written(found))


EVENTS = messages(
    e.ExperimentCreated("7", "vision", None, {"team": "ä"}),
    e.RunStarted(RUN, "7", "fast", 1_700_000_000_001, "anna", {"k": "v"}),
    e.InputsLogged(RUN, [e.DatasetInput("d", "1", "local", "{}", tags={"context": "training"})]),
    e.ModelsLinked(RUN, ["m-1"], [e.ModelOutput("m-2", 3)]),
    batch([0.5, float("nan"), float("-inf")]),
    e.ArtifactChunk("u1", 0, 5000, "0" * 64, b"\x00\xff" * 2500),
    e.ArtifactLogged(RUN, "a/b.txt", 5000, "0" * 64, None, "u1"),
    e.RunUpdated(RUN, "FINISHED", 1_700_000_000_009),
)


def test_messages_come_back_byte_for_byte() -> None:
    assert list(container.read(io.BytesIO(file_of(EVENTS)), "f")) == EVENTS


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.dictionaries(_TEXTS, _TEXTS, max_size=4).map(lambda tags: e.TagsSet(RUN, tags)),
            st.lists(st.floats(), max_size=400).map(batch),
            st.binary(max_size=5000).map(lambda data: e.ArtifactChunk("u", 0, len(data), "0" * 64, data)),
        ),
        max_size=8,
    )
)
def test_any_events_come_back_in_order(bodies: list[e.Body]) -> None:
    found = messages(*bodies)
    assert list(container.read(io.BytesIO(file_of(found)), "f")) == found


def test_other_readers_find_events_and_schema_in_the_file() -> None:
    records = list(fastavro.reader(io.BytesIO(file_of(EVENTS)), return_record_name=True))
    assert [name.rpartition(".")[2] for name, _ in records][:3] == [
        "ExperimentCreated",
        "RunStarted",
        "InputsLogged",
    ]
    assert records[1][1]["tags"] == {"k": "v"}
    assert records[4][1]["values"][0] == 0.5


def test_a_file_that_another_program_wrote_again_is_read() -> None:
    reader = fastavro.reader(io.BytesIO(file_of(EVENTS)), return_record_name=True)
    copy = io.BytesIO()
    fastavro.writer(copy, json.loads(container.union_schema()), list(reader), codec="null")
    copy.seek(0)
    assert list(container.read(copy, "f")) == EVENTS


@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) - 9], lambda data: b"PK" + data, lambda _: b""]
)
def test_a_damaged_file_is_refused_by_name(damage) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(NotAnExport, match=r"f\.avro.*trackstream export"):
        list(container.read(io.BytesIO(damage(file_of(EVENTS))), "f.avro"))


def test_the_same_source_has_the_same_identity() -> None:
    first, again = (list(stamped(producer_of("run", RUN), [Dated(5, e.RunDeleted(RUN))])) for _ in range(2))
    assert first == again
    assert producer_of("run", "ab", "c") != producer_of("run", "a", "bc")
