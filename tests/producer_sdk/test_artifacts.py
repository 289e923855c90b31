"""Artifacts: what arrives, and what is refused before anything is sent."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.producer_sdk.broken_writers import StallingWriter
from tests.producer_sdk.log_contents import bodies, stored
from trackstream.client import Client
from trackstream.delivery import Count
from trackstream.errors import Conflict, InvalidInput
from trackstream_schemas import events as e
from trackstream_schemas.blobs import DirectoryBlobStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackstream.log.sqlite import SqliteLogWriter
    from trackstream.run import Run
    from trackstream.settings import Settings


@pytest.fixture
def small(store: Path, settings: Settings) -> Iterator[Client]:
    """A client that sends pieces of 10 bytes, and files over 35 bytes to the blob store."""
    limits = {"artifact_chunk_bytes": 10, "artifact_inline_limit": 35}
    opened = Client(store, settings=settings.model_copy(update=limits))
    yield opened
    opened.close(5)


@pytest.fixture
def run(small: Client) -> Run:
    return small.create_run()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("A")
    (folder / "sub" / "b.json").write_text("{}")
    (folder / "sub" / "deep" / "empty").touch()
    return folder


def arrived(store: Path) -> dict[str, bytes]:
    """Return artifacts by path, put together from pieces or the blob store; every size and hash checked."""
    pieces: dict[str, dict[int, e.ArtifactChunk]] = {}
    for chunk in bodies(store, e.ArtifactChunk):
        pieces.setdefault(chunk.upload_id, {})[chunk.offset] = chunk
    found = {}
    for artifact in bodies(store, e.ArtifactLogged):
        if artifact.upload_id is None:
            content = b"".join(DirectoryBlobStore(store / "blobs").open(artifact.sha256))
        else:
            chunks = pieces[artifact.upload_id]
            content = b"".join(chunks[offset].data for offset in sorted(chunks))
            assert {(c.total_size, c.sha256) for c in chunks.values()} == {(artifact.size, artifact.sha256)}
        assert len(content) == artifact.size
        assert hashlib.sha256(content).hexdigest() == artifact.sha256
        found[artifact.path] = content
    return found


@pytest.mark.parametrize("size", [0, 1, 10, 11, 20, 35, 36, 1000])
def test_a_file_of_any_size_arrives(run: Run, small: Client, store: Path, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "model.bin").write_bytes(content)
    run.log_artifact(tmp_path / "model.bin", "models")
    small.flush()
    assert arrived(store) == {"models/model.bin": content}
    chunks = bodies(store, e.ArtifactChunk)
    assert len(chunks) == (0 if size > 35 else max(1, -(-size // 10)))


def test_a_whole_directory_arrives(run: Run, small: Client, store: Path, files: Path) -> None:
    (files / "inner-link").symlink_to(files / "a.txt")
    (files / "link-to-folder").symlink_to(files / "sub")
    run.log_artifacts(files)
    run.log_artifacts(str(files), "copy")
    run.log_artifact(files / "sub")
    small.flush()
    tree = {"a.txt": b"A", "inner-link": b"A", "sub/b.json": b"{}", "sub/deep/empty": b""}
    expected = {**tree, **{f"copy/{path}": content for path, content in tree.items()}}
    assert arrived(store) == expected
    types = {body.path: body.content_type for body in bodies(store, e.ArtifactLogged)}
    assert (types["a.txt"], types["sub/b.json"], types["inner-link"]) == (
        "text/plain",
        "application/json",
        None,
    )


def test_a_link_to_a_file_is_followed(
    run: Run, small: Client, store: Path, files: Path, tmp_path: Path
) -> None:
    (tmp_path / "link.txt").symlink_to(files / "a.txt")
    run.log_artifact(tmp_path / "link.txt")
    small.flush()
    assert arrived(store) == {"link.txt": b"A"}


@pytest.mark.parametrize(
    "trouble",
    [
        lambda folder: (folder / "zz").symlink_to("/etc/hostname"),
        lambda folder: (folder / "zz").symlink_to(folder.parent),
        lambda folder: (folder / "zz").symlink_to(folder / "nowhere"),
        lambda folder: os.mkfifo(folder / "zz"),
        lambda folder: (folder / "zz\nzz").touch(),
        lambda folder: (folder / "%2e%2e").touch(),
        lambda folder: (folder / "z\\z").touch(),
    ],
    ids=["link-out", "link-to-parent", "dangling", "pipe", "control-character", "encoded-dots", "backslash"],
)
def test_a_directory_with_one_bad_entry_is_refused_whole(
    run: Run, small: Client, store: Path, files: Path, trouble: Any
) -> None:
    trouble(files)
    with pytest.raises(InvalidInput):
        run.log_artifacts(files)
    small.flush()
    assert arrived(store) == {}


@pytest.mark.parametrize(
    "path",
    ["../x", "/x", "a/../../x", "%2e%2e/x", "%252e%252e/x", "a\x00b", "a\\b", "C:/x", "", "a//b", "./a"],
)
def test_paths_that_leave_the_run_are_refused(
    run: Run, small: Client, store: Path, files: Path, path: str
) -> None:
    calls: list[Any] = [
        lambda: run.log_text("x", path),
        lambda: run.log_dict({}, path),
        lambda: run.log_artifact(files / "a.txt", path),
        lambda: run.log_artifacts(files, path),
        lambda: run.log_image([[0]], path),
        lambda: run.log_figure(object(), path),
    ]
    for call in calls:
        with pytest.raises(InvalidInput, match="artifact"):
            call()
    small.flush()
    assert [record for record in stored(store) if record.topic.startswith("trackstream.artifact")] == []


@pytest.mark.parametrize("local", ["missing", "", None, 5, "a\x00b"])
def test_a_file_that_is_not_there_is_refused(run: Run, local: Any) -> None:
    for call in (run.log_artifact, run.log_artifacts):
        with pytest.raises(InvalidInput, match="local_path"):
            call(local)


def test_a_file_is_no_directory(run: Run, files: Path) -> None:
    with pytest.raises(InvalidInput, match="local_dir"):
        run.log_artifacts(files / "a.txt")


def test_a_file_that_changes_meanwhile_is_refused(
    run: Run, small: Client, store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "changing"
    path.write_bytes(b"1" * 30)
    emit = small.producer.emit_when_room

    def emit_and_change(*arguments: Any) -> bool:
        path.write_bytes(b"2" * 30)
        return emit(*arguments)

    monkeypatch.setattr(small.producer, "emit_when_room", emit_and_change)
    monkeypatch.setattr("trackstream.artifacts._PIECE", 8)
    # Unbuffered, so that each read sees the file as it is.
    buffered_open = Path.open
    monkeypatch.setattr(Path, "open", lambda self, mode: buffered_open(self, mode, buffering=0))
    with pytest.raises(Conflict, match="changed"):
        run.log_artifact(path)
    small.flush()
    assert bodies(store, e.ArtifactLogged) == []


def test_a_blob_store_that_fails_is_counted_and_does_not_raise(
    run: Run, small: Client, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.mkdir(exist_ok=True)
    (store / "blobs").write_text("in the way")
    run.log_text("x" * 100, "large.txt")
    small.flush()
    assert small.delivery_report().lost == {run.run_id: Count(0, 1)}
    assert "large.txt" in caplog.text
    assert bodies(store, e.ArtifactLogged) == []


def test_uploads_wait_for_a_stalled_log_within_their_bound(
    store: Path, settings: Settings, writer: SqliteLogWriter
) -> None:
    stalling = StallingWriter(writer)
    bounds = {"max_buffered_bytes": 4000, "flush_timeout_s": 0.05, "artifact_chunk_bytes": 1000}
    stalling.go_on.set()
    client = Client(store, settings=settings.model_copy(update=bounds), writer=stalling)
    run = client.create_run()
    assert client.flush(20)
    stalling.go_on.clear()
    run.log_text("x" * 5000, "given-up.txt")
    assert client.producer.losses.by_run("dropped") == {run.run_id: Count(0, 1)}
    stalling.go_on.set()
    assert client.flush(20)
    run.log_text("x" * 1500, "later.txt")
    assert client.flush(20)
    assert arrived(store) == {"later.txt": b"x" * 1500}
    client.close(5)


@given(text=st.text(max_size=100))
@settings(max_examples=30, deadline=None)
def test_any_text_arrives(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    store = tmp_path_factory.mktemp("store")
    client = Client(store)
    client.create_run().log_text(text, "t.txt")
    client.close(20)
    assert arrived(store) == {"t.txt": text.encode()}
