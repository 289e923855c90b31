"""One contract suite that every blob store passes."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.minio_store import store_in
from trackstream_schemas.blobs import BlobCorrupt, BlobStore, DirectoryBlobStore
from trackstream_schemas.errors import InvalidInput, NotFound, StorageFailed

if TYPE_CHECKING:
    from pathlib import Path

    from trackstream_api.native.minio import MinioAddress

ABSENT = "0" * 64


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture(params=["directory", pytest.param("minio", marks=pytest.mark.integration)])
def store(request: pytest.FixtureRequest, root: Path) -> BlobStore:
    if request.param == "directory":
        return DirectoryBlobStore(root)
    address: MinioAddress = request.getfixturevalue("minio_address")
    return store_in(address, prefix="contents")


@given(
    content=st.binary(max_size=3_000_000),
    start=st.integers(0, 3_000_000),
    length=st.none() | st.integers(0, 3_000_000),
)
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
def test_what_is_put_is_read_back_whole_and_in_ranges(
    store: BlobStore, content: bytes, start: int, length: int | None
) -> None:
    blob = store.put(io.BytesIO(content))
    assert (blob.sha256, blob.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert b"".join(store.open(blob.sha256)) == content
    end = None if length is None else start + length
    assert b"".join(store.open(blob.sha256, start, length)) == content[start:end]


def test_a_store_that_is_there_says_so_before_and_after_the_first_content(store: BlobStore) -> None:
    store.check()
    store.put(io.BytesIO(b"weights"))
    store.check()


def test_the_same_content_is_stored_once(store: BlobStore) -> None:
    first, second = (store.put(io.BytesIO(b"weights")) for _ in range(2))
    assert first.sha256 == second.sha256
    assert [blob.sha256 for blob in store.all()] == [first.sha256]


def test_an_absent_content_is_not_found_and_may_be_deleted(store: BlobStore) -> None:
    assert store.find(ABSENT) is None
    store.delete(ABSENT)
    with pytest.raises(NotFound, match=ABSENT):
        store.open(ABSENT)


def test_a_deleted_content_is_gone(store: BlobStore) -> None:
    blob = store.put(io.BytesIO(b"weights"))
    store.delete(blob.sha256)
    assert store.find(blob.sha256) is None
    assert list(store.all()) == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "0" * 63, "0" * 64 + "\n", "/" * 64])
def test_only_a_digest_is_a_name(store: BlobStore, name: str) -> None:
    with pytest.raises(InvalidInput, match="sha256"):
        store.find(name)


def test_many_threads_may_put_the_same_content(store: BlobStore) -> None:
    content = os.urandom(2_000_000)
    threads = [threading.Thread(target=lambda: store.put(io.BytesIO(content))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [blob.size for blob in store.all()] == [len(content)]


def test_a_file_is_stored_from_where_it_stands(store: BlobStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"header" + b"x" * 6_000_000)
    with (tmp_path / "file").open("rb") as file:
        file.seek(6)
        blob = store.put(file)
    assert blob.sha256 == hashlib.sha256(b"x" * 6_000_000).hexdigest()
    assert store.find(blob.sha256) == blob


class _Breaks(io.BytesIO):
    def __init__(self, content: bytes, breaks_at: int) -> None:
        super().__init__(content)
        self._breaks_at = breaks_at

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= self._breaks_at:
            raise RuntimeError("the source broke off")
        return super().read(min(size or 0, self._breaks_at))


@pytest.mark.parametrize("breaks_at", [10, 20_000_000], ids=["soon", "after a part"])
def test_a_source_that_breaks_off_leaves_nothing(store: BlobStore, breaks_at: int) -> None:
    with pytest.raises(RuntimeError, match="broke off"):
        store.put(_Breaks(b"x" * 30_000_000, breaks_at))
    assert list(store.all()) == []
    assert store.abort_stale(0) == 0


def test_uploads_under_way_are_not_stale(store: BlobStore) -> None:
    class Looks(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert store.abort_stale(3600) == 0
            return super().read(size)

    blob = store.put(Looks(b"weights"))
    assert store.abort_stale(0) == 0
    assert list(store.all()) == [blob]


class TestDirectory:
    """What only a directory can show."""

    def test_what_a_killed_process_left_is_removed_when_it_is_stale(self, root: Path) -> None:
        store = DirectoryBlobStore(root)
        blob = store.put(io.BytesIO(b"weights"))
        (root / "incoming" / "left").write_bytes(b"weig")
        assert store.abort_stale(3600) == 0
        assert store.abort_stale(0) == 1
        assert [path.name for path in root.rglob("*") if path.is_file()] == [blob.sha256]

    def test_damage_on_the_disk_is_found_on_reading(self, root: Path) -> None:
        store = DirectoryBlobStore(root)
        blob = store.put(io.BytesIO(b"weights"))
        (root / blob.sha256[:2] / blob.sha256).write_bytes(b"weightz")
        with pytest.raises(BlobCorrupt, match=blob.sha256):
            list(store.open(blob.sha256))

    def test_a_place_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(StorageFailed, match="file"):
            DirectoryBlobStore(tmp_path / "file" / "blobs").put(io.BytesIO(b""))
