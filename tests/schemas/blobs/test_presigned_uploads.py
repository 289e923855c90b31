"""Uploads to signed addresses, on a real MinIO: what gets a name, and what never does."""

from __future__ import annotations

import hashlib
import os
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.minio_store import store_in
from trackstream_schemas.blobs import Blob, DirectoryBlobStore, MinioBlobStore, minio
from trackstream_schemas.blobs.presigned import PresignedUploads, SentPart, UploadTicket
from trackstream_schemas.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from trackstream_api.native.minio import MinioAddress

PART = 5 << 20
CONTENT = os.urandom(2 * PART + 3)
SHA256 = hashlib.sha256(CONTENT).hexdigest()

pytestmark = pytest.mark.integration


@pytest.fixture
def store(minio_address: MinioAddress) -> MinioBlobStore:
    return store_in(minio_address, part_size=PART)


def begun(store: MinioBlobStore, sha256: str = SHA256, size: int = len(CONTENT)) -> UploadTicket:
    ticket = store.begin_upload(sha256, size)
    assert isinstance(ticket, UploadTicket)
    return ticket


def sent(ticket: UploadTicket, content: bytes) -> list[SentPart]:
    """PUT the parts as a client without credentials does."""
    parts = []
    for number, url in enumerate(ticket.urls, 1):
        start = (number - 1) * ticket.part_size
        answer = httpx.put(url, content=content[start : start + ticket.part_size])
        assert answer.status_code == 200, answer.text
        parts.append(SentPart(number, answer.headers["etag"]))
    return parts


def nothing_is_left(store: MinioBlobStore) -> bool:
    return [found.key for found in store._bucket.list("") if found.key.startswith("incoming/")] == []


def test_only_a_store_that_can_sign_takes_them(store: MinioBlobStore, tmp_path: Path) -> None:
    assert isinstance(store, PresignedUploads)
    assert not isinstance(DirectoryBlobStore(tmp_path), PresignedUploads)


def test_what_was_sent_is_stored_under_its_digest(store: MinioBlobStore) -> None:
    ticket = begun(store)
    assert (ticket.part_size, len(ticket.urls)) == (PART, 3)
    parts = sent(ticket, CONTENT)
    assert store.find(SHA256) is None
    blob = store.complete_upload(ticket.upload_id, parts[::-1])
    assert (blob.sha256, blob.size) == (SHA256, len(CONTENT))
    assert b"".join(store.open(SHA256)) == CONTENT
    assert nothing_is_left(store)


def test_an_empty_content_has_one_empty_part(store: MinioBlobStore) -> None:
    empty = hashlib.sha256().hexdigest()
    ticket = begun(store, empty, 0)
    assert store.complete_upload(ticket.upload_id, sent(ticket, b"")).size == 0


def test_what_is_stored_needs_no_upload(store: MinioBlobStore) -> None:
    ticket = begun(store)
    blob = store.complete_upload(ticket.upload_id, sent(ticket, CONTENT))
    assert store.begin_upload(SHA256, len(CONTENT)) == blob


def test_completing_may_be_repeated(store: MinioBlobStore) -> None:
    ticket = begun(store)
    parts = sent(ticket, CONTENT)
    first = store.complete_upload(ticket.upload_id, parts)
    assert store.complete_upload(ticket.upload_id, parts) == first
    assert nothing_is_left(store)


def test_completing_goes_on_where_a_killed_server_left_it(store: MinioBlobStore) -> None:
    ticket = begun(store)
    parts = sent(ticket, CONTENT)
    upload = minio.s3_uploads.find(store._bucket, "incoming/", ticket.upload_id)
    assert upload is not None
    store._bucket.complete(upload.key, upload.upload_id, [part.etag.strip('"') for part in parts])
    assert store.complete_upload(ticket.upload_id, parts).sha256 == SHA256
    assert nothing_is_left(store)


