"""Rebuild every projection while consumers in other processes go on, and swap; how they follow: see `epoch`.

The shadow is filled by this process alone, with readers of its own and no group. A kill at any moment before
the swap leaves the live tables as they are, and a shadow that the next replay removes. One amid the swap
leaves the consumers waiting, and tells them to say so: the next replay completes it.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trackstream_consumers.consumer import Consumer
from trackstream_consumers.engine import Engine
from trackstream_consumers.epoch import FixedEpoch, begin_epoch, current_epoch, fence_tables
from trackstream_consumers.errors import ReplayRefused
from trackstream_consumers.migrate import migrate
from trackstream_consumers.pipeline import projectors
from trackstream_consumers.projectors.uploads import UploadSink
from trackstream_consumers.purge import forget_purged
from trackstream_consumers.replay import (
    ReplayRun,
    check_counts,
    drop_shadow,
    shadow_database,
    swap_tables,
    tell_new,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from trackstream_consumers.log.port import LogReader
    from trackstream_consumers.replay import ReplayProgress
    from trackstream_schemas.blobs import BlobStore
    from trackstream_schemas.events import DeadLettered

_SEEN_EVERY = 5.0
_GONE_AFTER = 60
"""Seconds without a sign of life after which a shadow is that of a replay that was killed."""


def replay_beside(
    live: Engine,
    open_reader: Callable[[Sequence[str]], LogReader],
    blobs: BlobStore,
    spool: Path,
    dead_letters: Callable[[DeadLettered], None],
    report: Callable[[ReplayProgress], None] | None = None,
) -> ReplayProgress:
    """Project the whole log anew and put the result in the place of `live`'s tables.

    `spool` is a directory of this replay alone, for partial uploads; for the rest see `Pipeline`. Consumers
    of the live tables must work behind a `Fence`: they go on meanwhile, and then from where the new tables
    end. Raises ReplayRefused where another replay runs or has swapped, and where the result does not hold as
    many records as the log; and whatever stopped a projection (such as RecordsLost).
    """
    epoch = current_epoch(live)
    letters: list[DeadLettered] = []
    consumers: list[Consumer] = []
    with _shadow_of(live) as (unfenced, sign_of_life):
        fence_tables(unfenced, epoch + 1)
        shadow = unfenced.fenced(FixedEpoch(epoch + 1))
        found = projectors(shadow, UploadSink(spool, blobs, outlives_process=False))
        ends_reader = open_reader([topic for projector in found for topic in projector.topics])

        def tell(progress: ReplayProgress) -> None:
            sign_of_life()
            if report is not None:
                report(progress)

        try:
            consumers += [
                Consumer(open_reader(projector.topics), projector, letters.append) for projector in found
            ]
            run = ReplayRun(consumers, tell)
            for consumer in consumers:
                consumer.start()
            run.wait_for(ends_reader.end())
            told = tell_new(shadow, letters, dead_letters)
            # What came meanwhile, so that what the live consumers have to do again is little.
            run.wait_for(ends_reader.end())
            for consumer in consumers:
                consumer.stop()
            tell_new(shadow, letters[told:], dead_letters)
            check_counts(shadow, consumers, letters)
            forget_purged(shadow)
            if current_epoch(live) != epoch:
                raise ReplayRefused("another replay has swapped the tables meanwhile")
            begin_epoch(shadow, epoch + 1)
            swap_tables(live, shadow)
            return run.progress()
        finally:
            for consumer in consumers:
                consumer.close()
            ends_reader.close()


@contextmanager
def _shadow_of(live: Engine) -> Iterator[tuple[Engine, Callable[[], None]]]:
    """Make the shadow's database and remove it in the end; gives also a function to call now and then."""
    database = shadow_database(live)
    with live.client() as client:
        _refuse_a_second(live, database)
        drop_shadow(live)
        # Without IF NOT EXISTS: of two replays that begin at once, one fails here.
        client.command(f"CREATE DATABASE {database}")
        client.command(f"CREATE TABLE {database}.replayer (seen DateTime DEFAULT now()) ENGINE = Log")
    last = float("-inf")

    def sign_of_life() -> None:
        nonlocal last
        if time.monotonic() - last >= _SEEN_EVERY:
            last = time.monotonic()
            with live.client() as client:
                client.command(f"INSERT INTO {database}.replayer (seen) VALUES (now())")

    shadow = Engine(live.target, database)
    try:
        sign_of_life()
        migrate(shadow)
        yield shadow, sign_of_life
    finally:
        shadow.close()
        drop_shadow(live)


def _refuse_a_second(live: Engine, database: str) -> None:
    with live.client() as client:
        there = client.query(
            "SELECT count() FROM system.tables WHERE database = {name:String} AND name = 'replayer'",
            parameters={"name": database},
        ).result_rows[0][0]
        if (
            there
            and client.query(
                f"SELECT count() FROM {database}.replayer WHERE seen > now() - {_GONE_AFTER}"
            ).result_rows[0][0]
        ):
            raise ReplayRefused(
                f"another replay is building {database} (or was killed less than {_GONE_AFTER} s ago)"
            )
