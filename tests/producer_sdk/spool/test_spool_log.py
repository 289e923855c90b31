"""The spool's file: order, how far forwarding has come, and what is refused."""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.producer_sdk.broken_writers import FailingWriter
from tests.producer_sdk.log_contents import assert_sequences_whole, bodies, stored
from trackstream.delivery import Count
from trackstream.errors import Rejected
from trackstream.sender import Stamper
from trackstream.spool.forwarding import Destination, forward
from trackstream.spool.log import Outgoing
from trackstream.spool.place import OwnedSpool, blobs_of, is_original, owner_alive
from trackstream.spool.syncing import state_of, sync
from trackstream_schemas import events as e
from trackstream_schemas.blobs import DirectoryBlobStore
from trackstream_schemas.errors import StorageFailed, Unavailable
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream.log.port import EncodedEvent, LogWriter
    from trackstream.log.sqlite import SqliteLogWriter


def tags(number: int) -> e.TagsSet:
    return e.TagsSet("r", {"number": str(number)})


@pytest.fixture
def owned(tmp_path: Path) -> Iterator[OwnedSpool]:
    made = OwnedSpool.begin(tmp_path / "spool", "", new_id(), "ann")
    yield made
    made.leave()


def fill(owned: OwnedSpool, count: int) -> list[EncodedEvent]:
    stamper = Stamper(owned.path.stem)
    events = stamper.encode([tags(number) for number in range(count)], "ann")
    owned.log.append([Outgoing(event) for event in events])
    return events


def destination(owned: OwnedSpool, writer: LogWriter, store: Path) -> Destination:
    return Destination(writer, lambda: DirectoryBlobStore(store / "blobs"), 20.0)


def test_events_come_back_in_order_and_only_until_they_are_forwarded(owned: OwnedSpool) -> None:
    events = fill(owned, 10)
    first = owned.log.waiting(4, 1 << 20)
    assert [item.outgoing.event for item in first] == events[:4]
    owned.log.mark_forwarded(first[-1].number, keep=True)
    assert [item.outgoing.event for item in owned.log.waiting(100, 1 << 20)] == events[4:]
    assert len(owned.log.waiting(100, 1)) == 1
    # An older mark, as another process may set it, takes nothing back.
    owned.log.mark_forwarded(first[0].number, keep=True)
    assert len(owned.log.waiting(100, 1 << 20)) == 6
    tally = owned.log.tally()
    assert (tally.events, tally.waiting_events, tally.refused) == (10, 6, 0)


def test_what_need_not_be_kept_makes_room(owned: OwnedSpool) -> None:
    fill(owned, 3000)
    full = owned.log.bytes
    last = owned.log.waiting(5000, 1 << 30)[-1].number
    owned.log.mark_forwarded(last, keep=False)
    assert owned.log.tally().events == 0
    assert owned.log.bytes < full / 2
    # Numbers are not used again: what is forwarded would hide what comes.
    fill(owned, 1)
    assert owned.log.waiting(5, 1 << 20)[0].number == last + 1


def test_forwarding_again_appends_nothing(owned: OwnedSpool, writer: SqliteLogWriter, store: Path) -> None:
    fill(owned, 20)
    to = destination(owned, writer, store)
    owned.leave()
    first = sync(owned.path, to)
    assert first is not None
    assert first.forwarded == Count(0, 20)
    again = sync(owned.path, to)
    assert again is not None
    assert again.forwarded == Count(0, 0)
    assert_sequences_whole(stored(store))


def test_a_refused_event_stays_and_the_others_go_on(
    owned: OwnedSpool, writer: SqliteLogWriter, store: Path
) -> None:
    fill(owned, 8)

    class Choosy(FailingWriter):
        def append(self, events):  # type: ignore[no-untyped-def]
            if any(b"5" in event.value[-6:] for event in events):
                self._errors.append(Rejected("event", 5, "another"))
            return super().append(events)

    count, refusals = forward(
        owned.log, destination(owned, Choosy(writer, []), store), owned.log.waiting(8, 1 << 20), keep=False
    )
    assert count == Count(0, 7)
    assert [(refusal.run_id, refusal.amount) for refusal in refusals] == [("r", Count(0, 1))]
    assert [body.tags["number"] for body in bodies(store, e.TagsSet)] == list("0123467")
    tally = owned.log.tally()
    assert (tally.events, tally.waiting_events, tally.refused) == (1, 0, 1)
    owned.leave()
    done = sync(owned.path, destination(owned, writer, store), delete=True)
    assert done is not None
    assert (done.refused, done.deleted) == (1, False)


def test_a_content_is_stored_before_its_event_and_an_event_waits_for_it(
    owned: OwnedSpool, writer: SqliteLogWriter, store: Path
) -> None:
    blob = blobs_of(owned.path).put(io.BytesIO(b"large" * 1000))
    logged = e.ArtifactLogged("r", "large.txt", blob.size, blob.sha256)
    stamper = Stamper(owned.path.stem)
    [event, behind] = stamper.encode([logged, tags(1)], "ann")
    owned.log.append([Outgoing(event, 0, blob.sha256), Outgoing(behind)])

    class NoStore:
        def put(self, content: object) -> object:
            raise Unavailable("the bucket is away")

    to = destination(owned, writer, store)
    with pytest.raises(Unavailable, match="bucket"):
        forward(
            owned.log,
            to._replace(blobs=NoStore),
            owned.log.waiting(9, 1 << 20),
            keep=True,  # type: ignore[arg-type]
        )
    assert stored(store) == []
    owned.leave()
    done = sync(owned.path, to, delete=True)
    assert done is not None
    assert done.deleted
    assert b"".join(DirectoryBlobStore(store / "blobs").open(blob.sha256)) == b"large" * 1000
    assert [record.event.body for record in stored(store)] == [tags(1), logged]
    assert list(owned.path.parent.iterdir()) == []


def test_an_owner_is_seen_as_long_as_it_lives_and_a_copy_as_one(owned: OwnedSpool, tmp_path: Path) -> None:
    fill(owned, 1)
    assert owner_alive(owned.path)
    assert is_original(owned.path, owned.log.facts())
    shutil.copytree(owned.path.parent, tmp_path / "copy")
    copy = tmp_path / "copy" / owned.path.name
    state = state_of(copy)
    assert state is not None
    assert state.tally.waiting_events == 1
    assert (state.alive, state.original) == (False, False)
    assert OwnedSpool.take_over(owned.path) is None
    owned.leave()
    assert not owner_alive(owned.path)
    again = OwnedSpool.take_over(owned.path)
    assert again is not None
    again.discard()
    assert state_of(owned.path) is None
    assert OwnedSpool.take_over(owned.path) is None


def test_a_copy_of_the_file_alone_is_said_to_be_none(owned: OwnedSpool, tmp_path: Path) -> None:
    fill(owned, 1)
    copy = tmp_path / owned.path.name
    copy.write_bytes(owned.path.read_bytes())
    with pytest.raises(StorageFailed, match="not a whole spool"):
        state_of(copy)
