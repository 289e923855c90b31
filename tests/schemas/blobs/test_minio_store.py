"""What only the S3 adapter can show, on a real MinIO."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.minio_store import new_bucket_name, store_in
from tests.schemas.blobs.streams import MIB, CuttingProxy, Generated
from trackstream_schemas.blobs import BlobCorrupt, MinioBlobStore, minio, s3_bucket
from trackstream_schemas.blobs.s3_bucket import S3Address, S3Bucket
from trackstream_schemas.errors import Conflict, InvalidInput, StorageFailed, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from trackstream_api.native.minio import MinioAddress

pytestmark = pytest.mark.integration

PART = 5 * MIB


class Place:
    """A store and what is below it."""

    def __init__(self, address: MinioAddress) -> None:
        self.address = address
        self.bucket_name = new_bucket_name()
        self.store = store_in(address, self.bucket_name, part_size=PART)
        self.bucket = S3Bucket(
            S3Address(
                address.endpoint, self.bucket_name, address.access_key, address.secret_key, secure=False
            )
        )

    def keys(self) -> list[str]:
        return sorted(found.key for found in self.bucket.list(""))

    def open_uploads(self) -> list[str | None]:
        """Without a prefix MinIO does tell all of a bucket; there is no public call for it."""
        client, _, _ = self.bucket._connected()
        return [upload.object_name for upload in client._list_multipart_uploads(self.bucket_name).uploads]


@pytest.fixture
def place(minio_address: MinioAddress) -> Place:
    return Place(minio_address)


def key_of(content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f"{digest[:2]}/{digest}"


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 4 * PART, 23 * MIB + 7])
def test_a_stream_of_any_size_is_stored_under_its_digest_and_nothing_else_is_left(
    place: Place, size: int
) -> None:
    blob = place.store.put(Generated(size))
    digest = hashlib.sha256()
    for piece in place.store.open(blob.sha256):
        digest.update(piece)
    assert (digest.hexdigest(), blob.size) == (blob.sha256, size)
    assert place.keys() == [f"{blob.sha256[:2]}/{blob.sha256}"]
    assert place.open_uploads() == []


def test_a_file_is_sent_straight_under_its_name(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(S3Bucket, "copy", None)
    content = os.urandom(3 * PART + 1)
    (tmp_path / "file").write_bytes(content)
    with (tmp_path / "file").open("rb") as file:
        blob = place.store.put(file)
    assert b"".join(place.store.open(blob.sha256)) == content
    assert place.keys() == [key_of(content)]
    assert place.open_uploads() == []


@pytest.mark.parametrize("size", [10, 2 * PART])
def test_a_content_that_has_not_its_announced_digest_is_not_stored(place: Place, size: int) -> None:
    with pytest.raises(Conflict, match="0" * 64):
        place.store.put(Generated(size), "0" * 64)
    assert place.keys() == []
    assert place.open_uploads() == []


def test_what_is_there_is_not_sent_again(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(os.urandom(2 * PART))
    with (tmp_path / "file").open("rb") as file:
        first = place.store.put(file)
        monkeypatch.setattr(S3Bucket, "begin", None)
        file.seek(0)
        assert place.store.put(file) == first


def test_the_time_of_an_old_content_is_renewed_so_that_gc_spares_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minio, "_RENEW_AFTER_S", 1)
    first = place.store.put(io.BytesIO(b"weights"))
    time.sleep(2.1)
    second = place.store.put(io.BytesIO(b"weights"))
    assert second.stored_at > first.stored_at
    assert b"".join(place.store.open(second.sha256)) == b"weights"


def test_large_contents_are_copied_in_pieces(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_bucket, "COPY_PIECE", PART)
    blob = place.store.put(Generated(3 * PART + 5))
    assert sum(map(len, place.store.open(blob.sha256))) == blob.size
    assert place.open_uploads() == []


def test_parts_grow_so_that_their_number_suffices(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minio, "_GROWS_AFTER", 2)
    sizes: list[int] = []
    send = S3Bucket.send_part

    def noted(bucket: S3Bucket, key: str, upload_id: str, number: int, data: memoryview) -> str:
        sizes.append(len(data))
        return send(bucket, key, upload_id, number, data)

    monkeypatch.setattr(S3Bucket, "send_part", noted)
    blob = place.store.put(Generated(9 * PART))
    assert sum(map(len, place.store.open(blob.sha256))) == 9 * PART
    assert sorted(sizes) == [PART, PART, 2 * PART, 2 * PART, 3 * PART]


@pytest.mark.parametrize("changed", [b"weightz", b"weight"], ids=["other bytes", "shorter"])
def test_damage_in_the_store_is_found_on_reading(place: Place, changed: bytes) -> None:
    blob = place.store.put(io.BytesIO(b"weights"))
    place.bucket.put(key_of(b"weights"), changed)
    with pytest.raises(BlobCorrupt, match=blob.sha256):
        list(place.store.open(blob.sha256))


@pytest.mark.parametrize("size", [7, 2 * PART])
@pytest.mark.parametrize("as_file", [True, False])
def test_what_has_the_wrong_length_is_stored_anew(
    place: Place, tmp_path: Path, size: int, as_file: bool
) -> None:
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    place.bucket.put(key_of(content), b"short")
    with (tmp_path / "file").open("rb") as file:
        blob = place.store.put(file if as_file else io.BytesIO(content))
    assert b"".join(place.store.open(blob.sha256)) == content
    assert place.keys() == [key_of(content)]
    assert place.open_uploads() == []


def test_stores_of_one_bucket_do_not_see_each_other(minio_address: MinioAddress) -> None:
    bucket = new_bucket_name()
    here, there = (store_in(minio_address, bucket, prefix=prefix) for prefix in ("/here/", ""))
    blob = here.put(io.BytesIO(b"weights"))
    assert there.find(blob.sha256) is None
    assert list(there.all()) == []
    assert list(here.all()) == [blob]


_ENDLESS = """
import sys
from tests.schemas.blobs.streams import Generated
from trackstream_schemas.blobs import MinioBlobStore
endpoint, bucket, access, secret, part = sys.argv[1:]
class Told(Generated):
    def read(self, size=-1, /):
        if self._number == 14:
            print("two parts sent", flush=True)
            sys.stdin.read()
        return super().read(size)
