"""Chunks become blobs, whatever comes twice, late, wrong or not at all."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackstream_consumers.errors import SlowDown
from trackstream_consumers.projectors.uploads import UploadSink
from trackstream_schemas import topics
from trackstream_schemas.blobs import DirectoryBlobStore
from trackstream_schemas.errors import MalformedEvent
from trackstream_schemas.events import ArtifactChunk
from trackstream_schemas.ids import new_id
from trackstream_schemas.position import Position, TopicPartition

if TYPE_CHECKING:
    from pathlib import Path


def chunks(content: bytes, size: int, upload_id: str = "u1") -> list[ArtifactChunk]:
    digest = hashlib.sha256(content).hexdigest()
    return [
        ArtifactChunk(upload_id, at, len(content), digest, content[at : at + size])
        for at in range(0, max(len(content), 1), size)
    ]


@pytest.fixture
def blobs(tmp_path: Path) -> DirectoryBlobStore:
    return DirectoryBlobStore(tmp_path / "blobs")


@pytest.fixture
def sink(tmp_path: Path, blobs: DirectoryBlobStore) -> UploadSink:
    return UploadSink(tmp_path / "uploads", blobs)


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 40], ids=["empty", "one byte", "many"])
def test_the_content_arrives(content: bytes, sink: UploadSink, blobs: DirectoryBlobStore) -> None:
    for chunk in chunks(content, 1000):
        sink.take(chunk)
    sink.sync()
    assert b"".join(blobs.open(hashlib.sha256(content).hexdigest())) == content
    assert sink.names() == set()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=60),
    size=st.integers(1, 20),
    attempts=st.lists(st.tuples(st.integers(1, 20), st.booleans()), max_size=8),
)
def test_batches_that_come_again_and_new_sinks_change_nothing(
    content: bytes, size: int, attempts: list[tuple[int, bool]], tmp_path: Path
) -> None:
    """Each attempt takes some chunks; only where its position was noted does the next one go on behind."""
    root = tmp_path / new_id()
    blobs = DirectoryBlobStore(root / "blobs")
    pieces = chunks(content, size)
    committed = 0
    for count, noted in [*attempts, (len(pieces), True)]:
        sink = UploadSink(root / "uploads", blobs)
        for piece in pieces[committed : committed + count]:
            sink.take(piece)
        if noted:
            committed += count
    assert b"".join(blobs.open(pieces[0].sha256)) == content
    assert UploadSink(root / "uploads", blobs).names() == set()


def test_a_torn_write_is_written_over(sink: UploadSink, blobs: DirectoryBlobStore, tmp_path: Path) -> None:
    first, second = chunks(b"0123456789", 5)
    sink.take(first)
    (part,) = (tmp_path / "uploads").iterdir()
    part.write_bytes(b"01234\x00\x00")
    sink.take(first)
    sink.take(second)
    assert b"".join(blobs.open(first.sha256)) == b"0123456789"


def test_uploads_may_come_interleaved(sink: UploadSink, blobs: DirectoryBlobStore) -> None:
    one, other = chunks(b"a" * 30, 10, "u1"), chunks(b"b" * 30, 10, "u2")
    for pair in zip(one, other, strict=True):
        for chunk in pair:
            sink.take(chunk)
    assert b"".join(blobs.open(one[0].sha256)) == b"a" * 30
    assert b"".join(blobs.open(other[0].sha256)) == b"b" * 30


def test_a_gap_is_refused(sink: UploadSink) -> None:
    first, _, third = chunks(b"a" * 30, 10)
    sink.take(first)
    with pytest.raises(MalformedEvent, match="chunk offset: got 20, expected 10"):
        sink.take(third)


def test_a_content_of_another_digest_is_refused_and_leaves_nothing(
    sink: UploadSink, blobs: DirectoryBlobStore
) -> None:
    digest = hashlib.sha256(b"right").hexdigest()
    with pytest.raises(MalformedEvent, match="content of upload u1"):
        sink.take(ArtifactChunk("u1", 0, 5, digest, b"wrong"))
    assert sink.names() == set()
    assert list(blobs.all()) == []


@pytest.mark.parametrize(
    ("upload_id", "digest", "offset", "field"),
    [
        ("../u1", "0" * 64, 0, "upload_id"),
        ("", "0" * 64, 0, "upload_id"),
        ("u1", "../" + "0" * 61, 0, "sha256"),
        ("u1", "0" * 64, -1, "chunk bounds"),
        ("u1", "0" * 64, 8, "chunk bounds"),
    ],
    ids=["traversal", "empty id", "digest traversal", "negative", "beyond the end"],
)
def test_what_cannot_be_is_refused(
    sink: UploadSink, upload_id: str, digest: str, offset: int, field: str, tmp_path: Path
) -> None:
    with pytest.raises(MalformedEvent, match=field):
        sink.take(ArtifactChunk(upload_id, offset, 10, digest, b"abc"))
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_written_means_later(tmp_path: Path, blobs: DirectoryBlobStore) -> None:
    (tmp_path / "uploads").write_text("a file where the directory should be")
    with pytest.raises(SlowDown, match="artifact store"):
        UploadSink(tmp_path / "uploads", blobs).take(chunks(b"abc", 2)[0])


def test_partial_files_move_to_another_sink(
    sink: UploadSink, blobs: DirectoryBlobStore, tmp_path: Path
) -> None:
    first, second = chunks(b"0123456789", 5)
    other = UploadSink(tmp_path / "other", blobs)
    other.take(first)
    sink.adopt(tmp_path / "other")
    assert (len(sink.names()), other.names()) == (1, set())
    sink.take(second)
    assert b"".join(blobs.open(first.sha256)) == b"0123456789"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    contents=st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=4, unique=True),
    size=st.integers(1, 15),
    batches=st.lists(st.tuples(st.integers(1, 8), st.booleans()), max_size=12),
    data=st.data(),
)
def test_a_new_owner_with_nothing_on_disk_completes_every_upload(
    contents: list[bytes], size: int, batches: list[tuple[int, bool]], data: st.DataObject, tmp_path: Path
) -> None:
    """After a batch the partition may go to a process that has only the log and the noted position."""
    root = tmp_path / new_id()
    blobs = DirectoryBlobStore(root / "blobs")
    waiting = [chunks(content, size, f"u{number}") for number, content in enumerate(contents)]
    log: list[ArtifactChunk] = []
    while any(waiting):
        log.append(data.draw(st.sampled_from([one for one in waiting if one])).pop(0))
    partition = TopicPartition(topics.ARTIFACT_BYTES, 0)
    resume = at = 0
    sink = UploadSink(root / "first", blobs, outlives_process=False)
    for count, moves in [*batches, (len(log), True), (len(log), False)]:
        for offset in range(at, min(at + count, len(log))):
            sink.take(log[offset], Position(*partition, offset))
        at = min(at + count, len(log))
        noted = sink.unfinished_from({partition: at})[partition]
        assert noted >= resume
        resume = noted
        if moves:
            sink = UploadSink(root / new_id(), blobs, outlives_process=False)
            at = resume
    assert resume == len(log)
    for content in contents:
        assert b"".join(blobs.open(hashlib.sha256(content).hexdigest())) == content
    assert sink.names() == set()


def test_what_a_group_gave_away_is_forgotten(tmp_path: Path, blobs: DirectoryBlobStore) -> None:
    sink = UploadSink(tmp_path / "uploads", blobs, outlives_process=False)
    kept, gone = (TopicPartition(topics.ARTIFACT_BYTES, number) for number in (0, 1))
    sink.take(chunks(b"abcdef", 3, "kept")[0], Position(*kept, 5))
    sink.take(chunks(b"ghijkl", 3, "gone")[0], Position(*gone, 7))
    assert sink.unfinished_from({kept: 9, gone: 9}) == {kept: 5, gone: 7}
    sink.keep_only_of({kept})
    assert sink.unfinished_from({kept: 9, gone: 9}) == {kept: 5, gone: 9}
    assert [name.split(".")[0] for name in sink.names()] == ["kept"]
