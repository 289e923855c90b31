"""Rebuild projections while consumers in other processes go on, and swap; how they follow: see `epoch`.

The shadow is filled by this process alone, with readers of its own and no group. A kill at any moment before
the swap leaves the live tables as they are, and a shadow that the next replay goes on with. One amid the swap
leaves the consumers waiting, and tells them to say so: the next replay completes it.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from clickhouse_connect.driver.exceptions import ClickHouseError

from trackstream_consumers.consumer import Consumer
from trackstream_consumers.epoch import Fence, begin_epoch, current_epoch
from trackstream_consumers.errors import ReplayRefused
from trackstream_consumers.pipeline import projectors
from trackstream_consumers.projectors.uploads import UploadSink
from trackstream_consumers.purge import forget_purged
from trackstream_consumers.rebuild.replay import (
    ReplayRun,
    check_counts,
    selected,
    shadow_database,
    swap_tables,
    tell_new,
)
from trackstream_consumers.rebuild.replay_contents import named_without_content, still_missing
from trackstream_consumers.rebuild.replay_plan import EVERYTHING
from trackstream_consumers.rebuild.replay_shadow import Shadow, Source, open_shadow
from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.log.port import LogReader
    from trackstream_consumers.rebuild.replay import ReplayProgress
    from trackstream_consumers.rebuild.replay_plan import ReplayPlan
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
    plan: ReplayPlan = EVERYTHING,
    *,
    from_start: bool = False,
) -> ReplayProgress:
    """Project the log anew and put the result in the place of `live`'s tables.

    `spool` is a directory of this replay alone, for partial uploads; for the rest see `Pipeline` and
    `replay`. Consumers of the live tables must work behind a `Fence`: they go on meanwhile, and then from
    where the new tables end. Raises ReplayRefused where another replay runs or has swapped, and where the
    result does not hold as many records as the log; and whatever stopped a projection (such as RecordsLost).
    """
    epoch = current_epoch(live)
    if not plan.is_whole:
        _require_whole_swap(live)
    gathering = UploadSink(spool, blobs, outlives_process=False)
    ends_reader = open_reader(EVERYTHING.topics)
    source = Source(live, open_reader, ends_reader.end)

    def none_outside() -> None:
        """Half of an upload is read again from the log: its first chunk has a position of its own."""

    try:
        with (
            _only_replay(live),
            open_shadow(
                source,
                plan,
                epoch,
                fenced=True,
                from_start=from_start,
                seed=none_outside,
                forget=none_outside,
            ) as shadow,
            _consumers(open_reader, gathering, shadow) as consumers,
        ):
            run = ReplayRun(consumers, report, resumed=shadow.resumed)
            for consumer in consumers:
                consumer.start()
            run.wait_for(ends_reader.end())
            told = tell_new(shadow.engine, shadow.given_up(), dead_letters)
            missing = named_without_content(shadow.engine, blobs)
            # What came meanwhile, so that what the live consumers have to do again is little.
            run.wait_for(ends_reader.end())
            for consumer in consumers:
                consumer.stop()
            letters = shadow.given_up()
            tell_new(shadow.engine, letters, dead_letters, told)
            check_counts(shadow.engine, consumers, letters, shadow)
            forget_purged(shadow.engine)
            if current_epoch(live) != epoch:
                raise ReplayRefused("another replay has swapped the tables meanwhile")
            begin_epoch(shadow.engine, epoch + 1)
            shadow.begin_swap()
            swap_tables(live, shadow.engine)
            return replace(run.progress(), missing=still_missing(missing, blobs))
    finally:
        ends_reader.close()


@contextmanager
def _consumers(
    open_reader: Callable[[Sequence[str]], LogReader], gathering: UploadSink, shadow: Shadow
) -> Iterator[list[Consumer]]:
    found: list[Consumer] = []
    try:
        for projector in selected(shadow, projectors(shadow.engine, gathering)):
            found.append(Consumer(open_reader(projector.topics), projector, shadow.give_up))  # noqa: PERF401
        yield found
    finally:
        for consumer in found:
            consumer.close()


def _require_whole_swap(live: Engine) -> None:
    try:
        Fence(live).enter()
    except Unavailable as half:
        raise ReplayRefused(
            "the last swap of the tables was cut off, and a part of them cannot be taken over: run"
            " `trackstream replay` once without --topic and --since"
        ) from half


@contextmanager
def _only_replay(live: Engine) -> Iterator[None]:
    """Keep other replays of the same store off, as long as this process shows signs of life."""
    database = f"{shadow_database(live)}_owner"
    with live.client() as client:
        _refuse_a_second(live, database)
        client.command(f"DROP DATABASE IF EXISTS {database} SYNC")
        # Without IF NOT EXISTS: of two replays that begin at once, one fails here.
        client.command(f"CREATE DATABASE {database}")
        client.command(f"CREATE TABLE {database}.replayer (seen DateTime DEFAULT now()) ENGINE = Log")
        client.command(f"INSERT INTO {database}.replayer (seen) VALUES (now())")
    ended = threading.Event()

    def live_on() -> None:
        while not ended.wait(_SEEN_EVERY):
            try:
                with live.client() as client:
                    client.command(f"INSERT INTO {database}.replayer (seen) VALUES (now())")
            except (ClickHouseError, Unavailable, OSError):
                continue  # The replay itself meets the same trouble, and says so.

    thread = threading.Thread(target=live_on, name="trackstream-replayer", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with live.client() as client:
            client.command(f"DROP DATABASE IF EXISTS {database} SYNC")


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
                f"another replay is building {shadow_database(live)} (or was killed less than"
                f" {_GONE_AFTER} s ago)"
            )
