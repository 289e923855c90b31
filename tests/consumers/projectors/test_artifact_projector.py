"""File rows: the last event for a path wins, and an old one that comes again does not."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from trackstream_consumers.errors import DeadLetter
from trackstream_consumers.projectors.artifacts import ArtifactProjector
from trackstream_consumers.projectors.uploads import UploadSink
from trackstream_consumers.records import Record
from trackstream_schemas import codec, routing
from trackstream_schemas import events as e
from trackstream_schemas.blobs import DirectoryBlobStore
from trackstream_schemas.position import Position

if TYPE_CHECKING:
    from pathlib import Path

    from trackstream_consumers.engine import Engine


@pytest.fixture
def projector(engine: Engine, tmp_path: Path) -> ArtifactProjector:
    return ArtifactProjector(engine, UploadSink(tmp_path / "uploads", DirectoryBlobStore(tmp_path / "blobs")))


def record(offset: int, body: e.Body, producer: str, sequence: int) -> Record:
    event = e.Event(e.Envelope(f"{producer}-{sequence}", 1000, producer, sequence), body)
    position = Position(routing.topic_of(body), 0, offset)
    return Record(position, routing.key_of(body), event, codec.encode(event))


def apply(projector: ArtifactProjector, *records: Record) -> None:
    projector.apply(records, {one.position.topic_partition: one.position.offset + 1 for one in records})


def logged(content: str) -> e.ArtifactLogged:
    return e.ArtifactLogged("r", "model.bin", len(content), hashlib.sha256(content.encode()).hexdigest())


def sizes(engine: Engine) -> list[int]:
    with engine.client() as client:
        return [row[0] for row in client.query("SELECT size FROM artifacts FINAL").result_rows]


OLD, NEW = logged("a"), logged("bb")


@pytest.mark.parametrize("batches", [[3], [1, 2], [2, 1], [1, 1, 1]], ids=str)
@pytest.mark.parametrize(
    ("newer", "wanted"), [(NEW, [2]), (e.ArtifactDeleted("r", "model.bin"), [])], ids=["replaced", "deleted"]
)
def test_an_event_that_is_appended_again_does_not_win_over_a_newer_one(
    engine: Engine, projector: ArtifactProjector, batches: list[int], newer: e.Body, wanted: list[int]
) -> None:
    records = [record(0, OLD, "p", 0), record(1, newer, "q", 0), record(2, OLD, "p", 0)]
    for size in batches:
        apply(projector, *records[:size])
        records = records[size:]
    assert sizes(engine) == wanted


def test_a_file_that_is_logged_again_on_purpose_is_back(engine: Engine, projector: ArtifactProjector) -> None:
    apply(projector, record(0, OLD, "p", 0), record(1, e.ArtifactDeleted("r", "model.bin"), "p", 1))
    apply(projector, record(2, OLD, "p", 2))
    assert sizes(engine) == [1]


def test_a_batch_that_comes_again_is_no_repeat_of_itself(
    engine: Engine, projector: ArtifactProjector
) -> None:
    batch = [record(0, OLD, "p", 0), record(1, NEW, "p", 1)]
    apply(projector, *batch)
    with engine.client() as client:
        client.command("TRUNCATE TABLE artifacts")
    apply(projector, *batch)
    assert sizes(engine) == [2]


@pytest.mark.parametrize(
    "body",
    [e.ArtifactLogged("r", "x", -1, "0" * 64), e.ArtifactChunk("u", 5, 10, "0" * 64, b"12345")],
    ids=["negative size", "chunk behind a gap"],
)
def test_what_cannot_be_is_a_dead_letter(engine: Engine, projector: ArtifactProjector, body: e.Body) -> None:
    good, bad = record(0, OLD, "p", 0), record(1, body, "p", 1)
    with pytest.raises(DeadLetter) as caught:
        apply(projector, good, bad)
    assert caught.value.position == bad.position
    assert projector.positions() == {}