store = MinioBlobStore(endpoint, bucket, access, secret, False, part_size=int(part), parallel_parts=1)
store.put(Told(1 << 40))
"""


def test_what_a_killed_process_left_is_removed_when_it_is_stale(place: Place) -> None:
    kept = place.store.put(io.BytesIO(b"weights"))
    address = place.address
    arguments = [address.endpoint, place.bucket_name, address.access_key, address.secret_key, str(PART)]
    with subprocess.Popen(
        [sys.executable, "-c", _ENDLESS, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"two parts sent\n"
        process.kill()
    assert list(place.store.all()) == [kept]
    assert len(place.open_uploads()) == 1
    assert place.store.abort_stale(3600) == 0
    assert len(place.open_uploads()) == 1
    assert place.store.abort_stale(0) == 1
    assert place.open_uploads() == []
    assert place.keys() == [key_of(b"weights")]


def through(proxy: CuttingProxy, place: Place) -> MinioBlobStore:
    address = place.address
    return MinioBlobStore(
        proxy.address, place.bucket_name, address.access_key, address.secret_key, False, region="us-east-1"
    )


def test_a_read_goes_on_where_the_connection_broke_off(place: Place) -> None:
    blob = place.store.put(Generated(20 * MIB))
    proxy = CuttingProxy(place.address.endpoint, cuts=3, after=4 * MIB)
    store = through(proxy, place)
    digest = hashlib.sha256()
    for piece in store.open(blob.sha256):
        digest.update(piece)
    store.close()
    proxy.close()
    assert digest.hexdigest() == blob.sha256
    assert proxy.cut == 3


def test_a_read_whose_connection_always_breaks_off_ends(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = place.store.put(io.BytesIO(b"weights" * 10_000))
    monkeypatch.setattr(s3_bucket, "_BACKOFF_S", 0.001)
    proxy = CuttingProxy(place.address.endpoint, cuts=1000, after=600)
    store = through(proxy, place)
    with pytest.raises(Unavailable, match=blob.sha256):
        list(store.open(blob.sha256))
    store.close()
    proxy.close()


def test_requests_whose_answer_is_lost_are_sent_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_bucket, "_BACKOFF_S", 0.001)
    content = os.urandom(40 * MIB)
    for cuts in (1, 3):
        proxy = CuttingProxy(place.address.endpoint, cuts=cuts, after=0)
        store = through(proxy, place)
        blob = store.put(io.BytesIO(content))
        store.close()
        proxy.close()
        assert proxy.cut == cuts
        assert b"".join(place.store.open(blob.sha256)) == content
        assert place.keys() == [key_of(content)]
        place.store.delete(blob.sha256)


_MEASURED = """
import sys
from tests.schemas.blobs.streams import Generated
from trackstream_schemas.blobs import MinioBlobStore
endpoint, bucket, access, secret = sys.argv[1:]
store = MinioBlobStore(endpoint, bucket, access, secret, False)
blob = store.put(Generated(400 << 20))
assert sum(map(len, store.open(blob.sha256))) == 400 << 20
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def test_memory_does_not_grow_with_the_content(place: Place) -> None:
    address = place.address
    arguments = [address.endpoint, place.bucket_name, address.access_key, address.secret_key]
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *arguments],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert int(done.stdout) < 200_000, "kB"


@pytest.mark.parametrize("size", [1, 6 << 30])
def test_a_part_size_that_s3_does_not_take_is_named(size: int) -> None:
    with pytest.raises(InvalidInput, match="part_size"):
        MinioBlobStore("127.0.0.1:9000", "bucket", "a", "b", part_size=size)


def test_what_keeps_a_store_from_being_used_is_told(place: Place) -> None:
    at = place.address

    def checked(endpoint: str, bucket: str, secret: str) -> None:
        store = MinioBlobStore(endpoint, bucket, at.access_key, secret, secure=False)
        try:
            store.check()
        finally:
            store.close()

    with pytest.raises(StorageFailed, match="refuses the credentials"):
        checked(at.endpoint, place.bucket_name, "not the secret")
    missing = new_bucket_name()
    with pytest.raises(StorageFailed, match=f"there is no bucket '{missing}'"):
        checked(at.endpoint, missing, at.secret_key)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        checked("127.0.0.1:1", place.bucket_name, at.secret_key)
