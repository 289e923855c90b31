"""A sync that meets a spool while its process is just making or deleting it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from trackstream.log.open import open_blob_store
from trackstream.log.sqlite import SqliteLogWriter
from trackstream.sender import Stamper
from trackstream.spool import syncing
from trackstream.spool.forwarding import Destination
from trackstream.spool.log import Outgoing, SpoolLog
from trackstream.spool.ownership import take
from trackstream.spool.place import OwnedSpool, lock_of
from trackstream.spool.syncing import state_of, sync
from trackstream_schemas import events as e
from trackstream_schemas.errors import StorageFailed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def to(store: Path, writer: SqliteLogWriter) -> Destination:
    """Where spools are forwarded to."""
    return Destination(writer, lambda: open_blob_store(str(store)), 60.0)


def test_a_spool_that_is_being_made_holds_nothing_yet(tmp_path: Path, to: Destination) -> None:
    path = tmp_path / "someone.db"
    lock = take(lock_of(path), create=True)
    assert lock is not None
    SqliteLogWriter(path, synced=False).close()
    assert sync(path, to) is None
    assert state_of(path) is None
    lock.release()
    # Its process was killed at this point.
    with pytest.raises(StorageFailed, match="killed before it had logged anything"):
        sync(path, to)


def test_a_spool_that_is_deleted_meanwhile_needs_no_sync(
    tmp_path: Path, to: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = OwnedSpool.begin(tmp_path / "spool", "", "someone", "")
    deleting = threading.Thread(target=spool.discard)

    def fail(*_: object) -> None:
        deleting.start()
        raise StorageFailed("disk I/O error")

    monkeypatch.setattr(syncing, "_forward_all", fail)
    assert sync(spool.path, to) is None
    deleting.join()
    assert not spool.path.exists()


def test_a_damaged_spool_of_a_living_process_is_told(
    tmp_path: Path, to: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = OwnedSpool.begin(tmp_path / "spool", "", "someone", "")
    monkeypatch.setattr(syncing, "_DELETION_S", 0.05)
    spool.log.close()
    with spool.path.open("r+b") as file:
        file.write(b"\x00" * 4096)
    with pytest.raises(StorageFailed):
        sync(spool.path, to)
    spool.leave()


def test_a_spool_that_is_begun_anew_meanwhile_is_the_one_that_counts(
    tmp_path: Path, to: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned = OwnedSpool.begin(tmp_path / "spool", "", "someone", "")
    looked = []

    def begin_anew(path: Path) -> SpoolLog:
        looked.append(SpoolLog(path))
        if len(looked) == 1:
            looked[0].tally()  # Holds the file open, as a sync does that is amid it.
            owned.discard()
            again.append(OwnedSpool.begin(tmp_path / "spool", "", "someone", ""))
            again[0].log.append([Outgoing(Stamper("someone").encode([e.TagsSet("r", {"a": "1"})], "ann")[0])])
        return looked[-1]

    again: list[OwnedSpool] = []
    monkeypatch.setattr(syncing, "_open", begin_anew)
    synced = sync(owned.path, to)
    assert len(looked) == 2
    assert synced is not None
    assert synced.alive
    assert synced.events == 1
    again[0].leave()