def test_completing_at_the_same_time_ends_well_everywhere(store: MinioBlobStore) -> None:
    ticket = begun(store)
    parts = sent(ticket, CONTENT)
    stored: list[Blob] = []
    threads = [
        threading.Thread(target=lambda: stored.append(store.complete_upload(ticket.upload_id, parts)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {blob.sha256 for blob in stored} == {SHA256}
    assert len(stored) == 4
    assert nothing_is_left(store)


def test_other_bytes_than_were_announced_are_dropped(store: MinioBlobStore) -> None:
    ticket = begun(store)
    parts = sent(ticket, b"x" + CONTENT[1:])
    with pytest.raises(InvalidInput, match=f"sha256.*{SHA256}"):
        store.complete_upload(ticket.upload_id, parts)
    assert list(store.all()) == []
    assert nothing_is_left(store)


def test_another_size_than_was_announced_is_dropped(store: MinioBlobStore) -> None:
    ticket = begun(store)
    parts = sent(ticket, CONTENT[:-1])
    with pytest.raises(InvalidInput, match=f"size.*{len(CONTENT)}"):
        store.complete_upload(ticket.upload_id, parts)
    assert list(store.all()) == []
    assert nothing_is_left(store)


@pytest.mark.parametrize("numbers", [[], [1, 2], [1, 2, 3, 4], [1, 2, 2], [0, 1, 2]])
def test_the_parts_must_be_those_of_the_ticket(store: MinioBlobStore, numbers: list[int]) -> None:
    ticket = begun(store)
    with pytest.raises(InvalidInput, match=r"parts.*each part from 1 to 3 once"):
        store.complete_upload(ticket.upload_id, [SentPart(number, "x") for number in numbers])


def test_a_part_that_was_never_sent_is_told(store: MinioBlobStore) -> None:
    ticket = begun(store)
    with pytest.raises(InvalidInput, match="parts"):
        store.complete_upload(ticket.upload_id, [SentPart(number, "0" * 32) for number in (1, 2, 3)])


def test_an_aborted_upload_is_gone(store: MinioBlobStore) -> None:
    ticket = begun(store)
    parts = sent(ticket, CONTENT)
    store.abort_upload(ticket.upload_id)
    store.abort_upload(ticket.upload_id)
    assert nothing_is_left(store)
    with pytest.raises(NotFound, match=ticket.upload_id):
        store.complete_upload(ticket.upload_id, parts)
    assert httpx.put(ticket.urls[0], content=b"x").status_code == 404


def test_a_stale_upload_is_dropped(store: MinioBlobStore) -> None:
    ticket = begun(store)
    assert store.abort_stale(3600) == 0
    assert store.abort_stale(0) == 1
    assert httpx.put(ticket.urls[0], content=b"x").status_code == 404


def test_an_address_is_good_for_its_part_alone(store: MinioBlobStore) -> None:
    url = begun(store).urls[0]
    assert httpx.get(url).status_code == 403
    assert httpx.put(url.replace("partNumber=1", "partNumber=2"), content=b"x").status_code == 403
    assert httpx.put(url.replace("incoming/", "other/"), content=b"x").status_code == 403


@pytest.mark.parametrize("upload_id", ["", "../x", "0" * 32, f"{'0' * 32}-5-{'0' * 63}"])
def test_only_an_upload_id_is_one(store: MinioBlobStore, upload_id: str) -> None:
    with pytest.raises(InvalidInput, match="upload_id"):
        store.complete_upload(upload_id, [])
    with pytest.raises(InvalidInput, match="upload_id"):
        store.abort_upload(upload_id)


@pytest.mark.parametrize(
    ("sha256", "size"), [("x", 1), (SHA256, -1), (SHA256, 6 << 40)], ids=["digest", "negative", "huge"]
)
def test_what_cannot_be_stored_is_refused_at_once(store: MinioBlobStore, sha256: str, size: int) -> None:
    with pytest.raises(InvalidInput):
        store.begin_upload(sha256, size)


def test_a_huge_content_has_at_most_a_thousand_parts(store: MinioBlobStore) -> None:
    ticket = begun(store, SHA256, 5 << 40)
    assert len(ticket.urls) <= 1000
    assert ticket.part_size * len(ticket.urls) >= 5 << 40
    store.abort_upload(ticket.upload_id)


def test_addresses_are_those_that_clients_see(minio_address: MinioAddress) -> None:
    store = store_in(minio_address, public_endpoint="https://artifacts.example.com:9443")
    assert begun(store).urls[0].startswith("https://artifacts.example.com:9443/")
